"""Forms: folders with a schema and rules, compiled once; a new form needs no code."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NoReturn

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from chassis.folders import BrokenFolder, complaints, folders_with
from chassis.yaml_files import read_yaml
from validation.expressions import ExpressionError, Template, template
from validation.facts import Scope, scopes
from validation.rules import Rulebook, rulebook, vocabulary
from validation.schemas import FormSchemaError, Schema, read_schema

_SCHEMA_FILE = re.compile(r"v([1-9]\d{0,3})\.schema\.json")

_UNREADABLE = (OSError, ValueError, yaml.YAMLError, FormSchemaError, ExpressionError)
"""What a file can be refused for; pydantic's and JSON's errors are `ValueError`s."""


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


class FormText(_Text):
    """form.yaml as its author writes it."""

    form: str
    committee: str
    title: str
    person: Literal["register", "none"] = "register"
    date: str | None = None
    unit: str | None = None
    guideline: Guideline | None = None
    subject: str
    sections: tuple[Section, ...] = ()
    compensation: Mapping[str, str] = {}
    """What each kind of compensation is called when it is shown."""

    @cached_property
    def in_cel(self) -> Mapping[str, Any]:
        fields = {"form", "committee", "title", "guideline"}
        return self.model_dump(mode="json", include=fields, exclude_none=True)


@dataclass(frozen=True, slots=True)
class Form:
    """A form with everything compiled that a judgement needs; immutable and shared."""

    text: FormText
    versions: Mapping[int, Schema]
    rulebook: Rulebook
    subject: Template

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
    def scopes(self) -> frozenset[Scope]:
        """Whose past a judgement by this form asks for."""
        return scopes(self.rulebook.facts)

    def schema(self, version: int) -> Schema:
        """Give the schema of a version; raises `UnknownVersionError`."""
        try:
            return self.versions[version]
        except KeyError:
            raise UnknownVersionError(f"{self.name} has no version {version}") from None

    def in_cel(self, version: int) -> Mapping[str, Any]:
        """Give the form as rules see it; what the guideline does not say is absent."""
        return {**self.text.in_cel, "version": version}


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
    """Read one form; raises `BrokenFolder`."""
    text = _form_text(folder / "form.yaml")
    versions = dict(_versions(folder))
    if not versions:
        raise BrokenFolder(f"{folder}: there is no v1.schema.json")
    newest = versions[max(versions)]
    rules = _rules(folder / "rules.yaml", newest)
    try:
        subject = template(text.subject, vocabulary(newest, rules.facts))
        _check_pointers(text, newest)
    except ExpressionError as error:
        _refuse(folder / "form.yaml", error)
    return Form(text, versions, rules, subject)


def _form_text(path: Path) -> FormText:
    try:
        text = FormText.model_validate(read_yaml(path, date.today()))  # noqa: DTZ011
    except _UNREADABLE as error:
        _refuse(path, error)
    if text.form != path.parent.name:
        raise BrokenFolder(f"{path}: form is {text.form}, but its folder is {path.parent.name}")
    return text


def _versions(folder: Path) -> Iterator[tuple[int, Schema]]:
    for path in sorted(folder.glob("*.schema.json")):
        number = _SCHEMA_FILE.fullmatch(path.name)
        if not number:
            raise BrokenFolder(f"{path}: schemas are called v1.schema.json, v2.schema.json …")
        yield int(number[1]), _schema(path)


def _schema(path: Path) -> Schema:
    try:
        return read_schema(path.read_text("utf-8"))
    except (*_UNREADABLE, RecursionError) as error:
        _refuse(path, error)


def _rules(path: Path, schema: Schema) -> Rulebook:
    try:
        return rulebook(read_yaml(path, date.today()), schema)  # noqa: DTZ011
    except _UNREADABLE as error:
        _refuse(path, error)


def _check_pointers(text: FormText, schema: Schema) -> None:
    """Refuse a pointer to a field that the newest schema does not have."""
    places = [text.date, text.unit, *(section.pointer for section in text.sections)]
    for place in filter(None, places):
        name = place.removeprefix("/").split("/")[0]
        if not place.startswith("/") or name not in schema.root.properties:
            raise ExpressionError(f"the pointer {place} leads to no field of the schema")


def _refuse(path: Path, error: Exception) -> NoReturn:
    raise BrokenFolder(f"{path}: {_mended_by(error)}") from error


def _mended_by(error: Exception) -> str:
    """Say what to mend in one line, without pydantic's addresses to its documentation."""
    if isinstance(error, ValidationError):
        return complaints(error)
    return str(error)
