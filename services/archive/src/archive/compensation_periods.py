"""Periods of compensation that are closed: their lines are kept as paid, and never change.

A period is known by its committee and first day: two that overlap are never both closed.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Column,
    Date,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Select,
    String,
    Table,
    Text,
    TypeDecorator,
    and_,
    insert,
    or_,
    select,
)
from sqlalchemy.engine import Row

from archive.committees import Committee
from archive.compensation import Line, Period, changed, corrections, in_order, lines_of, period_of
from archive.forms import Forms
from archive.reports import metadata, reports
from chassis.clock import STOCKHOLM
from chassis.store import Transaction
from chassis.store.tables import Moment


class Quantity(TypeDecorator[Decimal]):
    """A decimal number kept exactly, also where the database has none, as SQLite."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        del dialect
        return None if value is None else Decimal(value)


periods = Table(
    "compensation_periods",
    metadata,
    Column("committee", String, primary_key=True),
    Column("first_day", Date, primary_key=True),
    Column("last_day", Date, nullable=False),
    Column("closed_at", Moment, nullable=False),
    Column("closed_by", String, nullable=False),
)

lines = Table(
    "compensation_lines",
    metadata,
    Column("committee", String, primary_key=True),
    Column("paid_in", Date, primary_key=True),
    Column("submission_id", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("concerns", Date, primary_key=True),
    Column("title", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("person_id", String, nullable=False),
    Column("day", Date, nullable=False),
    Column("unit", Text, nullable=False),
    Column("quantity", Quantity, nullable=False),
    Column("chair_decision", Text, nullable=False),
    Column("diarienummer", String, nullable=False),
    Column("reason", Text, nullable=False),
    ForeignKeyConstraint(["committee", "paid_in"], [periods.c.committee, periods.c.first_day]),
    ForeignKeyConstraint(["committee", "concerns"], [periods.c.committee, periods.c.first_day]),
)
"""What a closed period's file holds; `paid_in` and `concerns` are first days of periods.

The key lets a period pay a submission's kind once for each period that it concerns.
"""
Index("reports_of_days", reports.c.committee, reports.c.event_date)

Fetch = Callable[[Select[Any]], Awaitable[Sequence[Row[Any]]]]
"""Reads rows, in a transaction or beside it."""


class PeriodTaken(Exception):
    """The days belong, wholly or in part, to a period that is closed."""

    def __init__(self, period: Period) -> None:
        super().__init__(str(period))
        self.period = period


@dataclass(frozen=True, slots=True)
class Closed:
    period: Period
    closed_at: datetime
    closed_by: str


def lock_of(committee_id: str) -> str:
    """Held while a period of the committee is closed, so that two never overlap."""
    return f"compensation {committee_id}"


async def closed_periods(fetch: Fetch, committee_id: str) -> Sequence[Closed]:
    """Those of the committee, earliest first."""
    query = select(periods).where(periods.c.committee == committee_id).order_by(periods.c.first_day)
    return [
        Closed(Period(row.first_day, row.last_day), row.closed_at, row.closed_by)
        for row in await fetch(query)
    ]


async def lines_to_pay(fetch: Fetch, committee: Committee, forms: Forms, period: Period) -> Sequence[Line]:
    """The lines of a period: as they were paid when it is closed, else as they stand now.

    Raises:
        PeriodTaken: some of its days are in a closed period; each of their files has its own.
    """
    closed = [one.period for one in await closed_periods(fetch, committee.id)]
    if period in closed:
        paid = await fetch(
            select(lines).where(lines.c.committee == committee.id, lines.c.paid_in == period.first)
        )
        return in_order(_lines_paid(paid, closed))
    return await _open_lines(fetch, committee, forms, period, closed)


async def close_period(
    tx: Transaction, committee: Committee, forms: Forms, period: Period, by: str
) -> Closed:
    """Keep what the period's file holds now; what changes later goes into the next one's.

    To be done while `lock_of` the committee is held.

    Raises:
        PeriodTaken: it, or a part of it, is closed already.
    """
    closed = [one.period for one in await closed_periods(tx.all, committee.id)]
    due = await _open_lines(tx.all, committee, forms, period, closed)
    closing = Closed(period, tx.clock(), by)
    await tx.execute(
        insert(periods).values(
            committee=committee.id,
            first_day=period.first,
            last_day=period.last,
            closed_at=closing.closed_at,
            closed_by=by,
        )
    )
    if due:
        await tx.execute(insert(lines), [_row(committee, period, line) for line in due])
    return closing


async def _open_lines(
    fetch: Fetch, committee: Committee, forms: Forms, period: Period, closed: Sequence[Period]
) -> Sequence[Line]:
    """What the days give, and what is left to correct of closed periods."""
    for one in closed:
        if one.overlaps(period):
            raise PeriodTaken(one)
    found = await fetch(select(reports).where(reports.c.committee == committee.id, _visited_in(period)))
    fresh = [line for report in found for line in lines_of(report, period, committee, forms)]
    return in_order([*fresh, *await _corrections(fetch, committee, forms, closed)])


async def _corrections(
    fetch: Fetch, committee: Committee, forms: Forms, closed: Sequence[Period]
) -> Sequence[Line]:
    """What is left to correct of closed periods, whatever made the change.

    It compares all that was paid with all that stands, some hundred visits a year, but reads the reports
    and the lines themselves only where they differ.
    """
    if not closed:
        return ()
    differing = await _changed(fetch, committee, closed)
    of_these = [lines.c.committee == committee.id, lines.c.submission_id.in_(differing)]
    paid = _lines_paid(await fetch(select(lines).where(*of_these)), closed)
    now = await fetch(select(reports).where(reports.c.submission_id.in_(differing)))
    standing = [
        line
        for report in now
        if (period := period_of(report, closed))
        for line in lines_of(report, period, committee, forms)
    ]
    return [*corrections(paid, standing, {report.submission_id: report for report in now})]


async def _changed(fetch: Fetch, committee: Committee, closed: Sequence[Period]) -> set[str]:
    by_first_day = {period.first: period for period in closed}
    due = select(lines.c.submission_id, lines.c.kind, lines.c.concerns, lines.c.quantity)
    paid = await fetch(due.where(lines.c.committee == committee.id))
    return changed(
        (((row.submission_id, row.kind, by_first_day[row.concerns]), row.quantity) for row in paid),
        await fetch(_standing(committee, Period(closed[0].first, closed[-1].last))),
        closed,
        committee.id,
    )


def _standing(committee: Committee, span: Period) -> Select[Any]:
    """Of the committee's reports of visits in those days, what decides how much they give."""
    names = ("submission_id", "committee", "status", "event_date", "arrived_at", "compensation")
    here = reports.c.committee == committee.id
    return select(*(reports.c[name] for name in names)).where(here, _visited_in(span))


def _visited_in(period: Period) -> Any:
    arrived = reports.c.arrived_at
    without_a_day = and_(
        reports.c.event_date.is_(None),
        arrived >= _midnight(period.first),
        arrived < _midnight(period.last + timedelta(days=1)),
    )
    return or_(reports.c.event_date.between(period.first, period.last), without_a_day)


def _midnight(day: date) -> datetime:
    """When the day begins in Sweden."""
    return datetime.combine(day, time(), STOCKHOLM).astimezone(UTC)


def _lines_paid(rows: Iterable[Row[Any]], closed: Sequence[Period]) -> Iterable[Line]:
    by_first_day = {period.first: period for period in closed}
    for row in rows:
        yield Line(
            concerns=by_first_day[row.concerns],
            **{name: getattr(row, name) for name in _AS_PAID},
        )


def _row(committee: Committee, period: Period, line: Line) -> dict[str, Any]:
    return {
        "committee": committee.id,
        "paid_in": period.first,
        "concerns": line.concerns.first,
        **{name: getattr(line, name) for name in _AS_PAID},
    }


_AS_PAID = (
    *("submission_id", "kind", "title", "person", "person_id", "day", "unit"),
    *("quantity", "chair_decision", "diarienummer", "reason"),
)
