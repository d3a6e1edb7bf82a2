"""The serialised step: person matched, past counted, judgement stored, all at once or not at all."""

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, insert, select, text

from chassis.events import new_id
from chassis.store import Transaction
from support.lone_service import LoneService, alone
from support.still_clock import StillClock
from validation.__main__ import build
from validation.events import Attachment, ReportReturned, SubmissionReceived, Submitter
from validation.forms import load_form
from validation.handlers import Judge
from validation.judgement import Circumstances
from validation.judgements import judgements, past
from validation.register import committee_from
from validation.settings import ValidationSettings

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RULES: dict[str, Any] = {
    "facts": {
        "visits": {"count": "year(past.data.dag) == year(data.dag)"},
        "nearby": {"over": "unit", "within_days": 30, "count": "past.person.id != person.id"},
    },
    "rules": [
        {
            "id": "unknown-kontaktpolitiker",
            "outcome": "reject",
            "when": "person == null",
            "message": "Du finns inte i registret.",
            "source": "§ 1",
        },
        {
            "id": "yearly-visits",
            "outcome": "hold",
            "when": "facts.visits >= 2",
            "message": "Det här är besök {facts.visits + 1}.",
            "source": "§ 2",
        },
        {
            "id": "coordinate",
            "outcome": "note",
            "when": "person != null && facts.nearby > 0",
            "message": "Någon annan har varit där.",
            "source": "§ 3",
        },
    ],
    "compensation": [
        {
            "kind": "arvode",
            "quantity": "facts.visits < 2 ? 1 : 0",
            "message": "Besök {facts.visits + 1} av 2.",
            "source": "§ 4",
        },
        {"kind": "resa", "quantity": "0"},
    ],
}
COMMITTEE = {
    "id": "namnd",
    "name": "Nämnden",
    "units": [{"id": "kost", "name": "Kost"}, {"id": "kultur", "name": "Kultur"}],
    "kontaktpolitiker": [
        {
            "id": f"kp-{number}",
            "name": name,
            "email": f"{name.lower()}@namnd.example",
            "role": "member",
            "units": ["kost"],
            "from": "2025-01-01",
            "to": "2026-12-31",
        }
        for number, name in enumerate(("Anna", "Bertil"), 1)
    ],
}

RunValidation = Callable[..., AbstractAsyncContextManager[LoneService]]
REFERENCES = count(1)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    (folder / "committees").mkdir(parents=True)
    (folder / "committees" / "namnd.yaml").write_text(yaml.safe_dump(COMMITTEE), "utf-8")
    return folder


@pytest.fixture
def forms(form_folder: Callable[..., Path]) -> Path:
    return form_folder(RULES).parent


@pytest.fixture
def clock() -> StillClock:
    return StillClock(NOW)


@pytest.fixture
def run_validation(tmp_path: Path, config: Path, forms: Path, clock: StillClock) -> RunValidation:
    def run(database: Path | str | None = None) -> AbstractAsyncContextManager[LoneService]:
        place = database or tmp_path / "validation.db"
        return alone(build, ValidationSettings, place, clock, config=config, forms=str(forms))

    return run


@pytest.fixture
async def validation(run_validation: RunValidation) -> AsyncIterator[LoneService]:
    async with run_validation() as validation:
        yield validation


def received(day: str = "2026-11-12", *, submission_id: str = "", **changed: Any) -> SubmissionReceived:
    fields: dict[str, Any] = {
        "submission_id": submission_id or new_id(),
        "revision": 1,
        "form": "prov",
        "form_version": 1,
        "reference": str(next(REFERENCES)),
        "received_at": NOW,
        "arrived_at": NOW,
        "submitter": Submitter(name="Anna", email="anna@namnd.example", personal_number_hash=None),
        "data": {"dag": day, "enhet": "kost"} | changed.pop("data", {}),
        "attachments": [],
    }
    return SubmissionReceived(**fields | changed)


