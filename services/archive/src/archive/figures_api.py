"""What is counted of a committee, over HTTP: compensation for payroll, the year's visits, the calendar."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated, Any

import structlog
from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import Select
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from archive.answers import in_json
from archive.api import Api
from archive.calendars import calendar_of
from archive.committees import Committee
from archive.compensation import Period, compensation_csv
from archive.compensation_periods import (
    Closed,
    PeriodTaken,
    close_period,
    closed_periods,
    lines_to_pay,
    lock_of,
)
from archive.downloads import a_file
from archive.review_api import by_of, read
from archive.statistics import StatisticsView, statistics, statistics_in_json, visits_in
from chassis.clock import day_in_stockholm
from chassis.problems import Problem

log = structlog.get_logger()

EARLIEST, LATEST = date(1900, 1, 1), date(2999, 12, 31)


def _as_written(value: object) -> date:
    """Only as 2026-01-31: digits alone would be taken for seconds since 1970."""
    return date.fromisoformat(str(value))


Day = Annotated[date, Field(ge=EARLIEST, le=LATEST), BeforeValidator(_as_written)]


class Days(BaseModel):
    """A period as it is asked for, both days included."""

    model_config = ConfigDict(strict=True, extra="forbid")

    first: Day = Field(alias="from")
    last: Day = Field(alias="to")

    @model_validator(mode="after")
    def _first_comes_first(self) -> "Days":
        if self.last < self.first:
            raise ValueError("the last day comes before the first")
        return self

    @property
    def period(self) -> Period:
        return Period(self.first, self.last)


class Year(BaseModel):
    model_config = ConfigDict(extra="ignore")

    year: int = Field(ge=1000, le=9000)


@dataclass
class FiguresApi:
    api: Api

    async def calendar(self, request: web.Request) -> web.Response:
        """The committee's meetings and deadlines, for a calendar that subscribes to them."""
        committee = self.api.committee_of(request)
        return a_file(
            calendar_of(committee), "text/calendar; charset=utf-8", f"sammantraden-{committee.id}.ics"
        )

    async def statistics(self, request: web.Request) -> web.Response:
        """The year's visits; this year's when none is asked for."""
        return in_json(statistics_in_json(await self.year_asked_for(request)))

    async def year_asked_for(self, request: web.Request) -> StatisticsView:
        return await self.year_of(self.api.committee_of(request), _asked_year(request, self._today()))

    async def year_of(self, committee: Committee, year: int) -> StatisticsView:
        async with self.api.store.read() as connection:
            visits = await visits_in(connection, committee.id, year)
        return statistics(committee, self.api.forms.current, year, visits, self._today())

    async def compensation(self, request: web.Request) -> web.Response:
        """The lines of a period, as they were paid or as they stand now."""
        committee, period = self.api.committee_of(request), _period(request.query)
        try:
            async with self.api.store.read() as connection:
                lines = await lines_to_pay(_fetch(connection), committee, self.api.forms.current, period)
        except PeriodTaken as taken:
            raise _is_closed(taken.period, "Hämta den för sig, och de andra dagarna för sig.") from None
        name = f"ersattning-{committee.id}-{period.first}-{period.last}.csv"
        return a_file(compensation_csv(lines), "text/csv; charset=utf-8", name)

    async def periods(self, request: web.Request) -> web.Response:
        """Those that are closed, earliest first."""
        async with self.api.store.read() as connection:
            closed = await closed_periods(_fetch(connection), self.api.committee_of(request).id)
        return in_json({"periods": [_told(one) for one in closed]})

    async def close(self, request: web.Request) -> web.Response:
        """Close a period: its file is fixed, and later changes become corrections."""
        committee, period = self.api.committee_of(request), (await read(request, Days)).period
        work = partial(
            close_period, committee=committee, forms=self.api.forms.current, period=period, by=by_of(request)
        )
        try:
            closed = await self.api.store.write(work, locks=[lock_of(committee.id)])
        except PeriodTaken as taken:
            raise _is_closed(taken.period, "En avslutad period kan inte avslutas igen.") from None
        log.info(
            "compensation.closed", committee=committee.id, first=str(period.first), last=str(period.last)
        )
        return in_json(_told(closed), status=201)

    def _today(self) -> date:
        return day_in_stockholm(self.api.clock())


def _fetch(connection: AsyncConnection) -> Callable[[Select[Any]], Any]:
    async def fetch(query: Select[Any]) -> Sequence[Row[Any]]:
        return (await connection.execute(query)).all()

    return fetch


def _period(query: Mapping[str, str]) -> Period:
    try:
        return Days.model_validate(dict(query)).period
    except ValidationError:
        detail = "Ange första dagen i from och sista dagen i to, som år, månad och dag: 2026-01-31."
        raise Problem(422, "period-invalid", "Perioden går inte att förstå", detail) from None


def _asked_year(request: web.Request, today: date) -> int:
    try:
        return Year.model_validate({"year": today.year, **request.query}).year
    except ValidationError:
        detail = "Ange året med fyra siffror, till exempel 2026."
        raise Problem(422, "year-invalid", "Året går inte att förstå", detail) from None


def _is_closed(period: Period, remedy: str) -> Problem:
    detail = f"Perioden {period} är avslutad. {remedy}"
    members = {"from": period.first, "to": period.last}
    return Problem(409, "period-closed", "Perioden är avslutad", detail, members=members)


def _told(closed: Closed) -> Mapping[str, object]:
    return {
        "from": closed.period.first,
        "to": closed.period.last,
        "closed_at": closed.closed_at,
        "closed_by": closed.closed_by,
    }
