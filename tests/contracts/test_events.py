"""What is said is what was agreed, and everyone who listens can read it."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic_core import from_json, to_json

import archive.events
from archive.events import ReportFiled
from chassis.events import Envelope, Event, encode
from chassis.service import Service
from kansli.asyncapi import document
from kansli.event_schemas import MADE, file_name, said, schemas
from kansli.places import released_events, shipped_events
from kansli.released_events import broken

DATA = Path(__file__).parents[1] / "data"
EXAMPLES = sorted((DATA / "events").glob("*/*.json"))
SCHEMAS = schemas()
FORMATS = Draft202012Validator.FORMAT_CHECKER
PRODUCED = {model.kind: (service, model) for service, model in said()}


@pytest.fixture(scope="module")
def readers(services: Mapping[str, Service]) -> Mapping[str, Mapping[str, type[Event]]]:
    """The model with which each listener reads each kind of event."""
    kinds: dict[str, dict[str, type[Event]]] = {}
    for name, service in services.items():
        for subscription in service.reads:
            kinds.setdefault(subscription.event.kind, {})[name] = subscription.event
    return kinds


def schema_of(kind: str) -> dict[str, Any]:
    return SCHEMAS[file_name(PRODUCED[kind][1])]


def faults(kind: str, content: Any) -> list[str]:
    validator = Draft202012Validator(schema_of(kind), format_checker=FORMATS)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(content)]


def instances(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What a schema allows, as far as our schemas go; an optional field is there or not."""
    if "$ref" in schema:
        return instances(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    if "anyOf" in schema:
        return st.one_of([instances(choice, root) for choice in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "properties" in schema:
        fields = {name: instances(field, root) for name, field in schema["properties"].items()}
        required = {name: fields.pop(name) for name in schema.get("required", [])}
        return st.fixed_dictionaries(required, optional=fields)
    if schema["type"] == "array":
        return st.lists(instances(schema["items"], root), max_size=2)
    return PLAIN[schema["type"], schema.get("format")]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
PLAIN: dict[tuple[str, str | None], st.SearchStrategy[Any]] = {
    ("string", None): st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8),
    ("string", "date"): st.dates().map(date.isoformat),
    ("string", "date-time"): st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    ("integer", None): st.integers(-(2**31), 2**31),
    ("number", None): st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 100),
    ("boolean", None): st.booleans(),
    ("null", None): st.none(),
    ("object", None): st.dictionaries(texts, anything, max_size=2),
}


def test_the_schemas_in_the_repository_are_what_the_services_say() -> None:
    """Whoever changes a model changes the contract, and sees it in the same commit."""
    assert MADE.drift(shipped_events()) == [], "run: python -m kansli.event_schemas --write"


def test_every_file_that_differs_is_named(tmp_path: Path) -> None:
    """One missing, one changed, one of an event that nobody says; and writing mends all."""
    MADE.write(tmp_path)
    assert MADE.drift(tmp_path) == []
    (tmp_path / "report.filed.v1.json").unlink()
    (tmp_path / "report.held.v1.json").write_text("{}", "utf-8")
    (tmp_path / "report.eaten.v1.json").write_text("{}", "utf-8")
    named = [difference.partition(":")[0] for difference in MADE.drift(tmp_path)]
    assert named == ["report.filed.v1.json", "report.eaten.v1.json", "report.held.v1.json"]
    with pytest.raises(SystemExit, match=r"report\.eaten\.v1\.json"):
        MADE.main(["--folder", str(tmp_path)])
    MADE.main(["--folder", str(tmp_path), "--write"])
    MADE.main(["--folder", str(tmp_path)])


class FiledAgain(ReportFiled):
    """Another version of what the archive says of a report."""

    schema_version: ClassVar[int] = 2
    former: ClassVar[type[Event] | None] = ReportFiled

    shelf: str


def test_another_version_is_said_and_the_one_before_is_still_agreed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By schema and by AsyncAPI: who listens knows what may come of either, in the one queue."""
    monkeypatch.setattr(archive.events, "FiledAgain", FiledAgain, raising=False)
    filed = [model for _, model in said() if model.kind == ReportFiled.kind]
    assert filed == [FiledAgain]
    assert {"report.filed.v1.json", "report.filed.v2.json"} <= schemas().keys()
    messages = document()["channels"]["intake.report.filed"]["messages"]
    types = [f"se.kansli.report.filed.v{version}" for version in (2, 1)]
    assert list(messages) == [name for one in types for name in (one, f"{one}.batch")]
    assert messages.keys() <= document()["components"]["messages"].keys()
    assert broken(released_events(), schemas()) == []


@pytest.mark.parametrize("kind", PRODUCED)
def test_a_schema_is_a_schema(kind: str) -> None:
    """Valid by the dialect it names, closed for the producer at every level."""
    schema = schema_of(kind)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    for part in [schema["properties"]["data"], *schema.get("$defs", {}).values()]:
        assert part["additionalProperties"] is False


def test_services_say_what_the_schemas_hold_and_nothing_else(services: Mapping[str, Service]) -> None:
    """An event that is said without a schema would be a promise that nobody made."""
    for name, service in services.items():
        assert {model.kind for model in service.says} == {
            kind for kind, (producer, _) in PRODUCED.items() if producer == name
        }


@pytest.mark.parametrize("kind", PRODUCED)
def test_an_event_is_heard_by_those_who_subscribe_and_no_other(
    readers: Mapping[str, Mapping[str, type[Event]]], kind: str
) -> None:
    """A listener left out would wait for ever; one too many would fill a queue that nobody reads."""
    _, model = PRODUCED[kind]
    assert set(model.heard_by) == set(readers.get(kind, {})) == set(schema_of(kind)["x-heard-by"])


def test_nobody_waits_for_what_nobody_says(readers: Mapping[str, Mapping[str, type[Event]]]) -> None:
    """Each subscription has a producer, and reads the version that is said and those before."""
    assert readers.keys() <= PRODUCED.keys()
    for kind, models in readers.items():
        agreed = {version.type() for version in PRODUCED[kind][1].versions()}
        for model in models.values():
            assert agreed <= {version.type() for version in model.versions()}


@settings(max_examples=40, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("kind", PRODUCED)
def test_whatever_is_agreed_can_be_read_by_every_listener(
    readers: Mapping[str, Mapping[str, type[Event]]], kind: str, data: st.DataObject
) -> None:
    """Each consumer's model takes everything that the producer's schema allows."""
    schema = schema_of(kind)
    content = data.draw(instances(schema["properties"]["data"], schema))
    envelope = Envelope(
        specversion="1.0",
        id="1",
        source="/kansli/test",
        type=PRODUCED[kind][1].type(),
        subject=content["submission_id"],
        time=datetime.now(UTC),
        data=from_json(to_json(content)),
    )
    for model in readers[kind].values():
        assert model.read(envelope).submission_id == content["submission_id"]


@settings(max_examples=20, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("kind", PRODUCED)
def test_what_the_producer_says_is_what_was_agreed(kind: str, data: st.DataObject) -> None:
    """The bytes that go on the wire are valid, with all attributes of the CloudEvent."""
    service, model = PRODUCED[kind]
    schema = schema_of(kind)
    event = model.model_validate_json(to_json(data.draw(instances(schema["properties"]["data"], schema))))
    body = encode(event, "1", f"/kansli/{service}", datetime.now(UTC), "00-1-1-01")
    assert faults(kind, from_json(body)) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_example_is_valid_and_can_be_read(
    readers: Mapping[str, Mapping[str, type[Event]]], path: Path
) -> None:
    """Examples are what people build on."""
    kind, content = path.parent.name, json.loads(path.read_text("utf-8"))
    assert faults(kind, content) == []
    for model in readers[kind].values():
        model.read(Envelope.model_validate_json(path.read_bytes()))


def test_every_event_has_an_example() -> None:
    """One at least."""
    assert {path.parent.name for path in EXAMPLES} == PRODUCED.keys()


@pytest.mark.parametrize("kind", PRODUCED)
def test_what_was_not_agreed_is_seen(kind: str) -> None:
    """A field too many, one too few, one of another type."""
    (path,) = [path for path in EXAMPLES if path.parent.name == kind][:1]
    content = json.loads(path.read_text("utf-8"))
    assert faults(kind, content | {"data": content["data"] | {"smuggled": 1}})
    assert faults(kind, content | {"data": {**content["data"], "submission_id": 1}})
    assert faults(kind, {name: value for name, value in content.items() if name != "subject"})
