"""Visits from before go-live: they count from the first day, and are reports nowhere.

`POST /admin/history` takes `{form, dry_run, visits: [{line, email, personal_number_hash, person_id,
data}]}` and answers `{rows: [{line, result, detail}]}`. Either every visit of a call is stored, or,
when one of them is wrong, none.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID, uuid5

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json
from sqlalchemy import insert, select, update

from chassis.folders import WatchedFolder, complaints
from chassis.problems import Problem, plain_problem
from chassis.store import Store, Transaction
from validation.forms import Form, Forms
from validation.judgement import visit_of
from validation.judgements import judgements
from validation.register import Committee, Committees, Kontaktpolitiker
from validation.texts import Json, composed

LARGEST_CALL = 5_000
"""Visits in one call: some seconds of work, and one transaction."""

IMPORTED = "imported"
_NAMES = UUID("6f0d8f5e-0d0c-5c3b-9a55-6d1b1f2f7c11")

Result = Literal["new", "same", "reported", "unknown-person", "invalid"]
WRONG = frozenset({"unknown-person", "invalid"})


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Visit(_Asked):
    """One visit; who made it is known by id, number or address."""

    line: int
    email: str | None = None
    personal_number_hash: str | None = None
    person_id: str | None = None
    data: dict[str, Any]


class Visits(_Asked):
    form: str
    dry_run: bool = False
    visits: list[Visit] = Field(max_length=LARGEST_CALL)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one line, or would become of it."""

    line: int
    result: Result
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Matched:
    """A visit that can be stored: its id is made of what distinguishes it from every other."""

    line: int
    submission_id: str
    person: str
    unit: str
    day: date
    data: Json
    chosen: tuple[Json, ...]

    @property
    def occasion(self) -> tuple[Json, ...]:
        return (self.person, self.unit, self.day, *self.chosen)


def needed(form: Form) -> list[str]:
    """The fields without which the form's facts cannot count a visit."""
    pointers = [form.text.date, form.text.unit]
    around = {pointer.split("/")[1] for pointer in pointers if pointer}
    return sorted(around | (_counted(form) & form.schema(form.newest).root.required))


def _counted(form: Form) -> set[str]:
    expressions = [text for fact in form.rulebook.facts for text in (fact.share, fact.where) if text]
    return {name for expression in expressions for name in expression.uses("past.data")}


@dataclass
class History:
    """The route and its work, with the forms and registers that a judgement goes by."""

    store: Store
    forms: WatchedFolder[Forms]
    committees: WatchedFolder[Committees]

    async def take(self, request: web.Request) -> web.Response:
        asked = _read(await request.read())
        form = self.forms.current.get(asked.form)
        committee = self.committees.current.get(form.committee) if form else None
        if form is None or committee is None:
            raise plain_problem(404)
        told = await self._taken(asked, form, committee)
        return web.Response(body=to_json({"rows": told}), content_type="application/json")

    async def _taken(self, asked: Visits, form: Form, committee: Committee) -> list[Told]:
        looked = await asyncio.to_thread(lambda: [*_matched(asked.visits, form, committee)])
        if any(isinstance(one, Told) for one in looked):
            return [one if isinstance(one, Told) else Told(one.line, "new") for one in looked]
        visits = [one for one in looked if isinstance(one, _Matched)]
        persons = {f"person {committee.id} {visit.person}" for visit in visits}
        locks = persons | {f"unit {committee.id} {visit.unit}" for visit in visits}
        return await self.store.write(lambda tx: _store(tx, form, visits, asked.dry_run), sorted(locks))


def _read(body: bytes) -> Visits:
    try:
        return Visits.model_validate_json(body)
    except ValidationError as error:
        raise Problem(422, "history-invalid", "Historiken går inte att läsa", complaints(error)) from None


def _matched(visits: Sequence[Visit], form: Form, committee: Committee) -> Iterator[_Matched | Told]:
    names = needed(form)
    for visit in visits:
        yield _match(visit, form, committee, names)


