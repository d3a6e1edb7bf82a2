"""The secretary's day, as she walks it in a browser: from the list of meetings to the packet on her disk."""

import hashlib
import json
import re
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from archive.__main__ import build
from archive.calendar import day_in_words, weekday_in_words
from archive.events import SubmissionAccepted, SubmissionDocumented
from archive.settings import ArchiveSettings
from chassis.clock import day_in_stockholm
from pages.conftest import opened
from support.axe import violations
from support.lone_service import LoneService, alone
from support.ports import free_port
from support.sign_in import OidcProvider, settings_for, sign_in_page
from support.still_clock import StillClock

pytestmark = pytest.mark.asyncio(loop_scope="session")

REPOSITORY = Path(__file__).parents[2]
NOW = datetime.now(UTC)
"""The day of the run: a real identity provider's tokens are of now, and so is the archive's clock."""

WIDE = {"width": 1280, "height": 900}
MEETING, NEXT = (day_in_stockholm(NOW) + timedelta(days) for days in (16, 44))
"""The next two of the example's committee, whose meetings are told in days from today."""

THIRD_VISIT = {
    "rule": "yearly-visits",
    "outcome": "hold",
    "message": "Det här är besök 3 i år.",
    "source": "Riktlinjer § 3",
    "pointer": None,
}
TOO_EARLY = THIRD_VISIT | {
    "rule": "visit-in-future",
    "outcome": "reject",
    "message": "Besöket är inte gjort.",
}


def judged(submission_id: str, place: str, **changed: Any) -> str:
    """Validation's judgement of a visit there, as JSON."""
    return json.dumps(
        {
            "submission_id": submission_id,
            "revision": 1,
            "form": "kontaktpolitiker-valfard",
            "form_version": 1,
            "committee": "valfard",
            "outcome": "accepted",
            "reference": submission_id,
            "title": "Rapport från kontaktpolitiker",
            "subject": f"Kost, {place}",
            "unit": "kost",
            "unit_name": "Kost",
            "event_date": "2026-11-12",
            "received_at": NOW.isoformat(),
            "arrived_at": NOW.isoformat(),
            "submitter": {"name": "Anna Exempelsson", "email": "anna@valfard.example"},
            "data": {"verksamhet": "kost", "enhet": place, "sammanfattning": "Köket lagar 900 portioner."},
            "findings": [],
            "compensation": [
                {"kind": "sammantradesarvode", "quantity": 1.0, "message": "Besök 2 av 2 i år."}
            ],
            "attachments": [],
            **changed,
        }
    )


def accepted(submission_id: str, place: str, **changed: Any) -> SubmissionAccepted:
    return SubmissionAccepted.model_validate_json(judged(submission_id, place, **changed))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def oidc() -> AsyncIterator[OidcProvider]:
    with OidcProvider() as provider:
        yield provider


@pytest_asyncio.fixture(loop_scope="session")
async def archive(tmp_path: Path, oidc: OidcProvider) -> AsyncIterator[LoneService]:
    told = {
        **settings_for(oidc.issuer, f"127.0.0.1:{free_port()}"),
        "config": REPOSITORY / "deploy" / "example",
        "forms": str(REPOSITORY / "schemas" / "forms"),
        "objects": (tmp_path / "objects").as_uri(),
    }
    async with alone(
        build, ArchiveSettings, tmp_path / "archive.db", StillClock(datetime.now(UTC)), **told
    ) as archive:
        await archive.hear(
            accepted("0190", "Björkbackens kök"),
            accepted("0191", "Ekens förskola"),
            accepted("0192", "Tallens kök"),
            accepted("0193", "Granens kök", outcome="held", findings=[THIRD_VISIT]),
            SubmissionDocumented.model_validate_json(judged("0194", "Alens kök", findings=[TOO_EARLY])),
        )
        yield archive


async def unfolded(page: Page, submission_id: str) -> Locator:
    """The report on the meeting's page, with the form that was folded away."""
    report = page.locator(f"#report-{submission_id}")
    await report.locator("summary").click()
    return report


async def done(page: Page) -> str:
    return await page.get_by_role("status").inner_text()


async def test_a_day_from_the_list_to_the_packet(
    browser: Browser, archive: LoneService, oidc: OidcProvider, tmp_path: Path
) -> None:
    """Sign in, release one, return one, move one, change the order, freeze, download, and sign out.

    The hash of the file is that of the page, and every page on the way is looked through by axe.
    """
    async with opened(browser, f"{archive.url}/accessibility", viewport=WIDE) as page:
        await sign_in_page(page, f"{archive.url}/committees/valfard", "nora")
        await page.get_by_role("link", name=weekday_in_words(MEETING)).click()
        await release_one(page)
        await return_one_at_the_second_try(page)
        await move_one(page)
        await put_it_first(page)
        await read_it(page)
        shown = await freeze(page)
        await download(page, tmp_path / "packet.zip")
        await see_the_year(page)
        await page.get_by_role("button", name="Logga ut").click()
        await expect(page).to_have_url(re.compile(rf"{oidc.issuer}/oauth2/end_session\?"))
    with zipfile.ZipFile(tmp_path / "packet.zip") as packet:
        papers = [name for name in packet.namelist() if name.endswith("_samtliga.pdf")]
        assert [hashlib.sha256(packet.read(name)).hexdigest() for name in papers] == [shown]


