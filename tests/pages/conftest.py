"""A browser for all tests of a run, and the gallery of pages served as the archive serves them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser

from archive.api import SECURITY_HEADERS
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
        return web.Response(text=html, content_type="text/html", headers=SECURITY_HEADERS)

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
