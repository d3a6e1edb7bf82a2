"""Schema errors in a person's words, one finding each, never with what was written."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.schemas import FormSchemaError, Schema, read_schema

DOCUMENT = {
    "type": "object",
    "required": ["namn", "dag"],
    "unevaluatedProperties": False,
    "if": {"required": ["val"]},
    "then": {"required": ["skal"]},
    "properties": {
        "namn": {"title": "Namn", "type": "string", "minLength": 1, "maxLength": 5},
        "dag": {"title": "Dag", "type": "string", "format": "date"},
        "val": {"title": "Val", "enum": ["a", "b"], "x-message": "Välj a eller b."},
        "skal": {"$ref": "#/$defs/text", "title": "Skäl"},
        "tal": {"title": "Tal", "type": "number", "maximum": 24, "multipleOf": 0.5},
        "antal": {"type": "integer"},
        "rader": {
            "type": "array",
            "items": {"type": "object", "properties": {"tal": {"type": "number"}}},
        },
    },
    "$defs": {"text": {"type": "string", "maxLength": 3, "x-message": "Högst tre tecken."}},
}
GOOD = {"namn": "Anna", "dag": "2026-11-20"}


@pytest.fixture(scope="module")
def schema() -> Schema:
    return read_schema(json.dumps(DOCUMENT))


def said(schema: Schema, data: Any) -> list[tuple[str | None, str]]:
    return [(finding.pointer, finding.message) for finding in schema.findings(data, "Formuläret")]


def test_a_good_report_has_no_findings(schema: Schema) -> None:
    """Optional fields may be absent."""
    assert said(schema, GOOD) == []


def test_every_error_is_told(schema: Schema) -> None:
    """A person mends all at once."""
    told = said(schema, {"namn": "", "val": "c", "tal": 24.2, "okand": 1})
    assert dict(told) == {
        "/dag": "Fältet «Dag» saknas.",
        "/skal": "Fältet «Skäl» saknas.",
        "/okand": "Fältet «okand» finns inte i formuläret.",
        "/namn": "Fältet «Namn» är för kort, minst 1 tecken.",
        "/tal": "Fältet «Tal» ska gå att dela jämnt med 0.5.",
        "/val": "Välj a eller b.",
    }
    assert ("/tal", "Fältet «Tal» ska vara högst 24.") in told


def test_the_authors_words_win_through_a_reference(schema: Schema) -> None:
    """`x-message` may stand in a shared definition, the title beside the reference."""
    assert said(schema, {**GOOD, "skal": "för långt"}) == [("/skal", "Högst tre tecken.")]


def test_a_whole_number_too_large_for_cel_stays_what_it_came_as(schema: Schema) -> None:
    """CEL's integers have 64 bits; as a float it is compared and paid by the same rules as any."""
    assert repr(schema.typed({"antal": 1e19})) == "{'antal': 1e+19}"


@pytest.mark.parametrize("day", ["2026-02-30", "20261120", "igår", "2026-11-20T10:00:00", ""])
def test_formats_are_asserted(schema: Schema, day: str) -> None:
    """A date is a calendar date in ISO form and nothing else."""
    words = "Fältet «Dag» ska vara ett datum, till exempel 2026-05-17."
    assert said(schema, {**GOOD, "dag": day}) == [("/dag", words)]


@given(st.text(min_size=6, max_size=60), st.text(min_size=12))
def test_what_was_written_is_never_repeated(secret: str, name: str) -> None:
    """Findings travel further than the report does."""
    schema = read_schema(json.dumps(DOCUMENT))
    data = {"namn": f"zq{secret}qz", "dag": f"zq{secret}qz", f"0{name}": 1}
    for pointer, message in said(schema, data):
        assert "zq" not in f"{pointer}{message}"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x85", "\x7f", "\ud800", chr(0xFFFD)])
def test_characters_that_cannot_be_shown_are_errors(schema: Schema, character: str) -> None:
    """Controls, lone surrogates and what intake made of them reach neither page nor archive."""
    ((pointer, message),) = said(schema, {**GOOD, "namn": f"a{character}"})
    assert (pointer, "kan visas" in message.replace("inte ", "")) == ("/namn", True)


def test_tab_and_line_breaks_are_fine(schema: Schema) -> None:
    """They are how people write."""
    assert said(schema, {**GOOD, "namn": "a\t\r\nb"}) == []


@pytest.mark.parametrize("data", [None, [], "text", 5, {"tal": float("nan")}, {"tal": 1e400}])
def test_what_is_no_report_is_refused_in_words(schema: Schema, data: Any) -> None:
    """Whatever JSON holds, the answer is a finding and no exception."""
    assert all(message for _, message in said(schema, data))
    assert said(schema, data)


def test_deep_nesting_is_refused(schema: Schema) -> None:
    """It would exhaust the stack of the library."""
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert said(schema, {**GOOD, "rader": deep}) == [("", "Rapportens uppgifter ligger i för många nivåer.")]


def test_numbers_get_the_type_of_their_field(schema: Schema) -> None:
    """JSON's 8 is a float where the schema says number, and 3.0 an int where it says integer."""
    typed = schema.typed({"tal": 8, "antal": 3.0, "rader": [{"tal": 1}], "okand": 2})
    assert repr(typed) == "{'tal': 8.0, 'antal': 3, 'rader': [{'tal': 1.0}], 'okand': 2}"


def test_only_free_texts_are_folded(schema: Schema) -> None:
    """A value chosen from a list is compared as the list has it."""
    folded = schema.comparable({"namn": " Anna  LIND ", "val": "A"})
    assert folded == {"namn": "anna lind", "val": "A"}


def test_an_unknown_format_is_refused_with_the_schema() -> None:
    """A misspelt format would silently be asserted by nobody."""
    with pytest.raises(FormSchemaError, match="datum"):
        read_schema('{"properties": {"dag": {"type": "string", "format": "datum"}}}')


def test_a_schema_may_refer_to_itself() -> None:
    """Fields are looked up when asked for."""
    schema = read_schema(
        '{"type": "object", "properties": {"barn": {"$ref": "#"}, "tal": {"type": "number"}}}'
    )
    assert schema.root.blank()["barn"]["tal"] == 0.0
    assert repr(schema.typed({"barn": {"barn": {"tal": 1}}})) == "{'barn': {'barn': {'tal': 1.0}}}"


def test_a_pattern_costs_no_more_than_the_text_is_long() -> None:
    """Any sender can write the text; Python's own engine would hold the whole process for years."""
    document = {"type": "object", "properties": {"text": {"type": "string", "pattern": "^(a+)+$"}}}
    schema = read_schema(json.dumps(document))
    began = time.perf_counter()
    assert [finding.pointer for finding in schema.findings({"text": "a" * 9000 + "!"}, "Prov")] == ["/text"]
    assert schema.findings({"text": "a" * 9000}, "Prov") == ()
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize("words", [{"pattern": "(a)\\1"}, {"patternProperties": {"^a": {}}}])
def test_what_cannot_be_matched_in_linear_time_is_no_schema(words: dict[str, Any]) -> None:
    """The form is refused, and nobody's report is."""
    with pytest.raises(FormSchemaError):
        read_schema(json.dumps({"type": "object", **words}))