async def release_one(page: Page) -> None:
    assert await violations(page) == []
    held = await unfolded(page, "0193")
    await held.get_by_label("Skäl").fill("Ordföranden har godkänt besöket.")
    await held.get_by_role("button", name="Släpp").click()
    assert "Rapporten är släppt" in await done(page)


async def return_one_at_the_second_try(page: Page) -> None:
    assert await violations(page) == []
    report = await unfolded(page, "0192")
    await report.get_by_role("button", name="Återlämna").click()
    assert (await page.title()).startswith("Fel: ")
    assert await violations(page) == []
    await report.get_by_label("Skäl").fill("Fel enhet är vald.")
    await report.get_by_role("button", name="Återlämna").click()
    assert "Rapporten är återlämnad" in await done(page)


async def move_one(page: Page) -> None:
    report = await unfolded(page, "0191")
    await report.get_by_role("button", name=f"Flytta till {day_in_words(NEXT)}").click()
    assert "Rapporten är flyttad" in await done(page)


async def put_it_first(page: Page) -> None:
    await page.get_by_role("button", name="Flytta upp Kost, Granens kök").click()
    subjects = await page.locator("ol.reports h3").all_inner_texts()
    assert subjects == ["Kost, Granens kök", "Kost, Björkbackens kök"]


async def read_it(page: Page) -> None:
    await page.get_by_role("link", name="Kost, Granens kök", exact=True).click()
    assert "Ordföranden har godkänt besöket." in await page.locator("#content").inner_text()
    assert await violations(page) == []
    await page.get_by_role("link", name="Till sammanträdet").click()


async def freeze(page: Page) -> str:
    """The hash that the page shows of the packet."""
    await page.get_by_label("Punkt på föredragningslistan").last.fill("14")
    await page.get_by_role("button", name="Frys paket 1 med 2 rapporter").click()
    assert "Paket 1 är fryst" in await done(page)
    assert await violations(page) == []
    return await page.locator("code.hash").inner_text()


async def download(page: Page, to: Path) -> None:
    async with page.expect_download() as saving:
        await page.get_by_role("link", name="ZIP paket 1").click()
    saved = await saving.value
    await saved.save_as(to)


async def see_the_year(page: Page) -> None:
    await page.get_by_role("link", name="Året").click()
    assert "besök" in await page.locator(".lead").inner_text()
    assert await violations(page) == []


async def test_of_two_browsers_the_second_is_told(browser: Browser, archive: LoneService) -> None:
    """Nothing of hers is lost or done twice: she reads what the first did, and what she wrote herself."""
    address = f"{archive.url}/reports/0193"
    async with opened(browser, archive.url) as first, opened(browser, archive.url) as second:
        await sign_in_page(first, address, "nora")
        await sign_in_page(second, address, "nora")
        await first.get_by_label("Skäl", exact=True).fill("Ordföranden har godkänt besöket.")
        await first.get_by_role("button", name="Släpp").click()
        await second.get_by_label("Skäl", exact=True).fill("Det är ett besök för mycket.")
        await second.get_by_role("button", name="Återlämna").click()
        told = await second.locator("#content").inner_text()
        assert "Någon annan hann före" in told
        assert "Skäl: Ordföranden har godkänt besöket." in told
        assert "Det är ett besök för mycket." in told
        assert await violations(second) == []
        await second.get_by_role("link", name="Öppna rapporten").click()
        assert "Går till sammanträdet" in await second.locator(".title").inner_text()


async def test_the_chair_reads_and_has_no_button(browser: Browser, archive: LoneService) -> None:
    """What a chair opens is the secretary's page without anything to press but the way out."""
    async with opened(browser, f"{archive.url}/accessibility") as page:
        await sign_in_page(page, f"{archive.url}/committees/valfard/meetings/{MEETING}", "olof")
        assert await page.get_by_role("button").all_inner_texts() == ["Logga ut"]
        assert await violations(page) == []


async def test_the_day_is_walked_without_a_script(browser: Browser, archive: LoneService) -> None:
    """A rejected report is taken after all, masked and shown again by forms alone.

    Its number is the house's own, so that there is no field for another.
    """
    async with opened(browser, f"{archive.url}/accessibility", java_script_enabled=False) as page:
        await sign_in_page(page, f"{archive.url}/committees/valfard/meetings/{MEETING}", "nora")
        rejected = await unfolded(page, "0194")
        await rejected.get_by_label("Skäl").fill("Nämnden vill höra om besöket.")
        await rejected.get_by_role("button", name="Ta emot ändå").click()
        await page.get_by_role("link", name="Kost, Alens kök").first.click()
        await page.get_by_label("Ord som ska döljas").fill("900 portioner")
        await page.get_by_label("Skäl till maskeringen").fill("Inte rätt.")
        await page.get_by_role("button", name="Maskera").click()
        assert "Köket lagar [maskerat]." in await page.locator("article").inner_text()
        await page.get_by_role("button", name="Ångra åtgärden").click()
        assert "Köket lagar 900 portioner." in await page.locator("article").inner_text()
        assert await page.get_by_label("Diarienummer").count() == 0
