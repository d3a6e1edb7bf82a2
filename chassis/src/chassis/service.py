"""A service: what it reads and says, what it serves, and its life from start to stop."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from chassis.admin import AdminTally, admin_operations
from chassis.bus import Bus
from chassis.clock import Clock, system_clock
from chassis.consumer import Consumer, Subscription
from chassis.disks import Disks, places
from chassis.errands import ErrandKind, ErrandWorker
from chassis.events import Event, queue_name
from chassis.folders import WatchedFolder
from chassis.health import Health, health_operations
from chassis.logs import place_of
from chassis.metrics import Metrics, service_version
from chassis.openapi import Operation, document, document_routes
from chassis.problems import problems
from chassis.relay import FORGET_BATCH, Relay, forget_published
from chassis.retry import RetrySchedule
from chassis.sd_notify import told_to_systemd
from chassis.settings import ServiceSettings
from chassis.stopping import being_cancelled
from chassis.store import Store
from chassis.waiting import Names, Waiting

log = structlog.get_logger()

SIGNALS = (signal.SIGTERM, signal.SIGINT)

HOUSEKEEPING_EVERY_S = 600.0

SHUTDOWN_TIMEOUT_S = 10.0
"""Requests under way get this long to end; none takes more than a commit."""

DUTY_PAUSE_S = 1.0
"""Before a duty that has failed is begun again: it would mostly fail again at once."""

LARGEST_BODY = 40 * 1024 * 1024
"""The server's own bound; a service that takes bodies sets a lower one for each kind."""


