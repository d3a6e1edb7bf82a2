import asyncio
import subprocess
import sys
from pathlib import Path

from aiohttp import web

from chassis import knock
from support.ports import free_port


async def knocked(url: str) -> subprocess.CompletedProcess[str]:
    """Knock as a container does, with a proxy named in the environment, as in many a city's network."""
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "chassis.knock", url],
        env={"PYTHONPATH": str(Path(knock.__file__).parents[1]), "http_proxy": "http://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_who_knocks_learns_whether_the_service_is_well() -> None:
    """By the exit code; why not, by a line."""

    async def well(_request: web.Request) -> web.Response:
        return web.Response()

    async def unwell(_request: web.Request) -> web.Response:
        return web.Response(status=503)

    app = web.Application()
    app.add_routes([web.get("/well", well), web.get("/unwell", unwell)])
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        assert (await knocked(f"http://127.0.0.1:{port}/well")).returncode == 0
        refused = await knocked(f"http://127.0.0.1:{port}/unwell")
    finally:
        await runner.cleanup()
    assert (refused.returncode, "503" in refused.stderr) == (1, True)


async def test_where_nobody_answers_the_service_is_not_well() -> None:
    """A traceback tells an operator nothing."""
    silent = await knocked(f"http://127.0.0.1:{free_port()}/readyz")
    assert (silent.returncode, "refused" in silent.stderr, "Traceback" in silent.stderr) == (1, True, False)
