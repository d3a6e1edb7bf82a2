"""What came in during a week and where it is by now, said once a week for the committees' tally.

Services share only messages: who writes the tally can count what it was told of, and not what it was not.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial

from sqlalchemy import Column, String, Table, func, select

from chassis.clock import STOCKHOLM, in_stockholm
from chassis.folders import WatchedFolder
from chassis.store import Store, Transaction
from intake.events import SubmissionsCounted
from intake.forms import Forms
from intake.submissions import metadata, submissions

LOOK_EVERY_S = 600.0

COUNTED_AFTER = timedelta(minutes=30)
"""What came in just before midnight has come through by then."""

_STATUSES = ("rejected", "held", "returned", "filed", "frozen", "parked")

weeks_counted = Table(
    "weeks_counted",
    metadata,
    Column("form", String, primary_key=True),
    Column("week", String, primary_key=True),
)
"""One row per form and week (ISO 8601, `2026-W47`) of which has been told."""


@dataclass(frozen=True)
class WeeklyCounts:
    """The duty of counting the week that is over, Monday to Sunday as Swedish calendars have it."""

    store: Store
    forms: WatchedFolder[Forms]

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.count()
            await asyncio.sleep(LOOK_EVERY_S)

    async def count(self) -> None:
        """Say the counts of last week's submissions, each form's once, also when there was none."""
        until = _monday(self.store.clock() - COUNTED_AFTER)
        week = f"{until - timedelta(days=1):%G-W%V}"
        if not await self._is_counted(week):
            counts = await self._counts(_week_before(until), until)
            await self.store.write(partial(_say, week=week, until=until, counts=counts))

    async def _is_counted(self, week: str) -> bool:
        query = select(weeks_counted.c.form).where(weeks_counted.c.week == week)
        async with self.store.read() as connection:
            return set((await connection.scalars(query)).all()) >= self.forms.current.keys()

    async def _counts(self, since: datetime, until: datetime) -> Mapping[str, Counter[str]]:
        """How many came in, by form and status."""
        query = (
            select(submissions.c.form, submissions.c.status, func.count())
            .where(submissions.c.received_at >= since, submissions.c.received_at < until)
            .group_by(submissions.c.form, submissions.c.status)
        )
        counts: dict[str, Counter[str]] = {form: Counter() for form in self.forms.current}
        async with self.store.read() as connection:
            for form, status, count in await connection.execute(query):
                counts.setdefault(form, Counter())[status] += count
        return counts


def _monday(moment: datetime) -> datetime:
    """The midnight with which the week began."""
    day = in_stockholm(moment).date()
    return datetime.combine(day - timedelta(days=day.weekday()), time(), STOCKHOLM)


def _week_before(until: datetime) -> datetime:
    """Seven midnights before, an hour nearer or farther when clocks were changed."""
    return datetime.combine(until.date() - timedelta(days=7), time(), STOCKHOLM)


async def _say(tx: Transaction, week: str, until: datetime, counts: Mapping[str, Counter[str]]) -> None:
    """Whoever of several replicas notes the week says it."""
    for form, of_form in counts.items():
        if await tx.insert_once(weeks_counted, {"form": form, "week": week}):
            await tx.say(_counted(form, week, until, of_form))


def _counted(form: str, week: str, until: datetime, counts: Counter[str]) -> SubmissionsCounted:
    """What a person let fall has its sender heard of as rejected."""
    counts["rejected"] += counts.pop("dropped", 0)
    return SubmissionsCounted(
        submission_id=f"{form}.{week}",
        form=form,
        since=_week_before(until).date(),
        until=until.date(),
        received=counts.total(),
        **dict(_by_status(counts)),
    )


def _by_status(counts: Counter[str]) -> Iterator[tuple[str, int]]:
    yield from ((status, counts[status]) for status in _STATUSES)
