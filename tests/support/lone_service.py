"""One service with nothing around it: a SQLite file or a database, and a bus that a test can look into."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from sqlalchemy import select

from chassis.bus import Message
from chassis.bus.memory import MemoryBus
from chassis.events import STRUCTURED, Envelope, Event, encode, new_id, queue_name, unpack
from chassis.service import Service
from chassis.settings import ServiceSettings
from chassis.store.tables import inbox, outbox, parked
from support.ports import free_port
from support.still_clock import StillClock

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(repr=False)
class LoneService:
    """A running service: what it is told goes in by `hear`, what it says is read from its outbox."""

    service: Service
    bus: MemoryBus
    clock: StillClock
    http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"http://{self.service.settings.listen}"

    async def hear(self, *events: Event, source: str = "/kansli/test", event_id: str | None = None) -> None:
        """Deliver each event as a message; returns when it is handled and committed."""
        for event in events:
            queue = queue_name(self.service.name, event.kind)
            await self.bus.publish(queue, self.message(event, source, event_id))
        await self.bus.deliver()

    def message(self, event: Event, source: str = "/kansli/test", event_id: str | None = None) -> Message:
        return Message(encode(event, event_id or new_id(), source, self.clock(), TRACE), STRUCTURED)

    async def said(self, kind: str, listener: str | None = None) -> list[Envelope]:
        """The events of a kind in the outbox, published or not, to one listener or to each once."""
        rows = await self.rows(select(outbox.c.queue, outbox.c.body).order_by(outbox.c.id))
        envelopes: dict[str, Envelope] = {}
        for row in rows:
            to, _, spoken = row.queue.partition(".")
            (received,) = unpack(row.body, STRUCTURED)
            if spoken == kind and listener in (None, to) and received.envelope is not None:
                envelopes[received.envelope.id] = received.envelope
        return list(envelopes.values())

    async def rows(self, query: Any) -> Sequence[Any]:
        async with self.service.store.read() as connection:
            return (await connection.execute(query)).all()

    async def due(self) -> list[str]:
        """Why events wait to be tried again."""
        return [row.last_error for row in await self.rows(select(inbox).where(inbox.c.state == "due"))]

    def reread_folders(self) -> None:
        """Read the folders again that have changed, without waiting for the service to look."""
        for folder in self.service.folders:
            folder.refresh()

    async def retry_until_nothing_is_due(self) -> None:
        """Try again what is due by the clock; the service's own retries may be as quick."""
        while await self.due():
            for consumer in self.service.consumers:
                await consumer.retry_one()

    async def parked(self) -> list[str]:
        """Why events were given up."""
        return [row.reason for row in await self.rows(select(parked))]


Build = Callable[..., Service]


@asynccontextmanager
async def alone(
    build: Build,
    settings: type[ServiceSettings],
    database: Path | str,
    clock: StillClock | None = None,
    **given: Any,
) -> AsyncIterator[LoneService]:
    """Run the service on a free port; `database` is the path of an SQLite file or the URL of a database."""
    clock = clock or StillClock()
    bus = MemoryBus()
    url = database if isinstance(database, str) else f"sqlite:///{database}"
    listen = {"listen": f"127.0.0.1:{free_port()}"}
    service = build(settings.load(database_url=url, **{**listen, **given}), bus, clock)
    async with service.running(), aiohttp.ClientSession(f"http://{service.settings.listen}") as http:
        yield LoneService(service, bus, clock, http)


_EMPTY_TABLES: dict[Build, bytes] = {}
"""A file with a service's tables: making them takes longer than most tests."""


async def _empty_tables(build: Build, settings: type[ServiceSettings], given: dict[str, Any]) -> bytes:
    if build not in _EMPTY_TABLES:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "empty.db"
            service = build(settings.load(database_url=f"sqlite:///{file}", **given), MemoryBus())
            await service.store.open()
            await service.migrate()
            await service.store.close()
            _EMPTY_TABLES[build] = file.read_bytes()
    return _EMPTY_TABLES[build]
