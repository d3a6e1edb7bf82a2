"""A letter goes on only from what the same person was really sent about the same thing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, text

from chassis.store import Store, open_store
from notification.__main__ import HISTORY
from notification.headers import Sender, as_bytes
from notification.letters import Letter, Meeting
from notification.mailbag import (
    FIRST_SENT,
    Arrival,
    first_sent,
    letters_written,
    note_arrival,
    put_in,
    settle,
)
from notification.recipients import Committee
from notification.summaries import Frozen, Gathered, Moved, Summary, WeeklyTally
from notification.threads import in_thread, thread_of_report, thread_of_summary
from support.still_clock import StillClock
from support.swedish_letters import LETTER

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DECEMBER, JANUARY = date(2026, 12, 9), date(2027, 1, 13)
DEADLINE = datetime(2026, 11, 27, 11, 0, tzinfo=UTC)
SENDER = Sender("Kansli", "kansli@kommunen.example")
STILL_ON_ITS_WAY = "written"


@dataclass
class Bag:
    """A mailbag, and the letters that were put in it."""

    store: Store
    clock: StillClock
    own: str = field(default_factory=lambda: uuid4().hex)

    def recipient(self, name: str) -> str:
        return f"{name}.{self.own}@kommunen.example"

    async def write(self, number: int, name: str = "nora", thread: str | None = "t") -> Letter:
        """Write the letter and put it in the bag; returns it as it is written."""
        named = f"{self.own}.{number}"
        bare = replace(
            LETTER,
            id=named,
            recipient_address=self.recipient(name),
            message_id=f"<{named}@kommunen.example>",
        )

        async def put(tx: Any) -> Letter:
            letter = await in_thread(tx, bare, thread)
            await put_in(tx, row_of(letter))
            return letter

        return await self.store.write(put)

    async def settle(self, number: int, fate: str) -> None:
        self.clock.pass_by(seconds=1)
        named = f"{self.own}.{number}"
        state = "sent" if fate == "bounced" else fate
        await self.store.write(lambda tx: settle(tx, named, state, "250 Ok"))
        if fate == "bounced":
            now = self.clock()
            await self.store.write(lambda tx: note_arrival(tx, named, Arrival.BOUNCED, now, "5.1.1"))


def row_of(letter: Letter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "submission_id": letter.submission_id,
        "revision": 1,
        "form": "prov",
        "committee": letter.committee,
        "kind": letter.kind,
        "recipient": letter.recipient_address,
        "content": as_bytes(letter, SENDER),
        "written_at": letter.created_at,
        "thread": letter.thread,
    }


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Bag]:
    clock = StillClock(NOW)
    store = open_store(f"sqlite:///{folder}/notification.db", "notification", clock)
    await store.open()
    await store.migrate(HISTORY)
    yield Bag(store, clock)
    await store.close()


@pytest.fixture
async def bag(tmp_path: Path) -> AsyncIterator[Bag]:
    async with opened(tmp_path) as bag:
        yield bag


async def test_the_first_letter_that_was_sent_is_the_root_of_all_later_ones(bag: Bag) -> None:
    """Each later one names it, in both headers, and no other."""
    first = await bag.write(1)
    await bag.settle(1, "sent")
    second = await bag.write(2)
    await bag.settle(2, "sent")
    third = await bag.write(3)
    assert [one.follows for one in (first, second, third)] == [None, first.message_id, first.message_id]
    for later in (second, third):
        message = message_from_bytes(as_bytes(later, SENDER), policy=default)
        assert message.get_all("In-Reply-To") == [first.message_id]
        assert message.get_all("References") == [first.message_id]
    bare = message_from_bytes(as_bytes(first, SENDER), policy=default)
    assert (bare["In-Reply-To"], bare["References"]) == (None, None)


@pytest.mark.parametrize("fate", [STILL_ON_ITS_WAY, "failed", "parked", "dropped", "bounced"])
async def test_a_letter_that_did_not_arrive_is_never_referred_to(bag: Bag, fate: str) -> None:
    """Its name is in no mailbox, so that a reference would tie nothing together."""
    await bag.write(1)
    if fate != STILL_ON_ITS_WAY:
        await bag.settle(1, fate)
    assert (await bag.write(2)).follows is None


async def test_a_letter_that_was_sent_at_last_is_referred_to(bag: Bag) -> None:
    """A person had it sent again after it failed."""
    first = await bag.write(1)
    await bag.settle(1, "failed")
    await bag.settle(1, "sent")
    assert (await bag.write(2)).follows == first.message_id


@pytest.mark.parametrize(("name", "thread"), [("kopia", "t"), ("nora", "u"), ("nora", None)])
async def test_another_persons_letter_and_another_matters_are_never_referred_to(
    bag: Bag, name: str, thread: str | None
) -> None:
    """She never saw it; or it is of something else."""
    await bag.write(1)
    await bag.settle(1, "sent")
    assert (await bag.write(2, name, thread)).follows is None


async def test_a_reference_is_the_name_that_was_sent_whatever_the_house_is_called_since(bag: Bag) -> None:
    """It is read from the letter that went out, not made anew with today's domain."""
    old = replace(
        LETTER,
        id=f"{bag.own}.old",
        recipient_address=bag.recipient("nora"),
        message_id="<1@gamla.example>",
        thread="t",
    )
    await bag.store.write(lambda tx: put_in(tx, row_of(old)))
    await bag.store.write(lambda tx: settle(tx, old.id, "sent", None))
    assert (await bag.write(2)).follows == "<1@gamla.example>"


