"""What could not be scanned is scanned when the scanner is back, and goes its way without anybody's help."""

import asyncio
import base64
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from chassis.events import Event
from chassis.store.tables import errands
from intake.events import (
    Finding,
    Meeting,
    ReportHeld,
    ReportReleased,
    ReportReturned,
    SubmissionRejected,
)
from intake.scanning import SCANNING, scan_pending
from intake.submissions import revisions, unscanned
from support.clamd import OK, clamd
from support.file_samples import harmless_pdf
from support.lone_service import LoneService
from support.platforms import KEY, Answer, RunIntake, ask, envelope, post

SOON_S = 15.0
WELL, ILL = harmless_pdf("Frisk"), harmless_pdf("Sjuk")
OTHER = Finding(rule="third-visit", outcome="hold", message="Tredje besöket.", source="§ 3")


def file(name: str, content: bytes) -> dict[str, str]:
    return {
        "name": name,
        "media_type": "application/pdf",
        "content": base64.b64encode(content).decode(),
    }


FILES = [file("sjuk.pdf", ILL), file("frisk.pdf", WELL)]


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    """Where the scanner listens when it is there."""
    return tmp_path / "clamd"


async def sent(intake: LoneService, **changed: Any) -> Answer:
    answer = await post(intake, envelope(**{"attachments": FILES, **changed}), key=KEY)
    assert answer.status == 202, answer.content
    return answer


async def scanned_in_the_end(intake: LoneService) -> None:
    """The clock goes on until no errand of the scanner's is left."""
    left = select(errands.c.id).where(errands.c.kind == SCANNING, errands.c.state != "done")
    async with asyncio.timeout(SOON_S):
        while await intake.rows(left):
            intake.clock.pass_by(seconds=90)
            await asyncio.sleep(0.05)


async def until_put_off(intake: LoneService, times: int = 1) -> None:
    """The scanner has been asked again so often, and was not there."""
    put_off = select(errands.c.id).where(
        errands.c.kind == SCANNING, errands.c.state == "due", errands.c.token == times
    )
    async with asyncio.timeout(SOON_S):
        while not await intake.rows(put_off):
            await asyncio.sleep(0.01)


async def heard_of(intake: LoneService) -> list[dict[str, Any]]:
    """What the others are told, without what is the same in all of it."""
    return [event.data for event in await intake.said("submission.received")]


async def history(intake: LoneService, submission_id: str) -> list[str]:
    told = (await ask(intake, f"/v1/submissions/{submission_id}", key=KEY)).told
    return [step["event"] for step in told["history"]]


def report(kind: type[Any], submission_id: str, version: int) -> Event:
    place = None if kind is ReportReturned else Meeting(committee="namnd", date="2026-12-09")
    reason = {"reason": "Skicka en annan fil."} if kind is ReportReturned else {}
    findings = [scan_pending(0), OTHER]
    told = {"revision": 1, "version": version, "meeting": place, "findings": findings, **reason}
    made: Event = kind(submission_id=submission_id, **told)
    return made


def counted(intake: LoneService, outcome: str) -> float:
    registry = intake.service.metrics.registry
    return registry.get_sample_value("kansli_scans_total", {"outcome": outcome}) or 0.0


@pytest.mark.parametrize("is_held", [False, True])
async def test_what_turns_out_clean_is_said_anew_without_the_finding(
    run_intake: RunIntake, socket: Path, is_held: bool
) -> None:
    """The same but for the number, whether the others had come to hold it yet or not; and once."""
    async with run_intake(clamd_socket=socket) as intake:
        submission_id = (await sent(intake)).told["id"]
        await until_put_off(intake)
        if is_held:
            await intake.hear(report(ReportHeld, submission_id, 1))
        async with clamd(socket, OK) as seen:
            await scanned_in_the_end(intake)
        first, anew = await heard_of(intake)
        assert {finding["rule"] for finding in first["findings"]} == {"scan-pending"}
        assert anew == first | {"revision": 2, "findings": []}
        assert sorted(seen) == sorted([ILL, WELL])
        assert (await history(intake, submission_id))[-1] == "attachment.scanned"
        told = (await ask(intake, f"/v1/submissions/{submission_id}", key=KEY)).told
        assert (told["revision"], told["status"]) == (2, "held" if is_held else "received")
        assert (await intake.rows(select(unscanned)), await intake.parked()) == ([], [])
        assert (counted(intake, "clean"), counted(intake, "infected")) == (2, 0)


async def test_an_infected_file_is_left_out_and_the_report_stays_held(
    run_intake: RunIntake, socket: Path
) -> None:
    """The secretary reads which file it was; the record of what came keeps it."""
    async with run_intake(clamd_socket=socket) as intake:
        submission_id = (await sent(intake)).told["id"]
        await until_put_off(intake)
        async with clamd(socket, OK, ill=[ILL]):
            await scanned_in_the_end(intake)
        _, anew = await heard_of(intake)
        (kept,) = await intake.rows(select(revisions))
        assert (await history(intake, submission_id))[-1] == "attachment.infected"
    (finding,) = anew["findings"]
    assert (finding["rule"], finding["outcome"]) == ("infected-attachment", "hold")
    assert "fil nummer 1" in finding["message"]
    assert [attachment["name"] for attachment in anew["attachments"]] == ["frisk.pdf"]
    assert [attachment["name"] for attachment in kept.payload["attachments"]] == ["sjuk.pdf", "frisk.pdf"]


