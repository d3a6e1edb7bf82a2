"""The browser of the tests: Debian's Chromium, started by Playwright and spoken to over its own pipe."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from support.child_process import NotInstalled

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""It asks nobody outside for anything, and runs as root too."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Raises `NotInstalled`."""
    if not CHROMIUM.exists():
        raise NotInstalled(f"{CHROMIUM} is missing (Debian's package chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()
