"""The letters that were written: their bytes, and what became of each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.parser import BytesHeaderParser
from enum import StrEnum
from typing import Any, get_args

from sqlalchemy import (
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    String,
    Table,
    Text,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Row

from chassis.store import Store, Transaction
from chassis.store.tables import Moment
from notification.recipients import SummaryKind

metadata = MetaData()

letters = Table(
    "letters",
    metadata,
    Column("id", String, primary_key=True),
    Column("submission_id", String, nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("form", String, nullable=False),
    Column("committee", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("recipient", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("state", String, nullable=False),
    Column("uncertain", Integer, nullable=False),
    Column("answer", Text),
    Column("written_at", Moment, nullable=False),
    Column("settled_at", Moment),
    Column("deferred_since", Moment),
    Column("delivered_at", Moment),
    Column("delayed_at", Moment),
    Column("bounced_at", Moment),
    Column("arrival_status", String),
    Column("thread", String),
    Index("letters_of_thread", "recipient", "thread", "state", "settled_at"),
    Column("meeting_date", Date),
)
"""`state` is written, sent, failed, parked or dropped; `uncertain` counts the times when nobody knows
whether it was taken. Of each kind of report of delivery the latest one's time is kept, and of the
latest of all its status (RFC 3463). `meeting_date` is the meeting that it was about when it was written.

The bytes are made once, so that a letter that has to be sent again is the same letter.
`thread` names what letters to one recipient have in common, if anything.
"""
Index("letters_by_state", letters.c.form, letters.c.state)
Index("letters_of_meeting", letters.c.committee, letters.c.meeting_date)
Index("letters_of_week", letters.c.committee, letters.c.written_at)


letter_reports = Table(
    "letter_reports",
    metadata,
    Column("letter_id", String, primary_key=True),
    Column("submission_id", String, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("form", String, nullable=False),
)
"""The reports that a gathered letter tells of: what becomes of it is told of each."""


@dataclass(frozen=True, slots=True)
class Told:
    """A report that a letter told of, and the name that the letter has among that report's letters."""

    submission_id: str
    revision: int
    form: str
    letter_id: str


async def told_in(tx: Transaction, letter: Row[Any]) -> Sequence[Told]:
    """The reports that the letter told of; without any the meeting, under its name; none for a week.

    What is about a meeting has its name, `<committee>-<date>`, for a submission, and revision 0.
    """
    if letter.kind not in get_args(SummaryKind):
        return [Told(letter.submission_id, letter.revision, letter.form, letter.id)]
    query = select(letter_reports).where(letter_reports.c.letter_id == letter.id)
    ordered = query.order_by(letter_reports.c.submission_id, letter_reports.c.revision)
    reports = [
        Told(row.submission_id, row.revision, row.form, _name_within(row, letter))
        for row in await tx.all(ordered)
    ]
    if reports or letter.meeting_date is None:
        return reports
    return [Told(letter.submission_id, 0, "", letter.id)]


def _name_within(row: Row[Any], letter: Row[Any]) -> str:
    """One letter is told of once per report, and whoever keeps it by its name must not take two for one."""
    return f"{row.submission_id}.{row.revision}.{letter.kind}.{letter.id.rpartition('.')[2]}"


async def put_in(tx: Transaction, row: dict[str, Any]) -> bool:
    """Keep a new letter; tells whether it was new."""
    unsent = {"state": "written", "uncertain": 0}
    return await tx.insert_once(letters, row | unsent)


FIRST_SENT = (
    select(letters.c.content)
    .where(
        letters.c.recipient == bindparam("its_recipient"),
        letters.c.thread == bindparam("its_thread"),
        letters.c.state == "sent",
        letters.c.bounced_at.is_(None),
    )
    .order_by(letters.c.settled_at, letters.c.id)
    .limit(1)
)
"""What is not known to have bounced; the index `letters_of_thread` answers."""


async def first_sent(tx: Transaction, recipient: str, thread: str) -> str | None:
    """The Message-ID of the first letter of the thread that the recipient was sent, as it was sent."""
    row = await tx.one(FIRST_SENT, {"its_recipient": recipient, "its_thread": thread})
    return None if row is None else str(BytesHeaderParser().parsebytes(row.content)["Message-ID"])


_BY_ID = select(letters).where(letters.c.id == bindparam("its_id"))
_LOCKED = _BY_ID.with_for_update()
_SETTLED = (
    update(letters)
    .where(letters.c.id == bindparam("its_id"))
    .values(
        state=bindparam("its_state"),
        answer=bindparam("its_answer"),
        settled_at=bindparam("now"),
        deferred_since=None,
    )
)


async def take_out(store: Store, letter_id: str) -> Row[Any]:
    async with store.read() as connection:
        return (await connection.execute(_BY_ID, {"its_id": letter_id})).one()


async def settle(tx: Transaction, letter_id: str, state: str, answer: str | None) -> None:
    settled = {"its_id": letter_id, "its_state": state, "its_answer": answer, "now": tx.clock()}
    await tx.execute(_SETTLED, settled)


