"""A committee's year: how often each unit was visited, against what its guideline means.

Units stand in the order of the committee's file, and people by name: nothing here is a ranking, and of a
person only the positions with their own limits are told. Counts of people have been used against them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from archive.committees import Committee, Norm
from archive.compensation import WITHOUT_EFFECT
from archive.forms import Forms
from archive.reports import reports
from archive.views import is_masked
from chassis.masking import masked

Standing = Literal["not-visited", "below", "within", "above"]
"""How the visits of a unit stand to the norm."""


@dataclass(frozen=True)
class UnitYear:
    """`kontaktpolitiker` counts those in office that day; `in_file` is False for a unit that has left it."""

    unit: str
    name: str
    visits: int
    standing: Standing
    kontaktpolitiker: int
    in_file: bool = True


@dataclass(frozen=True)
class PositionLine:
    """Where a person stood with one of their limits, as the report of that day says."""

    submission_id: str
    day: date
    kind: str
    title: str
    message: str
    source: str


@dataclass(frozen=True)
class PersonYear:
    """`person` is the id in the register, None for somebody who is not there."""

    person: str | None
    name: str
    positions: tuple[PositionLine, ...]


@dataclass(frozen=True)
class StatisticsView:
    """`on` is the day for which the register is asked; `without_unit` counts visits to no unit."""

    committee_id: str
    committee: str
    year: int
    on: date
    norm: Norm
    units: tuple[UnitYear, ...]
    without_unit: int
    people: tuple[PersonYear, ...]

    @property
    def not_visited(self) -> tuple[UnitYear, ...]:
        return tuple(unit for unit in self.units if unit.standing == "not-visited" and unit.in_file)

    @property
    def without_kontaktpolitiker(self) -> tuple[UnitYear, ...]:
        return tuple(unit for unit in self.units if not unit.kontaktpolitiker and unit.in_file)


async def visits_in(connection: AsyncConnection, committee_id: str, year: int) -> Sequence[Row[Any]]:
    """The reports of visits that year that were neither rejected nor returned, as they are now."""
    query = (
        select(reports)
        .where(
            reports.c.committee == committee_id,
            reports.c.event_date.between(date(year, 1, 1), date(year, 12, 31)),
            reports.c.status.not_in(WITHOUT_EFFECT),
        )
        .order_by(reports.c.event_date, reports.c.arrived_at, reports.c.submission_id)
    )
    return (await connection.execute(query)).all()


def statistics(
    committee: Committee, forms: Forms, year: int, visits: Sequence[Row[Any]], today: date
) -> StatisticsView:
    """The year as it stands now; oral reports count as written ones do."""
    counts = Counter(_unit(visit) for visit in visits)
    on = min(max(today, date(year, 1, 1)), date(year, 12, 31))
    return StatisticsView(
        committee_id=committee.id,
        committee=committee.name,
        year=year,
        on=on,
        norm=committee.visits_per_year,
        units=(*_units(committee, counts, on), *_former_units(committee, visits, counts)),
        without_unit=counts[""],
        people=tuple(_people(committee, forms, visits)),
    )


def _units(committee: Committee, counts: Counter[str], on: date) -> Iterable[UnitYear]:
    in_office = [term for term in committee.kontaktpolitiker if term.in_office(on)]
    for unit in committee.units:
        visits, contacts = counts[unit.id], {term.id for term in in_office if unit.id in term.units}
        yield UnitYear(
            unit.id, unit.name, visits, _standing(visits, committee.visits_per_year), len(contacts)
        )


def _former_units(
    committee: Committee, visits: Iterable[Row[Any]], counts: Counter[str]
) -> Iterable[UnitYear]:
    """Units that have left the file since they were visited."""
    names = {_unit(visit): _shown(visit, visit.unit_name or visit.unit or "") for visit in visits}
    for unit in sorted(names.keys() - committee.unit_names.keys() - {""}):
        standing = _standing(counts[unit], committee.visits_per_year)
        yield UnitYear(unit, names[unit], counts[unit], standing, 0, in_file=False)


def _unit(visit: Row[Any]) -> str:
    """Empty when the visit was to none of the committee's units."""
    return _shown(visit, visit.unit or "")


def _standing(visits: int, norm: Norm) -> Standing:
    if visits == 0:
        return "not-visited"
    if visits < norm.least:
        return "below"
    return "within" if visits <= norm.most else "above"


def _people(committee: Committee, forms: Forms, visits: Iterable[Row[Any]]) -> Iterable[PersonYear]:
    positions: dict[tuple[str | None, str], list[PositionLine]] = defaultdict(list)
    for visit in visits:
        positions[_person(committee, visit)].extend(_positions(forms, visit))
    for (person, name), lines in sorted(positions.items(), key=_by_name):
        if lines:
            yield PersonYear(person, name, tuple(lines))


def _person(committee: Committee, visit: Row[Any]) -> tuple[str | None, str]:
    """By the register, whatever address or spelling the report has."""
    term = committee.person(visit.submitter["email"], visit.event_date)
    return (term.id, term.name) if term else (None, _shown(visit, visit.submitter["name"]))


def _positions(forms: Forms, visit: Row[Any]) -> Iterable[PositionLine]:
    form = forms.get(visit.form)
    for line in visit.compensation:
        if message := line.get("message"):
            yield PositionLine(
                submission_id=visit.submission_id,
                day=visit.event_date,
                kind=line["kind"],
                title=form.compensation_title(line["kind"]) if form else line["kind"],
                message=_shown(visit, message),
                source=line.get("source") or "",
            )


def _shown(visit: Row[Any], text: str) -> str:
    return masked(text) if is_masked(visit) else text


_SWEDISH_ORDER = str.maketrans({"å": "{", "ä": "|", "ö": "}"})
"""Å, Ä and Ö come last in the alphabet, in that order."""


def _by_name(entry: tuple[tuple[str | None, str], Sequence[PositionLine]]) -> tuple[str, str]:
    (person, name), _ = entry
    return name.casefold().translate(_SWEDISH_ORDER), person or ""


def statistics_in_json(view: StatisticsView) -> Mapping[str, Any]:
    """The year as `GET …/statistics` answers; units not visited and without a contact by their ids."""
    return {
        "committee": view.committee_id,
        "year": view.year,
        "on": view.on,
        "norm": view.norm.model_dump(),
        "units": [asdict(unit) for unit in view.units],
        "not_visited": [unit.unit for unit in view.not_visited],
        "without_kontaktpolitiker": [unit.unit for unit in view.without_kontaktpolitiker],
        "without_unit": view.without_unit,
        "people": [asdict(person) for person in view.people],
    }
