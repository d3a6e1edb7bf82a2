"""Judging what was reported by the form's JSON Schema, in words for the person who reported it."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from jsonschema_rs import Draft202012Validator as Matcher
from jsonschema_rs import RegexOptions

from chassis.faults import Fault as FileFault
from chassis.faults import Faulty, Place
from validation.findings import Finding
from validation.proven import quick_yes
from validation.texts import DEEPEST, Json, escaped, folded, is_printable, leaves, values_in

JsonSchema = Mapping[str, Any]
Kinds = frozenset[type]

_NUMBERS: Kinds = frozenset({int, float, dict, list})
_TEXTS: Kinds = frozenset({str, dict, list})
"""With what may hold them."""

_EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;.]+")

_FORMATS = FormatChecker(sorted(Draft202012Validator.FORMAT_CHECKER.checkers))
_FORMATS.checks("email")(lambda text: not isinstance(text, str) or bool(_EMAIL.fullmatch(text)))

_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z_-]{0,59}\d{0,2}")


class FormSchemaError(Faulty):
    """The schema is no JSON Schema 2020-12, or asks for a format that nobody asserts."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with what was reported, and where."""

    pointer: str
    message: str


@lru_cache(maxsize=512)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Compile a pattern for an engine whose cost is linear in the text: any sender can write the text.

    Python's own backtracks, and holds the whole process meanwhile. Raises `ValueError` for what the
    engine cannot do: looking ahead or behind, and referring back.
    """
    return Matcher({"pattern": pattern}, pattern_options=RegexOptions()).is_valid


def _matches(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and is_printable(instance) and not matcher(pattern)(instance):
        yield ValidationError("the pattern does not match")


_LinearValidator = extend(Draft202012Validator, {"pattern": _matches})  # type: ignore[no-untyped-call]


class Field:
    """What a schema says of the value in one place, references and compositions merged.

    Children are looked up when asked for, since a schema may refer to itself.
    """

    def __init__(self, schema: JsonSchema, document: JsonSchema, name: str = "Rapporten") -> None:
        self._document = document
        self._schema = _merged(schema, document)
        self._children: dict[str | int, Field] = {}
        self.title = str(self._schema.get("title", name))
        self.words: str | None = self._schema.get("x-message")
        self.properties = frozenset(self._schema.get("properties", {}))
        self.required = frozenset(self._schema.get("required", ()))

    def child(self, step: str | int) -> "Field":
        """Give the field of a property by name, or of a list's items by any index."""
        key = 0 if isinstance(step, int) else step
        if key not in self._children:
            self._children[key] = Field(self._child_schema(key), self._document, self._name(step))
        return self._children[key]

    def at(self, path: tuple[str | int, ...]) -> "Field":
        here = self
        for step in path:
            here = here.child(step)
        return here

    @cached_property
    def kind(self) -> str | None:
        """The JSON type of the value besides null."""
        named = self._schema.get("type")
        several = named if isinstance(named, list) else [named]
        return next((one for one in several if one != "null"), None)

    @cached_property
    def choices(self) -> list[Json]:
        return self._schema.get("enum") or [self._schema[w] for w in ("const",) if w in self._schema]

    @cached_property
    def is_free_text(self) -> bool:
        return not self.choices and self._schema.get("format") in (None, "email")

    @cached_property
    def in_facts(self) -> Mapping[type, Callable[[Json], Json]]:
        """What facts make of a value, by its type; a value of no type named here is left as it is."""
        inside = lambda value: self.mapped(value, _in_facts, _NUMBERS | _TEXTS)  # noqa: E731
        ways: dict[type, Callable[[Json], Json]] = {dict: inside, list: inside}
        if self.is_free_text:
            ways[str] = folded
        return ways | _TYPED.get(self.kind or "", {})

    def mapped(self, value: Json, change: Callable[["Field", Json], Json], kinds: Kinds) -> Json:
        """Change every value of the kinds by what its field says; the others are passed over."""
        if isinstance(value, dict):
            return {
                key: self.child(key).mapped(item, change, kinds) if type(item) in kinds else item
                for key, item in value.items()
            }
        if isinstance(value, list):
            child = self.child(0)
            return [child.mapped(item, change, kinds) if type(item) in kinds else item for item in value]
        return change(self, value) if type(value) in kinds else value

    def blank(self, levels: int = DEEPEST) -> Json:
        """Make some value of the field's type, each property filled in."""
        if self.properties and levels:
            return {name: self.child(name).blank(levels - 1) for name in self.properties}
        if self.choices:
            return self.choices[0]
        if self._schema.get("format") == "date":
            return "2000-01-01"
        return {"number": 0.0, "integer": 0, "boolean": False, "array": []}.get(self.kind or "", "")

    def _child_schema(self, key: str | int) -> JsonSchema:
        properties = self._schema.get("properties", {})
        found = self._schema.get("items") if isinstance(key, int) else properties.get(key)
        return found if isinstance(found, dict) else {}

    def _name(self, step: str | int) -> str:
        return step if isinstance(step, str) else self.title


