"""What the pages read of the archive's tables, in as few questions as a page has parts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from archive.calendar import Meeting, is_over
from archive.committees import Committee
from archive.letters import letters_astray
from archive.packets.drafting import Table
from archive.packets.freezing import table_of
from archive.packets.kept import packet_reports, packets
from archive.reports import IN_ORDER, acts_by_report, rejected_aside_of, reports
from archive.seen import seen_among


@dataclass(frozen=True)
class MeetingRows:
    """What a meeting's page is made of; `packet_of` tells the newest packet of each revision of a report.

    `acts` are the histories of what is held: the page says why. `seen` are the revisions that a secretary
    has seen. `astray` are the letters to the committee that did not arrive.
    """

    table: Table
    late: Sequence[Row[Any]]
    rejected: Sequence[Row[Any]]
    rejected_aside: Sequence[Row[Any]]
    packets: Sequence[Row[Any]]
    packet_of: Mapping[tuple[str, int], int]
    acts: Mapping[str, Sequence[Row[Any]]]
    seen: Collection[tuple[str, int]]
    astray: Sequence[Row[Any]]


async def meeting_rows(connection: AsyncConnection, committee: Committee, meeting: Meeting) -> MeetingRows:
    table = await table_of(connection, committee.id, meeting.date)
    after, until = came_in_between(committee, meeting)
    there = await packets_of_committee(connection, committee.id)
    packet_of = await _packet_of(connection, committee.id, meeting.date)
    aside = await rejected_aside_of(connection, committee.id)
    late = await _late(connection, committee.id, meeting, {report for report, _ in packet_of})
    waiting = [row.submission_id for row in (*table.fresh, *table.held, *late)]
    return MeetingRows(
        table=table,
        late=late,
        rejected=await _rejected(connection, committee.id, after, until),
        rejected_aside=[
            row for row in aside if after < datetime.fromisoformat(row.report["arrived_at"]) <= until
        ],
        packets=there,
        packet_of=packet_of,
        acts=await acts_by_report(connection, [row.submission_id for row in table.held]),
        seen=await seen_among(connection, waiting),
        astray=await letters_astray(connection, committee.id, meeting.date),
    )


def came_in_between(committee: Committee, meeting: Meeting) -> tuple[datetime, datetime]:
    """When what comes in is for this meeting: from the deadline before it (exclusive) to its own."""
    earlier = [
        one.deadline for one in committee.meetings if one.deadline < meeting.deadline and not one.cancelled
    ]
    return max(earlier, default=datetime.min.replace(tzinfo=meeting.deadline.tzinfo)), meeting.deadline


async def packets_of_committee(connection: AsyncConnection, committee: str) -> Sequence[Row[Any]]:
    """All packets without their files, each with the count of its reports; the newest meeting first."""
    columns = [column for column in packets.c if column.name not in {"files", "meeting", "removal"}]
    held = select(func.count()).where(packet_reports.c.packet_id == packets.c.id).scalar_subquery()
    query = (
        select(*columns, held.label("reports"))
        .where(packets.c.committee == committee)
        .order_by(packets.c.meeting_date.desc(), packets.c.number.desc())
    )
    return (await connection.execute(query)).all()


def next_open_meeting(
    committee: Committee, after: date | None, closed: Sequence[Row[Any]], now: datetime
) -> Meeting | None:
    """Where a report goes that is moved from that day on; `closed` are the packets of the committee."""
    frozen = {packet.meeting_date for packet in closed}
    return next(
        (
            meeting
            for meeting in committee.meetings
            if meeting.date > (after or date.min)
            and not meeting.cancelled
            and meeting.date not in frozen
            and not is_over(meeting, now)
        ),
        None,
    )


async def held_by_committee(connection: AsyncConnection) -> Mapping[str, int]:
    """How many reports wait for a person, by committee."""
    query = (
        select(reports.c.committee, func.count())
        .where(reports.c.status == "held")
        .group_by(reports.c.committee)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}


async def _packet_of(connection: AsyncConnection, committee: str, day: date) -> Mapping[tuple[str, int], int]:
    revision = (packet_reports.c.submission_id, packet_reports.c.revision)
    query = (
        select(*revision, func.max(packets.c.number))
        .join(packets, packet_reports.c.packet_id == packets.c.id)
        .where(packets.c.committee == committee, packets.c.meeting_date == day)
        .group_by(*revision)
    )
    return {(row[0], row[1]): row[2] for row in await connection.execute(query)}


async def _late(
    connection: AsyncConnection, committee: str, meeting: Meeting, in_packets: Collection[str]
) -> Sequence[Row[Any]]:
    """What goes to another meeting and could be taken along to this one.

    That is what missed its deadline, while it has no packet; and then what corrects a report in a packet.
    """
    missed = reports.c.late & (reports.c.arrived_at > meeting.deadline)
    corrects = reports.c.corrects.is_not(None) & reports.c.submission_id.in_(in_packets)
    query = (
        select(reports)
        .where(
            reports.c.committee == committee,
            reports.c.status == "filed",
            or_(reports.c.meeting_date.is_(None), reports.c.meeting_date != meeting.date),
            corrects if in_packets else missed,
        )
        .order_by(*IN_ORDER)
    )
    return (await connection.execute(query)).all()


async def _rejected(
    connection: AsyncConnection, committee: str, after: datetime, until: datetime
) -> Sequence[Row[Any]]:
    query = (
        select(reports)
        .where(
            reports.c.committee == committee,
            reports.c.status == "rejected",
            reports.c.arrived_at > after,
            reports.c.arrived_at <= until,
        )
        .order_by(reports.c.arrived_at, reports.c.submission_id)
    )
    return (await connection.execute(query)).all()
