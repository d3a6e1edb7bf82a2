"""Intake by itself: how many submissions a second it promises, beside an aiohttp that promises nothing.

It does all that it does in life: key, parsing, hash, idempotency, one durable commit, and the relay that
brings the events to a queue which nobody reads.
"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from bench.audit import DoesNotAddUp
from bench.load import reports
from bench.road import Sent, peers_python, post
from bench.run import Run
from bench.servers import Way
from support.auditor import read
from support.child_process import Child
from support.ports import free_port
from support.rabbitmq import listens

AT_ONCE = 128
WARM_UP = 1000
START_SECONDS = 30
ENOUGH_S = 8
"""Seconds of POSTs, going by those that came first."""

STORES: tuple[Way, ...] = ("sqlite", "postgresql")
KEPT = "select id, reference from submissions"


async def measure(run: Run) -> None:
    """Plain and ours, one after the other."""
    run.figures.note("intake.plain.per_second", await _plain(run))
    for way in STORES:
        run.figures.note(f"intake.{way}.per_second", await _ours(run, way))


async def _plain(run: Run) -> float:
    folder = Path(mkdtemp(dir=run.servers.folder))
    with _plain_server(folder) as address:
        await post(address, reports(WARM_UP, "varm"), folder, at_once=AT_ONCE)
        return _rate(await post(address, reports(run.sizes.plain, "matning"), folder, at_once=AT_ONCE))


@contextmanager
def _plain_server(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [str(peers_python()), str(Path(__file__).with_name("plain.py")), str(port)]
    server = Child(command, environment={}, log=folder / "plain.log")
    try:
        server.wait_until(lambda: listens(port), seconds=START_SECONDS)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.end(signal.SIGTERM)


async def _ours(run: Run, way: Way) -> float:
    """Raises `DoesNotAddUp` unless each 202 is a row, and each row a 202."""
    with run.servers.house(way, only=["intake"]) as house:
        address = house.addresses["intake"]
        warm = await post(address, reports(WARM_UP, "varm"), house.folder, at_once=AT_ONCE)
        count = round(min(run.sizes.intake, _rate(warm) * ENOUGH_S))
        sent = await post(address, reports(count, "matning"), house.folder, at_once=AT_ONCE)
        rows = {(row.id, row.reference) for row in await read(house.databases["intake"], KEPT)}
        if rows != _promised(warm) | _promised(sent):
            raise DoesNotAddUp(f"intake on {way}: {len(rows)} rows are not what was promised")
        await asyncio.to_thread(house.process("intake").stop)
        return _rate(sent)


def _promised(sent: Sent) -> set[tuple[str, str]]:
    return {(submission_id, reference) for reference, ids in sent.ids.items() for submission_id in ids}


def _rate(sent: Sent) -> float:
    answered = [answered for _, answered in sent.times.values()]
    return len(answered) / (max(answered) - sent.begun)
