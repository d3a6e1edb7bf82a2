"""The shipped bus: RabbitMQ, from 3.10 to 4.x, as a transport that loses nothing and promises little.

One connection publishes and one consumes, since an alarm of the broker blocks whole publishing
connections. A message goes to one listener's queue (the routing key is the queue's name), so that
`mandatory` and the confirm together prove that it is there. Whatever goes wrong with a connection,
it is closed and made anew; only the databases at both ends know what has happened.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aio_pika
import structlog
from aio_pika import DeliveryMode
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
)
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity, DeliveryError, PublishError
from pamqp.commands import Basic

from chassis.bus import Message, Receive, Unconfirmed, Unroutable, refuse_oversized
from chassis.bus.topology import REFUSED, declare, faults, no_place_for_the_dead, reason_of
from chassis.events import new_id
from chassis.logs import place_of
from chassis.retry import Backoff
from chassis.stopping import being_cancelled, end, until_set

log = structlog.get_logger()

CONNECT_TIMEOUT_S = 10.0
PUBLISH_TIMEOUT_S = 10.0
"""A confirm takes milliseconds; a broker in alarm never confirms, and the relay must hear of it."""

PREFETCH = 10
"""Messages, each of up to a hundred events. Few, since up to 4.2 what is only held counts as delivered."""

WATCH_S = 5.0
"""How soon a consumer notices that its queue is gone."""

LINGER_S = 0.1
"""Time for the last acknowledgements to leave before the connection closes."""

CONNECTION_TROUBLE = (AMQPError, ConnectionError, OSError, TimeoutError, RuntimeError)


class RabbitMQBus:
    """A service's two connections to the broker."""

    def __init__(
        self,
        url: str,
        name: str,
        prefetch: int = PREFETCH,
        publish_timeout: float = PUBLISH_TIMEOUT_S,
    ) -> None:
        self._sender = Sender(url, f"{name} publishes", publish_timeout)
        self._receiver = Receiver(url, f"{name} consumes", prefetch)

    @property
    def trouble(self) -> str | None:
        return self._sender.trouble or self._receiver.trouble

    async def open(self, reads: Mapping[str, Receive], says: Sequence[str]) -> None:
        self._sender.queues = sorted({*reads, *says})
        self._sender.start()
        self._receiver.start(reads)

    async def publish(self, queue: str, message: Message) -> None:
        refuse_oversized(queue, message)
        await self._sender.publish(queue, message)

    async def close(self) -> None:
        await self._receiver.close()
        await self._sender.close()


@dataclass
class Sender:
    """The publishing side: keeps a channel with confirms open, and declares what is said to."""

    url: str
    name: str
    timeout: float
    queues: Sequence[str] = ()
    trouble: str | None = "not connected yet"
    _exchange: AbstractExchange | None = None
    _task: asyncio.Task[None] | None = None
    _suspect: asyncio.Event = field(default_factory=asyncio.Event)
    _declared: bool = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._stay_connected(), name=self.name)

    async def publish(self, queue: str, message: Message) -> None:
        """Returns when the broker has confirmed; a timeout means that nobody knows.

        The AMQP message id is new for each try: returned messages are matched by it.
        """
        exchange = self._exchange
        if exchange is None:
            raise Unconfirmed(self.trouble or "not connected")
        try:
            confirm = await exchange.publish(
                _wire(message), routing_key=queue, mandatory=True, timeout=self.timeout
            )
        except PublishError as returned:
            raise Unroutable(queue) from returned
        except DeliveryError as refused:
            raise Unconfirmed("refused by the broker") from refused
        except CONNECTION_TROUBLE as trouble:
            self._doubt(exchange)
            raise Unconfirmed(type(trouble).__name__) from trouble
        except asyncio.CancelledError:
            if being_cancelled():
                raise
            raise Unconfirmed("the channel was closed") from None
        if not isinstance(confirm, Basic.Ack):
            raise Unconfirmed(type(confirm).__name__)

    async def close(self) -> None:
        await _end(self._task)

    def _doubt(self, exchange: AbstractExchange) -> None:
        """Have the connection made anew, unless it is another one already."""
        if exchange is self._exchange:
            self._suspect.set()

    async def _stay_connected(self) -> None:
        backoff = Backoff()
        while True:
            try:
                await self._connect_and_serve()
                backoff.reset()
            except REFUSED as refusal:
                self._refused(reason_of(refusal))
            except CONNECTION_TROUBLE as error:
                self.trouble = f"broker: {type(error).__name__}"
                log.warning("broker.unreachable", connection=self.name, reason=type(error).__name__)
            except Exception as error:
                self.trouble = type(error).__name__
                log.error(
                    "publisher.failed",
                    connection=self.name,
                    reason=type(error).__name__,
                    exc_info=place_of(error),
                )
            await asyncio.sleep(backoff.pause())

    async def _connect_and_serve(self) -> None:
        """Queues are declared once; later ones that are gone are noticed instead of made anew, empty."""
        connection = await connect(self.url, self.name)
        try:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            self._exchange = await declare(channel, () if self._declared else self.queues)
            if not self._declared:
                await self._look_for_the_dead(connection)
            self._declared = True
            self.trouble = None
            log.info("broker.connected", connection=self.name)
            await self._until_suspect(connection, channel)
            self.trouble = "connection lost"
        finally:
            self._exchange = None
            await close_quietly(connection)

    async def _look_for_the_dead(self, connection: AbstractConnection) -> None:
        if missing := await no_place_for_the_dead(connection):
            log.error("dead_letters.unkept", connection=self.name, reason=missing)

    def _refused(self, reason: str) -> None:
        """Said once; asked again all the same, since an operator mends it while we run."""
        if reason != self.trouble:
            log.error("topology.refused", connection=self.name, reason=reason)
        self.trouble = reason

    async def _until_suspect(self, connection: AbstractConnection, channel: AbstractChannel) -> None:
        """Return when the connection or its channel has ended, or a publish has failed on it."""
        self._suspect.clear()
        channel.close_callbacks.add(lambda *_: self._suspect.set())
        connection.close_callbacks.add(lambda *_: self._suspect.set())
        await self._suspect.wait()


