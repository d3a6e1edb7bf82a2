"""The reports of the committees, the meetings they go to, and every act upon them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
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
from sqlalchemy.ext.asyncio import AsyncConnection

from archive.calendar import Meeting
from archive.events import Judged, MeetingPlace
from chassis.sealing import sealing_keys as sealing_keys_of
from chassis.store import Store, Transaction
from chassis.store.tables import Moment, RowNumber, padded

metadata = MetaData()

reports = Table(
    "reports",
    metadata,
    Column("submission_id", String, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("form", String, nullable=False),
    Column("form_version", Integer, nullable=False),
    Column("committee", String, nullable=False),
    Column("status", String, nullable=False),
    Column("meeting_date", Date),
    Column("late", Boolean, nullable=False),
    Column("reference", String, nullable=False),
    Column("title", String, nullable=False),
    Column("subject", Text, nullable=False),
    Column("unit", String),
    Column("unit_name", String),
    Column("event_date", Date),
    Column("received_at", Moment, nullable=False),
    Column("arrived_at", Moment, nullable=False),
    Column("diarienummer", String),
    Column("submitter", JSON, nullable=False),
    Column("data", JSON, nullable=False),
    Column("findings", JSON, nullable=False),
    Column("compensation", JSON, nullable=False),
    Column("attachments", JSON, nullable=False),
    Column("rank", Integer),
    Column("placed", Boolean, nullable=False),
    Column("masked", Boolean, nullable=False),
    Column("corrects", Integer),
    Column("registered_at", Moment),
    Column("paragraph", String),
)
"""One row per submission, as its newest standing revision has it, or as it was rejected if none stands.

`status` is one of filed, held, returned, rejected, frozen (in a packet) and reported (after the meeting).
`rank` is the place in the agenda that a person gave it, `placed` that a person chose its meeting.
`corrects` is the number of the packet that holds an earlier revision; `paragraph` is the minutes'.
"""
Index("reports_of_meeting", reports.c.committee, reports.c.meeting_date, reports.c.arrived_at)
WAITING = ("filed", "held")
"""What a calendar decides about: it goes to a meeting and lies in no packet."""

Index(
    "reports_waiting",
    reports.c.committee,
    reports.c.status,
    reports.c.meeting_date,
    sqlite_where=reports.c.status.in_(WAITING),
    postgresql_where=reports.c.status.in_(WAITING),
)
Index("reports_by_diarienummer", reports.c.committee, reports.c.diarienummer)

acts = Table(
    "acts",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("submission_id", String, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("at", Moment, nullable=False),
    Column("event", String, nullable=False),
    Column("by", String, nullable=False),
    Column("reason", Text),
    Column("before", JSON(none_as_null=True)),
)
"""Who did what to a report, when and why; the database itself lets rows only be added.

`before` is what the act changed, as it was, where it can be undone.
"""

set_aside = Table(
    "set_aside",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("submission_id", String, nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("committee", String, nullable=False),
    Column("status", String, nullable=False),
    Column("at", Moment, nullable=False),
    Column("report", JSON, nullable=False),
)
"""What came and is not the report that stands: earlier revisions, and later ones that were rejected."""
Index("set_aside_of_committee", set_aside.c.committee, set_aside.c.status)

originals = Table(
    "originals",
    metadata,
    Column("submission_id", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
)
"""What a report said before it was masked, readable only with the key; `version` is the masked one's."""

sealing_keys = sealing_keys_of(metadata)

IN_A_PACKET = ("frozen", "reported")
AT_A_MEETING = ("filed", "held", "frozen", "reported")
IN_ORDER = (reports.c.rank.is_(None), reports.c.rank, reports.c.arrived_at, reports.c.submission_id)
"""The agenda's order: where a person put them, and after these as they arrived."""

AUTOMATIC = "kansli"
"""Who acts when no person does."""


_KNOWN = select(reports).where(reports.c.submission_id == bindparam("its_id")).with_for_update()


def filing(committee: str) -> str:
    """The lock of who files a committee's reports or freezes its packets: what is frozen takes no more."""
    return f"filing {committee}"


_ALL_KNOWN = (
    select(reports).where(reports.c.submission_id.in_(bindparam("ids", expanding=True))).with_for_update()
)


async def foresee_known(tx: Transaction, submission_ids: Sequence[str]) -> None:
    """Ask for several reports at once; each is then known to who asks for it first."""
    rows = await tx.all(_ALL_KNOWN, {"ids": padded(submission_ids)}) if submission_ids else ()
    found = {row.submission_id: row for row in rows}
    tx.remembered.update({(reports, one): found.get(one) for one in submission_ids})


async def known(tx: Transaction, submission_id: str) -> Row[Any] | None:
    """The report as it is, and as nobody else can change it before this transaction ends."""
    if (reports, submission_id) in tx.remembered:
        foreseen: Row[Any] | None = tx.remembered.pop((reports, submission_id))
        return foreseen
    return await tx.one(_KNOWN, {"its_id": submission_id})


