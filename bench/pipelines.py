"""The peers' pipelines: four processes each, with handlers that do nothing, driven from outside."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urlsplit

from bench.machine import cpu_seconds, family, resident_mb
from bench.peers import HOPS, PREFETCH, QUEUES
from bench.run import Run
from bench.servers import PEERS_PYTHON, Servers
from support.child_process import Child

BENCH = Path(__file__).parent
COMPILE_WITHIN_S = 60
SEED_WITHIN_S = 30


class Unavailable(Exception):
    """A peer cannot be measured here; the message says why."""


@dataclass(frozen=True)
class Peer:
    """A pipeline by its name, the module that seeds it, and the command of one hop."""

    name: str
    module: str
    command: Sequence[str]
    environment: Mapping[str, str]


def peers(folder: Path) -> Iterator[Peer]:
    """All that can be measured here; of what cannot, the reason is said."""
    try:
        yield _plain_c(folder)
    except Unavailable as reason:
        print(f"plain C is left out: {reason}", file=sys.stderr)
    yield bare_aio_pika()
    yield _python("FastStream", "with_faststream")
    yield _python("taskiq", "with_taskiq", *_TASKIQ)
    yield _python("Dramatiq", "with_dramatiq", *_DRAMATIQ, dramatiq_queue_prefetch=str(PREFETCH))
    yield _python("Celery", "with_celery", *_CELERY)


def bare_aio_pika() -> Peer:
    return _python("aio-pika", "bare_aio_pika")


_TASKIQ = (
    *(
        "taskiq",
        "worker",
        "bench.peers.with_taskiq:broker",
        "--workers",
        "1",
        "--max-async-tasks",
        str(PREFETCH),
    ),
    *("--ack-type", "when_executed", "--log-level", "ERROR"),
)
_DRAMATIQ = ("dramatiq", "bench.peers.with_dramatiq", "--processes", "1", "--threads", "8")
_CELERY = (
    *("celery", "-A", "bench.peers.with_celery", "worker", "--pool", "threads", "--loglevel", "ERROR"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)


def _python(name: str, module: str, *worker: str, **environment: str) -> Peer:
    return Peer(name, f"bench.peers.{module}", worker or [f"bench.peers.{module}"], environment)


def _plain_c(folder: Path) -> Peer:
    """The hop in C, compiled; its messages are aio-pika's."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise Unavailable("there is no C compiler")
    program = folder / "hop"
    words = [compiler, "-O2", "-o", str(program), str(BENCH / "peers" / "hop.c"), "-lrabbitmq"]
    compiled = subprocess.run(words, capture_output=True, text=True, check=False, timeout=COMPILE_WITHIN_S)
    if compiled.returncode:
        raise Unavailable("hop.c does not compile; is librabbitmq-dev installed?")
    return Peer("C", "bench.peers.bare_aio_pika", [str(program)], {})


async def measure(run: Run, chosen: Sequence[Peer]) -> None:
    """Each peer's pipeline once."""
    for peer in chosen:
        found = await flow(run.servers, peer, run.sizes.flow_s, run.sizes.in_flight)
        name = f"peer.{peer.name}"
        run.figures.note(f"{name}.per_second", found.told["per_second"])
        run.figures.note(f"{name}.cpu_us", 1e6 * found.cpu_s / found.told["through"])
        run.figures.note(f"{name}.memory_mb", found.memory_mb)


@dataclass(frozen=True)
class Flow:
    """What came of driving a pipeline: the driver's figures, and what its hops took of the machine."""

    told: Mapping[str, Any]
    cpu_s: float
    memory_mb: float


async def flow(servers: Servers, peer: Peer, seconds: float, in_flight: int) -> Flow:
    """Keep the pipeline full for a while."""
    return await _driven(servers, peer, "--seconds", str(seconds), "--in-flight", str(in_flight))


async def paced(servers: Servers, peer: Peer, seconds: float, per_second: float) -> Flow:
    """Send at a steady pace, and see how long each message takes."""
    return await _driven(servers, peer, "--seconds", str(seconds), "--per-second", str(per_second))


async def _driven(servers: Servers, peer: Peer, *words: str) -> Flow:
    """The driver takes the seed before there is a hop that could, and says when the pipeline is full."""
    url = servers.broker.fresh_virtual_host()
    await _succeed([str(PEERS_PYTHON), "-m", peer.module, "seed"], _environment(url))
    driver = await asyncio.create_subprocess_exec(
        *[str(PEERS_PYTHON), "-m", "bench.peers.driver", url, *words],
        env=_environment(url),
        stdout=asyncio.subprocess.PIPE,
    )
    await _said(driver, b"seeded")
    async with _hops(peer, url, servers.folder) as hops:
        await _said(driver, b"full")
        pids = [pid for hop in hops for pid in family(hop.pid)]
        before = cpu_seconds(pids)
        output, _ = await driver.communicate()
        if driver.returncode:
            raise RuntimeError(f"{peer.name}: the driver ended with {driver.returncode}")
        return Flow(json.loads(output), cpu_seconds(pids) - before, sum(map(resident_mb, pids)))


async def _said(driver: asyncio.subprocess.Process, word: bytes) -> None:
    assert driver.stdout is not None
    if (line := await driver.stdout.readline()).strip() != word:
        raise RuntimeError(f"the driver said {line!r} instead of {word!r}")


@asynccontextmanager
async def _hops(peer: Peer, url: str, folder: Path) -> AsyncIterator[list[Child]]:
    log = Path(mkdtemp(prefix="peer-", dir=folder)) / "hops.log"
    hops = [
        Child(_hop(peer, url, number), environment={**_environment(url, number), **peer.environment}, log=log)
        for number in range(HOPS)
    ]
    try:
        yield hops
    finally:
        for hop in hops:
            await asyncio.to_thread(hop.end, signal.SIGKILL)
            _end_group(hop.pid)


def _end_group(leader: int) -> None:
    """Workers of a peer live in the group of the process that started them, and may outlive it."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _hop(peer: Peer, url: str, number: int) -> list[str]:
    first, *rest = peer.command
    if first.startswith("/"):
        address = urlsplit(url)
        where = [str(address.hostname), str(address.port), address.path[1:]]
        return [first, *where, QUEUES[number], QUEUES[number + 1], str(PREFETCH)]
    return [str(PEERS_PYTHON), "-m", first, *rest]


def _environment(url: str, hop: int = 0) -> dict[str, str]:
    return {
        "PATH": f"{PEERS_PYTHON.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(BENCH.parent),
        "BENCH_AMQP_URL": url,
        "BENCH_HOP": str(hop),
        "LANG": "C.UTF-8",
    }


async def _succeed(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run it; raises `RuntimeError` with its last words if it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{errors.decode()[-2000:]}")
