"""The whole road: from the platform's POST to a report that is filed and of which the secretary is told."""

import asyncio
import json
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.audit import audit, gather_now
from bench.load import KEY, reports, write_load
from bench.machine import cpu_seconds, resident_mb
from bench.run import Run
from bench.servers import PEERS_PYTHON, Servers, Way, pids_of
from support.auditor import taken_by
from support.houses import House
from support.load import Report

GENERATOR = Path(__file__).with_name("sending.py")
AT_ONCE = 64
"""Connections of the load generator."""

WARM_UP = 400
LEAST, MOST = 1000, 40_000
LOOK_EVERY_S = 0.3
WINDOW_LOOKS_A_S = 8000
"""How often the way is made free for more, times how many are in flight: looking costs the house too."""

LEAST_PER_S = 20
"""A house that carries less than this has stopped."""

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
    """A load that has passed: seconds are from the first POST until all services have done their part.

    CPU seconds are each process's and server's, megabytes each process's.
    """

    count: int
    seconds: float
    cpu: Mapping[str, float]
    memory_mb: Mapping[str, float]

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


async def measure(run: Run, ways: Sequence[Way]) -> None:
    """Each way a house, and in it a passage for each number in flight; none counts unless all adds up."""
    for way in ways:
        async with warmed(run.servers, way) as tried:
            passages = {
                in_flight: await tried.passage(tried.enough_for(run.sizes.road_s), in_flight)
                for in_flight in run.sizes.ours_in_flight
            }
            await tried.audit()
            for in_flight, passage in passages.items():
                _note(run, f"road.{way}.{in_flight}", passage)


def _note(run: Run, name: str, passage: Passage) -> None:
    run.figures.note(f"{name}.per_second", passage.per_second)
    of_the_house = sum(passage.cpu[process] for process in passage.memory_mb)
    run.figures.note(f"{name}.cpu_us", 1e6 * of_the_house / passage.count)
    for process, seconds in passage.cpu.items():
        run.figures.note(f"{name}.cpu_us.{process}", 1e6 * seconds / passage.count)
    for process, megabytes in passage.memory_mb.items():
        run.figures.note(f"{name}.memory_mb.{process}", megabytes)


@dataclass
class Tried:
    """A house that has carried its first submissions, and all that it was ever given."""

    house: House
    servers: Servers
    pace: float = 0.0
    given: list[Report] = field(default_factory=list)
    ids: dict[str, set[str]] = field(default_factory=dict)
    _earlier_mails: int = 0
    _done_before: int = 0
    """What was given before the services began to count anew."""

    def __post_init__(self) -> None:
        self._earlier_mails = len(self.servers.relay.mails)

    def next_load(self, count: int) -> list[Report]:
        """Reports that nobody has sent yet."""
        return reports(count, "matning", len(self.given))

    def enough_for(self, seconds: float) -> int:
        """So many that they take about that long, going by the last passage."""
        return round(min(max(LEAST, self.pace * seconds), MOST))

    async def passage(self, count: int, in_flight: int | None = None) -> Passage:
        """Send so many, and wait until all have gone the whole road."""
        before, load = self._cpu(), self.next_load(count)
        sent = await self.carry(load, in_flight)
        ended, spent = time.time(), self._cpu()
        cpu = {name: seconds - before[name] for name, seconds in spent.items()}
        passage = Passage(count, ended - sent.begun, cpu, memory_of(self.house))
        self.pace = passage.per_second
        return passage

    def note_restart(self) -> None:
        """The services have been started again, when all was done."""
        self._done_before = len(self.given)

    async def carry(self, load: Sequence[Report], in_flight: int | None = None) -> Sent:
        """Have it go the whole road."""
        sent = self._heed(load, await send(self.house, load, in_flight or len(load)))
        await self.until_all_done()
        return sent

    async def post(self, load: Sequence[Report], pace: float | None = None) -> Sent:
        """Have it taken, and do not wait for what becomes of it."""
        address, folder = self.house.addresses["intake"], self.house.folder
        return self._heed(load, await post(address, load, folder, pace=pace))

    def _heed(self, load: Sequence[Report], sent: Sent) -> Sent:
        self.given += load
        self.ids.update(sent.ids)
        return sent

    async def until_all_done(self) -> None:
        """Wait until each service has done its part of all that was ever given."""
        async with asyncio.timeout(patience(len(self.given))):
            for service in LAST_QUEUES:
                while await asyncio.to_thread(_done, self.house, service) < self._given_now:
                    await asyncio.sleep(LOOK_EVERY_S)

    def _cpu(self) -> dict[str, float]:
        return {name: cpu_seconds(pids) for name, pids in self.servers.pids_with(self.house).items()}

    @property
    def _given_now(self) -> int:
        return len(self.given) - self._done_before

    async def audit(self) -> None:
        """Raises `DoesNotAddUp` when something was lost or done twice."""
        await gather_now(self.house)
        mails = taken_by(self.servers.relay.mails[self._earlier_mails :])
        await audit(self.house, self.given, self.ids, mails)