def as_judged(event: Judged) -> dict[str, Any]:
    """The columns of a report that come from its judgement."""
    paid = getattr(event, "compensation", [])
    return {
        "submission_id": event.submission_id,
        "revision": event.revision,
        "form": event.form,
        "form_version": event.form_version,
        "committee": event.committee,
        "reference": event.reference,
        "title": event.title,
        "subject": event.subject,
        "unit": event.unit,
        "unit_name": event.unit_name,
        "event_date": event.event_date,
        "received_at": event.received_at,
        "arrived_at": event.arrived_at,
        "compensation": [line.model_dump(exclude_none=True) for line in paid],
        "masked": False,
        **event.model_dump(mode="json", include={"submitter", "data", "findings", "attachments"}),
    }


async def store_report(tx: Transaction, values: Mapping[str, Any], before: Row[Any] | None) -> Any:
    """Put a report, or its newer revision, in its place; what stood there before is set aside.

    Returns it with a column for each attribute, as a row would.
    """
    if before is None:
        row = {**dict.fromkeys(reports.c.keys()), "version": 1, **values}
        tx.insert_later(reports, row)
        return SimpleNamespace(**row)
    if before.revision != values["revision"]:
        await put_aside(tx, before)
    return await change(tx, before, **values)


async def change(tx: Transaction, report: Row[Any], **values: Any) -> Row[Any]:
    """Give the report a new version with these values; returns it as it is now."""
    changed = (
        update(reports)
        .where(reports.c.submission_id == report.submission_id)
        .values(**{**values, "version": report.version + 1})
        .returning(reports)
    )
    return (await tx.execute(changed)).one()


async def put_aside(tx: Transaction, report: Row[Any]) -> None:
    """Keep a revision that another one takes the place of."""
    await _put_aside(tx, report.status, report.revision, from_json(to_json(report._asdict())))


async def put_rejected_aside(tx: Transaction, event: Judged) -> None:
    """Keep a revision that was rejected while an earlier one stands."""
    await _put_aside(tx, "rejected", event.revision, event.model_dump(mode="json"))


async def _put_aside(tx: Transaction, status: str, revision: int, report: Mapping[str, Any]) -> None:
    row = {
        "submission_id": report["submission_id"],
        "revision": revision,
        "committee": report["committee"],
        "status": status,
        "at": tx.clock(),
        "report": report,
    }
    await tx.insert(set_aside, row)


async def rejected_aside(tx: Transaction, report: Row[Any]) -> Row[Any] | None:
    """The newest revision that was rejected while the report stood."""
    return await tx.one(
        select(set_aside)
        .where(
            set_aside.c.submission_id == report.submission_id,
            set_aside.c.status == "rejected",
            set_aside.c.revision > report.revision,
        )
        .order_by(set_aside.c.revision.desc())
        .limit(1)
    )


async def record_act(
    tx: Transaction,
    submission_id: str,
    version: int,
    event: str,
    by: str = AUTOMATIC,
    reason: str | None = None,
    before: Mapping[str, Any] | None = None,
) -> None:
    row = {
        "submission_id": submission_id,
        "version": version,
        "at": tx.clock(),
        "event": event,
        "by": by,
        "reason": reason,
        "before": before,
    }
    tx.insert_later(acts, row)


async def last_act(tx: Transaction, submission_id: str) -> Row[Any] | None:
    await tx.flush()
    query = select(acts).where(acts.c.submission_id == submission_id).order_by(acts.c.id.desc())
    return await tx.one(query.limit(1))


async def was_done(tx: Transaction, submission_id: str, event: str) -> bool:
    """Whether it was ever done to the report."""
    await tx.flush()
    query = select(acts.c.id).where(acts.c.submission_id == submission_id, acts.c.event == event)
    return await tx.one(query.limit(1)) is not None


async def report_of(connection: AsyncConnection, submission_id: str) -> Row[Any] | None:
    return (await connection.execute(select(reports).where(reports.c.submission_id == submission_id))).first()


async def acts_of(connection: AsyncConnection, submission_id: str) -> Sequence[Row[Any]]:
    query = select(acts).where(acts.c.submission_id == submission_id).order_by(acts.c.id)
    return (await connection.execute(query)).all()


async def acts_by_report(
    connection: AsyncConnection, submission_ids: Sequence[str]
) -> Mapping[str, Sequence[Row[Any]]]:
    """The history of each of the reports, in one question."""
    query = select(acts).where(acts.c.submission_id.in_(submission_ids)).order_by(acts.c.id)
    found: dict[str, list[Row[Any]]] = {submission_id: [] for submission_id in submission_ids}
    for act in await connection.execute(query):
        found[act.submission_id].append(act)
    return found


