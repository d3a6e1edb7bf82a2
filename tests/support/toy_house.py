"""A house of two services that know only each other: the asker asks, the answerer does it and answers.

What the answerer does with a question stands in the question (`Deed`), so that a test decides it
from outside, also across processes: `python -m support.toy_house` runs both until SIGTERM.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from pydantic_settings import SettingsConfigDict
from sqlalchemy import Column, Integer, MetaData, String, Table, func, insert, select
from sqlalchemy.engine import Row

from chassis import consumer
from chassis.bus import Bus
from chassis.bus.embedded import EmbeddedBus, EmbeddedHub
from chassis.bus.rabbitmq import RabbitMQBus
from chassis.consumer import Subscription
from chassis.errands import Conclude, Errand, ErrandKind
from chassis.events import Event
from chassis.metrics import Metrics
from chassis.outcomes import Answer, Reject, TryLater
from chassis.parking import listed, shown
from chassis.retry import RetrySchedule
from chassis.service import Service, until_signal
from chassis.settings import ServiceSettings
from chassis.store import Store, Transaction, open_store
from chassis.store.tables import Moment
from support.ports import free_port

HISTORY = Path(__file__).parent / "toy_history"

ERRAND = "toy.errand"
DELAYS = (timedelta(milliseconds=50), timedelta(milliseconds=100))

toy = MetaData()

effects = Table(
    "effects",
    toy,
    Column("number", Integer, primary_key=True),
    Column("submission_id", String, nullable=False),
    Column("at", Moment, nullable=False),
)
"""What the answerer did; no key makes it once, so that only the chassis can."""

answers = Table(
    "answers",
    toy,
    Column("number", Integer, primary_key=True),
    Column("submission_id", String, nullable=False),
)


class Deed(StrEnum):
    ANSWER = "answer"
    NOTHING = "nothing"
    REJECT = "reject"
    LATER = "later"
    """Asks for time until the answerer is well."""
    STUMBLE = "stumble"
    """Fails until the answerer is well."""
    FAIL = "fail"
    DIE = "die"
    """Ends the process, as a fault in a library would."""
    ERRAND = "errand"
    OVERSIZED = "oversized"
    """Answers with more than a message may hold."""
    UNSTORABLE = "unstorable"
    """Writes a row twice under one key."""
    HANG = "hang"
    """Waits for the test to release it."""


class Asked(Event):
    kind: ClassVar[str] = "toy.asked"
    heard_by: ClassVar[tuple[str, ...]] = ("answerer",)

    deed: str = Deed.ANSWER
    form: str = "toy"


class Answered(Event):
    kind: ClassVar[str] = "toy.answered"
    heard_by: ClassVar[tuple[str, ...]] = ("asker",)

    padding: str = ""


class AskerSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="TOY_ASKER_", frozen=True, extra="ignore")
    service: ClassVar[str] = "asker"
    default_listen: ClassVar[str] = ""


class AnswererSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="TOY_ANSWERER_", frozen=True, extra="ignore")
    service: ClassVar[str] = "answerer"
    default_listen: ClassVar[str] = ""


@dataclass
class Answerer:
    """Does what it is asked; `attempts` names the file that remembers each try, whatever is rolled back.

    An attempt that fails in a batch is two tries: at once it is done again, with savepoints.
    """

    attempts: Path
    well: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, asked: Asked, tx: Transaction) -> Answer:
        note(self.attempts, asked.submission_id)
        await tx.execute(insert(effects).values(submission_id=asked.submission_id, at=tx.clock()))
        self._fail(Deed(asked.deed))
        return await self._do(Deed(asked.deed), asked, tx)

    async def _do(self, deed: Deed, asked: Asked, tx: Transaction) -> Answer:
        match deed:
            case Deed.ERRAND:
                await tx.send_on_errand(ERRAND, asked.submission_id, {"submission_id": asked.submission_id})
            case Deed.OVERSIZED:
                return Answered(submission_id=asked.submission_id, padding="x" * 5_000_000)
            case Deed.UNSTORABLE:
                for _ in range(2):
                    await tx.execute(insert(effects).values(number=-1, submission_id="", at=tx.clock()))
            case Deed.HANG:
                self.hanging.set()
                await self.release.wait()
        return None if deed in {Deed.NOTHING, Deed.ERRAND} else Answered(submission_id=asked.submission_id)

    async def perform(self, errand: Errand) -> Conclude:
        note(self.attempts.with_name("effects.log"), f"{errand.key} {errand.begun_before}")

        async def conclude(_tx: Transaction) -> Answer:
            return Answered(submission_id=errand.key)

        return conclude

    def _fail(self, deed: Deed) -> None:
        match deed:
            case Deed.REJECT:
                raise Reject("never")
            case Deed.LATER if not self.well.is_set():
                raise TryLater("not yet", DELAYS[0])
            case Deed.FAIL:
                raise ValueError("the text stays out of logs")
            case Deed.STUMBLE if not self.well.is_set():
                raise OSError("a file that is not there is no trouble of the database")
            case Deed.DIE:
                os._exit(137)


def note(file: Path, line: str) -> None:
    """Written at once and kept by the system, though the process dies in the next moment."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