class Receiver:
    """The consuming side: one connection, a channel per queue, and each queue drained in batches."""

    def __init__(self, url: str, name: str, prefetch: int) -> None:
        self._name = name
        self._prefetch = prefetch
        self._shared = SharedConnection(url, name)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        self._troubles: dict[str, str] = {}

    @property
    def trouble(self) -> str | None:
        return "; ".join(f"{queue}: {reason}" for queue, reason in self._troubles.items()) or None

    def start(self, reads: Mapping[str, Receive]) -> None:
        self._tasks = [
            asyncio.create_task(self._stay_consuming(queue, receive), name=f"{self._name} {queue}")
            for queue, receive in reads.items()
        ]

    async def close(self) -> None:
        """Finish and acknowledge what is being handled; leave unacked what is not committed in time."""
        self._stopping.set()
        await end(self._tasks)
        await self._shared.close()

    async def _stay_consuming(self, queue: str, receive: Receive) -> None:
        backoff = Backoff()
        declared = False
        self._troubles[queue] = "not connected yet"
        while not self._stopping.is_set():
            try:
                async with self._channel() as channel:
                    if not declared:
                        await declare(channel, [queue])
                        declared = True
                    drain = Drain(await channel.get_queue(queue, ensure=True), receive, self._stopping)
                    self._troubles.pop(queue, None)
                    backoff.reset()
                    await drain.run()
            except ChannelNotFoundEntity:
                self._troubles[queue] = "queue missing"
                log.error("queue.missing", queue=queue)
            except REFUSED as refusal:
                self._refused(queue, reason_of(refusal))
            except CONNECTION_TROUBLE as error:
                self._troubles[queue] = type(error).__name__
                log.warning(
                    "broker.unreachable",
                    connection=self._name,
                    queue=queue,
                    reason=type(error).__name__,
                )
            except Exception as error:
                self._troubles[queue] = type(error).__name__
                log.error(
                    "consumer.failed", queue=queue, reason=type(error).__name__, exc_info=place_of(error)
                )
            await until_set(self._stopping, backoff.pause())

    def _refused(self, queue: str, reason: str) -> None:
        if reason != self._troubles.get(queue):
            log.error("topology.refused", queue=queue, reason=reason)
        self._troubles[queue] = reason

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        channel = await self._shared.channel()
        try:
            await channel.set_qos(prefetch_count=self._prefetch, timeout=CONNECT_TIMEOUT_S)
            yield channel
        finally:
            with contextlib.suppress(*CONNECTION_TROUBLE):
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await channel.close()


