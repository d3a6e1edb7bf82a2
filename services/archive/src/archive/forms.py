"""What a report shows of its data: the form's sections in order, in a person's words and not in codes."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from archive.calendar import day_in_words, moment_in_words
from chassis.faults import UNREADABLE, refusal
from chassis.folders import folders_with
from chassis.yaml_files import read_yaml

Schema = Mapping[str, Any]

LINE_LENGTH = 200
"""Texts that a form limits to this many characters are facts on a line; longer ones are prose."""


EXACT = 2**53
"""Beyond this a decimal number cannot hold every whole one, and far beyond it none at all."""


@dataclass(frozen=True)
class Shown:
    """One section as it is read: `line` tells a fact ("Ja", "12 november 2026") from prose."""

    heading: str
    text: str
    line: bool


class ChairDecision(BaseModel):
    """A decision of the chair, as guidelines ask for it: the day, and where it is written."""

    datum: date
    referens: str


class _Read(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Section(_Read):
    pointer: str
    heading: Annotated[str, Field(min_length=1)]


class Oral(_Read):
    """The answer that says so: a field, and its value."""

    pointer: str
    value: bool | str = True


class Form(_Read):
    """A form as the archive reads it.

    `unit` points at the field that holds the id of a committee's unit, `chair_decision` at where the chair's
    decision stands, `oral` at the answer that says that the author reports in person too; `compensation` are
    titles by kind; `remark` stands at the foot of each report.
    """

    form: str
    committee: str
    title: Annotated[str, Field(min_length=1)]
    unit: str | None = None
    chair_decision: str | None = None
    oral: Oral | None = None
    sections: Annotated[tuple[Section, ...], Field(strict=False)] = ()
    compensation: Mapping[str, str] = {}
    remark: str = ""
    schemas: Annotated[Mapping[int, Schema], Field(strict=False)] = {}

    def compensation_title(self, kind: str) -> str:
        return self.compensation.get(kind, kind)

    def is_oral(self, data: Any) -> bool:
        """Whether its author reports in person too."""
        return self.oral is not None and bool(_value(data, _steps(self.oral.pointer)) == self.oral.value)

    def decision_in(self, data: Any) -> ChairDecision | None:
        """The chair's decision that a report holds, if it has one that can be read."""
        decided = _value(data, _steps(self.chair_decision)) if self.chair_decision else None
        try:
            return ChairDecision.model_validate(decided)
        except ValidationError:
            return None

    def with_decision(self, masked: dict[str, Any], judged: Any) -> dict[str, Any]:
        """The masked data with the chair's decision as it was judged, if it was taken."""
        steps = _steps(self.chair_decision or "")
        decided = _value(judged, steps) if steps else None
        return masked if decided is None else _put(masked, steps, decided)

    def shown(self, version: int, data: Any, units: Mapping[str, str]) -> tuple[Shown, ...]:
        """The sections of `data` that hold anything, as that version has them; `units` are names by id.

        A version whose schema is gone is shown with what is left: its own values.
        """
        return tuple(self._written(self.schemas.get(version, {}), data, units))

    def _written(self, schema: Schema, data: Any, units: Mapping[str, str]) -> Iterator[Shown]:
        for section in self.sections:
            field = _field(schema, schema, _steps(section.pointer))
            value = _value(data, _steps(section.pointer))
            named = units.get(value) if section.pointer == self.unit and isinstance(value, str) else None
            if text := named or _Words(schema).of(value, field):
                yield Shown(section.heading, text, _is_line(field))


Forms = Mapping[str, Form]
"""Forms by their name."""


@dataclass(frozen=True)
class _Words:
    """How values of one schema are read aloud; `root` is where its `$ref` point."""

    root: Schema

    def of(self, value: Any, field: Schema) -> str:
        match value:
            case bool():
                return "Ja" if value else "Nej"
            case float() | int():
                return number_in_words(value)
            case list():
                return self._list(value, field)
            case dict():
                return "\n".join(self._members(value, field))
            case _:
                return _text(value or "", field)

    def _list(self, values: list[Any], field: Schema) -> str:
        """Plain values stand on one line; each that has members of its own stands on a line of its own."""
        item = _resolved(field.get("items", {}), self.root)
        if any(isinstance(value, dict) for value in values):
            return "\n".join(self.of(value, item).replace("\n", ", ") for value in values)
        return ", ".join(self.of(value, item) for value in values)

    def _members(self, values: dict[str, Any], field: Schema) -> Iterator[str]:
        for name, value in values.items():
            member = _field(field, self.root, [name])
            yield f"{member.get('title', name)}: {self.of(value, member)}"


