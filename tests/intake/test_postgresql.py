"""The promises that a database must keep, kept by PostgreSQL too, and by two intakes on one database."""

import asyncio
from base64 import b64encode
from functools import partial
from pathlib import Path

from sqlalchemy import func, select

from chassis.store import Transaction
from intake.submissions import revisions, say_anew
from support.file_samples import harmless_pdf
from support.lone_service import LoneService
from support.platforms import KEY, RunIntake, ask, envelope, post


async def taken(intake: LoneService) -> int:
    ((count,),) = await intake.rows(select(func.count()).select_from(revisions))
    return int(count)


async def test_fifty_at_once_at_two_replicas_make_one_submission(
    run_intake: RunIntake, postgres_url: str
) -> None:
    """With a key and without: one id, one revision, one event."""
    async with run_intake(postgres_url) as one, run_intake(postgres_url) as other:
        for number, headers in enumerate(({"Idempotency_Key": "samma"}, {})):
            body = envelope(reference=str(number))
            answers = await asyncio.gather(
                *(post(replica, body, key=KEY, **headers) for replica in (one, other) for _ in range(25))
            )
            assert {answer.status for answer in answers} <= {202, 409}
            assert len({answer.told["id"] for answer in answers if answer.status == 202}) == 1
            assert await taken(one) == number + 1
        assert len(await one.said("submission.received")) == 2


async def test_completions_at_two_replicas_are_numbered_without_a_gap(
    run_intake: RunIntake, postgres_url: str
) -> None:
    """Whatever order they come in, the newest is the newest."""
    async with run_intake(postgres_url) as one, run_intake(postgres_url) as other:
        bodies = [envelope(submitted_at=f"2026-11-20T09:{minute:02}:00Z") for minute in range(10)]
        await asyncio.gather(
            *(post(replica, body, key=KEY) for body, replica in zip(bodies, (one, other) * 5, strict=True))
        )
        status = (await ask(one, "/v1/submissions?reference=190456", key=KEY)).told
        kept = await one.rows(select(revisions).order_by(revisions.c.revision))
        assert [row.revision for row in kept] == list(range(1, 11))
        standing = [row for row in kept if not row.superseded]
        assert standing == sorted(standing, key=lambda row: row.submitted_at)
        assert (status["revision"], len(status["history"])) == (standing[-1].revision, 10)
        assert standing[-1].submitted_at.minute == 9
        said = await one.said("submission.received")
        assert sorted(event.data["revision"] for event in said) == [row.revision for row in standing]


async def test_what_is_said_anew_and_a_completion_never_share_a_number(
    run_intake: RunIntake, postgres_url: str, tmp_path: Path
) -> None:
    """A completion comes while the scanner's answer is stored: each number is said once."""
    file = {"name": "a.pdf", "media_type": "application/pdf", "content": b64encode(harmless_pdf()).decode()}
    async with run_intake(postgres_url, clamd_socket=tmp_path / "nobody") as intake:
        for number in range(10):
            first = envelope(reference=str(number), attachments=[file])
            completion = envelope(reference=str(number), submitted_at="2026-11-20T12:40:00+01:00")
            submission_id = (await post(intake, first, key=KEY)).told["id"]
            await asyncio.gather(
                post(intake, completion, key=KEY),
                intake.service.store.write(partial(_scanned, submission_id)),
            )
        said = [(event.subject, event.data["revision"]) for event in await intake.said("submission.received")]
    assert len(said) == len(set(said))


async def _scanned(submission_id: str, tx: Transaction) -> None:
    event = await say_anew(tx, submission_id, 1, lambda event: event)
    await tx.say(*([event] if event else []))


async def test_what_is_no_text_to_the_database_is_not_there(run_intake: RunIntake, postgres_url: str) -> None:
    """PostgreSQL refuses NUL in a text; whoever asks for one is told 404 and not 500."""
    async with run_intake(postgres_url) as intake:
        for path in ("/v1/submissions/%00", "/v1/submissions?reference=a%00b"):
            assert (await ask(intake, path, key=KEY)).status == 404
        answer = await post(intake, envelope(data={"text": "a\u0000b"}), key=KEY)
        assert answer.status == 202
        (event,) = await intake.said("submission.received")
        assert event.data["data"] == {"text": "a\u0000b"}
