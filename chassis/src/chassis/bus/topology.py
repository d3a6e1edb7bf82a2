"""What the broker must have and allow, as far as AMQP can tell.

A queue that is declared again is compared with what it should be, and a user without the right is
refused. No policy can be seen over AMQP, only whether dead letters have somewhere to go:
`rabbitmqctl list_policies` shows the rest (deploy/rabbitmq).
"""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity, ChannelPreconditionFailed
from aiormq.exceptions import ChannelAccessRefused

EXCHANGE = "kansli"
"""A direct exchange: each listener's queue is bound to it by its own name."""

QUEUE_ARGUMENTS = {"x-queue-type": "quorum"}
"""Nothing else: limits and dead-lettering are policies, which operators can change (deploy/rabbitmq)."""

DEAD = "kansli.dead"
"""The exchange and the queue for what a broker will not deliver any more; only operators read it."""

REFUSED = (ChannelPreconditionFailed, ChannelAccessRefused)
"""What asking again does not mend: a queue of another kind, or a user without the right."""

Look = Callable[[AbstractChannel], Awaitable[object]]


async def declare(channel: AbstractChannel, queues: Sequence[str]) -> AbstractExchange:
    """The exchange, and the queues with their bindings: the same for whoever comes first."""
    exchange = await channel.declare_exchange(EXCHANGE, ExchangeType.DIRECT, durable=True)
    for queue in queues:
        declared = await channel.declare_queue(queue, durable=True, arguments=dict(QUEUE_ARGUMENTS))
        await declared.bind(exchange, routing_key=queue)
    return exchange


async def faults(connection: AbstractConnection, queues: Sequence[str]) -> list[str]:
    """What an operator should mend; a queue that is missing is no fault, since the first start makes it."""
    looks: list[Look] = [partial(_as_it_should_be, queue=queue) for queue in queues]
    found = [await _fault(connection, look) for look in [*looks, _dead_letters_are_kept]]
    return [fault for fault in found if fault]


async def no_place_for_the_dead(connection: AbstractConnection) -> str | None:
    """Why a message that the broker gives up would be gone, or None when it would be kept."""
    return await _fault(connection, _dead_letters_are_kept)


async def _as_it_should_be(channel: AbstractChannel, queue: str) -> None:
    try:
        await channel.declare_queue(queue, passive=True)
    except ChannelNotFoundEntity:
        return
    await declare(channel, [queue])


async def _dead_letters_are_kept(channel: AbstractChannel) -> None:
    """From 4.3 on, who may not make a thing is not told whether it is there; then nothing is known."""
    with contextlib.suppress(ChannelAccessRefused):
        await channel.get_exchange(DEAD, ensure=True)
        await channel.get_queue(DEAD, ensure=True)


async def _fault(connection: AbstractConnection, look: Look) -> str | None:
    """The broker's own words; it closes a channel with them, so that each look has one of its own."""
    channel = await connection.channel()
    try:
        await look(channel)
    except ChannelClosed as refusal:
        return reason_of(refusal)
    finally:
        await channel.close()
    return None


def reason_of(refusal: ChannelClosed) -> str:
    """As the broker says it: names of queues and users, nothing of what is in a message."""
    return str(refusal.args[-1]) if refusal.args else type(refusal).__name__