BERTIL = Submitter(name="Bertil", email="bertil@namnd.example", personal_number_hash=None)


async def outcomes(validation: LoneService) -> dict[str, str]:
    """What was answered, by submission and revision."""
    accepted = await validation.said("submission.accepted", "archive")
    rejected = await validation.said("submission.rejected", "intake")
    told = [(one.data, one.data["outcome"]) for one in accepted]
    told += [(one.data, "rejected") for one in rejected]
    return {f"{data['submission_id']} {data['revision']}": outcome for data, outcome in told}


async def standing(validation: LoneService) -> list[tuple[str, int]]:
    rows = await validation.rows(select(judgements).where(judgements.c.standing).order_by("submission_id"))
    return [(row.submission_id, row.revision) for row in rows]


async def test_an_accepted_submission_goes_to_the_archive_with_all_it_needs(validation: LoneService) -> None:
    """What was sent, and what was judged of it; the hash of a number stays behind."""
    attachment = Attachment(name="a.jpg", media_type="image/jpeg", size=3, sha256="ab", object="ab/ab")
    sent = received(submission_id="s1", attachments=[attachment])
    await validation.hear(sent)
    (accepted,) = await validation.said("submission.accepted")
    assert accepted.subject == "s1"
    assert accepted.data == {
        "submission_id": "s1",
        "revision": 1,
        "form": "prov",
        "form_version": 1,
        "committee": "namnd",
        "title": "Provrapport",
        "subject": "Besök 2026-11-12: kost",
        "reference": sent.reference,
        "unit": "kost",
        "unit_name": "Kost",
        "event_date": "2026-11-12",
        "received_at": "2026-11-20T12:00:00Z",
        "arrived_at": "2026-11-20T12:00:00Z",
        "submitter": {"name": "Anna", "email": "anna@namnd.example"},
        "findings": [],
        "outcome": "accepted",
        "data": {"dag": "2026-11-12", "enhet": "kost"},
        "compensation": [
            {"kind": "arvode", "quantity": 1.0, "message": "Besök 1 av 2.", "source": "§ 4"},
            {"kind": "resa", "quantity": 0.0, "message": None, "source": None},
        ],
        "attachments": [attachment.model_dump()],
        "answers": None,
    }
    assert not await validation.said("submission.rejected")


async def test_a_rejection_goes_to_intake_and_notification_without_the_answers(
    validation: LoneService,
) -> None:
    """They need what was wrong, not what was written."""
    await validation.hear(received(data={"text": "Hemligt"}, submission_id="s1"))
    for listener in ("intake", "notification"):
        (rejected,) = await validation.said("submission.rejected", listener)
        assert [finding["rule"] for finding in rejected.data["findings"]] == ["schema"]
        assert "data" not in rejected.data
    assert not await validation.said("submission.accepted")
    ((kept,),) = await validation.rows(select(judgements.c.data))
    assert kept is None


async def test_the_third_visit_of_a_year_is_held(validation: LoneService) -> None:
    """A held one counts too; another person's, another year's and a rejected one do not."""
    await validation.hear(
        received("2026-03-01", submission_id="a"),
        received("2025-12-31", submission_id="b"),
        received("2026-03-02", submission_id="c", submitter=BERTIL),
        received("2026-03-03", submission_id="d", data={"okant": 1}),
        received("2026-03-04", submission_id="e"),
        received("2026-03-05", submission_id="f"),
        received("2026-03-06", submission_id="g"),
    )
    assert await outcomes(validation) == {
        "a 1": "accepted",
        "b 1": "accepted",
        "c 1": "accepted",
        "d 1": "rejected",
        "e 1": "accepted",
        "f 1": "held",
        "g 1": "held",
    }
    *_, last = await validation.said("submission.accepted")
    assert last.data["findings"][0]["message"] == "Det här är besök 4."


