"""The pages in a real browser: for those who see little, use no mouse, need contrast, or have no script."""

from collections.abc import AsyncIterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from playwright.async_api import Browser, Page

from pages.conftest import Gallery, opened
from support.axe import violations
from support.gallery import MEETING, PAGES

pytestmark = pytest.mark.asyncio(loop_scope="session")
every_page = pytest.mark.parametrize("name", PAGES)

DAY = str(MEETING.date)

WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 320, "height": 256}
"""CSS pixels of a window 1280 by 1024 that is magnified four times (WCAG 2.2, 1.4.10)."""

EYES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": WIDE},
    "dark": {"color_scheme": "dark", "viewport": WIDE},
    "narrow": {"color_scheme": "light", "viewport": NARROW},
    "high contrast": {"forced_colors": "active", "viewport": WIDE},
}

OPEN_ALL = "document.querySelectorAll('details').forEach(one => one.open = true)"

CONTROLS = "a[href], button, input:not([type=hidden]), textarea, select, summary"

MARK_CONTROLS = f"""
[...document.querySelectorAll({CONTROLS!r})].filter(one => one.checkVisibility())
    .map((one, number) => one.dataset.number = String(number))
"""

FOCUSED = """
(() => {
    const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
    const middle = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height, 20) / 2);
    const parts = [one, one.closest('.ds-field')].filter(Boolean).map(part => getComputedStyle(part));
    return {
        number: one.dataset.number ?? null,
        visible: parts.some(part => part.outlineStyle !== 'none' && parseFloat(part.outlineWidth) >= 2),
        on_top: middle !== null && (one.contains(middle) || middle.contains(one)),
    };
})()
"""


@every_page
@pytest.mark.parametrize("eyes", EYES.values(), ids=EYES)
async def test_axe_finds_nothing_on_any_page(
    browser: Browser, gallery: Gallery, name: str, eyes: dict[str, Any]
) -> None:
    """WCAG 2.2 AA and good practice, also of what is folded away; the window never scrolls sideways."""
    async with opened(browser, f"{gallery.url}/{name}", **eyes) as page:
        await page.evaluate(OPEN_ALL)
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_axe_does_find_what_is_wrong(browser: Browser, gallery: Gallery) -> None:
    """A language that is missing and words too pale to read: silence elsewhere means something."""
    async with opened(browser, f"{gallery.url}/meeting", viewport=WIDE) as page:
        await page.evaluate("document.documentElement.lang = ''")
        await page.evaluate("document.querySelector('h1').style.color = '#ccc'")
        assert [one.partition(":")[0] for one in await violations(page)] == [
            "color-contrast",
            "html-has-lang",
        ]


@every_page
async def test_the_keyboard_reaches_every_control_and_shows_where_it_is(
    browser: Browser, gallery: Gallery, name: str
) -> None:
    """Tab walks all controls in their order, each with a visible focus, and none hidden behind another."""
    async with opened(browser, f"{gallery.url}/{name}", viewport=WIDE) as page:
        await page.evaluate(OPEN_ALL)
        order = await page.evaluate(MARK_CONTROLS)
        steps = [step async for step in walked(page)]
    assert [number for number, _ in groupby(step["number"] for step in steps)] == order
    assert [step for step in steps if not (step["visible"] and step["on_top"])] == []


async def walked(page: Page) -> AsyncIterator[dict[str, Any]]:
    """What has the focus after each Tab until it leaves the page; a date has a stop for each part."""
    while True:
        await page.keyboard.press("Tab")
        step = await page.evaluate(FOCUSED)
        if step["number"] is None:
            return
        yield step


async def test_the_first_control_leads_past_the_header(browser: Browser, gallery: Gallery) -> None:
    """Who walks by keyboard need not pass the header on every page."""
    async with opened(browser, f"{gallery.url}/meeting", viewport=WIDE) as page:
        await page.keyboard.press("Tab")
        assert await page.locator(":focus").inner_text() == "Hoppa till innehållet"
        assert await page.locator(":focus").is_visible()
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "content"


