"""A quick yes for good reports: jsonschema-rs, where it is proven to agree with jsonschema.

jsonschema has the last word and finds the words; a plain yes costs about a tenth.
A yes that jsonschema would refuse is the danger, so what the two may judge otherwise is left to
jsonschema: a schema with a keyword, pattern or format not listed here, and a report with numbers or
texts that no form may hold. Formats are the same functions in both.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from jsonschema import FormatChecker
from jsonschema_rs import Draft202012Validator, RegexOptions

from validation.texts import Json

JsonSchema = Mapping[str, Any]

_NAMES = frozenset({"$schema", "$id"})
"""Only at the root: a part with an address of its own would change what `$ref` leads to."""

_ANNOTATIONS = frozenset({"$comment", "title", "description", "default", "examples"})
_PLAIN = frozenset(
    {"required", "minLength", "maxLength", "minItems", "maxItems", "unevaluatedProperties"}
    | {"additionalProperties", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "type"}
)
_OF_SCHEMA = frozenset({"items", "if", "then", "else", "not"})
_OF_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf"})
_OF_NAMED_SCHEMAS = frozenset({"properties", "$defs"})

_FORMATS = ("date", "email")
_PROVEN_VALUES = {
    "$ref": re.compile(r"#/\$defs/[\w-]+"),
    "pattern": re.compile(r"\\S"),
    "format": re.compile("|".join(_FORMATS)),
    "multipleOf": re.compile(r"0\.5|1"),
}
_LARGEST_LIMIT = 2**31


def quick_yes(document: JsonSchema, formats: FormatChecker) -> Callable[[Json], bool] | None:
    """Give the validator that may say yes for jsonschema, or None for a schema that is not proven."""
    if not is_proven({word: value for word, value in document.items() if word not in _NAMES}):
        return None
    validator = Draft202012Validator(
        dict(document),
        validate_formats=True,
        pattern_options=RegexOptions(),
        formats={name: _asserted(name, formats) for name in _FORMATS},
    )
    return lambda data: _says_yes(validator, data)


def is_proven(schema: Any) -> bool:
    """Whether the two libraries agree on every part of the schema."""
    if isinstance(schema, bool):
        return True
    return isinstance(schema, dict) and all(_is_proven_keyword(word, schema) for word in schema)


def _is_proven_keyword(word: str, schema: JsonSchema) -> bool:
    if word in _ANNOTATIONS or word.startswith("x-"):
        return True
    if word in _PLAIN:
        return _is_plain(schema[word])
    if parts := list(_parts(word, schema[word])):
        return all(is_proven(part) for part in parts)
    return _is_proven_value(word, schema)


def _is_proven_value(word: str, schema: JsonSchema) -> bool:
    """Keywords that are proven for some values only."""
    value = schema[word]
    if word == "uniqueItems":
        return _holds_texts(schema.get("items"))
    if word == "enum":
        return all(isinstance(one, str | bool) for one in value)
    if word == "const":
        return isinstance(value, str | bool)
    return word in _PROVEN_VALUES and bool(_PROVEN_VALUES[word].fullmatch(str(value)))


def _parts(word: str, value: Any) -> Iterator[Any]:
    if word in _OF_SCHEMA:
        yield value
    elif word in _OF_SCHEMAS:
        yield from value
    elif word in _OF_NAMED_SCHEMAS:
        yield from value.values()


def _is_plain(value: Any) -> bool:
    """Limits within what a float holds exactly; names and types as they come."""
    if isinstance(value, int | float):
        return abs(value) <= _LARGEST_LIMIT
    return isinstance(value, str | list)


def _holds_texts(items: Any) -> bool:
    """Whether the items can only be texts; 1, 1.0 and true are told apart in different ways."""
    if not isinstance(items, dict):
        return False
    choices = items.get("enum", ())
    return items.get("type") == "string" or (bool(choices) and all(isinstance(one, str) for one in choices))


def _asserted(name: str, formats: FormatChecker) -> Callable[[str], bool]:
    return lambda text: formats.conforms(text, name)


def _says_yes(validator: Draft202012Validator, data: Json) -> bool:
    """A text or a number that cannot be handed over is for jsonschema to judge."""
    try:
        return bool(validator.is_valid(data))
    except (ValueError, OverflowError, RecursionError):
        return False