@pytest.mark.parametrize("decision", [ReportReturned, ReportReleased, SubmissionRejected])
@pytest.mark.parametrize("ill", [[], [ILL]])
async def test_what_has_been_decided_about_is_not_said_anew(
    run_intake: RunIntake, socket: Path, decision: type[Any], ill: list[bytes]
) -> None:
    """Neither clean nor infected: only the history tells of it."""
    async with run_intake(clamd_socket=socket) as intake:
        submission_id = (await sent(intake)).told["id"]
        await until_put_off(intake)
        await intake.hear(report(decision, submission_id, 2))
        async with clamd(socket, OK, ill):
            await scanned_in_the_end(intake)
        assert len(await heard_of(intake)) == 1
        last = "attachment.infected" if ill else "attachment.scanned"
        assert (await history(intake, submission_id))[-1] == last


async def test_a_report_that_is_returned_before_it_is_heard_of_as_held_is_left_alone(
    run_intake: RunIntake, socket: Path
) -> None:
    """Events may come in any order."""
    async with run_intake(clamd_socket=socket) as intake:
        submission_id = (await sent(intake)).told["id"]
        await until_put_off(intake)
        await intake.hear(report(ReportReturned, submission_id, 2), report(ReportHeld, submission_id, 1))
        async with clamd(socket, OK):
            await scanned_in_the_end(intake)
        assert len(await heard_of(intake)) == 1


@pytest.mark.parametrize(("files", "numbers"), [([], [1, 2]), (FILES[:1], [1, 2, 3])])
async def test_a_completion_takes_the_place_of_what_waits(
    run_intake: RunIntake, socket: Path, files: list[dict[str, str]], numbers: list[int]
) -> None:
    """What was sent first is not said again; the completion is, if it waits for the scanner itself."""
    async with run_intake(clamd_socket=socket) as intake:
        await sent(intake)
        await sent(intake, submitted_at="2026-11-20T12:40:00+01:00", attachments=files)
        async with clamd(socket, OK):
            await scanned_in_the_end(intake)
        said = await heard_of(intake)
    assert [event["revision"] for event in said] == numbers
    assert len(said[-1]["attachments"]) == len(files)


async def test_a_completion_of_what_was_said_anew_has_the_next_number(
    run_intake: RunIntake, socket: Path
) -> None:
    """And whoever sends the first again gets the receipt of the first."""
    async with run_intake(clamd_socket=socket) as intake:
        first = await sent(intake)
        await until_put_off(intake)
        async with clamd(socket, OK):
            await scanned_in_the_end(intake)
            again = await sent(intake)
            await sent(intake, submitted_at="2026-11-20T12:40:00+01:00")
        assert [event["revision"] for event in await heard_of(intake)] == [1, 2, 3]
    assert (again.told, again.headers["Idempotency-Replayed"]) == (first.told, "true")


async def test_what_waits_outlives_the_process(run_intake: RunIntake, socket: Path) -> None:
    """However often the scanner was asked in vain, and by an intake that has none too."""
    async with run_intake(clamd_socket=socket) as intake:
        await sent(intake)
        await until_put_off(intake)
    async with run_intake() as without_scanner:
        without_scanner.clock.pass_by(days=3)
        await until_put_off(without_scanner, times=2)
    async with run_intake(clamd_socket=socket) as intake, clamd(socket, OK):
        await scanned_in_the_end(intake)
        assert [event["findings"] for event in await heard_of(intake)][-1] == []


async def test_only_what_was_not_scanned_is_sent_to_the_scanner(run_intake: RunIntake, socket: Path) -> None:
    """A report without files, or with clean ones, has no errand."""
    async with run_intake(clamd_socket=socket) as intake, clamd(socket, OK):
        await sent(intake)
        await sent(intake, reference="2", attachments=[])
        assert await intake.rows(select(errands)) == await intake.rows(select(unscanned)) == []


async def test_a_file_that_is_gone_is_shown_to_a_person(
    run_intake: RunIntake, socket: Path, tmp_path: Path
) -> None:
    """Nobody can scan it: the report stays held, and the errand lies on the desk."""
    async with run_intake(clamd_socket=socket) as intake:
        await sent(intake)
        await until_put_off(intake)
        shutil.rmtree(tmp_path / "objects")
        parked = select(errands.c.id).where(errands.c.state == "parked")
        async with asyncio.timeout(SOON_S), clamd(socket, OK):
            while not await intake.rows(parked):
                intake.clock.pass_by(seconds=90)
                await asyncio.sleep(0.05)
        assert await intake.parked() == ["a file that is to be scanned is not in the object store"]
        assert len(await heard_of(intake)) == 1


async def test_the_log_tells_of_scans_and_not_of_files(run_intake: RunIntake, socket: Path) -> None:
    """Ids and counts."""
    with capture_logs() as logged:
        async with run_intake(clamd_socket=socket) as intake:
            submission_id = (await sent(intake)).told["id"]
            await until_put_off(intake)
            async with clamd(socket, OK, ill=[ILL]):
                await scanned_in_the_end(intake)
    about = {"submission_id": submission_id, "revision": 1, "files": 2, "log_level": "info"}
    assert {"event": "scan.pending", "pending": 2, **about} in logged
    assert {"event": "scan.finished", "infected": 1, **about} in logged
    assert "sjuk.pdf" not in str(logged)
