"""A decision of the chair, and the secretary's acceptance: what is judged anew, and what counts then."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from support.lone_service import LoneService, alone
from support.still_clock import StillClock
from validation.__main__ import build
from validation.decisions import placed
from validation.events import (
    ReportAdmitted,
    ReportDecided,
    ReportReturned,
    SubmissionReceived,
    Submitter,
)
from validation.judgements import judgements
from validation.settings import ValidationSettings

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ANNA = Submitter(name="Anna", email="anna@namnd.example", personal_number_hash="f00")
DECISION = {"datum": "2026-11-19", "referens": "OB 12"}
SCHEMA = {
    "type": "object",
    "required": ["dag"],
    "unevaluatedProperties": False,
    "properties": {
        "dag": {"type": "string", "format": "date"},
        "beslut": {
            "type": "object",
            "required": ["datum", "referens"],
            "unevaluatedProperties": False,
            "properties": {
                "datum": {"title": "Datum", "type": "string", "format": "date"},
                "referens": {"title": "Referens", "type": "string", "maxLength": 20},
            },
        },
    },
}
RULES = {
    "facts": {"visits": {"count": "year(past.data.dag) == year(data.dag)"}},
    "rules": [
        {
            "id": "yearly-visits",
            "outcome": "hold",
            "when": "facts.visits >= 1 && !has(data.beslut)",
            "message": "Det här är besök {facts.visits + 1}.",
            "source": "§ 2",
        }
    ],
    "compensation": [{"kind": "arvode", "quantity": "facts.visits < 1 || has(data.beslut) ? 1 : 0"}],
}
COMMITTEE = {
    "id": "namnd",
    "name": "Nämnden",
    "units": [],
    "kontaktpolitiker": [
        {
            "id": "kp-1",
            "name": "Anna",
            "email": "anna@namnd.example",
            "role": "member",
            "units": [],
            "from": "2026-01-01",
            "to": "2026-12-31",
        }
    ],
}

RunValidation = Callable[..., AbstractAsyncContextManager[LoneService]]


@pytest.fixture
def run_validation(tmp_path: Path, form_folder: Callable[..., Path]) -> RunValidation:
    folder = tmp_path / "config" / "committees"
    folder.mkdir(parents=True)
    (folder / "namnd.yaml").write_text(yaml.safe_dump(COMMITTEE), "utf-8")
    forms = form_folder(RULES, SCHEMA, unit=None, subject="Besök {data.dag}", chair_decision="/beslut").parent
    config, clock = tmp_path / "config", StillClock(NOW)

    @asynccontextmanager
    async def run(database: str | None = None) -> AsyncIterator[LoneService]:
        place = database or tmp_path / "validation.db"
        async with alone(
            build, ValidationSettings, place, clock, config=config, forms=str(forms)
        ) as validation:
            yield validation

    return run


@pytest.fixture
async def validation(run_validation: RunValidation) -> AsyncIterator[LoneService]:
    async with run_validation() as validation:
        yield validation


def received(submission_id: str, revision: int = 1, **data: Any) -> SubmissionReceived:
    return SubmissionReceived(
        submission_id=submission_id,
        revision=revision,
        form="prov",
        form_version=1,
        reference=submission_id,
        received_at=NOW,
        arrived_at=NOW,
        submitter=ANNA,
        data={"dag": "2026-11-12"} | data,
        attachments=[],
    )


def decided(submission_id: str, revision: int = 1, version: int = 2, **decision: Any) -> ReportDecided:
    return ReportDecided(
        submission_id=submission_id,
        revision=revision,
        version=version,
        form="prov",
        pointer="/beslut",
        decision=DECISION | decision,
    )


async def answers(validation: LoneService, submission_id: str) -> list[dict[str, Any]]:
    said = await validation.said("submission.accepted")
    return [one.data for one in said if one.data["submission_id"] == submission_id]


async def counted(validation: LoneService) -> list[str]:
    rows = await validation.rows(select(judgements.c.submission_id).where(judgements.c.standing))
    return sorted(row.submission_id for row in rows)


async def test_a_decision_has_the_report_judged_anew(validation: LoneService) -> None:
    """With everything it had, the decision at its place; the answer names the version that asked."""
    await validation.hear(received("a"), received("b"))
    await validation.hear(decided("b"))
    first, anew = await answers(validation, "b")
    assert (first["outcome"], first["answers"]) == ("held", None)
    assert (anew["outcome"], anew["answers"], anew["revision"]) == ("accepted", 2, 1)
    assert anew["data"] == {"dag": "2026-11-12", "beslut": DECISION}
    assert (first["compensation"][0]["quantity"], anew["compensation"][0]["quantity"]) == (0.0, 1.0)
    (row,) = await validation.rows(select(judgements).where(judgements.c.submission_id == "b"))
    assert (row.outcome, row.standing, row.data, row.received) == ("accepted", True, anew["data"], None)


async def test_a_decision_that_cannot_be_used_leaves_it_held_and_says_why(validation: LoneService) -> None:
    """And a right one can follow."""
    await validation.hear(received("a"), received("b"))
    await validation.hear(decided("b", datum="i går"))
    *_, answer = await answers(validation, "b")
    assert (answer["outcome"], answer["answers"]) == ("held", 2)
    assert [(one["rule"], one["outcome"]) for one in answer["findings"]] == [
        ("yearly-visits", "hold"),
        ("schema", "hold"),
    ]
    assert "beslut" not in answer["data"]
    assert not await validation.said("submission.rejected")
    await validation.hear(decided("b", version=4))
    *_, answer = await answers(validation, "b")
    assert (answer["outcome"], answer["answers"]) == ("accepted", 4)


@pytest.mark.parametrize("meanwhile", ["returned", "completed", "accepted already", "never heard of"])
async def test_a_decision_about_what_is_not_held_any_more_changes_nothing(
    validation: LoneService, meanwhile: str
) -> None:
    """Somebody was faster than the message."""
    await validation.hear(received("a"), received("b"))
    if meanwhile == "returned":
        await validation.hear(ReportReturned(submission_id="b", revision=1))
    elif meanwhile == "completed":
        await validation.hear(received("b", 2))
    elif meanwhile == "accepted already":
        await validation.hear(decided("b"))
    before = await validation.rows(select(judgements))
    said = len(await validation.said("submission.accepted"))
    await validation.hear(decided("c" if meanwhile == "never heard of" else "b", version=9))
    assert await validation.rows(select(judgements)) == before
    assert len(await validation.said("submission.accepted")) == said


async def test_only_what_is_held_keeps_what_it_was_judged_from(validation: LoneService) -> None:
    """No hash of a personnummer lies longer than it may be needed."""
    await validation.hear(received("a"), received("b"), received("c", okant=1))
    kept = await validation.rows(select(judgements.c.submission_id, judgements.c.received))
    assert {row.submission_id for row in kept if row.received} == {"b"}
    await validation.hear(ReportReturned(submission_id="b", revision=1))
    assert not any(row.received for row in await validation.rows(select(judgements.c.received)))


async def test_a_rejected_submission_goes_to_the_archive_with_what_was_written(
    validation: LoneService,
) -> None:
    """And to nobody else."""
    await validation.hear(received("a", okant="Hemligt"))
    (documented,) = await validation.said("submission.documented", "archive")
    assert documented.data["data"] == {"dag": "2026-11-12", "okant": "Hemligt"}
    assert not await validation.said("submission.documented", "notification")


async def test_an_accepted_rejection_counts_from_then_on(validation: LoneService) -> None:
    """And in the tally it is rejected no more."""
    await validation.hear(received("a", okant=1))
    assert await counted(validation) == []
    admitted = ReportAdmitted(submission_id="a", revision=1, data={"dag": "2026-11-12", "okant": 1})
    await validation.hear(admitted)
    assert await counted(validation) == ["a"]
    await validation.hear(received("b"))
    (answer,) = await answers(validation, "b")
    assert answer["outcome"] == "held"
    async with validation.http.get("/admin/tally") as told:
        assert (await told.json())["forms"] == {}


async def test_decisions_and_new_reports_of_a_person_do_not_stand_in_each_others_way(
    run_validation: RunValidation, postgres_url: str
) -> None:
    """At two replicas, all at once: each decision is answered, and each report stands once."""
    held, new = [f"held-{number}" for number in range(8)], [f"new-{number}" for number in range(8)]
    async with run_validation(postgres_url) as one, run_validation(postgres_url) as other:
        await one.hear(received("first"), *map(received, held))
        await asyncio.gather(
            *(other.hear(decided(report)) for report in held), *(one.hear(received(report)) for report in new)
        )
        anew = [event.data for event in await one.said("submission.accepted") if event.data["answers"]]
        assert sorted(answer["submission_id"] for answer in anew) == held
        assert {answer["outcome"] for answer in anew} == {"accepted"}
        assert await counted(one) == sorted(["first", *held, *new])


@pytest.mark.parametrize(
    ("data", "pointer", "expected"),
    [
        ({}, "/a", {"a": DECISION}),
        ({"a": 1, "b": 2}, "/a", {"a": DECISION, "b": 2}),
        ({"a": {"c": 3}}, "/a/b", {"a": {"c": 3, "b": DECISION}}),
        ({"a": "text"}, "/a/b", {"a": {"b": DECISION}}),
        ({}, "/x~1y/z~0", {"x/y": {"z~": DECISION}}),
    ],
)
def test_the_decision_is_put_where_the_pointer_says(
    data: dict[str, Any], pointer: str, expected: dict[str, Any]
) -> None:
    """And the data that came is left as it was."""
    before = dict(data)
    assert placed(data, pointer, DECISION) == expected
    assert data == before
