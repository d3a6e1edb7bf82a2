"""The reports of the committees, the meetings they go to, and every act upon them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from archive.calendar import Meeting
from archive.events import MeetingPlace, SubmissionAccepted
from chassis.store import Store, Transaction
from chassis.store.tables import Moment, RowNumber

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
)
"""One row per report, as its newest standing revision has it; `status` is filed, held or returned."""
Index("reports_of_meeting", reports.c.committee, reports.c.meeting_date, reports.c.arrived_at)

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
)
"""Who did what to a report, when and why; rows are only ever added."""

AUTOMATIC = "kansli"
"""Who acts when no person does."""


async def known(tx: Transaction, submission_id: str) -> Row[Any] | None:
    return await tx.one(select(reports).where(reports.c.submission_id == submission_id))


async def store_report(
    tx: Transaction, event: SubmissionAccepted, version: int, meeting: Meeting | None, late: bool
) -> None:
    """Put the report, or its newer revision, where it belongs."""
    values: dict[str, Any] = {
        "submission_id": event.submission_id,
        "revision": event.revision,
        "version": version,
        "form": event.form,
        "form_version": event.form_version,
        "committee": event.committee,
        "status": "filed" if event.outcome == "accepted" else "held",
        "meeting_date": meeting.date if meeting else None,
        "late": late,
        "reference": event.reference,
        "title": event.title,
        "subject": event.subject,
        "unit": event.unit,
        "unit_name": event.unit_name,
        "event_date": event.event_date,
        "received_at": event.received_at,
        "arrived_at": event.arrived_at,
        "compensation": [line.model_dump(exclude_none=True) for line in event.compensation],
        **event.model_dump(mode="json", include={"submitter", "data", "findings", "attachments"}),
    }
    if version == 1:
        await tx.execute(insert(reports).values(**values))
    else:
        await tx.execute(
            update(reports).where(reports.c.submission_id == event.submission_id).values(**values)
        )


async def change_status(
    tx: Transaction, report: Row[Any], status: str, meeting: Meeting | None, late: bool
) -> Row[Any]:
    """Give the report a new status and version; returns it as it is now."""
    changed = (
        update(reports)
        .where(reports.c.submission_id == report.submission_id)
        .values(
            status=status,
            version=report.version + 1,
            meeting_date=meeting.date if meeting else None,
            late=late,
        )
        .returning(reports)
    )
    return (await tx.execute(changed)).one()


async def record_act(
    tx: Transaction,
    submission_id: str,
    version: int,
    event: str,
    by: str = AUTOMATIC,
    reason: str | None = None,
) -> None:
    await tx.execute(
        insert(acts).values(
            submission_id=submission_id, version=version, at=tx.clock(), event=event, by=by, reason=reason
        )
    )


async def report_of(connection: AsyncConnection, submission_id: str) -> Row[Any] | None:
    return (await connection.execute(select(reports).where(reports.c.submission_id == submission_id))).first()


async def acts_of(connection: AsyncConnection, submission_id: str) -> Sequence[Row[Any]]:
    query = select(acts).where(acts.c.submission_id == submission_id).order_by(acts.c.id)
    return (await connection.execute(query)).all()


async def reports_for(connection: AsyncConnection, committee: str, day: date | None) -> Sequence[Row[Any]]:
    """What goes to the meeting of that day (None: to no meeting yet), in the order in which it arrived."""
    query = (
        select(reports)
        .where(
            reports.c.committee == committee,
            reports.c.meeting_date == day if day else reports.c.meeting_date.is_(None),
            reports.c.status.in_(["filed", "held"]),
        )
        .order_by(reports.c.arrived_at, reports.c.submission_id)
    )
    return (await connection.execute(query)).all()


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
    """How many reports there are, by form and status."""
    query = select(reports.c.form, reports.c.status, func.count()).group_by(reports.c.form, reports.c.status)
    counts: dict[str, dict[str, int]] = {}
    async with store.read() as connection:
        for form, status, count in await connection.execute(query):
            counts.setdefault(form, {})[status] = count
    return counts


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
