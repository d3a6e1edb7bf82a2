from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from chassis.events import (
    BATCH,
    MAX_MESSAGE_BYTES,
    STRUCTURED,
    Event,
    OversizedEvent,
    UnreadableMessage,
    encode,
    fitting,
    new_id,
    pack,
    read_together,
    unpack,
)
from support.toy_house import Answered, Asked

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def encoded(submission_id: str = "s-1", **changes: Any) -> bytes:
    body = encode(Asked(submission_id=submission_id), new_id(), "/kansli/asker", NOW, TRACE)
    return to_json(from_json(body) | changes) if changes else body


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_what_was_encoded_is_read_again(submission_id: str) -> None:
    """Whatever signs a platform's ids are made of."""
    (received,) = unpack(encoded(submission_id), STRUCTURED)
    assert received.envelope
    assert Asked.read(received.envelope) == Asked(submission_id=submission_id)


ODD: list[dict[str, Any]] = [
    {},
    {"data": {"submission_id": "s-2", "more": [1.5, None]}},
    {"traceparent": None},
    {"type": "se.kansli.toy.asked.v2"},
    {"time": 1700000000},
    {"source": "a\nb"},
    {"specversion": "0.3"},
    {"data": {"submission_id": 7}},
    {"data": []},
]


@given(st.lists(st.sampled_from(ODD), min_size=1, max_size=4))
def test_what_is_read_together_is_what_is_read_one_by_one(odd: list[dict[str, Any]]) -> None:
    """And a message in which anything cannot be read is left to be read so."""
    message, content_type = pack([encoded(**changes) for changes in odd])
    together = read_together(Asked, message, content_type)
    ids = [(attributes.id, event) for attributes, event in together] if together is not None else None
    assert ids == _one_by_one(message, content_type)


def _one_by_one(message: bytes, content_type: str) -> list[tuple[str, Asked]] | None:
    envelopes = [received.envelope for received in unpack(message, content_type)]
    with suppress(UnreadableMessage):
        return [(one.id, Asked.read(one)) for one in envelopes if one] if all(envelopes) else None
    return None


def test_a_number_that_is_none_is_read_one_by_one() -> None:
    """JSON has no such number; the quicker reader would let it pass."""
    body = encoded(more=1.5).replace(b"1.5", b"NaN")
    assert read_together(Asked, body, STRUCTURED) is None
    assert unpack(body, STRUCTURED)[0].reason == "not JSON"


def test_an_event_is_a_cloudevent() -> None:
    """The attributes of CloudEvents 1.0.2, as any of its readers expects them."""
    event = from_json(encoded())
    required = {"specversion": "1.0", "source": "/kansli/asker", "type": "se.kansli.toy.asked.v1"}
    assert required.items() <= event.items()
    assert (event["subject"], event["time"], event["traceparent"]) == ("s-1", "2026-03-02T09:00:00Z", TRACE)


class First(Event):
    kind: ClassVar[str] = "toy.told"

    day: date
    word: str | None = None


class Second(First):
    """As the first, but that the word must be there."""

    schema_version: ClassVar[int] = 2
    former: ClassVar[type[Event] | None] = First

    word: str


class Third(Event):
    """The word has another name, and a place beside it."""

    kind: ClassVar[str] = "toy.told"
    schema_version: ClassVar[int] = 3
    former: ClassVar[type[Event] | None] = Second

    day: date
    said: str
    place: str | None = None

    @classmethod
    def lifted(cls, former: Second) -> Self:
        return cls(submission_id=former.submission_id, day=former.day, said=former.word)


def read_as(model: type[Event], event: Event) -> Event:
    """What a listener with this model makes of the event."""
    (received,) = unpack(encode(event, "1", "/kansli/toy", NOW, TRACE), STRUCTURED)
    assert received.envelope
    return model.read(received.envelope)


DAY = date(2026, 3, 2)
IN_EACH_VERSION = [
    First(submission_id="s-1", day=DAY, word="hej"),
    Second(submission_id="s-1", day=DAY, word="hej"),
    Third(submission_id="s-1", day=DAY, said="hej"),
]


@pytest.mark.parametrize("said", IN_EACH_VERSION, ids=lambda event: event.type())
def test_who_knows_the_newest_version_reads_each_before_it(said: Event) -> None:
    """Lifted one by one; where nothing else is said, what stood in it stands there still."""
    assert read_as(Third, said) == IN_EACH_VERSION[-1]