async def reports_for(connection: AsyncConnection, committee: str, day: date | None) -> Sequence[Row[Any]]:
    """What goes to the meeting of that day (None: to no meeting yet), in the order of the agenda."""
    query = (
        select(reports)
        .where(
            reports.c.committee == committee,
            reports.c.meeting_date == day if day else reports.c.meeting_date.is_(None),
            reports.c.status.in_(AT_A_MEETING),
        )
        .order_by(*IN_ORDER)
    )
    return (await connection.execute(query)).all()


async def rejected_of(connection: AsyncConnection, committee: str) -> Sequence[Row[Any]]:
    """What came in and was rejected, newest first, whether or not an earlier revision stands."""
    query = (
        select(reports)
        .where(reports.c.committee == committee, reports.c.status == "rejected")
        .order_by(reports.c.arrived_at.desc(), reports.c.submission_id)
    )
    return (await connection.execute(query)).all()


async def rejected_aside_of(connection: AsyncConnection, committee: str) -> Sequence[Row[Any]]:
    """Rejected revisions of reports that stand as an earlier one, with the version of the report."""
    query = (
        select(set_aside, reports.c.version)
        .join(reports, reports.c.submission_id == set_aside.c.submission_id)
        .where(
            set_aside.c.committee == committee,
            set_aside.c.status == "rejected",
            set_aside.c.revision > reports.c.revision,
        )
        .order_by(set_aside.c.id.desc())
    )
    return (await connection.execute(query)).all()


async def frozen_aside(connection: AsyncConnection, wanted: Sequence[tuple[str, int]]) -> list[Any]:
    """Those frozen revisions, as they were when a newer one took their place, as reports have them.

    One that was rejected first, and accepted and frozen later, was set aside twice.
    """
    query = select(set_aside).where(
        set_aside.c.submission_id.in_([one for one, _ in wanted]), set_aside.c.status.in_(IN_A_PACKET)
    )
    rows = (await connection.execute(query)).all() if wanted else ()
    return [_as_it_was(row.report) for row in rows if (row.submission_id, row.revision) in set(wanted)]


_DAYS = ("meeting_date", "event_date")
_MOMENTS = ("received_at", "arrived_at", "registered_at")


def _as_it_was(report: Mapping[str, Any]) -> SimpleNamespace:
    """JSON has no dates; a report has."""
    days = {name: date.fromisoformat(report[name]) for name in _DAYS if report.get(name)}
    moments = {name: datetime.fromisoformat(report[name]) for name in _MOMENTS if report.get(name)}
    return SimpleNamespace(**{**report, **days, **moments})


async def counts_by_meeting(
    connection: AsyncConnection, committee: str
) -> Mapping[tuple[date | None, str], int]:
    """How many reports each meeting has, by status."""
    query = (
        select(reports.c.meeting_date, reports.c.status, func.count())
        .where(reports.c.committee == committee)
        .group_by(reports.c.meeting_date, reports.c.status)
    )
    return {(day, status): count for day, status, count in await connection.execute(query)}


async def tally(store: Store) -> dict[str, dict[str, int]]:
    """How many reports there are, by form and status; one that was reported lies in a frozen packet."""
    query = select(reports.c.form, reports.c.status, func.count()).group_by(reports.c.form, reports.c.status)
    counts: dict[str, dict[str, int]] = {}
    async with store.read() as connection:
        for form, status, count in await connection.execute(query):
            of_form = counts.setdefault(form, {})
            told = "frozen" if status == "reported" else status
            of_form[told] = of_form.get(told, 0) + count
    return counts


_WAITING_BY_STATUS = (
    select(reports.c.status, func.count().label("number"))
    .where(
        reports.c.committee == bindparam("its_committee"),
        reports.c.status.in_(bindparam("statuses", WAITING, expanding=True, literal_execute=True)),
        or_(reports.c.meeting_date.is_(None), reports.c.meeting_date >= bindparam("today")),
    )
    .group_by(reports.c.status)
)
"""The index `reports_waiting` answers, for which SQLite must see the statuses as they stand."""


async def waiting_by_status(connection: AsyncConnection, committee: str, today: date) -> dict[str, int]:
    """How many reports wait for a meeting from today on, or for one to be put in the calendar."""
    about = {"its_committee": committee, "today": today}
    rows = await connection.execute(_WAITING_BY_STATUS, about)
    return {row.status: row.number for row in rows}


PASSED_ON = (
    "submission_id",
    "revision",
    "version",
    "form",
    "committee",
    "title",
    "subject",
    "reference",
    "unit",
    "unit_name",
    "event_date",
    "arrived_at",
    "late",
    "findings",
    "submitter",
)
"""What is told of a report to other services."""


def place_of(committee: str, meeting: Meeting | None) -> MeetingPlace | None:
    if meeting is None:
        return None
    return MeetingPlace(
        committee=committee,
        date=meeting.date,
        time=f"{meeting.time:%H:%M}",
        place=meeting.place,
        deadline=meeting.deadline,
    )