async def test_bars_can_be_told_from_paper_in_high_contrast(browser: Browser, gallery: Gallery) -> None:
    """A chart in a reader's own colours is still a chart."""
    async with opened(browser, f"{gallery.url}/year", forced_colors="active") as page:
        colours = await page.evaluate(
            "[getComputedStyle(document.querySelector('.bar')).fill,"
            " getComputedStyle(document.body).backgroundColor]"
        )
        assert colours[0] != colours[1]


async def test_a_report_is_held_back_without_a_script(browser: Browser, gallery: Gallery) -> None:
    """Opening, writing and sending are the browser's own; what is sent names the report and its version."""
    async with opened(browser, f"{gallery.url}/meeting", java_script_enabled=False) as page:
        report = page.locator("#report-0193")
        await report.get_by_text("Håll tillbaka, återlämna eller flytta").click()
        await report.get_by_label("Skäl").fill("Enheten ska läsa den först.")
        await report.get_by_role("button", name="Håll tillbaka Kost, Björkbackens kök").click()
        assert "Rapporten hålls tillbaka." in await page.get_by_role("status").inner_text()
    sent = {"csrf": "c5f0", "version": "1", "page": DAY, "reason": "Enheten ska läsa den först."}
    assert gallery.sent == [("/reports/0193/hold", sent)]


async def test_order_is_changed_and_undone_by_buttons(browser: Browser, gallery: Gallery) -> None:
    """Nothing needs to be dragged (WCAG 2.2, 2.5.7), and the last act can be taken back where it is told."""
    async with opened(browser, f"{gallery.url}/meeting", java_script_enabled=False) as page:
        await page.get_by_role("button", name="Flytta ned Kost, Björkbackens kök").click()
        await page.get_by_role("button", name="Ångra åtgärden för Kost, Björkbackens kök").click()
    assert gallery.sent == [
        ("/reports/0193/order", {"csrf": "c5f0", "version": "1", "page": DAY, "direction": "down"}),
        ("/reports/0193/undo", {"csrf": "c5f0", "version": "4"}),
    ]


async def test_freezing_tells_that_the_held_ones_are_left_out(browser: Browser, gallery: Gallery) -> None:
    """The box is empty until a person ticks it."""
    async with opened(browser, f"{gallery.url}/meeting", java_script_enabled=False) as page:
        await page.get_by_label("Punkt på föredragningslistan", exact=True).last.fill("14")
        box = page.get_by_label("Lämna utanför den rapport som hålls tillbaka")
        assert not await box.is_checked()
        await box.check()
        await page.get_by_role("button", name="Frys paket 1 med 2 rapporter").click()
    sent = {"csrf": "c5f0", "agenda_number": "14", "diarienummer": "", "leave_out_held": "true"}
    assert gallery.sent == [(f"/committees/valfard/meetings/{DAY}/freeze", sent)]


async def test_a_mistake_is_led_to_and_nothing_written_is_lost(browser: Browser, gallery: Gallery) -> None:
    """The summary's link goes to the field, which is unfolded, says what to do, and keeps the rest."""
    async with opened(browser, f"{gallery.url}/meeting-half-a-decision", java_script_enabled=False) as page:
        assert (await page.title()).startswith("Fel: ")
        await page.get_by_role("link", name="Skriv vilken dag ordföranden beslutade.").click()
        report = page.locator("#report-0195")
        day = report.get_by_label("Beslutsdatum")
        assert await day.is_visible()
        assert await day.get_attribute("aria-invalid") == "true"
        assert await report.get_by_label("Skäl").input_value() == "Ordföranden har beslutat."
        assert await report.get_by_label("Nummer eller referens").input_value() == "VSN 2026/00099"


async def test_paper_holds_the_reports_and_no_buttons(
    browser: Browser, gallery: Gallery, tmp_path: Path
) -> None:
    """A printed meeting is a list to read: what can only be pressed is left out."""
    async with opened(browser, f"{gallery.url}/meeting", viewport=WIDE) as page:
        await page.pdf(path=tmp_path / "meeting.pdf", format="A4")
    with pypdfium2.PdfDocument(tmp_path / "meeting.pdf") as paper:
        words = " ".join(sheet.get_textpage().get_text_range() for sheet in paper)
    assert "Kost, Björkbackens kök" in words
    assert "Det här är besök 3 i år." in words
    assert "Logga ut" not in words
    assert "Håll tillbaka, återlämna" not in words
