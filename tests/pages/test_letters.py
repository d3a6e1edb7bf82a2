"""The letters in a real browser: for those who see little, need the dark, or read on a small screen."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from notification.examples import EXAMPLES, Kind
from notification.preview import letter_of
from support.axe import violations
from support.letter_pictures import COMMITTEE

pytestmark = pytest.mark.asyncio(loop_scope="session")
every_kind = pytest.mark.parametrize("kind", EXAMPLES)

WIDE, NARROW = {"width": 640, "height": 900}, {"width": 320, "height": 640}


@asynccontextmanager
async def read(browser: Browser, kind: Kind, **eyes: Any) -> AsyncIterator[Page]:
    """The letter before those eyes, and offline: it asks for nothing that is not in it."""
    context = await browser.new_context(offline=True, **eyes)
    try:
        page = await context.new_page()
        await page.set_content(letter_of(kind, COMMITTEE).html)
        yield page
    finally:
        await context.close()


@every_kind
async def test_axe_finds_nothing_in_any_letter(browser: Browser, kind: Kind) -> None:
    """WCAG 2.2 AA and good practice, in the light and the dark."""
    async with read(browser, kind, viewport=WIDE) as page:
        assert await violations(page) == []
        await page.emulate_media(color_scheme="dark")
        assert await violations(page) == []


@every_kind
async def test_no_letter_scrolls_sideways(browser: Browser, kind: Kind) -> None:
    """Not in the narrowest window either, with addresses and numbers that have no blank to break at."""
    async with read(browser, kind, viewport=NARROW) as page:
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_axe_does_find_what_is_wrong_in_the_dark(browser: Browser) -> None:
    """Words as dark as their ground: silence elsewhere means something."""
    async with read(browser, "held", viewport=WIDE, color_scheme="dark") as page:
        await page.evaluate("document.querySelector('h1').style.color = '#333'")
        assert [one.partition(":")[0] for one in await violations(page)] == ["color-contrast"]


async def test_a_letter_is_dark_for_who_wants_it_dark(browser: Browser) -> None:
    """What stands inline gives way to what the head says of the dark."""
    async with read(browser, "held", color_scheme="dark") as page:
        colours = "(one => [getComputedStyle(one).backgroundColor, getComputedStyle(one).color])"
        sheet = await page.evaluate(f"{colours}(document.querySelector('.sheet'))")
    assert sheet == ["rgb(28, 35, 36)", "rgb(230, 236, 234)"]


async def test_a_button_is_large_enough_for_a_thumb(browser: Browser) -> None:
    """24 CSS pixels is the least (WCAG 2.2, 2.5.8); a phone's own guides say 44."""
    async with read(browser, "held", viewport=NARROW) as page:
        box = await page.get_by_role("link", name="Öppna sidan").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