async def count_uncertain(tx: Transaction, letter_id: str) -> int:
    """Count one time more; returns how many there are."""
    counted = (
        update(letters)
        .where(letters.c.id == letter_id)
        .values(uncertain=letters.c.uncertain + 1)
        .returning(letters.c.uncertain)
    )
    return int((await tx.execute(counted)).scalar_one())


async def note_deferral(tx: Transaction, letter_id: str, since: datetime) -> None:
    await tx.execute(update(letters).where(letters.c.id == letter_id).values(deferred_since=since))


class Arrival(StrEnum):
    """What the latest report of delivery said of a letter; of two at the same time the worse holds."""

    DELIVERED = "delivered"
    DELAYED = "delayed"
    BOUNCED = "bounced"


def arrival(letter: Row[Any]) -> Arrival | None:
    """Whether the letter has arrived, by the times of its reports and not by their order of arrival."""
    times = {kind: letter._mapping[f"{kind}_at"] for kind in Arrival}
    known = [(at, rank, kind) for rank, (kind, at) in enumerate(times.items()) if at is not None]
    return max(known)[2] if known else None


async def note_arrival(tx: Transaction, letter_id: str, kind: Arrival, at: datetime, status: str) -> Arrival:
    """Keep what a report says; returns what holds of the letter now.

    An old report that comes late changes nothing that a later one said.
    """
    letter = await locked(tx, letter_id)
    before = letter._mapping[f"{kind}_at"]
    if before is None or at > before:
        await tx.execute(update(letters).where(letters.c.id == letter_id).values({f"{kind}_at": at}))
    now = arrival(await locked(tx, letter_id))
    if now is kind:
        await tx.execute(update(letters).where(letters.c.id == letter_id).values(arrival_status=status))
    return now or kind


def sent_at(letter: Row[Any], now: datetime) -> datetime:
    """When the letter was sent: at the latest before any report of it, which may come ahead of the answer."""
    reported: list[datetime | None] = [letter._mapping[f"{kind}_at"] for kind in Arrival]
    return min([now, *(at for at in reported if at is not None)])


def has_failed(letter: Row[Any]) -> bool:
    """Whether it has been told of the letter that it will not arrive, or did not."""
    return letter.state in ("failed", "dropped") or letter.bounced_at is not None


def is_astray(letter: Row[Any]) -> bool:
    """Whether the letter has not arrived, and nothing has been heard since of its having done so."""
    last = arrival(letter)
    refused = letter.state in ("failed", "dropped")
    return last is Arrival.BOUNCED or (refused and last is not Arrival.DELIVERED)


def bounced_at(letter: Row[Any], at: datetime) -> datetime:
    """When it bounced: not before it was sent, whatever the other server's clock says."""
    return max(at, letter.settled_at) if letter.state == "sent" else at


def arrived_at(letter: Row[Any], at: datetime) -> datetime:
    """When it arrived after all: after it was given up, as what was told last is what holds."""
    return max(at, letter.settled_at + datetime.resolution) if letter.settled_at else at


async def locked(tx: Transaction, letter_id: str) -> Row[Any]:
    row = await tx.one(_LOCKED, {"its_id": letter_id})
    if row is None:
        raise NoSuchLetter(letter_id)
    return row


class NoSuchLetter(Exception):
    """A report names a letter that this house never wrote."""


def letters_in_doubt(committee: str, meetings: Collection[date]) -> Select[Any]:
    """The letters about the committee's meetings of these days that may be astray, the oldest first."""
    return (
        select(letters)
        .where(letters.c.committee == committee, letters.c.meeting_date.in_(meetings))
        .where(or_(letters.c.state.in_(("failed", "dropped")), letters.c.bounced_at.is_not(None)))
        .order_by(letters.c.written_at, letters.c.id)
    )


def letters_written(committee: str, since: datetime, until: datetime) -> Select[Any]:
    """What became of the committee's letters of that time; the index `letters_of_week` answers."""
    times = (letters.c[f"{kind}_at"] for kind in Arrival)
    written = letters.c.written_at >= since, letters.c.written_at < until
    return select(letters.c.state, *times).where(letters.c.committee == committee, *written)


async def count_unsent(
    store: Store, committee: str, meetings: Collection[date], kinds: Collection[str]
) -> int:
    """How many letters about the committee's meetings of these days wait to be sent, but of these kinds."""
    query = select(func.count()).where(
        letters.c.committee == committee,
        letters.c.meeting_date.in_(meetings),
        letters.c.state.in_(("written", "parked")),
        letters.c.kind.not_in(kinds),
    )
    async with store.read() as connection:
        return int(await connection.scalar(query) or 0)


async def tally(store: Store) -> dict[str, dict[str, int]]:
    """How many letters there are, by form and state."""
    query = select(letters.c.form, letters.c.state, func.count()).group_by(letters.c.form, letters.c.state)
    counts: dict[str, dict[str, int]] = {}
    async with store.read() as connection:
        for form, state, count in await connection.execute(query):
            counts.setdefault(form, {})[state] = count
    return counts
