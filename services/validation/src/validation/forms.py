"""Forms: folders with a schema and rules, compiled once; a new form needs no code."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict

from chassis.faults import Fault, Faulty, refusal
from chassis.folders import BrokenFolder, Problem, folders_with
from chassis.yaml_files import read_yaml
from validation.expressions import ExpressionError, Read, Template, read_by, template
from validation.facts import PastReader, Scope, read_by_facts, scopes
from validation.rules import Rulebook, RulesText, rulebooks, vocabulary
from validation.schemas import Schema, read_schema

_SCHEMA_FILE = re.compile(r"v([1-9]\d{0,3})\.schema\.json")


class UnknownVersionError(Exception):
    """The form has no schema of this version (yet): its folder may be older than the sender's."""


class _Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Guideline(_Text):
    """The committee's own decision that the form's rules are read from."""

    title: str
    reference: str | None = None
    decided: date | None = None
    valid_to: date | None = None
    owner: str | None = None


class Section(_Text):
    pointer: str
    heading: str


class Oral(_Text):
    pointer: str
    value: bool | str = True


class FormText(_Text):
    """form.yaml as its author writes it."""

    form: str
    committee: str
    title: str
    person: Literal["register", "none"] = "register"
    date: str | None = None
    unit: str | None = None
    chair_decision: str | None = None
    """Where the chair's decision stands, so that a report can be judged anew with it."""
    oral: Oral | None = None
    """Which answer says that the author reports in person too."""
    guideline: Guideline | None = None
    subject: str
    sections: tuple[Section, ...] = ()
    compensation: Mapping[str, str] = {}
    """What each kind of compensation is called when it is shown."""
    remark: str = ""
    """What the foot of each report says to whoever reads it."""

    @cached_property
    def in_cel(self) -> Mapping[str, Any]:
        fields = {"form", "committee", "title", "guideline"}
        return self.model_dump(mode="json", include=fields, exclude_none=True)


@dataclass(frozen=True)
class Form:
    """A form with everything compiled that a judgement needs; immutable and shared."""

    text: FormText
    versions: Mapping[int, Schema]
    rulebooks: Mapping[int, Rulebook]
    subjects: Mapping[int, Template]

    @property
    def name(self) -> str:
        return self.text.form

    @property
    def committee(self) -> str:
        return self.text.committee

    @property
    def title(self) -> str:
        return self.text.title

    @property
    def newest(self) -> int:
        return max(self.versions)

    @property
    def rulebook(self) -> Rulebook:
        """The rules of the newest version."""
        return self.rulebooks[self.newest]

    def schema(self, version: int) -> Schema:
        """Give the schema of a version; raises `UnknownVersionError`."""
        try:
            return self.versions[version]
        except KeyError:
            raise UnknownVersionError(f"{self.name} has no version {version}") from None

    def rules(self, version: int) -> Rulebook:
        """Give the rules that hold for a version; raises `UnknownVersionError`."""
        self.schema(version)
        return self.rulebooks[version]

    def in_cel(self, version: int) -> Mapping[str, Any]:
        """Give the form as rules see it; what the guideline does not say is absent."""
        return {**self.text.in_cel, "version": version}

    @cached_property
    def counted_over(self) -> frozenset[Scope]:
        """Whose past the facts of any version ask for: what one version judges, another one counts."""
        return scopes(fact for book in self.rulebooks.values() for fact in book.facts)

    @cached_property
    def past_readers(self) -> Mapping[int, PastReader]:
        """What facts are told of a past report, for each version."""
        return {
            version: PastReader(book.read_by_facts, self.versions[version])
            for version, book in self.rulebooks.items()
        }

    @cached_property
    def counted_fields(self) -> tuple[str, ...] | None:
        """The fields that the facts of any version read of a past report; None where any may be."""
        read = read_by_facts(fact for book in self.rulebooks.values() for fact in book.facts)
        past = None if read is None else read.get("past", {})
        data = None if past is None else past.get("data", {})
        return None if data is None else tuple(sorted(data))

    @cached_property
    def read(self) -> Mapping[int, Read]:
        """What rules and subject need of the variables, for each version."""
        return {
            version: read_by([*book.expressions, *self.subjects[version].expressions])
            for version, book in self.rulebooks.items()
        }


Forms = Mapping[str, Form]


find_forms = folders_with("form.yaml")


def load_forms(folders: Sequence[Path]) -> Forms:
    """Read every form of the folders; in a later folder, one of the same name takes its place.

    Raises `BrokenFolder` naming the first file that cannot be used and what to mend in it.
    """
    return {folder.name: load_form(folder) for folder in form_folders(folders).values()}


