"""The frozen packets, and which revision of each report they hold."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Date,
    ForeignKey,
    Integer,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    select,
)
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from archive.reports import metadata
from chassis.store import Transaction
from chassis.store.tables import Moment

packets = Table(
    "packets",
    metadata,
    Column("committee", String, primary_key=True),
    Column("meeting_date", Date, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("id", String, nullable=False),
    Column("frozen_at", Moment, nullable=False),
    Column("frozen_by", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("meeting", JSON, nullable=False),
    Column("files", JSON, nullable=False),
    Column("agenda_number", String, nullable=False),
    Column("diarienummer", String, nullable=False),
    Column("left_out", JSON, nullable=False),
    Column("changes", JSON, nullable=False),
    Column("paragraph", String),
    Column("removed_at", Moment),
    Column("removal", JSON),
    UniqueConstraint("id"),
)
"""One row per packet; `sha256` is of packet.pdf, and `files` tells of each file its object, hash and size.

`meeting` is the meeting as the calendar had it then. `removal` is the decision by which the bytes were
removed, after which only the row is left.
"""

packet_reports = Table(
    "packet_reports",
    metadata,
    Column("packet_id", ForeignKey("packets.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("submission_id", String, nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("subject", Text, nullable=False),
)
"""What a packet holds, in its order, from 1."""


_FROZEN_DAYS = select(packets.c.meeting_date).where(
    packets.c.committee == bindparam("its_committee"), packets.c.meeting_date >= bindparam("since")
)


async def frozen_days(tx: Transaction, committee: str, since: date) -> set[date]:
    """The meetings from that day on that have a packet, so that nothing more goes to them by itself."""
    rows = await tx.all(_FROZEN_DAYS, {"its_committee": committee, "since": since})
    return {row.meeting_date for row in rows}


async def packets_on(tx: Transaction, committee: str) -> set[date]:
    """Every day on which a meeting has a packet, also long ago."""
    return await frozen_days(tx, committee, date.min)


async def has_packet_with(tx: Transaction, report: Row[Any], day: date) -> bool:
    """Whether a packet of that meeting holds a revision of the report, so that a later one corrects it."""
    of_day = packets.c.committee == report.committee, packets.c.meeting_date == day
    return await tx.one(_with(report.submission_id).where(*of_day)) is not None


async def packets_of(connection: AsyncConnection, committee: str, day: date) -> Sequence[Row[Any]]:
    """The packets of a meeting, the first one first."""
    query = (
        select(packets)
        .where(packets.c.committee == committee, packets.c.meeting_date == day)
        .order_by(packets.c.number)
    )
    return (await connection.execute(query)).all()


async def holdings_of(connection: AsyncConnection, packet_id: str) -> Sequence[Row[Any]]:
    query = select(packet_reports).where(packet_reports.c.packet_id == packet_id)
    return (await connection.execute(query.order_by(packet_reports.c.position))).all()


async def packet_with(tx: Transaction, report: Row[Any]) -> Row[Any] | None:
    """The newest packet that holds this revision of the report: an earlier one may lie in a newer packet."""
    return await tx.one(_with(report.submission_id).where(packet_reports.c.revision == report.revision))


async def newest_packet_with(connection: AsyncConnection, report: Row[Any]) -> Row[Any] | None:
    """The same, for who only reads."""
    query = _with(report.submission_id).where(packet_reports.c.revision == report.revision)
    return (await connection.execute(query)).first()


def _with(submission_id: str) -> Select[Any]:
    return (
        select(packets)
        .join(packet_reports, packet_reports.c.packet_id == packets.c.id)
        .where(packet_reports.c.submission_id == submission_id)
        .order_by(packets.c.frozen_at.desc(), packets.c.number.desc())
        .limit(1)
    )
