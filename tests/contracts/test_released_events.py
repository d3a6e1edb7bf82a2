"""What was released of the events still holds, and the gate that says so lets no break through."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chassis.service import Service
from kansli.event_schemas import schemas
from kansli.made_of_code import as_json
from kansli.places import released_events
from kansli.released_events import breaks, broken, main

RELEASED = sorted(released_events().glob("*.json"))
SCHEMAS = schemas()


def test_what_was_released_still_holds() -> None:
    """A break is another version of the event, whose former is this one until nobody holds it."""
    assert RELEASED
    main([])


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.name)
def test_a_released_event_breaks_nothing_of_itself(path: Path) -> None:
    """The gate finds differences, and not what it fails to understand."""
    schema = json.loads(path.read_text("utf-8"))
    assert breaks(schema, schema) == []


def schema_of(kind: str) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(as_json(SCHEMAS[f"{kind}.v1.json"]))
    return copy


def changed(*steps: str, **by: Any) -> dict[str, Any]:
    """A copy of the schema of report.held with something else at a place; `...` takes a keyword away."""
    schema = schema_of("report.held")
    place = schema
    for step in steps:
        place = place[step]
    for name, value in by.items():
        if value is ...:
            del place[name]
        else:
            place[name] = value
    return schema


def required_with(*steps: str, name: str) -> dict[str, Any]:
    place = schema_of("report.held")
    for step in steps:
        place = place[step]
    return changed(*steps, required=[*place.get("required", []), name])


def required_without(*steps: str, name: str) -> dict[str, Any]:
    place = schema_of("report.held")
    for step in steps:
        place = place[step]
    return changed(*steps, required=[other for other in place["required"] if other != name])


DATA = ("properties", "data")
FIELDS = (*DATA, "properties")
MEETING = ("$defs", "MeetingPlace")
FINDING = ("$defs", "Finding")


def renamed(old: str, new: str) -> dict[str, Any]:
    """A field under another name, which may be left out: for readers the old one is gone."""
    return changed(
        *FIELDS, **{old: ..., new: schema_of("report.held")["properties"]["data"]["properties"][old]}
    )


@pytest.mark.parametrize(
    ("current", "named"),
    [
        (changed(*FIELDS, late=...), "/data/late: is gone"),
        (renamed("late", "is_late"), "/data/late: is gone"),
        (changed(*MEETING, "properties", place=...), "/data/meeting/place: is gone"),
        (changed(*FINDING, "properties", source=...), "/data/findings/source: is gone"),
        (required_with(*FINDING, name="pointer"), "/data/findings/pointer: is required"),
        (required_with(*DATA, name="new"), "/data/new: is required"),
        (required_without(*DATA, name="committee"), "/data/committee: may be left out"),
        (required_without(*FINDING, name="rule"), "/data/findings/rule: may be left out"),
        (
            changed(*FINDING, "properties", outcome={"enum": ["hold", "note"], "type": "string"}),
            "/data/findings/outcome: allows fewer",
        ),
        (changed(*FIELDS, form={"type": "string", "enum": ["a"]}), "/data/form: allows fewer"),
        (changed(*FIELDS, form={"type": "string", "maxLength": 10}), "/data/form: has another maxLength"),
        (changed(*FIELDS, unit={"type": "string"}), "/data/unit: may no longer be null"),
        (
            changed(*FIELDS, committee={"anyOf": [{"type": "string"}, {"type": "null"}]}),
            "/data/committee: may now be null",
        ),
        (changed(*FIELDS, version={"type": "string"}), "/data/version: may no longer be integer"),
        (changed(*FIELDS, version={"type": "number"}), "/data/version: may no longer be integer"),
        (
            changed(*FIELDS, findings={"type": "array", "items": {"type": "string"}}),
            "/data/findings: may no longer be object",
        ),
        (changed("properties", "source", const="/kansli/intake"), "/source: allows fewer"),
    ],
)
def test_a_change_that_breaks_readers_is_named(current: dict[str, Any], named: str) -> None:
    """At its place, at whatever depth."""
    (found,) = breaks(schema_of("report.held"), current)
    assert found.startswith(named)


def test_fewer_values_are_seen_where_the_field_may_also_be_null() -> None:
    """A choice within a choice."""
    before, after = (
        {"properties": {"why": {"anyOf": [{"type": "null"}, {"type": "string", "enum": values}]}}}
        for values in (["a", "b"], ["a"])
    )
    assert breaks(before, after) == ["/why: allows fewer values"]


def test_another_order_of_choices_breaks_nothing() -> None:
    """They are told apart by what they are, and not by where they stand."""
    text, moment, none = {"type": "string"}, {"type": "string", "format": "date-time"}, {"type": "null"}
    assert breaks({"anyOf": [text, moment, none]}, {"anyOf": [none, moment, text]}) == []


def test_another_format_is_another_type() -> None:
    """Who reads a day cannot read a moment."""
    before = {"properties": {"on": {"type": "string", "format": "date"}}}
    after = {"properties": {"on": {"type": "string", "format": "date-time"}}}
    assert breaks(before, after) == ["/on: may no longer be string (date)"]


def test_what_stands_under_any_name_is_compared_too() -> None:
    """Numbers by form, say."""
    before, after = (
        {"type": "object", "additionalProperties": {"type": kind}} for kind in ("number", "string")
    )
    assert breaks(before, after) == ["/: may no longer be number"]


@pytest.mark.parametrize(
    "current",
    [
        changed(),
        changed(description="Clearer words."),
        changed(*FIELDS, new={"type": "string"}),
        changed(*MEETING, "properties", room={"type": "string"}),
        changed(
            *FINDING, "properties", outcome={"enum": ["reject", "hold", "note", "praise"], "type": "string"}
        ),
    ],
)
def test_a_change_that_breaks_nobody_may_be_made(current: dict[str, Any]) -> None:
    """An optional field, a further value, better words."""
    assert breaks(schema_of("report.held"), current) == []


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.name)
def test_whoever_hears_an_event_reads_each_version_that_was_released(
    services: Mapping[str, Service], path: Path
) -> None:
    """What waits in a queue, or comes of a speaker not yet upgraded, is no fault of its upgrade."""
    released = json.loads(path.read_text("utf-8"))
    for listener in released["x-heard-by"]:
        known = {version.type() for one in services[listener].reads for version in one.event.versions()}
        assert released["title"] in known


def test_an_event_that_was_released_must_be_known(tmp_path: Path) -> None:
    """Until its file is removed, by a person who knows that nobody holds it."""
    (tmp_path / "report.eaten.v1.json").write_text("{}", "utf-8")
    assert broken(tmp_path, SCHEMAS) == ["report.eaten.v1.json: was released and is no longer known"]


def test_a_new_version_beside_the_released_one_breaks_nobody(tmp_path: Path) -> None:
    """That is the way to change what cannot be changed."""
    main(["--folder", str(tmp_path), "--write"])
    second = changed(*FIELDS, late=...)
    assert broken(tmp_path, {**SCHEMAS, "report.held.v2.json": second}) == []
    assert broken(tmp_path, {**SCHEMAS, "report.held.v1.json": second}) == [
        "report.held.v1.json/data/late: is gone"
    ]


def test_a_release_that_breaks_the_one_before_is_refused(tmp_path: Path) -> None:
    """And what was released stays as it was."""
    (tmp_path / "report.held.v1.json").write_text(
        as_json(changed(*FIELDS, gone_since={"type": "string"})), "utf-8"
    )
    before = (tmp_path / "report.held.v1.json").read_bytes()
    with pytest.raises(SystemExit, match=r"(?s)report\.held.*another version"):
        main(["--folder", str(tmp_path), "--write"])
    assert (tmp_path / "report.held.v1.json").read_bytes() == before
