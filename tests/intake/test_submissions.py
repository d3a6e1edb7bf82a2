"""What the sender is told follows what happened, not the order in which it was heard."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from chassis.events import Event
from intake.events import (
    Finding,
    FrozenReport,
    Meeting,
    NotificationBounced,
    NotificationFailed,
    NotificationSent,
    PacketFrozen,
    ReportFiled,
    ReportHeld,
    ReportMoved,
    ReportReleased,
    ReportReturned,
    SubmissionRejected,
)
from intake.submissions import history
from support.lone_service import LoneService
from support.platforms import KEY, RunIntake, ask, envelope, post

MEETING = Meeting(committee="namnd", date="2026-12-09")


def findings(*rules: str) -> list[Finding]:
    return [
        Finding(rule=rule, outcome="hold", message=f"{rule}.", source="§ 1", pointer=None) for rule in rules
    ]


def rejected(submission_id: str, revision: int = 1) -> SubmissionRejected:
    return SubmissionRejected(
        submission_id=submission_id, revision=revision, findings=findings(f"rejects-{revision}")
    )


def report(kind: type[Any], submission_id: str, version: int, revision: int = 1, **more: Any) -> Event:
    made: Event = kind(
        submission_id=submission_id,
        revision=revision,
        version=version,
        meeting=None if kind is ReportReturned else MEETING,
        findings=findings(f"of-version-{version}"),
        **({"reason": "Skriv vilken enhet det gällde."} if kind is ReportReturned else {}),
        **more,
    )
    return made


async def sent(intake: LoneService, reference: str, revisions: int = 1) -> str:
    for revision in range(revisions):
        body = envelope(reference=reference, submitted_at=f"2026-11-20T10:0{revision}:00+01:00")
        submission_id = (await post(intake, body, key=KEY)).told["id"]
    return str(submission_id)


async def told(intake: LoneService, submission_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await ask(intake, f"/v1/submissions/{submission_id}", key=KEY)).told
    return answer


def rules(status: dict[str, Any]) -> list[str]:
    return [finding["rule"] for finding in status["findings"]]


@pytest.mark.parametrize(
    ("kind", "status", "meeting"),
    [
        (ReportFiled, "filed", {"committee": "namnd", "date": "2026-12-09"}),
        (ReportHeld, "held", {"committee": "namnd", "date": "2026-12-09"}),
        (ReportReleased, "filed", {"committee": "namnd", "date": "2026-12-09"}),
        (ReportReturned, "returned", None),
    ],
)
async def test_each_event_of_a_report_is_told_to_its_sender(
    intake: LoneService, kind: type[Any], status: str, meeting: Any
) -> None:
    """Status, findings with rule and source, meeting, and a line in the history."""
    submission_id = await sent(intake, "1")
    await intake.hear(report(kind, submission_id, 1))
    answer = await told(intake, submission_id)
    assert (answer["status"], answer["meeting"]) == (status, meeting)
    assert answer["findings"] == [
        {
            "rule": "of-version-1",
            "outcome": "hold",
            "message": "of-version-1.",
            "source": "§ 1",
            "pointer": None,
        }
    ]
    assert [step["event"] for step in answer["history"]] == ["submission.received", kind.kind]


async def test_what_comes_together_is_taken_whole(intake: LoneService) -> None:
    """A completion beside new submissions, and the same one twice: each row after what it refers to."""
    known = await sent(intake, "known")
    later = envelope(reference="known", submitted_at="2026-11-21T10:00:00+01:00")
    bodies = [later, *(envelope(reference=f"new-{n % 4}") for n in range(8))]
    answers = await asyncio.gather(*(post(intake, body, key=KEY) for body in bodies))
    assert {answer.status for answer in answers} <= {200, 202}
    assert answers[0].told["id"] == known
    assert len({answer.told["id"] for answer in answers}) == 5
    assert (await told(intake, known))["revision"] == 2


@pytest.mark.parametrize("status", ["filed", "held"])
async def test_a_moved_report_is_what_it_is_at_another_meeting(intake: LoneService, status: str) -> None:
    """What made it so, or an older move, is heard later and changes nothing: queues overtake each other."""
    submission_id = await sent(intake, "1")
    january = Meeting(committee="namnd", date="2027-01-20")
    moved = report(ReportMoved, submission_id, 3, status=status).model_copy(update={"meeting": january})
    older = report(ReportMoved, submission_id, 2, status="held")
    late = [report(kind, submission_id, 1) for kind in (ReportFiled, ReportHeld, ReportReleased)]
    await intake.hear(report(ReportHeld, submission_id, 0), moved, older, *late)
    answer = await told(intake, submission_id)
    assert (answer["status"], answer["meeting"]) == (status, {"committee": "namnd", "date": "2027-01-20"})
    assert rules(answer) == ["of-version-3"]


async def test_the_reports_of_a_packet_are_frozen(intake: LoneService) -> None:
    """All that it holds, by their versions; one that a newer revision has overtaken is not."""
    first, second, overtaken = [await sent(intake, reference) for reference in "123"]
    await intake.hear(*(report(ReportFiled, one, 1) for one in (first, second)))
    await intake.hear(report(ReportFiled, overtaken, 3, revision=2))
    frozen = PacketFrozen(
        submission_id="packet-1",
        meeting=MEETING,
        reports=[
            FrozenReport(submission_id=one, revision=1, version=2) for one in (first, second, overtaken)
        ],
    )
    await intake.hear(frozen)
    await intake.hear(frozen)
    for one, status in ((first, "frozen"), (second, "frozen"), (overtaken, "filed")):
        answer = await told(intake, one)
        assert (answer["status"], answer["meeting"]["date"]) == (status, "2026-12-09")
        frozen_steps = [step for step in answer["history"] if step["event"] == "packet.frozen"]
        assert len(frozen_steps) == (status == "frozen")


async def test_a_rejected_submission_that_is_accepted_is_filed(intake: LoneService) -> None:
    """As if it had been released."""
    submission_id = await sent(intake, "1")
    await intake.hear(rejected(submission_id))
    await intake.hear(report(ReportReleased, submission_id, 2))
    assert (await told(intake, submission_id))["status"] == "filed"


async def test_a_rejection_is_told_with_what_was_wrong(intake: LoneService) -> None:
    """And there is no meeting."""
    submission_id = await sent(intake, "1")
    await intake.hear(rejected(submission_id))
    answer = await told(intake, submission_id)
    assert (answer["status"], rules(answer), answer["meeting"]) == ("rejected", ["rejects-1"], None)


async def test_a_letter_is_a_line_in_the_history(intake: LoneService) -> None:
    """Whether it went or not."""
    submission_id = await sent(intake, "1")
    await intake.hear(NotificationSent(submission_id=submission_id, revision=1))
    await intake.hear(NotificationFailed(submission_id=submission_id, revision=1))
    await intake.hear(NotificationBounced(submission_id=submission_id, revision=1))
    steps = [step["event"] for step in (await told(intake, submission_id))["history"]]
    assert steps == [
        "submission.received",
        "notification.sent",
        "notification.failed",
        "notification.bounced",
    ]


async def test_a_letter_about_a_meeting_is_in_no_history(intake: LoneService) -> None:
    """It bears the meeting's name where others have a submission's."""
    await intake.hear(NotificationFailed(submission_id="valfard-2026-12-09", revision=0))
    assert await intake.rows(select(history)) == []


async def test_an_event_heard_twice_is_noted_once(intake: LoneService) -> None:
    """The same event id from the same source."""
    submission_id = await sent(intake, "1")
    for _ in range(3):
        await intake.hear(report(ReportFiled, submission_id, 1), event_id="e1", source="/kansli/archive")
    assert len((await told(intake, submission_id))["history"]) == 2


async def test_a_rejected_completion_leaves_the_former_standing(intake: LoneService) -> None:
    """The report of the first revision is still filed; the history tells of the rejection."""
    submission_id = await sent(intake, "1")
    await intake.hear(report(ReportFiled, submission_id, 1))
    await sent(intake, "1", revisions=2)
    await intake.hear(rejected(submission_id, 2))
    answer = await told(intake, submission_id)
    assert (answer["status"], answer["revision"], rules(answer)) == ("filed", 2, ["of-version-1"])
    assert answer["history"][-1]["event"] == "submission.rejected"


async def test_a_completion_of_a_rejected_submission_is_received_anew(intake: LoneService) -> None:
    """Until it is judged, the old findings are not its own."""
    submission_id = await sent(intake, "1")
    await intake.hear(rejected(submission_id, 1))
    await sent(intake, "1", revisions=2)
    answer = await told(intake, submission_id)
    assert (answer["status"], answer["findings"]) == ("received", [])


async def test_a_rejection_heard_after_the_completion_settles_nothing(intake: LoneService) -> None:
    """It is the newest revision whose outcome is awaited."""
    submission_id = await sent(intake, "1", revisions=2)
    await intake.hear(rejected(submission_id, 1))
    assert (await told(intake, submission_id))["status"] == "received"


@pytest.fixture
async def one_intake(
    tmp_path_factory: pytest.TempPathFactory, run_intake: RunIntake
) -> AsyncIterator[LoneService]:
    async with run_intake(tmp_path_factory.mktemp("one") / "intake.db") as intake:
        yield intake


REFERENCES = count()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_the_status_is_the_same_in_whatever_order_events_are_heard(
    one_intake: LoneService, data: st.DataObject
) -> None:
    """A report's version decides, then the newest revision; late and repeated events change nothing."""
    revisions = data.draw(st.integers(1, 3), "revisions")
    rejections = data.draw(st.sets(st.integers(1, revisions)), "rejected revisions")
    kinds = st.sampled_from([ReportFiled, ReportHeld, ReportReleased, ReportReturned])
    versions: Sequence[type[Any]] = data.draw(st.lists(kinds, max_size=4), "report versions")
    submission_id = await sent(one_intake, str(next(REFERENCES)), revisions)
    events = [
        *(rejected(submission_id, revision) for revision in rejections),
        *(report(kind, submission_id, version) for version, kind in enumerate(versions, 1)),
    ]
    await one_intake.hear(*data.draw(st.permutations(events), "order"))
    answer = await told(one_intake, submission_id)
    if versions:
        expected = {ReportFiled: "filed", ReportReleased: "filed", ReportHeld: "held"}
        assert answer["status"] == expected.get(versions[-1], "returned")
        assert rules(answer) == [f"of-version-{len(versions)}"]
    elif revisions in rejections:
        assert (answer["status"], rules(answer)) == ("rejected", [f"rejects-{revisions}"])
    else:
        assert (answer["status"], rules(answer)) == ("received", [])
    assert len(answer["history"]) == revisions + len(events)


async def test_events_about_what_intake_never_took_are_noted_nowhere(
    intake: LoneService, tmp_path: Path
) -> None:
    """They are parked or passed over, and what follows is handled."""
    submission_id = await sent(intake, "1")
    await intake.hear(report(ReportFiled, "somebody-elses", 1), report(ReportFiled, submission_id, 1))
    assert (await told(intake, submission_id))["status"] == "filed"


async def test_the_tally_counts_each_submission_once_under_its_status(intake: LoneService) -> None:
    """By form and status, revisions not counted."""
    first, second, third = [await sent(intake, str(number)) for number in range(3)]
    await sent(intake, "2", revisions=2)
    await intake.hear(report(ReportHeld, first, 1), rejected(second))
    async with intake.http.get("/admin/tally") as response:
        tally = await response.json()
    assert tally["forms"] == {"prov": {"held": 1, "rejected": 1, "received": 1}}
    assert third
