"""The whole road: from the platform's POST to a report that is filed and of which the secretary is told."""

import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.audit import audit, gather_now
from bench.load import KEY, reports, write_load
from bench.machine import cpu_seconds
from bench.servers import Servers, Way, pids_of
from support.auditor import taken_by
from support.houses import House
from support.load import Report

PEERS_PYTHON = Path(__file__).parent / ".venv" / "bin" / "python"
GENERATOR = Path(__file__).with_name("sending.py")
AT_ONCE = 64
"""Connections of the load generator."""

WARM_UP = 300
LOOK_EVERY_S = 0.1
WINDOW_LOOK_S = 0.03
PATIENCE_S = 300.0

LAST_QUEUES = {
    "notification": ("report.filed", "report.held", "submission.rejected"),
    "intake": ("report.filed", "report.held", "submission.rejected"),
    "archive": ("submission.accepted", "submission.documented"),
}
"""One event of these per submission, whatever became of it, says that the service has done its part."""


@dataclass(frozen=True)
class Sent:
    """What the load generator was answered: ids by reference, and when each was sent and answered."""

    ids: Mapping[str, set[str]]
    times: Mapping[str, tuple[float, float]]

    @property
    def begun(self) -> float:
        return min(sent for sent, _ in self.times.values())


@dataclass(frozen=True)
class Passage:
    """A load that has passed: its size, seconds from the first POST to the last letter noted, CPU seconds."""

    count: int
    seconds: float
    cpu: Mapping[str, float]

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


async def pass_through(servers: Servers, way: Way, count: int, in_flight: int) -> Passage:
    """A new house, warmed, given the load, and audited.

    Raises:
        DoesNotAddUp: something was lost or done twice.
    """
    with servers.house(way) as house:
        before = len(servers.relay.mails)
        first, load = reports(WARM_UP, "varm"), reports(count, "last", WARM_UP)
        warm = await _passed(house, first, 0)
        cpu = _cpu_of(house)
        sent = await _passed(house, load, WARM_UP, in_flight)
        ended = time.time()
        spent = {name: seconds - cpu[name] for name, seconds in _cpu_of(house).items()}
        await gather_now(house)
        ids = {**warm.ids, **sent.ids}
        await audit(house, [*first, *load], ids, taken_by(servers.relay.mails[before:]))
        return Passage(count, ended - sent.begun, spent)


async def _passed(house: House, load: Sequence[Report], earlier: int, in_flight: int | None = None) -> Sent:
    sent = await send(house, load, in_flight=in_flight)
    for service in LAST_QUEUES:
        await _until_done(house, service, earlier + len(load))
    return sent


async def _until_done(house: House, service: str, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await asyncio.to_thread(_done, house, service) < count:
            await asyncio.sleep(LOOK_EVERY_S)


def _done(house: House, service: str) -> int:
    return sum(house.handled(f"{service}.{event}") for event in LAST_QUEUES[service])


def _cpu_of(house: House) -> dict[str, float]:
    return {name: cpu_seconds(pids) for name, pids in pids_of(house).items()}


async def send(
    house: House, load: Sequence[Report], *, in_flight: int | None = None, per_second: float | None = None
) -> Sent:
    """Have the load sent by a process of its own, whose preparation is over before the first is sent.

    With `in_flight`, so many at most are sent and not yet told of to the secretary.
    """
    answers = house.folder / "answers.json"
    generator = await _generator(house, load, answers, per_second)
    assert generator.stdin is not None
    if in_flight is None:
        generator.stdin.write(b"%d\n" % len(load))
    else:
        await _let_pass(house, generator.stdin, len(load), in_flight)
    generator.stdin.close()
    if await generator.wait():
        raise RuntimeError(f"the load generator ended with {generator.returncode}")
    return _sent(answers)


async def _let_pass(house: House, allowed: asyncio.StreamWriter, count: int, in_flight: int) -> None:
    earlier = done = await asyncio.to_thread(_done, house, "notification")
    while done - earlier + in_flight < count:
        allowed.write(b"%d\n" % (done - earlier + in_flight))
        await asyncio.sleep(WINDOW_LOOK_S)
        done = await asyncio.to_thread(_done, house, "notification")
    allowed.write(b"%d\n" % count)


async def _generator(
    house: House, load: Sequence[Report], answers: Path, per_second: float | None
) -> asyncio.subprocess.Process:
    """The load generator, ready to begin."""
    bodies = house.folder / "load.jsonl"
    await asyncio.to_thread(write_load, load, bodies)
    pace = ["--per-second", str(per_second)] if per_second else []
    generator = await asyncio.create_subprocess_exec(
        *map(str, [peers_python(), GENERATOR, house.addresses["intake"], bodies, answers]),
        *["--key", KEY, "--at-once", str(AT_ONCE), *pace],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert generator.stdout is not None
    await generator.stdout.readline()
    return generator


def peers_python() -> Path:
    """The interpreter that has uvloop, if `make bench` has laid it out."""
    return PEERS_PYTHON if PEERS_PYTHON.exists() else Path(sys.executable)


def _sent(answers: Path) -> Sent:
    ids: dict[str, set[str]] = defaultdict(set)
    times = {}
    for reference, submission_id, sent, answered in json.loads(answers.read_text())["answers"]:
        ids[reference].add(submission_id)
        times[reference] = (sent, answered)
    return Sent(ids, times)