step = st.tuples(
    st.sampled_from(["nora", "kopia"]),
    st.sampled_from(["t", "u"]),
    st.integers(0, 9),
    st.sampled_from([STILL_ON_ITS_WAY, "sent", "sent", "failed", "dropped", "bounced"]),
)
Step = tuple[str, str, int, str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("threads")


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(step, min_size=1, max_size=10))
def test_whatever_the_order_only_the_first_that_was_sent_is_referred_to(
    folder: Path, steps: Sequence[Step]
) -> None:
    """Letters are written while others are on their way, and settled in any order."""
    asyncio.run(follow(folder, steps))


async def follow(folder: Path, steps: Sequence[Step]) -> None:
    roots: dict[tuple[str, str], str] = {}
    unsettled: list[tuple[int, str, str]] = []
    async with opened(folder) as bag:
        for number, (name, thread, which, fate) in enumerate(steps):
            letter = await bag.write(number, name, thread)
            assert letter.follows == roots.get((name, thread))
            unsettled.append((number, name, thread))
            if fate == STILL_ON_ITS_WAY:
                continue
            settled, *place = unsettled.pop(which % len(unsettled))
            await bag.settle(settled, fate)
            if fate == "sent":
                roots.setdefault((place[0], place[1]), f"<{bag.own}.{settled}@kommunen.example>")


async def test_an_index_finds_the_first_letter_of_a_thread(bag: Bag) -> None:
    """However many letters there are; the question is asked for each letter that is written."""
    plan = await plan_of(bag, FIRST_SENT.params(its_recipient="a", its_thread="t"))
    assert any("letters_of_thread (recipient=? AND thread=? AND state=?)" in line for line in plan)
    assert await bag.store.write(lambda tx: first_sent(tx, "a", "t")) is None


async def test_an_index_finds_the_letters_of_a_week(bag: Bag) -> None:
    """However many weeks there were; nobody else writes while they are counted."""
    plan = await plan_of(bag, letters_written("a", NOW, NOW + timedelta(days=7)))
    assert any("letters_of_week (committee=? AND written_at>? AND written_at<?)" in line for line in plan)


async def plan_of(bag: Bag, question: Select[Any]) -> list[str]:
    async with bag.store.read() as connection:
        words = question.compile(connection.engine, compile_kwargs={"literal_binds": True})
        return [str(row.detail) for row in await connection.execute(text(f"EXPLAIN QUERY PLAN {words}"))]


def committee(*meetings: dict[str, Any]) -> Committee:
    return Committee.model_validate(
        {
            "id": "valfard",
            "name": "Välfärd- och servicenämnden",
            "secretary": {"name": "Nora Sekreterarsson", "email": "nora@kommunen.example"},
            "meetings": meetings,
        }
    )


def planned(day: date, **more: Any) -> dict[str, Any]:
    return {"date": day, "time": "13:00", "deadline": DEADLINE, **more}


def of_secretary(house: Committee, day: date | None) -> str | None:
    meeting = Meeting(date=day, deadline=DEADLINE) if day else None
    return thread_of_report(house, replace(LETTER, kind="filed"), meeting)


def test_a_meeting_that_has_moved_goes_on_in_its_thread() -> None:
    """By the name that the calendar keeps; without one its day is its name."""
    before = committee(planned(DECEMBER, id="vintern"))
    after = committee(planned(JANUARY, id="vintern"))
    assert of_secretary(before, DECEMBER) == of_secretary(after, JANUARY) == "meeting valfard vintern"
    assert of_secretary(committee(planned(DECEMBER)), DECEMBER) == "meeting valfard 2026-12-09"
    assert of_secretary(committee(), DECEMBER) == "meeting valfard 2026-12-09"
    assert of_secretary(before, None) is None


@pytest.mark.parametrize("kind", ["received", "returned", "rejected_submitter"])
def test_who_sent_a_report_has_a_thread_of_the_report(kind: Any) -> None:
    """She knows the report, and perhaps not the meeting; at two reports she has two."""
    letter = replace(LETTER, kind=kind, submission_id="s1")
    meeting = Meeting(date=DECEMBER, deadline=DEADLINE)
    assert thread_of_report(committee(), letter, meeting) == "report s1"
    assert thread_of_report(committee(), letter, None) == "report s1"


WEEK = WeeklyTally(DECEMBER, DECEMBER, (), (), sent=0, failed=0, on_the_way=0, delivered=0, bounced=0)


def change(moved_from: date | None, known_as: str | None) -> Moved:
    return Moved(moved_from, None, True, None, (), 0, None, known_as)


@pytest.mark.parametrize(
    ("told", "thread"),
    [
        (Frozen(Meeting(date=JANUARY, deadline=DEADLINE), 1, 2), "meeting valfard vintern"),
        (change(DECEMBER, "vintern"), "meeting valfard vintern"),
        (change(DECEMBER, "utelämnat"), "meeting valfard utelämnat"),
        (change(JANUARY, None), "meeting valfard vintern"),
        (change(None, None), None),
        (Gathered((), ()), None),
        (WEEK, None),
    ],
)
def test_a_summary_is_in_the_thread_of_the_one_meeting_that_it_is_about(
    told: Summary, thread: str | None
) -> None:
    """Also when the meeting has moved or been left out; a week or several meetings are no thread."""
    assert thread_of_summary(committee(planned(JANUARY, id="vintern")), told) == thread
