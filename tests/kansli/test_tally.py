"""The tally: what was promised against what is owned, and a difference that is named."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansli.operators import NoAnswer
from kansli.tally import OWNED_BY, Line, Tally, shown, take_tally

RECEIVED = "validation.submission.received"
ACCEPTED = "archive.submission.accepted"


def told(forms: Mapping[str, Mapping[str, int]] | None = None, *parked: Mapping[str, Any]) -> dict[str, Any]:
    return {"forms": dict(forms or {}), "parked": list(parked), "outbox": {}}


def item(origin: str, form: str, count: int = 1) -> dict[str, Any]:
    return {"origin": origin, "form": form, "count": count}


@dataclass
class FakeOperator:
    """Answers as the services would, one set of answers after the other; the last one stays."""

    answers: list[dict[str, dict[str, Any]]]
    asked: list[str] = field(default_factory=list)

    async def ask(self, service: str, path: str) -> Any:
        assert path == "/admin/tally"
        self.asked.append(service)
        return self.answers[min(self.asked.count(service), len(self.answers)) - 1].get(service, told())


async def tally_of(*answers: dict[str, dict[str, Any]], within: float = 0) -> Tally:
    return await take_tally(FakeOperator(list(answers)), within)  # type: ignore[arg-type]


async def test_what_every_service_has_settled_adds_up() -> None:
    """Received is the sum of all that became of it."""
    tally = await tally_of(
        {
            "intake": told({"prov": {"filed": 5, "held": 2, "returned": 1, "rejected": 3}}),
            "validation": told({"prov": {"rejected": 3}}),
            "archive": told({"prov": {"filed": 5, "held": 2, "returned": 1}}),
        }
    )
    (line,) = tally.lines
    assert (line.received, line.in_flight, tally.adds_up) == (11, 0, True)


async def test_what_is_under_way_is_in_flight() -> None:
    """Received, and owned by nobody yet."""
    tally = await tally_of({"intake": told({"prov": {"received": 4}})})
    (line,) = tally.lines
    assert (line.in_flight, tally.adds_up) == (4, True)


async def test_what_is_parked_on_the_road_has_no_outcome_yet() -> None:
    """Parked letters and status events are no submissions, and are not counted."""
    tally = await tally_of(
        {
            "intake": told({"prov": {"received": 4}}, item("intake.report.filed", "prov")),
            "validation": told({}, item(RECEIVED, "prov", 2)),
            "archive": told({}, item(ACCEPTED, "prov"), item("notification.letter", "prov")),
        }
    )
    (line,) = tally.lines
    assert (line.parked, line.in_flight, tally.adds_up) == (3, 1, True)


async def test_what_cannot_even_be_read_is_counted_beside() -> None:
    """It has no form, and may be no submission at all."""
    tally = await tally_of({"validation": told({}, item(RECEIVED, "", 7))})
    assert (tally.lines, tally.unreadable, tally.adds_up) == ([], 7, True)
    assert "outside the tally: 7" in shown(tally)


async def test_what_intake_parked_is_counted_by_its_label() -> None:
    """As often as there are submissions, however many of its documents lie on the desk."""
    tally = await tally_of(
        {
            "intake": told(
                {"open-e/358": {"parked": 2}, "prov": {"received": 1}}, item("reading", "open-e/358", 3)
            )
        }
    )
    label, form = tally.lines
    assert (label.form, label.received, label.parked, label.in_flight) == ("open-e/358", 2, 2, 0)
    assert (form.parked, form.in_flight, tally.unreadable, tally.adds_up) == (0, 1, 0, True)


async def test_a_completion_that_waits_leaves_the_report_where_it_is() -> None:
    """The desk holds a later document of a report that is filed."""
    tally = await tally_of(
        {
            "intake": told({"prov": {"filed": 1}}, item("reading", "open-e/901")),
            "archive": told({"prov": {"filed": 1}}),
        }
    )
    assert [(line.form, line.parked) for line in tally.lines] == [("prov", 0)]
    assert tally.adds_up


async def test_what_a_person_dropped_at_the_door_is_rejected() -> None:
    """Intake owns it: validation has never heard of it."""
    tally = await tally_of({"intake": told({"open-e/358": {"dropped": 2}})})
    (line,) = tally.lines
    assert (line.received, line.owned["rejected"], line.in_flight, tally.adds_up) == (2, 2, 0, True)


async def test_bodies_that_nobody_could_read_are_counted_beside() -> None:
    """A platform got no receipt for them, only the id under which they lie."""
    tally = await tally_of({"intake": told({}, item("reading", "", 4))})
    assert (tally.lines, tally.unreadable, tally.adds_up) == ([], 4, True)


@pytest.mark.parametrize(
    ("intake", "validation", "archive"),
    [
        ({"filed": 2}, {}, {"filed": 1}),
        ({"filed": 1}, {}, {"filed": 2}),
        ({"received": 1}, {}, {"filed": 2}),
        ({"received": 1}, {"rejected": 1}, {}),
        ({"held": 1}, {}, {"filed": 1}),
        ({}, {}, {"held": 1}),
    ],
    ids=["lost", "twice", "too many", "not heard", "known otherwise", "from nowhere"],
)
async def test_a_difference_does_not_add_up_and_is_named(
    intake: dict[str, int], validation: dict[str, int], archive: dict[str, int]
) -> None:
    """With the form, the status and both figures."""
    tally = await tally_of(
        {
            "intake": told({"prov": intake}),
            "validation": told({"prov": validation}),
            "archive": told({"prov": archive}),
        }
    )
    assert not tally.adds_up
    assert "prov: intake has heard of " in shown(tally)
    assert shown(tally).endswith("IT DOES NOT ADD UP")


async def test_what_moves_is_counted_again_until_it_adds_up() -> None:
    """The services are asked at slightly different moments."""
    moving = {"intake": told({"prov": {"received": 1}}), "archive": told({"prov": {"filed": 1}})}
    settled = {"intake": told({"prov": {"filed": 1}}), "archive": told({"prov": {"filed": 1}})}
    assert (await tally_of(moving, moving, settled, within=30)).adds_up


async def test_forms_are_told_apart() -> None:
    """One form's surplus does not make up for another's loss."""
    tally = await tally_of(
        {
            "intake": told({"a": {"filed": 1}, "b": {"filed": 1}}),
            "archive": told({"a": {"filed": 2}}),
        }
    )
    assert [line.form for line in tally.lines] == ["a", "b"]
    assert [line.adds_up for line in tally.lines] == [False, False]


async def test_a_service_that_does_not_answer_leaves_no_tally() -> None:
    """Half a tally would look like a loss."""

    class Deaf:
        async def ask(self, service: str, path: str) -> Any:
            raise NoAnswer(f"{service}{path}")

    with pytest.raises(NoAnswer):
        await take_tally(Deaf(), 0)  # type: ignore[arg-type]


counts = st.dictionaries(st.sampled_from(sorted(OWNED_BY)), st.integers(0, 50))


@given(owned=counts, moving=st.integers(0, 50), parked=st.integers(0, 50))
def test_the_sum_of_the_parts_is_what_was_received(owned: dict[str, int], moving: int, parked: int) -> None:
    """In flight is what is left, and what has settled on both sides adds up."""
    whole = {status: owned.get(status, 0) for status in OWNED_BY}
    line = Line("prov", {**whole, "received": moving + parked}, whole, parked)
    assert line.received == line.in_flight + parked + sum(whole.values())
    assert (line.in_flight, line.adds_up) == (moving, True)


@given(owned=counts, status=st.sampled_from(sorted(OWNED_BY)), lost=st.integers(1, 5))
def test_no_loss_adds_up(owned: dict[str, int], status: str, lost: int) -> None:
    """Whatever the other figures are."""
    whole = {name: owned.get(name, 0) for name in OWNED_BY}
    heard = whole | {status: whole[status] + lost}
    assert not Line("prov", heard, whole, 0).adds_up
    assert not Line("prov", whole, heard, 0).adds_up