class Drain:
    """Takes what one queue delivers on one channel, for as long as the broker knows us there."""

    def __init__(self, queue: AbstractQueue, receive: Receive, stopping: asyncio.Event) -> None:
        self._queue = queue
        self._receive = receive
        self._stopping = stopping
        self._waiting: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._ended = asyncio.Event()
        self._stalled = False

    async def run(self) -> None:
        """Handle and acknowledge batches until stopped.

        Raises:
            ConnectionError: the broker no longer delivers to us.
        """
        self._queue.channel.close_callbacks.add(lambda *_: self._ended.set())
        tag = await self._queue.consume(self._waiting.put)
        log.info("queue.consumed", queue=self._queue.name)
        while not self._stopping.is_set():
            batch = await self._next_batch()
            if batch:
                self._stalled = False
                await self._receive([_read(message) for message in batch])
                await batch[-1].ack(multiple=True)
            else:
                await self._make_sure_of_delivery(tag)
        await asyncio.sleep(LINGER_S)

    async def _next_batch(self) -> list[AbstractIncomingMessage]:
        """All that has been delivered; empty when nothing came for a while, or nothing more will."""
        batch = [message for message in [await self._first()] if message is not None]
        while batch and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())
        return batch

    async def _first(self) -> AbstractIncomingMessage | None:
        getting = asyncio.ensure_future(self._waiting.get())
        ends = [asyncio.ensure_future(event.wait()) for event in (self._stopping, self._ended)]
        try:
            await asyncio.wait([getting, *ends], timeout=WATCH_S, return_when=asyncio.FIRST_COMPLETED)
            return getting.result() if getting.done() else None
        finally:
            for waiting in (getting, *ends):
                waiting.cancel()

    async def _make_sure_of_delivery(self, tag: str) -> None:
        """A deleted queue ends a consumer without a word; a forgotten consumer sees a queue that fills."""
        found = await self._queue.channel.declare_queue(
            self._queue.name, passive=True, timeout=CONNECT_TIMEOUT_S
        )
        underlay = await self._queue.channel.get_underlay_channel()
        if tag not in getattr(underlay, "consumers", ()):
            raise ConnectionError(f"no longer a consumer of {self._queue.name}")
        holds_back = bool(found.declaration_result.message_count) and self._waiting.empty()
        if holds_back and self._stalled:
            raise ConnectionError(f"nothing is delivered from {self._queue.name}")
        self._stalled = holds_back


class SharedConnection:
    """One connection for several users: made when first needed, and made anew when it has ended."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name
        self._making = asyncio.Lock()
        self._connection: AbstractConnection | None = None

    async def channel(self) -> AbstractChannel:
        """A new channel; a connection that gives none is no longer used."""
        connection = await self._get()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await connection.channel()
        except CONNECTION_TROUBLE:
            self._forget(connection)
            await close_quietly(connection)
            raise

    async def _get(self) -> AbstractConnection:
        async with self._making:
            if self._connection is None:
                self._connection = connection = await connect(self._url, self._name)
                connection.close_callbacks.add(lambda *_: self._forget(connection))
            return self._connection

    def _forget(self, connection: AbstractConnection) -> None:
        """One that the broker has ended does not say so when it is asked, only when it happens."""
        if connection is self._connection:
            self._connection = None

    async def close(self) -> None:
        if self._connection is not None:
            await close_quietly(self._connection)


async def connect(url: str, name: str) -> AbstractConnection:
    return await aio_pika.connect(url, timeout=CONNECT_TIMEOUT_S, client_properties={"connection_name": name})


async def broker_faults(url: str, name: str, queues: Sequence[str]) -> list[str]:
    """What is wrong with the broker, looked at before a service is started."""
    try:
        connection = await connect(url, f"{name} checks")
        try:
            return await faults(connection, queues)
        finally:
            await close_quietly(connection)
    except CONNECTION_TROUBLE as error:
        return [f"the broker does not answer, or knows another password: {type(error).__name__}"]


async def close_quietly(connection: AbstractConnection) -> None:
    """A broker in alarm, or one that is gone, may not answer a close."""
    with contextlib.suppress(*CONNECTION_TROUBLE):
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await connection.close()


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _wire(message: Message) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        content_type=message.content_type,
        delivery_mode=DeliveryMode.PERSISTENT,
        message_id=new_id(),
        headers=dict(message.headers),
    )


def _read(message: AbstractIncomingMessage) -> Message:
    headers = {str(name): str(value) for name, value in message.headers.items()}
    return Message(message.body, message.content_type or "", headers, maybe_begun=bool(message.redelivered))