def _match(visit: Visit, form: Form, committee: Committee, names: Sequence[str]) -> _Matched | Told:
    data = composed(visit.data)
    if missing := [name for name in names if name not in data]:
        return Told(visit.line, "invalid", f"missing: {', '.join(missing)}")
    if wrong := _wrong(form, data):
        return Told(visit.line, "invalid", "; ".join(wrong))
    unit, day = visit_of(form, data)
    if unit is None or day is None:
        return Told(visit.line, "invalid", "the form has no date or no unit to count by")
    if unit not in {known.id for known in committee.units}:
        return Told(visit.line, "invalid", f"{form.text.unit}: no unit of the committee; write its id")
    person = _person(visit, committee, day)
    if person is None:
        return Told(visit.line, "unknown-person", f"nobody in office on {day} matches")
    return _Matched(
        visit.line, _name(form, data, person.id, unit, day), person.id, unit, day, data, _chosen(form, data)
    )


def _wrong(form: Form, data: Json) -> list[str]:
    """What the newest schema has against the fields that are there; those that are not are no fault."""
    found = form.schema(form.newest).findings(data, "")
    return [
        f"{one.pointer}: {one.message}" for one in found if one.pointer and one.pointer.split("/")[1] in data
    ]


def _person(visit: Visit, committee: Committee, day: date) -> Kontaktpolitiker | None:
    if visit.person_id is None:
        return committee.find(visit.email, visit.personal_number_hash, day)
    terms = (one for one in committee.kontaktpolitiker if one.id == visit.person_id and one.in_office(day))
    return next(terms, None)


def _name(form: Form, data: Json, person: str, unit: str, day: date) -> str:
    """An id that the same visit always gets: by the texts that facts compare, since amounts get corrected."""
    compared = form.schema(form.newest).comparable(data)
    texts = {name: compared[name] for name in sorted(_counted(form) & data.keys())}
    told = [form.name, person, unit, day.isoformat(), {k: v for k, v in texts.items() if isinstance(v, str)}]
    return str(uuid5(_NAMES, json.dumps(told, sort_keys=True)))


def _chosen(form: Form, data: Json) -> tuple[Json, ...]:
    """The choices that facts count by, such as the activity; names of places are spelled in too many ways."""
    root = form.schema(form.newest).root
    return tuple(data.get(name) for name in sorted(_counted(form)) if root.child(name).choices)


async def _store(tx: Transaction, form: Form, visits: Sequence[_Matched], dry_run: bool) -> list[Told]:
    standing = await _standing(tx, form, sorted({visit.person for visit in visits}))
    told = []
    for visit in visits:
        told.append(standing.told(visit))
        if told[-1].result == "new" and not dry_run:
            await _keep(tx, form, visit, replaces=visit.submission_id in standing.imported)
        if told[-1].result == "new":
            standing.imported[visit.submission_id] = visit.data
    return told


@dataclass(frozen=True, slots=True)
class _Standing:
    """What stands of these people: reported by themselves, and imported before."""

    reported: frozenset[tuple[Json, ...]]
    imported: dict[str, Json]

    def told(self, visit: _Matched) -> Told:
        if visit.occasion in self.reported:
            return Told(visit.line, "reported", "already reported")
        if visit.submission_id not in self.imported:
            return Told(visit.line, "new")
        if self.imported[visit.submission_id] == visit.data:
            return Told(visit.line, "same")
        return Told(visit.line, "new", "in place of the same visit with other answers")


async def _standing(tx: Transaction, form: Form, people: Sequence[str]) -> _Standing:
    query = select(judgements).where(
        judgements.c.form == form.name, judgements.c.standing.is_(True), judgements.c.person_id.in_(people)
    )
    rows = await tx.all(query)
    reported = (
        (row.person_id, row.unit, row.event_date, *_chosen(form, row.data))
        for row in rows
        if row.outcome != IMPORTED
    )
    imported = {row.submission_id: row.data for row in rows if row.outcome == IMPORTED}
    return _Standing(frozenset(reported), imported)


async def _keep(tx: Transaction, form: Form, visit: _Matched, *, replaces: bool) -> None:
    if replaces:
        await tx.execute(
            update(judgements)
            .where(judgements.c.submission_id == visit.submission_id)
            .values(data=visit.data, judged_at=tx.clock())
        )
        return
    await tx.execute(insert(judgements).values(**_row(form, visit), judged_at=tx.clock()))


def _row(form: Form, visit: _Matched) -> Mapping[str, Any]:
    return {
        "submission_id": visit.submission_id,
        "revision": 1,
        "form": form.name,
        "committee": form.committee,
        "outcome": IMPORTED,
        "standing": True,
        "person_id": visit.person,
        "unit": visit.unit,
        "event_date": visit.day,
        "data": visit.data,
        "findings": [],
    }