def _text(value: str, field: Schema) -> str:
    return _label(value, field) or _date(value, field) or value


def number_in_words(number: float) -> str:
    """Decimals the Swedish way: `5,5`, and `8` for 8.0; a whole number beyond all measure as it is."""
    if isinstance(number, int) and abs(number) > EXACT:
        return f"{number}"
    return f"{number:.10g}".replace(".", ",")


def _label(value: str, field: Schema) -> str | None:
    """A choice carries its Swedish words in `oneOf` (or `anyOf`) of const and title, or in `x-labels`."""
    choices = [*field.get("oneOf", ()), *field.get("anyOf", ())]
    titles = {choice["const"]: choice.get("title") for choice in choices if "const" in choice}
    label: str | None = titles.get(value) or field.get("x-labels", {}).get(value)
    return label


def _date(value: str, field: Schema) -> str | None:
    """None for what is no date, also where the schema wants one: a rejected report shows what was sent."""
    try:
        if field.get("format") == "date":
            return day_in_words(date.fromisoformat(value))
        if field.get("format") == "date-time":
            return moment_in_words(datetime.fromisoformat(value))
    except ValueError:
        return None
    return None


def _is_line(field: Schema) -> bool:
    """Prose is a text that may be long; everything else fits on a line."""
    if field.get("type") != "string":
        return bool(field)
    return bool(_CLOSED & field.keys()) or field.get("maxLength", LINE_LENGTH + 1) <= LINE_LENGTH


_CLOSED = frozenset({"enum", "const", "oneOf", "anyOf", "format", "x-labels"})


def _steps(pointer: str) -> list[str]:
    """The reference tokens of a JSON pointer (RFC 6901)."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _value(data: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        data = data.get(step) if isinstance(data, dict) else None
    return data


def _put(data: Any, steps: Sequence[str], value: Any) -> dict[str, Any]:
    """The data with the value there; what lies on the way is made."""
    first, *rest = steps
    around = data if isinstance(data, dict) else {}
    return {**around, first: _put(around.get(first), rest, value) if rest else value}


def _field(schema: Schema, root: Schema, steps: Sequence[str]) -> Schema:
    """The subschema of a field; empty where the schema is silent."""
    for step in steps:
        schema = _resolved(schema.get("properties", {}).get(step, {}), root)
    return schema


def _resolved(schema: Schema, root: Schema) -> Schema:
    """The schema with what its `$ref` within the same file points at; its own words win."""
    if "$ref" not in schema:
        return schema
    target: Any = root
    for step in _steps(schema["$ref"].removeprefix("#")):
        target = target.get(step, {})
    return {**_resolved(target, root), **{key: value for key, value in schema.items() if key != "$ref"}}


find_forms = folders_with("form.yaml")


def load_forms(folders: Sequence[Path], today: date) -> Forms:
    """Read every form folder; one of the same name in a later place replaces the former.

    Raises `BrokenFolder` naming the file.
    """
    return {name: load_form(folder, today) for name, folder in find_forms(folders).items()}


def load_form(folder: Path, today: date) -> Form:
    """Read one form; raises `BrokenFolder`."""
    path, schemas = folder / "form.yaml", dict(_schemas(folder))
    try:
        return Form.model_validate({**read_yaml(path, today), "schemas": schemas})
    except (*UNREADABLE, TypeError) as trouble:
        raise refusal(path, trouble) from trouble


def _schemas(folder: Path) -> Iterator[tuple[int, Schema]]:
    for path in folder.glob("v*.schema.json"):
        if version := re.fullmatch(r"v(\d+)\.schema\.json", path.name):
            yield int(version[1]), _schema(path)


def _schema(path: Path) -> Schema:
    try:
        content: Schema = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as trouble:
        raise refusal(path, trouble) from trouble
    return content