def _merged(schema: JsonSchema, document: JsonSchema) -> dict[str, Any]:
    """Merge what the schema refers to and what it is composed of; its own words come first."""
    parts = [schema, *_referred(schema, document), *_composing(schema)]
    others = [_merged(part, document) for part in parts[1:]]
    properties = [part["properties"] for part in (schema, *others) if "properties" in part]
    merged = {key: value for part in reversed((schema, *others)) for key, value in part.items()}
    if properties:
        merged["properties"] = {k: v for part in reversed(properties) for k, v in part.items()}
    return merged


def _referred(schema: JsonSchema, document: JsonSchema) -> list[JsonSchema]:
    """Follow a reference inside the document, the only kind a form may have."""
    if "$ref" not in schema:
        return []
    found: Any = document
    for step in str(schema["$ref"]).removeprefix("#").split("/"):
        found = found[step] if step else found
    return [found]


def _composing(schema: JsonSchema) -> list[JsonSchema]:
    several = [part for word in ("allOf", "anyOf", "oneOf") for part in schema.get(word, [])]
    single = [schema[word] for word in ("then", "else") if word in schema]
    return [part for part in [*several, *single] if isinstance(part, dict)]


class Schema:
    """One version of a form's schema."""

    def __init__(self, document: JsonSchema) -> None:
        self._validator = _LinearValidator(document, format_checker=_FORMATS)
        quick = quick_yes(document, _FORMATS)
        self.is_quick = quick is not None
        self.says_yes = quick or _never
        self.document = document
        self.root = Field(document, document)

    def findings(self, data: Json, source: str) -> tuple[Finding, ...]:
        """Find every error, one finding each; empty when there is none.

        What cannot be measured is refused before the schema is asked: it would break the library.
        """
        return () if _is_sound(data) and self.says_yes(data) else self.all_findings(data, source)

    def all_findings(self, data: Json, source: str) -> tuple[Finding, ...]:
        """The same by jsonschema alone, which has the last word."""
        found = leaves(data)
        faults = [*_unmeasurable(found)] or [*_illegible(found), *self._faults(data)]
        return tuple(
            Finding("schema", "reject", fault.message, source, fault.pointer)
            for fault in dict.fromkeys(faults)
        )

    def in_facts(self, data: Json) -> Json:
        """Give what facts compare: numbers typed and free texts folded, in one walk."""
        return self.root.mapped(data, _in_facts, _NUMBERS | _TEXTS)

    def has(self, pointer: str) -> bool:
        """Whether a JSON Pointer leads to a field; an index leads to a list's items."""
        here = self.root
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if here.kind == "array" and name.isdecimal():
                here = here.child(0)
            elif name in here.properties:
                here = here.child(name)
            else:
                return False
        return pointer.startswith("/")

    def typed(self, data: Json) -> Json:
        """Give numbers the type of their field: `number` is always a float, `integer` an int.

        JSON knows no difference between 8 and 8.0, CEL does.
        """
        return self.root.mapped(data, _typed, _NUMBERS)

    def comparable(self, data: Json) -> Json:
        """Fold the free texts; values chosen from a list and dates stay as they are."""
        return self.root.mapped(data, _comparable, _TEXTS)

    def _faults(self, data: Json) -> Iterator[Fault]:
        errors = self._validator.iter_errors(data)
        for error in sorted(errors, key=lambda error: [str(step) for step in error.absolute_path]):
            yield from self._in_words(error, tuple(error.absolute_path))

    def _in_words(self, error: ValidationError, path: tuple[str | int, ...]) -> Iterator[Fault]:
        field, instance, value = self.root.at(path), error.instance, error.validator_value
        match error.validator:
            case "required":
                missing = [name for name in _listed(value) if name not in _listed(instance)]
                yield from (_missing(path, field, name) for name in missing)
            case "unevaluatedProperties" | "additionalProperties":
                strangers = [name for name in _listed(instance) if name not in field.properties]
                yield from (_unknown(path, name) for name in strangers)
            case keyword:
                words = field.words or _sentence(field.title, str(keyword), value)
                yield Fault(_pointer(path), words)