def form_folders(folders: Sequence[Path]) -> dict[str, Path]:
    """Find the folder that counts for each form."""
    found = (folder for parent in folders for folder in sorted(parent.iterdir()))
    return {
        folder.name: folder for folder in found if folder.is_dir() and not folder.name.startswith((".", "_"))
    }


def load_form(folder: Path) -> Form:
    """Read one form; raises `BrokenFolder` with all that is wrong in its files."""
    reading = _Reading(folder)
    text, versions = reading.text(), dict(reading.versions())
    rulebooks = reading.rulebooks(versions) if versions else None
    subjects = reading.subjects(text, versions, rulebooks) if text and rulebooks else None
    if text is None or rulebooks is None or subjects is None or reading.problems:
        raise BrokenFolder.of(reading.problems)
    return Form(text, versions, rulebooks, subjects)


T = TypeVar("T")

_MODELS: Mapping[str, type[BaseModel]] = {"form.yaml": FormText, "rules.yaml": RulesText}
"""Whose keys stand in which file."""


class _Reading:
    """The files of one form, each read as far as it goes; what is wrong is gathered."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.problems: list[Problem] = []

    def text(self) -> FormText | None:
        return self._part("form.yaml", self._text)

    def _text(self, path: Path) -> FormText:
        text = FormText.model_validate(read_yaml(path, date.today()))  # noqa: DTZ011
        if text.form != path.parent.name:
            words = f"form is {text.form}, but its folder is {path.parent.name}; make them the same"
            raise Faulty([Fault(("form",), words)])
        return text

    def versions(self) -> Iterator[tuple[int, Schema]]:
        paths = sorted(self._folder.glob("*.schema.json"))
        if not paths:
            self.problems.append(Problem(self._folder, None, "there is no v1.schema.json"))
        for path in paths:
            number = _SCHEMA_FILE.fullmatch(path.name)
            if number is None:
                words = "schemas are called v1.schema.json, v2.schema.json …; rename it"
                self.problems.append(Problem(path, None, words))
            elif schema := self._part(path.name, lambda path: read_schema(path.read_text("utf-8"))):
                yield int(number[1]), schema

    def rulebooks(self, versions: Mapping[int, Schema]) -> Mapping[int, Rulebook] | None:
        return self._part(
            "rules.yaml",
            lambda path: rulebooks(read_yaml(path, date.today()), versions),  # noqa: DTZ011
        )

    def subjects(
        self, text: FormText, versions: Mapping[int, Schema], books: Mapping[int, Rulebook]
    ) -> Mapping[int, Template] | None:
        """The subject's template for each version, once the pointers are known to lead somewhere."""
        return self._part("form.yaml", lambda _: _subjects(text, versions, books))

    def _part(self, file: str, read: Callable[[Path], T]) -> T | None:
        path = self._folder / file
        try:
            return read(path)
        except (OSError, ValueError, yaml.YAMLError, RecursionError, Faulty) as error:
            self.problems += refusal(path, error, _MODELS.get(file)).problems
            return None


def _subjects(
    text: FormText, versions: Mapping[int, Schema], books: Mapping[int, Rulebook]
) -> Mapping[int, Template]:
    faults = [*_lost_pointers(text, versions.values())]
    subjects = {}
    for version, schema in versions.items():
        try:
            subjects[version] = template(text.subject, vocabulary(schema, books[version].facts))
        except ExpressionError as error:
            faults.append(Fault(("subject",), f"subject: {error} (in version {version})"))
    if faults:
        raise Faulty(faults)
    return subjects


def _lost_pointers(text: FormText, schemas: Collection[Schema]) -> Iterator[Fault]:
    """Find pointers to fields that no version has, or for date and unit not every version."""
    for name, pointer in (("date", text.date), ("unit", text.unit)):
        if pointer and not all(schema.has(pointer) for schema in schemas):
            yield Fault((name,), f"{name}: the pointer {pointer} leads to no field of the schema")
    oral = text.oral.pointer if text.oral else None
    for name, pointer in (("chair_decision", text.chair_decision), ("oral", oral)):
        if pointer and not any(schema.has(pointer) for schema in schemas):
            yield Fault((name,), f"{name}: the pointer {pointer} leads to no field of the schema")
    for number, section in enumerate(text.sections):
        if not any(schema.has(section.pointer) for schema in schemas):
            words = f"the pointer {section.pointer} leads to no field of the schema"
            yield Fault(("sections", number, "pointer"), f"sections: {words}")
