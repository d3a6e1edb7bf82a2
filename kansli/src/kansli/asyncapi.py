"""The AsyncAPI 3 document: made of the tables by which the services speak and the bus declares its queues.

`python -m kansli.asyncapi` tells whether `docs/asyncapi.json` is up to date; `--write` makes it so.
"""

from collections.abc import Iterator
from typing import Any

from chassis.bus.topology import EXCHANGE, QUEUE_ARGUMENTS
from chassis.events import BATCH, MAX_MESSAGE_BYTES, STRUCTURED, Event, queue_name
from chassis.metrics import service_version
from kansli.event_schemas import DIALECT, file_name, said
from kansli.made_of_code import Made, as_json
from kansli.places import reference_documents

FILE = "asyncapi.json"
BINDING_VERSION = "0.3.0"
"""Of the AMQP 0-9-1 binding (asyncapi/bindings)."""

SCHEMA_FORMAT = "application/schema+json;version=draft-2020-12"
SCHEMAS = "../schemas/events"

Part = dict[str, Any]

_ABOUT = f"""\
What the four services say to each other. A service writes what it says into its outbox in the \
transaction of what happened; its relay brings it to a queue of each listener by the direct exchange \
`{EXCHANGE}`, whose routing key is the queue's name, with `mandatory` and a confirm. The listener \
acknowledges when what it did is committed. An event may come more than once, and counts once: its \
`source` and `id` are the key. A message is one event (CloudEvents 1.0.2 in JSON) or a batch of up to a \
hundred, of {MAX_MESSAGE_BYTES >> 20} MiB at most. What each event holds stands in `schemas/events`."""


def document() -> Part:
    """The document; its channels are the listeners' queues."""
    talks = sorted(_talks(), key=lambda talk: talk.queue)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Kansli's events",
            "version": service_version("chassis"),
            "description": _ABOUT,
            "license": {"name": "MIT"},
        },
        "defaultContentType": STRUCTURED,
        "servers": {"broker": _BROKER},
        "channels": {talk.queue: talk.channel for talk in talks},
        "operations": {name: operation for talk in talks for name, operation in talk.operations},
        "components": {"messages": {name: part for talk in talks for name, part in talk.messages}},
    }


_BROKER = {
    "host": "broker.example:5672",
    "protocol": "amqp",
    "protocolVersion": "0-9-1",
    "description": "RabbitMQ, from 3.10 to 4.x, as each service's `AMQP_URL` names it.",
}


class _Talk:
    """One event on its way to one listener, in each version that may come."""

    def __init__(self, producer: str, listener: str, event: type[Event]) -> None:
        self.producer = producer
        self.listener = listener
        self.event = event
        self.queue = queue_name(listener, event.kind)

    @property
    def _names(self) -> list[str]:
        return [name for event in self.event.versions() for name in (event.type(), _batch(event))]

    @property
    def channel(self) -> Part:
        return {
            "address": self.queue,
            "description": f"The queue in which {self.listener} hears {self.event.kind} of {self.producer}.",
            "messages": {name: _ref(f"components/messages/{name}") for name in self._names},
            "bindings": {"amqp": {"is": "queue", "queue": self._queue, "bindingVersion": BINDING_VERSION}},
        }

    @property
    def _queue(self) -> Part:
        return {
            "name": self.queue,
            "durable": True,
            "exclusive": False,
            "autoDelete": False,
            "x-arguments": dict(QUEUE_ARGUMENTS),
            "x-bound-to": {"exchange": EXCHANGE, "type": "direct", "routingKey": self.queue},
        }

    @property
    def operations(self) -> Iterator[tuple[str, Part]]:
        """What the one does who says it, and the one who hears it."""
        sends = {"deliveryMode": 2, "mandatory": True, "bindingVersion": BINDING_VERSION}
        hears = {"ack": True, "bindingVersion": BINDING_VERSION}
        yield (
            f"{self.producer}.says.{self.event.kind}.to.{self.listener}",
            self._operation("send", self.producer, sends),
        )
        yield f"{self.listener}.hears.{self.event.kind}", self._operation("receive", self.listener, hears)

    def _operation(self, action: str, service: str, binding: Part) -> Part:
        return {
            "action": action,
            "channel": _ref(f"channels/{self.queue}"),
            "tags": [{"name": service}],
            "messages": [_ref(f"channels/{self.queue}/messages/{name}") for name in self._names],
            "bindings": {"amqp": binding},
        }

    @property
    def messages(self) -> Iterator[tuple[str, Part]]:
        """Each version alone, and several of it together."""
        for event in self.event.versions():
            yield event.type(), _alone(event)
            yield _batch(event), _together(event)


def _batch(event: type[Event]) -> str:
    return f"{event.type()}.batch"


def _alone(event: type[Event]) -> Part:
    about = {"summary": " ".join(event.__doc__.split())} if event.__doc__ else {}
    return {
        "name": event.type(),
        **about,
        "contentType": STRUCTURED,
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": _schema(event)},
    }


def _together(event: type[Event]) -> Part:
    several = {"$schema": DIALECT, "type": "array", "items": _schema(event)}
    return {
        "name": _batch(event),
        "summary": "Several of them in one message.",
        "contentType": BATCH,
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": several},
    }


def _schema(event: type[Event]) -> Part:
    return {"$ref": f"{SCHEMAS}/{file_name(event)}"}


def _talks() -> Iterator[_Talk]:
    for producer, event in said():
        for listener in event.heard_by:
            yield _Talk(producer, listener, event)


def _ref(place: str) -> dict[str, str]:
    return {"$ref": f"#/{place}"}


MADE = Made(
    "kansli.asyncapi",
    __doc__,
    reference_documents(),
    lambda: {FILE: as_json(document())},
    "what the services say",
)


if __name__ == "__main__":
    MADE.main()
