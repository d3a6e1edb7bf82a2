"""A browser for all tests of a run, and the gallery of pages served as the archive serves them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, ConsoleMessage, Page
from yarl import URL

from archive.access import Access
from archive.web.pages import STATIC
from support.chromium import chromium
from support.gallery import PAGES
from support.missing import skipping_if_missing


@dataclass
class Gallery:
    """Where the pages hang, by name; `sent` are the addresses and fields of the forms that were sent."""

    url: str = ""
    sent: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def show(self, request: web.Request) -> web.Response:
        html = PAGES[request.match_info["name"]]()
        return web.Response(text=html, content_type="text/html", headers=Access(None).page_headers)

    async def take(self, request: web.Request) -> web.Response:
        sent = {name: str(value) for name, value in (await request.post()).items()}
        self.sent.append((request.path, sent))
        raise web.HTTPSeeOther("/gallery/meeting-done")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    with skipping_if_missing():
        async with chromium() as browser:
            yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def galleries() -> AsyncIterator[Gallery]:
    gallery, app = Gallery(), web.Application()
    app.add_routes(
        [
            web.static("/static", STATIC),
            web.get("/gallery/{name}", gallery.show),
            web.post("/{address:.*}", gallery.take),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    gallery.url = f"http://{host}:{port}/gallery"
    yield gallery
    await runner.cleanup()


@pytest.fixture
def gallery(galleries: Gallery) -> Gallery:
    galleries.sent.clear()
    return galleries


@asynccontextmanager
async def opened(browser: Browser, address: str, **eyes: Any) -> AsyncIterator[Page]:
    """The page before those eyes; none of the site's breaks a rule of its policy, or asks for what is not."""
    site = str(URL(address).origin())
    context = await browser.new_context(reduced_motion="reduce", **eyes)
    page = await context.new_page()
    complaints: list[ConsoleMessage] = []

    def hear(message: ConsoleMessage) -> None:
        complaints.append(message)

    page.on("console", hear)
    try:
        await page.goto(address)
        yield page
        assert [one.text for one in complaints if _is_grave(one, site)] == []
    finally:
        await context.close()


def _is_grave(complaint: ConsoleMessage, site: str) -> bool:
    """Of this site, and not what Chromium writes of a page that answers that something is to be mended."""
    of_a_mistake = "the server responded with a status of 4" in complaint.text
    return complaint.location["url"].startswith(site) and not of_a_mistake
