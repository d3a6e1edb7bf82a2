"""The load generator sends each once more when it is put off, and tells what it was answered."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from bench.load import KEY, reports
from bench.road import post
from support.ports import free_port

COUNT = 60


@asynccontextmanager
async def platform_of(seen: list[web.Request], refuses_every: int = 0) -> AsyncIterator[str]:
    """A door that takes all, or puts off every so-manieth request."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        seen.append(request)
        put_off = refuses_every and len(seen) % refuses_every == 0
        told = {"id": f"id of {request.headers['Idempotency-Key']}"}
        return web.json_response({} if put_off else told, status=503 if put_off else 202)

    app, port = web.Application(), free_port()
    app.router.add_post("/v1/submissions", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("pace", [None, 200.0])
async def test_each_report_is_sent_until_it_is_taken(tmp_path: Path, pace: float | None) -> None:
    """Under its own idempotency key, so that one put off is known again."""
    load, seen = reports(COUNT, "prov"), list[web.Request]()
    async with platform_of(seen, refuses_every=7) as address:
        sent = await post(address, load, tmp_path, at_once=5, pace=pace)
    assert sent.ids == {report.reference: {f"id of {report.reference}"} for report in load}
    assert all(begun < ended for begun, ended in sent.times.values())
    times = Counter(request.headers["Idempotency-Key"] for request in seen)
    assert times.total() == COUNT + len(seen) // 7
    assert {request.headers["Authorization"] for request in seen} == {f"Bearer {KEY}"}


async def test_a_steady_pace_is_kept(tmp_path: Path) -> None:
    """Sixty at two hundred a second are begun over three tenths of a second, not at once."""
    async with platform_of([]) as address:
        sent = await post(address, reports(COUNT, "prov"), tmp_path, at_once=20, pace=200.0)
    begun = [begun for begun, _ in sent.times.values()]
    assert max(begun) - min(begun) >= (COUNT - 1) / 200.0 * 0.95