async def remember_answer(answered: Answered, tx: Transaction) -> Answer:
    await tx.execute(insert(answers).values(submission_id=answered.submission_id))
    return None


OpenStore = Callable[[], Awaitable[Store]]
"""Opens the same database once more, as another replica does."""

NewBus = Callable[[str], Bus]
"""Makes the bus of the service of that name."""


@dataclass
class House:
    """Where the two services keep what they know, and how they speak to each other."""

    folder: Path
    asker_url: str
    answerer_url: str
    new_bus: NewBus
    delays: Sequence[timedelta] = DELAYS

    def __post_init__(self) -> None:
        self.does = Answerer(self.folder / "attempts.log")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Pair"]:
        async with AsyncExitStack() as stack:
            asker, answerer = self.asker(), self.answerer()
            await stack.enter_async_context(answerer.running())
            await stack.enter_async_context(asker.running())
            yield Pair(asker, answerer)

    def asker(self) -> Service:
        settings = AskerSettings.load(database_url=self.asker_url, listen=somewhere())
        return Service(
            "asker",
            settings,
            open_store(self.asker_url, "asker"),
            self.new_bus("asker"),
            Metrics("asker"),
            HISTORY,
            reads=[Subscription(Answered, remember_answer)],
            says=[Asked],
            schedule=RetrySchedule(self.delays),
        )

    def answerer(self) -> Service:
        settings = AnswererSettings.load(database_url=self.answerer_url, listen=somewhere())
        return Service(
            "answerer",
            settings,
            open_store(self.answerer_url, "answerer"),
            self.new_bus("answerer"),
            Metrics("answerer"),
            HISTORY,
            reads=[Subscription(Asked, self.does.handle, locks=lambda asked: [asked.submission_id])],
            says=[Answered],
            errands=[ErrandKind(ERRAND, self.does.perform, lease=timedelta(seconds=1))],
            schedule=RetrySchedule(self.delays),
        )

    def tries(self, submission_id: str) -> int:
        log = self.folder / "attempts.log"
        return log.read_text().splitlines().count(submission_id) if log.exists() else 0

    def performed(self) -> list[str]:
        log = self.folder / "effects.log"
        return log.read_text().splitlines() if log.exists() else []


def somewhere() -> str:
    return f"127.0.0.1:{free_port()}"


@dataclass
class Pair:
    asker: Service
    answerer: Service

    async def ask(self, *ids: str, deed: Deed = Deed.ANSWER) -> None:
        await say(self.asker.store, *(Asked(submission_id=one, deed=deed) for one in ids))

    async def effects(self) -> list[str]:
        return await column(self.answerer.store, effects)

    async def answers(self) -> list[str]:
        return await column(self.asker.store, answers)

    async def parked(self) -> list[Row[Any]]:
        """What the answerer parked, whole."""
        async with self.answerer.store.read() as connection:
            return [await shown(connection, item.id) for item in await listed(connection)]


async def say(store: Store, *events: Event) -> None:
    await store.write(lambda tx: tx.say(*events))


async def column(store: Store, table: Table) -> list[str]:
    async with store.read() as connection:
        return sorted(await connection.scalars(select(table.c.submission_id)))


async def count(store: Store, table: Table, *where: Any) -> int:
    async with store.read() as connection:
        return int(await connection.scalar(select(func.count()).select_from(table).where(*where)) or 0)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    """Return when it holds; raises `TimeoutError` when it does not in time."""
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.02)


def buses(kind: str, amqp_url: str) -> NewBus:
    """Buses that reach each other: through a broker, or at one hub in this process."""
    if kind == "rabbitmq":
        return lambda name: RabbitMQBus(amqp_url, name)
    hub = EmbeddedHub()
    return lambda _name: EmbeddedBus(hub)


async def live(told: dict[str, Any]) -> None:
    """Run the house, and ask what it is told to ask, once."""
    house = House(
        Path(told["folder"]),
        told["asker_url"],
        told["answerer_url"],
        buses(told["bus"], told["amqp_url"]),
        [timedelta(seconds=seconds) for seconds in told["delays"]],
    )
    stop = until_signal()
    async with house.running() as pair:
        await say(
            pair.asker.store, *(Asked(submission_id=one, deed=deed) for one, deed in told["ask"].items())
        )
        await stop.wait()


def main() -> None:
    """Take the house's facts from `TOY_HOUSE`, as JSON."""
    consumer.ATTEMPT_LEASE = timedelta(milliseconds=100)
    asyncio.run(live(json.loads(os.environ["TOY_HOUSE"])))


if __name__ == "__main__":
    main()