def read_schema(text: str) -> Schema:
    """Read a schema file; raises `FormSchemaError`, or `ValueError` when it is no JSON."""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise FormSchemaError([FileFault((), "a schema is a JSON object")])
    try:
        Draft202012Validator.check_schema(document)
    except SchemaError as error:
        raise FormSchemaError([FileFault(tuple(error.absolute_path), error.message)]) from error
    if faults := [*_strange_formats(document), *_lost_references(document), *_costly_patterns(document)]:
        raise FormSchemaError(faults)
    return Schema(document)


def _words_at(keyword: str, schema: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Find the keyword's values anywhere in the schema, and where."""
    if isinstance(schema, dict) and isinstance(schema.get(keyword), str):
        yield (*place, keyword), schema[keyword]
    parts = schema.items() if isinstance(schema, dict) else enumerate(schema)
    for step, part in parts:
        if isinstance(part, dict | list):
            yield from _words_at(keyword, part, (*place, step))


def _keys_at(keyword: str, schema: Any, place: Place = ()) -> Iterator[Place]:
    """Find where the keyword stands, whatever it says."""
    parts = schema.items() if isinstance(schema, dict) else enumerate(schema)
    for step, part in parts:
        if step == keyword:
            yield (*place, keyword)
        if isinstance(part, dict | list):
            yield from _keys_at(keyword, part, (*place, step))


def _strange_formats(document: JsonSchema) -> Iterator[FileFault]:
    for place, name in _words_at("format", document):
        if name not in _FORMATS.checkers:
            known = ", ".join(sorted(_FORMATS.checkers))
            yield FileFault(place, f"nobody asserts the format {name}; there are {known}")


def _costly_patterns(document: JsonSchema) -> Iterator[FileFault]:
    for place, pattern in _words_at("pattern", document):
        try:
            matcher(pattern)
        except ValueError:
            words = "the pattern cannot be matched in linear time; write it without (?=, (?! and \\1"
            yield FileFault(place, words)
    for place in _keys_at("patternProperties", document):
        yield FileFault(place, "name the properties; patternProperties is not taken")


def _lost_references(document: JsonSchema) -> Iterator[FileFault]:
    for place, reference in _words_at("$ref", document):
        try:
            _referred({"$ref": reference}, document)
        except (KeyError, TypeError):
            yield FileFault(place, f"$ref leads nowhere in the file: {reference}")


def _listed(names: Any) -> list[str]:
    """Give the library's untyped list or object as the names in it."""
    return list(names)


def _missing(path: tuple[str | int, ...], parent: Field, name: str) -> Fault:
    return Fault(_pointer((*path, name)), f"Fältet «{parent.child(name).title}» saknas.")


def _unknown(path: tuple[str | int, ...], name: str) -> Fault:
    """Name an unknown field only when its name is plainly a name, since the sender chose it."""
    if _PLAIN_NAME.fullmatch(name):
        return Fault(_pointer((*path, name)), f"Fältet «{name}» finns inte i formuläret.")
    return Fault(_pointer(path), "Rapporten har ett fält som inte finns i formuläret.")


Leaves = Sequence[tuple[str, Json]]


def _never(_data: Json) -> bool:
    """Leave every report to jsonschema."""
    return False


def _is_sound(data: Json) -> bool:
    """Whether neither `_illegible` nor `_unmeasurable` has anything to say of it."""
    values = values_in(data)
    others = [value for value in values if type(value) is not str]
    texts = "".join([value for value in values if type(value) is str])
    return is_printable(texts) and all(map(_is_measurable, others))


def _is_measurable(value: Json) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return abs(value) <= _LARGEST_INTEGER
    return not value


def _illegible(found: Leaves) -> Iterator[Fault]:
    """Find texts with control characters or lone surrogates, which no form may hold."""
    for pointer, value in found:
        if isinstance(value, str) and not is_printable(value):
            place = pointer if is_printable(pointer) else ""
            yield Fault(place, "Texten har tecken som inte kan visas. Ta bort dem.")


_LARGEST_INTEGER = 2**63 - 1
"""CEL's integers have 64 bits."""


def _unmeasurable(found: Leaves) -> Iterator[Fault]:
    """Find numbers that are none (`json.loads` reads NaN) or too large, and values nested beyond any form."""
    for pointer, value in found:
        if isinstance(value, float) and not math.isfinite(value):
            yield Fault("", "Rapporten har ett värde som inte är något tal.")
        elif isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
            yield Fault(pointer if is_printable(pointer) else "", "Talet är för stort.")
        elif isinstance(value, dict | list) and value:
            yield Fault("", "Rapportens uppgifter ligger i för många nivåer.")


def _pointer(path: tuple[str | int, ...]) -> str:
    return "".join(f"/{escaped(str(step))}" for step in path)


def _typed(field: Field, value: Json) -> Json:
    typed = _TYPED.get(field.kind or "", {}).get(type(value))
    return value if typed is None else typed(value)


def _as_integer(value: Json) -> Json:
    """JSON has one kind of number; one that is too large for CEL's integers stays what it is."""
    return int(value) if abs(value) <= _LARGEST_INTEGER else value


_TYPED: Mapping[str, dict[type, Callable[[Json], Json]]] = {
    "number": {int: float},
    "integer": {float: _as_integer},
}
"""What a number becomes by the kind of its field; true and false are none."""


def _comparable(field: Field, value: Json) -> Json:
    return folded(value) if isinstance(value, str) and field.is_free_text else value


def _in_facts(field: Field, value: Json) -> Json:
    return _comparable(field, value) if isinstance(value, str) else _typed(field, value)


_TYPES = {
    "string": "text",
    "number": "ett tal",
    "integer": "ett heltal",
    "boolean": "ja eller nej",
    "array": "en lista",
    "object": "flera uppgifter",
    "null": "tomt",
}
_FORMS = {
    "date": "ett datum, till exempel 2026-05-17",
    "email": "en e-postadress",
    "time": "ett klockslag, till exempel 13:30",
    "date-time": "ett datum med klockslag",
}
_SENTENCES = {
    "enum": "har ett värde som inte går att välja",
    "const": "har ett värde som inte går att välja",
    "minLength": "är för kort, minst {limit} tecken",
    "maxLength": "är för långt, högst {limit} tecken",
    "minItems": "har för få uppgifter, minst {limit}",
    "maxItems": "har för många uppgifter, högst {limit}",
    "minimum": "ska vara minst {limit}",
    "exclusiveMinimum": "ska vara mer än {limit}",
    "maximum": "ska vara högst {limit}",
    "exclusiveMaximum": "ska vara mindre än {limit}",
    "multipleOf": "ska gå att dela jämnt med {limit}",
    "uniqueItems": "har samma uppgift mer än en gång",
}


def _sentence(title: str, keyword: str, limit: Any) -> str:
    """Say what is wrong when the form's author has not; the value itself is never repeated."""
    if keyword == "type":
        kinds = [limit] if isinstance(limit, str) else limit
        fault = f"ska vara {' eller '.join(_TYPES[kind] for kind in kinds)}"
    elif keyword == "format":
        fault = f"ska vara {_FORMS.get(limit, 'skrivet på ett annat sätt')}"
    else:
        fault = _SENTENCES.get(keyword, "är inte ifyllt på rätt sätt").format(limit=limit)
    return f"Fältet «{title}» {fault}."
