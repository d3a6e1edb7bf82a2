"""Documents of one submission come in any order, and are read in any order: the newest one wins."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from chassis.events import STRUCTURED, unpack
from chassis.store import Store, Transaction
from chassis.store.tables import outbox
from intake.events import Attachment, Submitter
from intake.scanning import scan_pending
from intake.submissions import (
    Incoming,
    OtherForm,
    Receipt,
    Submission,
    Taken,
    let_fall,
    say_anew,
    submissions,
    take,
    take_reading,
)

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NUMBERS = count()


@dataclass(frozen=True)
class Arrival:
    """When it was submitted (minutes after the start), and whether it could be read when it came."""

    minute: int
    readable: bool


def unread(reference: str, minute: int) -> Incoming:
    return Incoming(
        caller="e-tjanst",
        idempotency_key=None,
        digest=f"bytes {minute}",
        document=f"bytes {minute}",
        form="open-e/901",
        reference=reference,
        submitted_at=START + timedelta(minutes=minute),
        received_at=START,
    )


def reading(reference: str, minute: int, form: str = "prov") -> Submission:
    return Submission(
        caller="e-tjanst",
        idempotency_key=None,
        digest=f"content {minute}",
        document=f"bytes {minute}",
        form=form,
        form_version=1,
        reference=reference,
        submitted_at=START + timedelta(minutes=minute),
        received_at=START,
        arrived_at=START,
        submitter=Submitter(name="Anna Exempelsson", email="a@b.example", personal_number_hash=None),
        data={"minut": minute},
        attachments=[],
    )


def unscanned(reference: str, minute: int) -> Submission:
    """One with a file that the scanner has not seen."""
    file = Attachment(name="a.pdf", media_type="application/pdf", size=1, sha256="0", object="00/0")
    return replace(reading(reference, minute), attachments=[file], findings=[scan_pending(0)])


async def arrive(store: Store, reference: str, arrival: Arrival) -> Receipt:
    made = (reading if arrival.readable else unread)(reference, arrival.minute)
    return await store.write(lambda tx: take(tx, made))


async def read_late(store: Store, reference: str, minute: int, receipt: Receipt, form: str = "prov") -> None:
    made = reading(reference, minute, form)
    await store.write(lambda tx: take_reading(tx, made, receipt.id, receipt.revision))


async def said(store: Store, reference: str) -> list[tuple[int, int]]:
    """Revision and minute of what was said, in the order in which it was."""
    async with store.read() as connection:
        bodies = (await connection.execute(select(outbox.c.body).order_by(outbox.c.id))).scalars().all()
    events = [received.envelope for body in bodies for received in unpack(body, STRUCTURED)]
    return [
        (event.data["revision"], event.data["data"]["minut"])
        for event in events
        if event is not None and event.data["reference"] == reference
    ]


async def row(store: Store, reference: str) -> Any:
    async with store.read() as connection:
        query = select(submissions).where(submissions.c.reference == reference)
        return (await connection.execute(query)).one()


async def live(store: Store, reference: str, arrivals: Sequence[Arrival], order: Sequence[int]) -> None:
    """All arrive; then what waits is read, in the order given."""
    receipts = [await arrive(store, reference, arrival) for arrival in arrivals]
    for index in order:
        if not arrivals[index].readable:
            await read_late(store, reference, arrivals[index].minute, receipts[index])


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[Arrival], list[int]]:
    minutes = draw(st.lists(st.integers(0, 9), min_size=1, max_size=5, unique=True))
    arrivals = [Arrival(minute, draw(st.booleans())) for minute in minutes]
    return arrivals, draw(st.permutations(range(len(arrivals))))


@given(life=lives())
@settings(deadline=None)
def test_the_newest_is_said_last_and_with_the_highest_number(
    runner: asyncio.Runner, store: Store, life: tuple[list[Arrival], list[int]]
) -> None:
    """Whatever comes after us goes by the number of the revision: it must rise with the time."""
    reference = f"r-{next(NUMBERS)}"
    runner.run(live(store, reference, *life))
    heard = runner.run(said(store, reference))
    assert heard == sorted(heard)
    assert [minute for _, minute in heard] == sorted(minute for _, minute in heard)
    assert heard[-1][1] == max(arrival.minute for arrival in life[0])
    kept = runner.run(row(store, reference))
    assert (kept.form, kept.status, kept.revision) == ("prov", "received", heard[-1][0])


def test_a_document_that_waits_while_another_is_said_anew_is_still_the_newest(
    runner: asyncio.Runner, store: Store
) -> None:
    """The first is said anew above the number that waits; what is read then goes above that again."""

    async def lived() -> Any:
        first = await store.write(lambda tx: take(tx, unscanned("anew", 1)))
        waiting = await arrive(store, "anew", Arrival(2, False))
        await store.write(lambda tx: scanned(tx, first))
        await read_late(store, "anew", 2, waiting)
        await arrive(store, "anew", Arrival(3, True))
        return await row(store, "anew")

    kept = runner.run(lived())
    assert runner.run(said(store, "anew")) == [(1, 1), (3, 1), (4, 2), (5, 3)]
    assert (kept.revision, kept.status) == (5, "received")


async def scanned(tx: Transaction, receipt: Receipt) -> None:
    event = await say_anew(tx, receipt.id, receipt.revision, lambda event: event)
    assert event is not None
    await tx.say(event)


def test_a_document_keeps_its_receipt_however_it_is_read_later(runner: asyncio.Runner, store: Store) -> None:
    """It says parked and the label for ever; the status says what became of it."""

    async def sent_again() -> tuple[Receipt, Receipt, Receipt]:
        first = await arrive(store, "again", Arrival(1, False))
        as_before = await arrive(store, "again", Arrival(1, True))
        await read_late(store, "again", 1, first)
        return first, as_before, await arrive(store, "again", Arrival(1, True))

    first, *others = runner.run(sent_again())
    assert [other.taken for other in others] == [Taken.REPLAYED] * 2
    assert [other.told for other in others] == [first.told] * 2
    assert (first.told["status"], first.told["form"]) == ("parked", "open-e/901")


def test_what_turns_out_to_be_of_another_form_is_not_taken(runner: asyncio.Runner, store: Store) -> None:
    """A submission that has a form keeps it; nothing is said."""

    async def completed() -> None:
        await arrive(store, "other", Arrival(1, True))
        receipt = await arrive(store, "other", Arrival(2, False))
        await read_late(store, "other", 2, receipt, "annan")

    with pytest.raises(OtherForm):
        runner.run(completed())
    assert runner.run(said(store, "other")) == [(1, 1)]


def test_a_completion_that_waits_leaves_the_status_alone(runner: asyncio.Runner, store: Store) -> None:
    """The sender goes on hearing of what was read."""

    async def completed() -> Any:
        await arrive(store, "waits", Arrival(1, True))
        await arrive(store, "waits", Arrival(2, False))
        return await row(store, "waits")

    kept = runner.run(completed())
    assert (kept.status, kept.form, kept.revision) == ("received", "prov", 1)


def test_one_that_was_let_fall_can_be_completed(runner: asyncio.Runner, store: Store) -> None:
    """A later document that can be read makes a submission of it after all."""

    async def lived() -> list[str]:
        receipt = await arrive(store, "fell", Arrival(1, False))
        await store.write(lambda tx: let_fall(tx, receipt.id, receipt.revision, []))
        fell = (await row(store, "fell")).status
        await arrive(store, "fell", Arrival(2, True))
        return [fell, (await row(store, "fell")).status]

    assert runner.run(lived()) == ["dropped", "received"]
    assert runner.run(said(store, "fell")) == [(2, 2)]