@asynccontextmanager
async def warmed(servers: Servers, way: Way) -> AsyncIterator[Tried]:
    """A new house that is past its first submissions, which no steady state has."""
    with servers.house(way) as house:
        tried = Tried(house, servers)
        await tried.passage(WARM_UP)
        yield tried


def patience(count: int) -> float:
    """Seconds after which so many submissions should long have passed."""
    return 60 + count / LEAST_PER_S


def _done(house: House, service: str) -> int:
    """How many submissions the service has done with; none, as far as one too busy to answer has told."""
    try:
        return sum(house.handled(f"{service}.{event}") for event in LAST_QUEUES[service])
    except OSError:
        return 0


def memory_of(house: House) -> dict[str, float]:
    return {name: sum(map(resident_mb, pids)) for name, pids in pids_of(house).items()}


def holds_back(house: House, service: str) -> bool:
    """Whether the service still has something to say, or is too busy to tell."""
    try:
        return bool(house.ask(service, "/admin/tally")["outbox"])
    except OSError:
        return True


async def post(
    address: str, load: Sequence[Report], folder: Path, *, at_once: int = AT_ONCE, pace: float | None = None
) -> Sent:
    """Post the load by a process of its own: as fast as it is answered, or so many a second."""
    answers = folder / "answers.json"
    generator = await _generator(address, load, answers, at_once, pace)
    return await _sent_by(generator, b"%d\n" % len(load), answers)


async def send(house: House, load: Sequence[Report], in_flight: int) -> Sent:
    """Post the load so that at most so many are sent and not yet told of to the secretary."""
    answers = house.folder / "answers.json"
    generator = await _generator(house.addresses["intake"], load, answers, AT_ONCE)
    assert generator.stdin is not None
    await _let_pass(house, generator.stdin, len(load), in_flight)
    return await _sent_by(generator, b"%d\n" % len(load), answers)


async def _sent_by(generator: asyncio.subprocess.Process, last_word: bytes, answers: Path) -> Sent:
    """Raises `RuntimeError` when the generator fails: it has then said why."""
    await generator.communicate(last_word)
    if generator.returncode:
        raise RuntimeError(f"the load generator ended with {generator.returncode}")
    return _sent(answers)


async def _let_pass(house: House, allowed: asyncio.StreamWriter, count: int, in_flight: int) -> None:
    earlier = done = await asyncio.to_thread(_done, house, "notification")
    while done - earlier + in_flight < count:
        allowed.write(b"%d\n" % (done - earlier + in_flight))
        await asyncio.sleep(in_flight / WINDOW_LOOKS_A_S)
        done = await asyncio.to_thread(_done, house, "notification")


async def _generator(
    address: str, load: Sequence[Report], answers: Path, at_once: int, pace: float | None = None
) -> asyncio.subprocess.Process:
    """The load generator, ready to begin: its preparation is over before the first is sent."""
    bodies = answers.with_name("load.jsonl")
    await asyncio.to_thread(write_load, load, bodies)
    words = ["--per-second", str(pace)] if pace else []
    generator = await asyncio.create_subprocess_exec(
        *map(str, [peers_python(), GENERATOR, address, bodies, answers, "--key", KEY, "--at-once", at_once]),
        *words,
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
