"""How a platform's elements become a form's fields: `open-e.yaml` in the form's folder.

The platform's own numbers of questions and forms change with every version of a form; its family and
the names of its elements do not, so a mapping goes by these alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from intake.dialects.flow_instance import IDENTITY_FIELDS

Schema = Mapping[str, Any]

ANY_PLATFORM = "*"

_POINTER = r"^(/[^/]+)+$"


def _without_identity(name: str) -> str:
    if IDENTITY_FIELDS & {*name.split("/")}:
        raise ValueError("a personnummer does not belong among the answers; take the element away")
    return name


_Named = Annotated[str, AfterValidator(_without_identity)]
"""An element whose answers are kept, so never one that holds a personnummer."""

_Element = Annotated[_Named, Field(pattern=r"^[^\s/<>&]+(/[^\s/<>&]+)?$")]


class _Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Target(_Text):
    """Where an element's answers go, and how the platform's words for them are written in the form."""

    pointer: Annotated[str, Field(pattern=_POINTER)]
    values: Mapping[str, str | bool | int | float] = {}
    columns: Mapping[_Named, str] = {}
    """For a table: the cells of a row, and the properties that they become."""


def _as_target(value: object) -> object:
    return {"pointer": value} if isinstance(value, str) else value


class Submitter(_Text):
    """The question that tells who sends, where the platform itself does not know."""

    contact: str


class Family(_Text):
    """One family of the platform's forms; `version` is the newest that the mapping was made for."""

    version: Annotated[int, Field(ge=1)]
    form_version: Annotated[int, Field(ge=1)] | None = None
    submitter: Submitter | None = None
    elements: Mapping[_Element, Annotated[Target, BeforeValidator(_as_target)]]
    ignored: Sequence[str] = ()

    @cached_property
    def known(self) -> frozenset[str]:
        """The names of all elements that the mapping has something to say of."""
        contact = {self.submitter.contact} if self.submitter else set[str]()
        return frozenset({name.partition("/")[0] for name in self.elements} | {*self.ignored} | contact)


def _as_number_text(value: object) -> object:
    return str(value) if type(value) is int else value


FamilyNumber = Annotated[str, BeforeValidator(_as_number_text), Field(pattern=r"^[0-9]{1,20}$")]
"""A family as the platform numbers it; YAML takes it for a number when it has no quotes."""

Families = Mapping[str, Mapping[FamilyNumber, Family]]
"""By platform and then by family."""


class MappingText(_Text):
    """open-e.yaml as its author writes it."""

    platforms: Families


@dataclass(frozen=True)
class Place:
    """What the form's schema says of a field."""

    kind: str | None
    items: "Place | None"
    choices: Mapping[str, str]
    """Codes by the words that people are shown for them."""


def place_at(schema: Schema, pointer: str) -> Place | None:
    """The field that the pointer leads to, or None where the schema has none; any number is a list's item."""
    here: Schema | None = schema
    for step in pointer.split("/")[1:]:
        here = _inside(_resolved(here, schema), step) if here is not None else None
    return None if here is None else _place(here, schema)


def _inside(field: Schema, step: str) -> Schema | None:
    item = field.get("items") if step.isdigit() else None
    found = field.get("properties", {}).get(step, item)
    return found if isinstance(found, Mapping) else None


def column_at(schema: Schema, target: Target, name: str) -> Place | None:
    """The field of a table's rows that a column becomes."""
    return place_at(schema, f"{target.pointer}/0/{name}")


def _place(field: Schema, root: Schema) -> Place:
    field = _resolved(field, root)
    items = _place(field["items"], root) if isinstance(field.get("items"), Mapping) else None
    return Place(_kind(field), items, dict(_choices(field)))


def _kind(field: Schema) -> str | None:
    told = field.get("type")
    several = told if isinstance(told, list) else [told]
    kind = next((one for one in several if one != "null"), None)
    return "boolean" if kind is None and isinstance(field.get("const"), bool) else kind


def _choices(field: Schema) -> Iterator[tuple[str, str]]:
    """A choice's words stand in `x-labels`, or as `title` beside its `const`."""
    for code in field.get("enum", ()):
        if isinstance(code, str):
            yield code, code
    for code, label in field.get("x-labels", {}).items():
        yield label, code
    for choice in [*field.get("oneOf", ()), *field.get("anyOf", ())]:
        if isinstance(choice.get("const"), str):
            yield choice.get("title", choice["const"]), choice["const"]


def _resolved(field: Schema, root: Schema) -> Schema:
    if "$ref" not in field:
        return field
    target: Any = root
    for step in str(field["$ref"]).removeprefix("#").split("/")[1:]:
        target = target.get(step, {})
    return {**_resolved(target, root), **{key: value for key, value in field.items() if key != "$ref"}}


def required_of(schema: Schema) -> frozenset[str]:
    """The pointers of what a submission must have, on the first level."""
    return frozenset(f"/{name}" for name in schema.get("required", ()))


def check_mapping(text: MappingText, schemas: Mapping[int, Schema]) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with a mapping: where in open-e.yaml (keys from the top), and what to do."""
    for platform, families in text.platforms.items():
        for number, family in families.items():
            place = ("platforms", platform, number)
            version = family.form_version or max(schemas)
            if version not in schemas:
                yield (*place, "form_version"), f"the form has no version {version}"
                continue
            yield from ((place + inside, words) for inside, words in _faults(family, schemas[version]))


def _faults(family: Family, schema: Schema) -> Iterator[tuple[tuple[str, ...], str]]:
    for element, target in family.elements.items():
        place = ("elements", element)
        yield from ((place, words) for words in _faults_of(target, schema))
    fed = {f"/{target.pointer.split('/')[1]}" for target in family.elements.values()}
    for missing in sorted(required_of(schema) - fed):
        yield ("elements",), f"no element leads to {missing}, which the form requires"


def _faults_of(target: Target, schema: Schema) -> Iterator[str]:
    place = place_at(schema, target.pointer)
    if place is None:
        yield f"the pointer {target.pointer} leads to no field of the schema"
        return
    for cell, name in target.columns.items():
        if place.items is not None and column_at(schema, target, name) is None:
            yield f"the column {cell} leads to no field of {target.pointer}: {name}"
    choices = {*place.choices.values(), *(place.items.choices.values() if place.items else ())}
    for value in target.values.values():
        if choices and isinstance(value, str) and value not in choices:
            yield f"{value} is none of the choices at {target.pointer}: {', '.join(sorted(choices))}"
