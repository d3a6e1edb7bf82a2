"""A report that was held for want of a virus scanner goes to its meeting when the scanner is back."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import archive.__main__
import intake.__main__
import validation.__main__
from archive.settings import ArchiveSettings
from chassis.bus import Message
from chassis.clock import system_clock
from chassis.events import STRUCTURED, queue_name
from chassis.store.tables import outbox
from intake.settings import IntakeSettings
from support.clamd import OK, clamd
from support.file_samples import harmless_pdf
from support.houses import SHIPPED_FORMS
from support.load import KEY, report, write_config
from support.lone_service import LoneService, alone
from support.platforms import ask, post
from support.still_clock import StillClock
from validation.settings import ValidationSettings

SOON_S = 15.0
WELL, ILL = harmless_pdf("Frisk"), harmless_pdf("Sjuk")


class Road:
    """Intake, validation and archive, each alone; what one says is carried to the next by hand."""

    def __init__(self, intake: LoneService, validation: LoneService, archive: LoneService) -> None:
        self.intake, self.archive = intake, archive
        self._ways = [
            (intake, validation, "submission.received"),
            (validation, intake, "submission.rejected"),
            (validation, archive, "submission.accepted"),
            (archive, intake, "report.held"),
            (archive, intake, "report.filed"),
            (archive, intake, "report.returned"),
            (archive, validation, "report.returned"),
        ]

    async def go_on(self) -> None:
        """Carry all that has been said; what was carried before does nothing."""
        for speaker, listener, kind in self._ways:
            queue = queue_name(listener.service.name, kind)
            for row in await speaker.rows(select(outbox.c.body).where(outbox.c.queue == queue)):
                await listener.bus.publish(queue, Message(row.body, STRUCTURED))
            await listener.bus.deliver()

    async def told(self, submission_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = (await ask(self.intake, f"/v1/submissions/{submission_id}", key=KEY)).told
        return answer

    async def scanned(self, submission_id: str) -> None:
        """Let time go by until the scanner has had its say."""
        async with asyncio.timeout(SOON_S):
            while not any(
                "attachment" in step["event"] for step in (await self.told(submission_id))["history"]
            ):
                self.intake.clock.pass_by(seconds=90)
                await asyncio.sleep(0.05)

    async def filed(self, submission_id: str) -> dict[str, Any]:
        """The report as the archive has it."""
        async with self.archive.http.get(f"/v1/reports/{submission_id}") as answer:
            return dict(await answer.json())


@pytest.fixture
async def road(tmp_path: Path) -> AsyncIterator[Road]:
    clock = StillClock(system_clock())
    given = {"config": write_config(tmp_path / "town"), "forms": str(SHIPPED_FORMS)}
    own = {"objects": (tmp_path / "objects").as_uri(), "clamd_socket": tmp_path / "clamd"}
    async with AsyncExitStack() as stack:
        open_service = stack.enter_async_context
        yield Road(
            await open_service(
                alone(intake.__main__.build, IntakeSettings, tmp_path / "i.db", clock, **given, **own)
            ),
            await open_service(
                alone(validation.__main__.build, ValidationSettings, tmp_path / "v.db", clock, **given)
            ),
            await open_service(
                alone(archive.__main__.build, ArchiveSettings, tmp_path / "a.db", clock, **given)
            ),
        )


async def held(road: Road) -> str:
    """Send a report with two files while the scanner is away, and see that it is held."""
    files = [
        {"name": name, "media_type": "application/pdf", "content": b64encode(content).decode()}
        for name, content in (("sjuk.pdf", ILL), ("frisk.pdf", WELL))
    ]
    body = report(3, "skanning", "filed").body | {"attachments": files}
    submission_id = str((await post(road.intake, body, key=KEY)).told["id"])
    await road.go_on()
    assert (await road.filed(submission_id))["status"] == "held"
    return submission_id


def holding(report: dict[str, Any]) -> list[str]:
    return [finding["rule"] for finding in report["findings"] if finding["outcome"] == "hold"]


async def test_clean_files_let_the_report_go(road: Road, tmp_path: Path) -> None:
    """Filed with both files, and the sender can read it."""
    submission_id = await held(road)
    async with clamd(tmp_path / "clamd", OK):
        await road.scanned(submission_id)
    await road.go_on()
    filed, told = await road.filed(submission_id), await road.told(submission_id)
    assert (filed["status"], told["status"]) == ("filed", "filed")
    assert (holding(filed), len(filed["attachments"])) == ([], 2)


async def test_an_infected_file_is_gone_from_the_report(road: Road, tmp_path: Path) -> None:
    """The archive holds the report without it, and waits for the secretary."""
    submission_id = await held(road)
    async with clamd(tmp_path / "clamd", OK, ill=[ILL]):
        await road.scanned(submission_id)
    await road.go_on()
    filed, told = await road.filed(submission_id), await road.told(submission_id)
    assert (filed["status"], told["status"]) == ("held", "held")
    assert holding(filed) == ["infected-attachment"]
    assert [attachment["name"] for attachment in filed["attachments"]] == ["frisk.pdf"]


async def test_what_the_secretary_returned_stays_returned(road: Road, tmp_path: Path) -> None:
    """Also when the scanner finds nothing in it."""
    submission_id = await held(road)
    decision = {"version": 1, "reason": "Skicka en annan bild."}
    async with road.archive.http.post(f"/v1/reports/{submission_id}/return", json=decision) as answer:
        assert answer.status == 200
    await road.go_on()
    async with clamd(tmp_path / "clamd", OK):
        await road.scanned(submission_id)
    await road.go_on()
    assert (await road.filed(submission_id))["status"] == "returned"
    assert (await road.told(submission_id))["status"] == "returned"