@pytest.mark.parametrize(("model", "said"), [(First, 1), (First, 2), (Second, 2)])
def test_a_version_from_the_future_is_not_read_and_it_is_told_which_are(
    model: type[Event], said: int
) -> None:
    """It is parked, and replayed when its listener knows it."""
    known = " or ".join(version.type() for version in model.versions())
    with pytest.raises(UnreadableMessage, match=f"expected {known}, got se.kansli.toy.told.v{said + 1}"):
        read_as(model, IN_EACH_VERSION[said])


def test_what_the_version_before_did_not_have_is_told_where_nobody_says_what_it_is() -> None:
    """By its name, and nothing of what was there."""
    with pytest.raises(UnreadableMessage, match=r"^word: string_type$"):
        read_as(Second, First(submission_id="s-1", day=DAY))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_what_was_packed_together_is_unpacked_apart(numbers: list[int]) -> None:
    """One or many, each with its own bytes."""
    bodies = [encoded(f"s-{number}") for number in numbers]
    message, content_type = pack(bodies)
    assert content_type == (STRUCTURED if len(bodies) == 1 else BATCH)
    received = unpack(message, f"{content_type}; charset=utf-8")
    assert [from_json(one.raw) for one in received] == [from_json(body) for body in bodies]
    assert [one.envelope and one.envelope.subject for one in received] == [f"s-{n}" for n in numbers]


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)


@given(
    st.binary() | json_values.map(lambda value: to_json(value, inf_nan_mode="null")),
    st.sampled_from([BATCH, STRUCTURED, "", "text/plain"]),
)
def test_nothing_that_comes_stops_the_reader(body: bytes, content_type: str) -> None:
    """Every message is either events or what must be parked, with a reason."""
    for received in unpack(body, content_type):
        assert received.envelope or received.reason


@given(st.sampled_from(sorted(from_json(encoded()))), json_values)
def test_no_attribute_of_any_kind_stops_the_reader(attribute: str, value: Any) -> None:
    """What is no envelope is told, and what is one is an event or unreadable."""
    (received,) = unpack(encoded(**{attribute: value}), STRUCTURED)
    if received.envelope:
        with suppress(UnreadableMessage):
            Asked.read(received.envelope)


def test_a_broken_event_in_a_batch_harms_no_other() -> None:
    """It is told by itself, with its own bytes."""
    message, content_type = pack([encoded("s-1"), b'{"no":"event"}', encoded("s-2")])
    received = unpack(message, content_type)
    assert [one.envelope is None for one in received] == [False, True, False]
    assert received[1].raw == b'{"no":"event"}'


@pytest.mark.parametrize("depth", [100, 10_000])
def test_deep_nesting_does_not_exhaust_the_stack(depth: int) -> None:
    """A few kilobytes of brackets are one unreadable message."""
    (received,) = unpack(b"[" * depth + b"]" * depth, STRUCTURED)
    assert received.envelope is None


def test_a_reason_says_where_and_not_what() -> None:
    """What stands in a wrong place may be what a person wrote."""
    (received,) = unpack(encoded(time="19121212-1212"), STRUCTURED)
    assert received.reason.startswith("no CloudEvent: time:")
    assert "1212" not in received.reason


def test_another_kind_is_not_read_as_this_one() -> None:
    """An event on a wrong queue has no effect."""
    (received,) = unpack(encoded(), STRUCTURED)
    assert received.envelope
    with pytest.raises(UnreadableMessage, match=r"expected se\.kansli\.toy\.answered\.v1"):
        Answered.read(received.envelope)


def test_an_event_larger_than_a_message_cannot_be_said() -> None:
    """Large content travels as a reference."""
    with pytest.raises(OversizedEvent, match=r"toy\.answered: \d+ bytes"):
        encode(Answered(submission_id="s", padding="x" * MAX_MESSAGE_BYTES), new_id(), "/", NOW, TRACE)


@given(st.lists(st.integers(1, MAX_MESSAGE_BYTES), min_size=1, max_size=8), st.integers(1, 8))
def test_what_fits_together_is_no_larger_than_a_message(sizes: list[int], most: int) -> None:
    """At least one always goes, and no more than asked."""
    bodies = [bytes(size) for size in sizes]
    count = fitting(bodies, most)
    assert 1 <= count <= min(most, len(bodies))
    assert len(pack(bodies[:count])[0]) <= MAX_MESSAGE_BYTES


def test_ids_are_in_the_order_of_time() -> None:
    """Indexes stay small, and an operator can see what came first."""
    made = [new_id() for _ in range(100)]
    assert made == sorted(set(made))