async def test_who_was_matched_only_after_the_locks_were_taken_is_counted_all_the_same(
    run_validation: RunValidation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The register is read anew while a batch waits; its reports are of one person, one after the other."""
    monkeypatch.setattr(Judge, "locks", _locks_of_none_first(Judge.locks))
    async with run_validation() as validation:
        await validation.hear(*(received(f"2026-03-0{day}", submission_id=f"s{day}") for day in range(1, 4)))
        assert await outcomes(validation) == {"s1 1": "accepted", "s2 1": "accepted", "s3 1": "held"}


def _locks_of_none_first(locks: Callable[..., Iterable[str]]) -> Callable[..., Iterable[str]]:
    """As when nobody is in the register yet when each is read, and somebody is when it is judged."""
    read: set[str] = set()

    def told(judge: Judge, event: SubmissionReceived) -> Iterable[str]:
        if event.submission_id in read:
            return locks(judge, event)
        read.add(event.submission_id)
        return [f"submission {event.submission_id}"]

    return told


async def test_two_at_one_unit_that_come_together_see_each_other(validation: LoneService) -> None:
    """The second is told of the first, though both are stored in one transaction."""
    await validation.hear(received(submission_id="a"), received(submission_id="b", submitter=BERTIL))
    _, second = await validation.said("submission.accepted")
    assert [finding["rule"] for finding in second.data["findings"]] == ["coordinate"]


async def test_a_version_that_counts_a_unit_s_visits_sees_those_of_one_that_does_not(
    run_validation: RunValidation, form_folder: Callable[..., Path]
) -> None:
    """The fact came with the second version; a visit by the first, stored with it, counts all the same."""
    rules = copy.deepcopy(RULES)
    rules["facts"]["nearby"]["from_version"] = rules["rules"][2]["from_version"] = 2
    folder = form_folder(rules)
    (folder / "v2.schema.json").write_text((folder / "v1.schema.json").read_text("utf-8"), "utf-8")
    async with run_validation() as validation:
        await validation.hear(received(submitter=BERTIL), received(form_version=2))
        _, second = await validation.said("submission.accepted")
    assert [finding["rule"] for finding in second.data["findings"]] == ["coordinate"]


async def test_an_event_delivered_twice_is_one_visit(validation: LoneService) -> None:
    """One judgement, one answer."""
    for _ in range(3):
        await validation.hear(received(submission_id="a"), event_id="e1", source="/kansli/intake")
    assert await standing(validation) == [("a", 1)]
    assert len(await validation.said("submission.accepted")) == 1


async def test_a_returned_report_counts_no_longer(validation: LoneService) -> None:
    """The secretary sent it back: the visit may be reported anew."""
    await validation.hear(
        received("2026-03-01", submission_id="a"), received("2026-03-02", submission_id="b")
    )
    await validation.hear(ReportReturned(submission_id="b", revision=1))
    assert await standing(validation) == [("a", 1)]
    await validation.hear(received("2026-03-03", submission_id="c"))
    assert (await outcomes(validation))["c 1"] == "accepted"
    query = select(judgements.c.data, judgements.c.counted).where(judgements.c.submission_id == "b")
    assert [tuple(row) for row in await validation.rows(query)] == [(None, None)]


async def test_the_past_is_read_from_the_fields_that_facts_read(validation: LoneService) -> None:
    """All of a report is read again only by rules that ask for other fields."""
    await validation.hear(received("2026-03-01", submission_id="a", data={"adress": "a@b.example"}))
    (row,) = await validation.rows(select(judgements))
    assert (row.counted, row.counted_fields) == ({"dag": "2026-03-01"}, "dag")


async def test_rules_that_come_to_read_other_fields_count_what_was_reported_before(
    validation: LoneService, form_folder: Callable[..., Path]
) -> None:
    """The past keeps all that was reported, so that a new rule counts from its first day."""
    await validation.hear(received("2026-03-01", submission_id="a", data={"antal": 2}))
    form_folder({**RULES, "facts": {**RULES["facts"], "visits": {"sum": "past.data.antal"}}})
    validation.reread_folders()
    await validation.hear(received("2026-03-02", submission_id="b", data={"antal": 1}))
    *_, last = await validation.said("submission.accepted")
    assert last.data["findings"][0]["message"] == "Det här är besök 3."


async def test_a_return_of_an_older_revision_leaves_the_newer_standing(validation: LoneService) -> None:
    """It was completed meanwhile."""
    await validation.hear(received(submission_id="a"), received(submission_id="a", revision=2))
    await validation.hear(ReportReturned(submission_id="a", revision=1))
    assert await standing(validation) == [("a", 2)]


async def test_a_completion_takes_the_place_of_the_former(validation: LoneService) -> None:
    """A person's own earlier revision is no visit beside it."""
    for revision in range(1, 5):
        await validation.hear(received("2026-03-01", submission_id="a", revision=revision))
    assert set((await outcomes(validation)).values()) == {"accepted"}
    assert await standing(validation) == [("a", 4)]


async def test_a_rejected_completion_leaves_the_former_standing(validation: LoneService) -> None:
    """What was accepted stays accepted."""
    await validation.hear(received(submission_id="a"))
    await validation.hear(received(submission_id="a", revision=2, data={"okant": 1}))
    assert await standing(validation) == [("a", 1)]


async def test_a_revision_that_comes_late_changes_nothing(validation: LoneService) -> None:
    """A newer one already stands: the older is neither judged nor answered."""
    await validation.hear(received(submission_id="a", revision=2), received(submission_id="a", revision=1))
    assert await outcomes(validation) == {"a 2": "accepted"}
    assert await standing(validation) == [("a", 2)]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_the_newest_standing_revision_is_the_same_in_any_order(
    validation: LoneService, data: st.DataObject
) -> None:
    """Revisions and returns of one submission, as a busy broker may deliver them."""
    good = data.draw(st.lists(st.booleans(), min_size=1, max_size=4), "which revisions can be accepted")
    submission_id = new_id()
    events = [
        received(submission_id=submission_id, revision=number, data={} if right else {"okant": 1})
        for number, right in enumerate(good, 1)
    ]
    await validation.hear(*data.draw(st.permutations(events)))
    newest = max((number for number, right in enumerate(good, 1) if right), default=None)
    mine = [revision for one, revision in await standing(validation) if one == submission_id]
    assert mine == ([newest] if newest else [])


@pytest.mark.parametrize(
    ("changed", "missing"),
    [({"form": "kommer"}, "form kommer"), ({"form_version": 2}, "form prov v2")],
)
async def test_a_form_that_is_not_here_yet_is_waited_for(
    validation: LoneService, changed: dict[str, Any], missing: str
) -> None:
    """No failed attempt, no answer; others are judged meanwhile."""
    await validation.hear(received(submission_id="a", **changed), received(submission_id="b"))
    (reason,) = await validation.due()
    assert missing in reason
    assert await outcomes(validation) == {"b 1": "accepted"}


async def test_a_committee_that_is_not_here_yet_is_waited_for(
    run_validation: RunValidation, config: Path, clock: StillClock
) -> None:
    """And once its file is there the submission is judged, however long it took."""
    file = config / "committees" / "namnd.yaml"
    aside = file.rename(config / "namnd.yaml")
    async with run_validation() as validation:
        await validation.hear(received(submission_id="a"))
        assert "namnd" in (await validation.due())[0]
        clock.pass_by(days=30)
    aside.rename(file)
    async with run_validation() as again:
        await again.retry_until_nothing_is_due()
        assert await outcomes(again) == {"a 1": "accepted"}
        assert not await again.parked()


async def test_what_cannot_be_judged_stops_nobody_else(validation: LoneService) -> None:
    """Answers at the edge of what intake lets through are rejected or held, and never break the step."""
    deep: Any = 1
    for _ in range(99):
        deep = {"a": deep}
    strange = [
        deep,
        {"dag": "2026-11-12", "enhet": "kost", "antal": 10**400},
        {"dag": "2026-11-12", "enhet": "kost", "timmar": 1e308},
        {"dag": "2026-11-12", "enhet": "\x00\x01"},
        {"dag": "0001-01-01", "enhet": "kost"},
        {"dag": "0001-01-01T00:00:00+23:00", "enhet": "kost"},
        {"dag": "9999-12-31", "enhet": "kost"},
        {"dag": "2026-02-30", "enhet": "kost"},
        {"dag": "2026-11-12", "enhet": "kost", "adress": "ingen"},
        {},
    ]
    for number, data in enumerate(strange):
        await validation.hear(received(submission_id=f"s{number}").model_copy(update={"data": data}))
    await validation.hear(received(submission_id="rätt"))
    assert len(await outcomes(validation)) == len(strange) + 1
    assert (await outcomes(validation))["rätt 1"] == "accepted"
    assert not await validation.due()
    assert not await validation.parked()


async def test_a_rule_without_an_answer_is_counted(validation: LoneService, forms: Path) -> None:
    """The report is held, and whoever watches the figures sees that a rule has failed."""
    rules = forms / "prov" / "rules.yaml"
    rules.write_text(
        "rules: [{id: r, outcome: note, when: 'data.timmar > 1.0', message: m, source: s}]\n", "utf-8"
    )
    validation.reread_folders()
    await validation.hear(received(submission_id="utan-timmar"))
    assert await outcomes(validation) == {"utan-timmar 1": "held"}
    async with validation.http.get(f"{validation.url}/metrics") as answer:
        figures = await answer.text()
    assert 'kansli_submissions_judged_total{form="prov",outcome="held",rule="rule-error"} 1.0' in figures


async def both(one: LoneService, other: LoneService, events: list[SubmissionReceived]) -> None:
    """Deliver by turns to the two, all at once, each event as its own message."""
    await asyncio.gather(
        *(
            consumer.receive([message])
            for service, event in zip((one, other) * len(events), events, strict=False)
            for consumer in service.service.consumers
            if consumer.queue == "validation.submission.received"
            for message in [service.message(event)]
        )
    )


async def test_of_many_visits_reported_at_once_exactly_two_are_accepted(
    run_validation: RunValidation,
) -> None:
    """On SQLite, in one process."""
    async with run_validation() as validation:
        await both(validation, validation, [received(f"2026-05-{day:02}") for day in range(1, 11)])
        assert sorted((await outcomes(validation)).values()) == ["accepted"] * 2 + ["held"] * 8


async def test_of_visits_reported_at_once_at_two_replicas_exactly_two_are_accepted(
    run_validation: RunValidation, postgres_url: str
) -> None:
    """On PostgreSQL, by two services on one database: the lock for the person is the database's."""
    async with run_validation(postgres_url) as one, run_validation(postgres_url) as other:
        for person in (received().submitter, BERTIL):
            events = [received(f"2026-05-{day:02}", submitter=person) for day in range(1, 11)]
            await both(one, other, events)
        told = await outcomes(one)
        assert sorted(told.values()) == ["accepted"] * 4 + ["held"] * 16


async def test_revisions_judged_at_once_at_two_replicas_leave_one_standing(
    run_validation: RunValidation, postgres_url: str
) -> None:
    """Also when a completion names another person, whose lock is another."""
    async with run_validation(postgres_url) as one, run_validation(postgres_url) as other:
        for _ in range(5):
            submission_id = new_id()
            revisions = [
                received(submission_id=submission_id, revision=number, submitter=who)
                for number, who in ((1, received().submitter), (2, BERTIL), (3, received().submitter))
            ]
            await both(one, other, revisions)
            assert [mine for mine in await standing(one) if mine[0] == submission_id] == [(submission_id, 3)]


def many_judgements() -> Iterator[dict[str, Any]]:
    """Years of reports by many people: what a past query must not wade through."""
    for number in range(4300):
        yield {
            "submission_id": f"old-{number}",
            "revision": 1,
            "form": "prov",
            "committee": "namnd",
            "outcome": "accepted",
            "standing": number % 3 > 0,
            "person_id": f"kp-{number % 60}",
            "unit": f"enhet-{number % 20}",
            "event_date": date(2015, 1, 1) + timedelta(days=number),
            "data": {"dag": "2015-01-01", "enhet": "kost"},
            "findings": [],
            "judged_at": NOW,
        }


class Asked:
    """Stands in for a transaction, and keeps the query that it is asked."""

    def __init__(self) -> None:
        self.query: Select[Any] | None = None

    async def all(self, query: Select[Any], told: Mapping[str, Any]) -> list[Any]:
        self.query = query.params(told)
        return []


async def query_of_the_past(validation: LoneService) -> Select[Any]:
    """What is asked for a report of kp-1 in Kost on 12 November 2026."""
    asked = Asked()
    form = load_form(Path(validation.service.settings.forms) / "prov")
    anna = committee_from(COMMITTEE).kontaktpolitiker[0]
    day = date(2026, 11, 12)
    around = Circumstances(person=anna, unit="enhet-3", event_date=day, day=day)
    await past(asked, received(), form, around)  # type: ignore[arg-type]
    assert asked.query is not None
    return asked.query


async def plan_of(validation: LoneService, explain: str) -> str:
    """The database's own plan for that query, with years of reports in the table."""
    query = await query_of_the_past(validation)
    async with validation.service.store.read() as connection:
        words = query.compile(connection.engine, compile_kwargs={"literal_binds": True})
        return "\n".join(str(row) for row in await connection.execute(text(f"{explain} {words}")))


async def fill(validation: LoneService, *further: str) -> None:
    async def work(tx: Transaction) -> None:
        await tx.execute(insert(judgements), list(many_judgements()))
        for statement in further:
            await tx.execute(text(statement))

    await validation.service.store.write(work)


async def test_the_past_is_found_by_index_on_sqlite(validation: LoneService) -> None:
    """Never by reading the whole table, however many reports there are."""
    await fill(validation, "ANALYZE")
    plan = await plan_of(validation, "EXPLAIN QUERY PLAN")
    assert "judgements_of_person (form=? AND person_id=? AND event_date>?)" in plan
    assert "judgements_of_unit (form=? AND unit=? AND event_date>? AND event_date<?)" in plan
    assert "SCAN" not in plan


async def test_the_past_is_found_by_index_on_postgresql(
    run_validation: RunValidation, postgres_url: str
) -> None:
    """As on SQLite."""
    async with run_validation(postgres_url) as validation:
        await fill(validation, "ANALYZE judgements")
        plan = await plan_of(validation, "EXPLAIN")
    assert "judgements_of_person" in plan
    assert "judgements_of_unit" in plan
    assert "Seq Scan" not in plan


async def test_the_past_is_bounded(validation: LoneService) -> None:
    """This year and the one before of the person, thirty days of the unit; nothing that does not stand."""
    await fill(validation)
    query = await query_of_the_past(validation)
    rows = await validation.rows(query.add_columns(judgements.c.standing))
    mine = [row for row in rows if row.person_id == "kp-1"]
    others = [row for row in rows if row.person_id != "kp-1"]
    assert all(row.standing for row in rows)
    assert all(row.event_date >= date(2025, 1, 1) for row in mine)
    assert all(abs((row.event_date - date(2026, 11, 12)).days) <= 30 for row in others)
    assert len(mine) <= 366 * 2 // 60 + 1
    assert len(others) <= 61 // 20 + 1
