"""The judgements that were made, and the past that they make up for the next one."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Date,
    Index,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    and_,
    bindparam,
    case,
    func,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.store import Store, Transaction
from chassis.store.tables import Moment
from validation.events import SubmissionReceived
from validation.facts import Fact, Past, earliest
from validation.forms import Form
from validation.judgement import Circumstances, Judgement

metadata = MetaData()

judgements = Table(
    "judgements",
    metadata,
    Column("submission_id", String, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("form", String, nullable=False),
    Column("committee", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("standing", Boolean, nullable=False),
    Column("person_id", String),
    Column("unit", String),
    Column("event_date", Date),
    Column("data", JSON(none_as_null=True)),
    Column("findings", JSON, nullable=False),
    Column("judged_at", Moment, nullable=False),
    Column("caller", String),
    Column("reference", String),
    Column("received", JSON(none_as_null=True)),
    Column("counted", JSON(none_as_null=True)),
    Column("counted_fields", String),
)
"""One row per judged revision.

`standing` is true for the newest revision that was not rejected, until the secretary returns it;
only that one counts among a person's visits, so only that one keeps its data. `received` is what a held
report was judged from, since the chair's decision has it judged anew. `counted` is what the form's facts
read of the data, the `counted_fields`: a tenth of it, and all that is read again as long as the rules ask
for the same.
"""
_STANDING = judgements.c.standing.is_(True)
Index(
    "judgements_of_person",
    judgements.c.form,
    judgements.c.person_id,
    judgements.c.event_date,
    sqlite_where=_STANDING,
    postgresql_where=_STANDING,
)
Index("judgements_of_reference", judgements.c.caller, judgements.c.reference)
Index(
    "judgements_of_unit",
    judgements.c.form,
    judgements.c.unit,
    judgements.c.event_date,
    sqlite_where=_STANDING,
    postgresql_where=_STANDING,
)


async def known_as(connection: AsyncConnection, caller: str, reference: str) -> str | None:
    """The submission that the caller has sent under the reference, or None."""
    query = select(judgements.c.submission_id).where(
        judgements.c.caller == caller, judgements.c.reference == reference
    )
    known: str | None = await connection.scalar(query.limit(1))
    return known


class Superseded(Exception):
    """A newer revision already stands, so that this one comes too late to change anything."""


async def past(tx: Transaction, event: SubmissionReceived, form: Form, around: Circumstances) -> list[Past]:
    """What stands of this person, and of others in the unit as far as the facts look.

    Raises `Superseded`; one statement asks for both.
    """
    newer = {"its_id": event.submission_id, "its_revision": event.revision}
    asked = {**newer, **_asked(form, event.form_version, around)}
    return _without_newer(await tx.all(_standing(*_kinds(asked)), asked), event)


async def refuse_superseded(tx: Transaction, event: SubmissionReceived) -> None:
    """Raise `Superseded` where only that can be asked."""
    newer = {"its_id": event.submission_id, "its_revision": event.revision, "its_fields": None}
    _without_newer(await tx.all(_standing("its_id"), newer), event)


def _without_newer(rows: Iterable[Row[Any]], event: SubmissionReceived) -> list[Past]:
    found = []
    for revision, *row in rows:
        if row[0] == event.submission_id and revision > event.revision:
            raise Superseded
        found.append(_past(*row))
    return found


async def past_read(
    connection: AsyncConnection, form: Form, version: int, around: Circumstances
) -> list[Past]:
    """The past, for who asks without a judgement to store."""
    asked = _asked(form, version, around)
    if not _kinds(asked):
        return []
    return [_past(*row) for _, *row in await connection.execute(_standing(*_kinds(asked)), asked)]


_OF_FORM = judgements.c.form == bindparam("its_form")
_ALTERNATIVES: Mapping[str, ColumnElement[bool]] = {
    "its_id": and_(
        _STANDING,
        judgements.c.submission_id == bindparam("its_id"),
        judgements.c.revision > bindparam("its_revision"),
    ),
    "its_person": and_(
        _OF_FORM,
        _STANDING,
        judgements.c.person_id == bindparam("its_person"),
        judgements.c.event_date >= bindparam("persons_since"),
    ),
    "its_unit": and_(
        _OF_FORM,
        _STANDING,
        judgements.c.unit == bindparam("its_unit"),
        judgements.c.event_date.between(bindparam("units_since"), bindparam("units_until")),
    ),
}


_OF_PAST = (
    judgements.c.revision,
    judgements.c.submission_id,
    judgements.c.person_id,
    judgements.c.unit,
    judgements.c.event_date,
    case(
        (judgements.c.counted_fields == bindparam("its_fields"), judgements.c.counted),
        else_=judgements.c.data,
    ),
)


@cache
def _standing(*kinds: str) -> Select[Any]:
    """Each alternative is whole, so that SQLite finds each by its own index."""
    return select(*_OF_PAST).where(or_(*(_ALTERNATIVES[kind] for kind in kinds)))


def _kinds(asked: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(kind for kind in _ALTERNATIVES if kind in asked)


def _asked(form: Form, version: int, around: Circumstances) -> dict[str, Any]:
    """What is asked of the person's past, the unit's, both or neither."""
    facts = form.rules(version).facts
    of_form = {"its_form": form.name, "its_fields": _named_fields(form.counted_fields)}
    return {**of_form, **_of_person(facts, around), **_of_unit(facts, around)}


def _named_fields(fields: Sequence[str] | None) -> str | None:
    return None if fields is None else ",".join(fields)


def _past(submission_id: str, person_id: str | None, unit: str | None, event_date: date, data: Any) -> Past:
    return Past(submission_id=submission_id, person_id=person_id, unit=unit, event_date=event_date, data=data)


def _of_person(facts: Iterable[Fact], around: Circumstances) -> dict[str, Any]:
    if around.person is None or not any(fact.over == "person" for fact in facts):
        return {}
    return {"its_person": around.person.id, "persons_since": earliest(around.day)}


def _of_unit(facts: Iterable[Fact], around: Circumstances) -> dict[str, Any]:
    reaches = [fact.within_days for fact in facts if fact.over == "unit"]
    if around.unit is None or not reaches:
        return {}
    since, until = _window(around.day, reaches)
    return {"its_unit": around.unit, "units_since": since, "units_until": until}


def _window(day: date, reaches: list[int | None]) -> tuple[date, date]:
    """The days that the facts look at, never further back than the previous calendar year."""
    if None in reaches:
        return earliest(day), date.max
    reach = timedelta(days=max(reach for reach in reaches if reach is not None))
    since = max(earliest(day), day - min(reach, day - date.min))
    return since, day + min(reach, date.max - day)


async def store_judgement(tx: Transaction, event: SubmissionReceived, judgement: Judgement) -> None:
    """Keep the judgement; one that is not a rejection stands in place of earlier revisions."""
    if judgement.outcome != "rejected" and event.revision > 1:
        await let_fall(tx, event.submission_id, event.revision - 1)
    row = {
        "submission_id": event.submission_id,
        "revision": event.revision,
        "form": event.form,
        "caller": event.caller,
        "reference": event.reference,
        "committee": judgement.committee,
        **_judged(tx, event, judgement),
    }
    tx.insert_later(judgements, row)


async def judged_anew(tx: Transaction, event: SubmissionReceived, judgement: Judgement) -> None:
    """Put the new judgement of a held report in the place of the one it had."""
    of_revision = (
        judgements.c.submission_id == event.submission_id,
        judgements.c.revision == event.revision,
    )
    judged = {
        name: null() if value is None else value for name, value in _judged(tx, event, judgement).items()
    }
    await tx.execute(update(judgements).where(*of_revision).values(**judged))


def _judged(tx: Transaction, event: SubmissionReceived, judgement: Judgement) -> dict[str, Any]:
    stands, held = judgement.outcome != "rejected", judgement.outcome == "held"
    return {
        "outcome": judgement.outcome,
        "standing": stands,
        "person_id": judgement.person.id if judgement.person else None,
        "unit": judgement.unit,
        "event_date": judgement.event_date,
        "data": judgement.data if stands else None,
        **_counted(judgement if stands else None),
        "findings": [_named(finding) for finding in judgement.findings],
        "judged_at": tx.clock(),
        "received": event.model_dump(mode="json") if held else None,
    }


def _counted(standing: Judgement | None) -> dict[str, Any]:
    if standing is None or standing.counted_fields is None:
        return {"counted": None, "counted_fields": None}
    data = standing.data
    return {
        "counted": {name: data[name] for name in standing.counted_fields if name in data},
        "counted_fields": _named_fields(standing.counted_fields),
    }


async def held_from(tx: Transaction, submission_id: str, revision: int) -> SubmissionReceived | None:
    """What a held report that stands was judged from; None if the revision is none such."""
    row = await tx.one(
        select(judgements.c.received)
        .where(
            judgements.c.submission_id == submission_id,
            judgements.c.revision == revision,
            _STANDING,
        )
        .with_for_update()
    )
    if row is None or row.received is None:
        return None
    return SubmissionReceived.model_validate_json(json.dumps(row.received))


async def let_stand(tx: Transaction, submission_id: str, revision: int, data: Mapping[str, Any]) -> None:
    """A rejected revision was accepted by a person: it counts from now on, in place of any other."""
    await let_fall(tx, submission_id, revision)
    await tx.execute(
        update(judgements)
        .where(judgements.c.submission_id == submission_id, judgements.c.revision == revision)
        .values(
            outcome="accepted",
            standing=judgements.c.event_date.is_not(None),
            data=dict(data),
            counted=null(),
            counted_fields=null(),
        )
    )


def _named(finding: Any) -> dict[str, Any]:
    return {"rule": finding.rule, "outcome": finding.outcome}


async def let_fall(tx: Transaction, submission_id: str, revision: int) -> None:
    """What was returned or replaced counts no longer."""
    await tx.execute(
        update(judgements)
        .where(judgements.c.submission_id == submission_id, judgements.c.revision <= revision)
        .values(standing=False, data=null(), received=null(), counted=null(), counted_fields=null())
    )


async def tally(store: Store) -> dict[str, dict[str, int]]:
    """How many submissions were rejected in each revision judged so far, by form."""
    accepted = (
        select(judgements.c.submission_id)
        .where(judgements.c.outcome != "rejected")
        .distinct()
        .scalar_subquery()
    )
    query = (
        select(judgements.c.form, func.count(func.distinct(judgements.c.submission_id)))
        .where(judgements.c.submission_id.not_in(accepted))
        .group_by(judgements.c.form)
    )
    async with store.read() as connection:
        return {form: {"rejected": count} for form, count in await connection.execute(query)}