@dataclass
class Service:
    """The parts of a service; `running` puts them to work in the right order and takes them down again."""

    name: str
    settings: ServiceSettings
    store: Store
    bus: Bus
    metrics: Metrics
    history: Path
    about: str = ""
    """What the service is for, in a sentence."""
    clock: Clock = system_clock
    reads: Sequence[Subscription[Any]] = ()
    says: Sequence[type[Event]] = ()
    errands: Sequence[ErrandKind] = ()
    operations: Sequence[Operation] = ()
    """What is asked of the service over HTTP and stands in its OpenAPI document."""
    routes: Sequence[web.AbstractRouteDef] = ()
    """What else it serves: pages, and what is for this machine alone."""
    tally: AdminTally | None = None
    objects: Path | None = None
    """Where it keeps files, if it does, and on a disk of this machine."""
    folders: Sequence[WatchedFolder[Any]] = ()
    background: Sequence[Callable[[], Awaitable[None]]] = ()
    cleanup: Sequence[Callable[[], Awaitable[None]]] = ()
    schedule: RetrySchedule = field(default_factory=RetrySchedule)
    has_tables: bool = False
    """Whether somebody has seen to the tables beforehand."""
    health: Health = field(init=False)

    def __post_init__(self) -> None:
        self.health = Health(self.store, self.bus)
        self.consumers = [
            Consumer(self.name, subscription, self.store, self.metrics, self.schedule)
            for subscription in self.reads
        ]
        self._relay = Relay(self.name, self.store, self.bus, self.metrics)
        self._workers = [
            ErrandWorker(self.name, kind, self.store, self.metrics, self.schedule) for kind in self.errands
        ]
        self.metrics.watch_bus(lambda: self.bus.trouble is None)
        self._waiting = Waiting(self.store, self._names(), self.metrics.registry)
        self._disks = Disks(places(self.store, self.objects), self.metrics.registry)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start; on the way out stop taking, finish what was begun, and let go, each in its turn.

        The HTTP interface opens last and closes first; the store opens first and closes last.
        """
        async with AsyncExitStack() as stack:
            await self._open_store(stack)
            for callback in self.cleanup:
                stack.push_async_callback(callback)
            await stack.enter_async_context(self._working())
            await self.bus.open(
                {consumer.queue: consumer.receive for consumer in self.consumers}, self._said_to()
            )
            stack.push_async_callback(self.bus.close)
            await stack.enter_async_context(self._serving())
            log.info("service.started", service=self.name, listen=self.settings.listen)
            stack.callback(self.health.drain)
            yield
        log.info("service.stopped", service=self.name)

    async def migrate(self) -> None:
        await self.store.migrate(self.history)

    async def _open_store(self, stack: AsyncExitStack) -> None:
        await self.store.open()
        stack.push_async_callback(self.store.close)
        if not self.has_tables:
            await self._make_sure_of_tables()

    async def see_to_tables(self) -> None:
        """Bring the tables up to date, or see that they are, and let go of the store again.

        Raises:
            NotMigrated: they are not, and another job is to see to it.
            StoreLocked: another process has the SQLite file open.
        """
        await self.store.open()
        try:
            await self._make_sure_of_tables()
        finally:
            await self.store.close()

    async def _make_sure_of_tables(self) -> None:
        if self.settings.migrate_at_start:
            await self.migrate()
        elif not await self.store.is_migrated(self.history):
            raise NotMigrated(f"the tables are not up to date; run: python -m {self.name} migrate")

    def _names(self) -> Names:
        return Names(
            read=[consumer.queue for consumer in self.consumers],
            said_to=self._said_to(),
            errands=[kind.name for kind in self.errands],
        )

    @property
    def queues(self) -> list[str]:
        """The queues that it declares: those it reads, and those it says something to."""
        return sorted({*self._said_to(), *(consumer.queue for consumer in self.consumers)})

    def _said_to(self) -> list[str]:
        return [queue_name(listener, event.kind) for event in self.says for listener in event.heard_by]

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        duties: list[Callable[[], Awaitable[None]]] = [
            self._relay.run,
            self._keep_house,
            self._waiting.run,
            self._disks.run,
            *(consumer.retry for consumer in self.consumers),
            *(worker.run for worker in self._workers),
            *(folder.watch for folder in self.folders),
            *self.background,
        ]
        tasks = [asyncio.ensure_future(self._persist(duty)) for duty in duties]
        try:
            yield
        finally:
            await self._end(tasks)

    async def _persist(self, duty: Callable[[], Awaitable[None]]) -> None:
        """A duty never ends by itself; one that fails is logged and begun again."""
        while not being_cancelled():
            try:
                await duty()
            except Exception as error:
                log.error(
                    "duty.failed",
                    service=self.name,
                    duty=duty.__qualname__,
                    error=type(error).__name__,
                    exc_info=place_of(error),
                )
            await asyncio.sleep(DUTY_PAUSE_S)

    async def _end(self, tasks: Sequence[asyncio.Future[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_house(self) -> None:
        while True:
            before = self.clock() - timedelta(days=self.settings.keep_published_days)
            while await forget_published(self.store, before) == FORGET_BATCH:
                pass
            await asyncio.sleep(HOUSEKEEPING_EVERY_S)

    def every_operation(self) -> list[Operation]:
        """What can be asked of it: its own, and what every service answers."""
        return [
            *self.operations,
            *health_operations(self.health, self.metrics, self.name),
            *admin_operations(self.store, self.settings, self.tally, self.errands),
        ]

    def document(self) -> dict[str, Any]:
        """The OpenAPI document, in which every operation stands."""
        return document(f"Kansli {self.name}", self.about, service_version(self.name), self.every_operation())

    def application(self) -> web.Application:
        """All that the service answers over HTTP."""
        app = web.Application(middlewares=[problems], client_max_size=LARGEST_BODY)
        app.add_routes([*self.routes, *(operation.route for operation in self.every_operation())])
        app.add_routes(document_routes(self.document()))
        return app

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, *self.settings.address, backlog=1024).start()
            yield
        finally:
            await runner.cleanup()


class NotMigrated(Exception):
    """The database's tables are older than the program."""


def until_signal() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets."""
    stop = asyncio.Event()
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def run_until_signal(service: Service) -> None:
    stop = until_signal()
    async with service.running(), told_to_systemd():
        await stop.wait()
