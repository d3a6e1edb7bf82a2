"""RabbitMQ's definitions: a virtual host, a policy, and a user per service who may do what it must.

`python -m kansli.broker_definitions` tells whether `deploy/rabbitmq/definitions.json` is up to date;
`--write` makes it so. In that file nobody has a password, and whom RabbitMQ knows without one it does
not let in; `kansli secrets` makes the file with passwords.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from chassis.bus.topology import DEAD, EXCHANGE, QUEUE_ARGUMENTS
from chassis.events import queue_name
from kansli.event_schemas import said
from kansli.made_of_code import Made
from kansli.operators import SERVICES
from kansli.places import shipped_definitions

Definitions = dict[str, Any]

VHOST = "kansli"

DELIVERY_LIMIT = 1000
"""Higher than any number of restarts that is still normal; RabbitMQ 4 drops at the 21st by itself."""


def definitions(password_hashes: Mapping[str, str] | None = None) -> Definitions:
    """All that `rabbitmqctl import_definitions` needs; `password_hashes` are RabbitMQ's, by service."""
    return {
        "users": [_user(service, password_hashes or {}) for service in SERVICES],
        "vhosts": [{"name": VHOST}],
        "permissions": [{"vhost": VHOST, "user": service, **rights(service)} for service in SERVICES],
        "exchanges": [_exchange(EXCHANGE, "direct"), _exchange(DEAD, "fanout")],
        "queues": [{"vhost": VHOST, "name": DEAD, **_DURABLE, "arguments": dict(QUEUE_ARGUMENTS)}],
        "bindings": [
            {
                "vhost": VHOST,
                "source": DEAD,
                "destination": DEAD,
                "destination_type": "queue",
                "routing_key": "",
                "arguments": {},
            }
        ],
        "policies": [_policy()],
    }


def rights(service: str) -> Mapping[str, str]:
    """What its user may declare, bind and publish to, and consume: nobody reads what is for another.

    Binding takes the right to write the queue and to read the exchange.
    """
    heard = [queue_name(service, event.kind) for _, event in said() if service in event.heard_by]
    told = [
        queue_name(listener, event.kind)
        for speaker, event in said()
        if speaker == service
        for listener in event.heard_by
    ]
    declared = _exactly(EXCHANGE, *heard, *told)
    return {"configure": declared, "write": declared, "read": _exactly(EXCHANGE, *heard)}


def _exactly(*names: str) -> str:
    return f"^({'|'.join(map(re.escape, sorted(set(names))))})$"


def _user(service: str, password_hashes: Mapping[str, str]) -> Definitions:
    user = {"name": service, "tags": ""}
    if service not in password_hashes:
        return user
    hashed = {
        "password_hash": password_hashes[service],
        "hashing_algorithm": "rabbit_password_hashing_sha256",
    }
    return user | hashed


_DURABLE = {"durable": True, "auto_delete": False}


def _exchange(name: str, kind: str) -> Definitions:
    return {"vhost": VHOST, "name": name, "type": kind, **_DURABLE, "internal": False, "arguments": {}}


def _policy() -> Definitions:
    """For every queue of the house; 3.10 refuses `quorum_queues`, which all of them are."""
    return {
        "vhost": VHOST,
        "name": "kansli",
        "pattern": rf"^({'|'.join(SERVICES)})\.",
        "apply-to": "queues",
        "priority": 0,
        "definition": {
            "dead-letter-exchange": DEAD,
            "dead-letter-strategy": "at-least-once",
            "overflow": "reject-publish",
            "delivery-limit": DELIVERY_LIMIT,
        },
    }


def written(found: Definitions) -> str:
    """A line for each thing, so that a change shows what it changes."""
    parts = (
        f"  {json.dumps(part)}: [\n" + ",\n".join(f"    {json.dumps(one)}" for one in things) + "\n  ]"
        for part, things in found.items()
    )
    return "{\n" + ",\n".join(parts) + "\n}\n"


MADE = Made(
    "kansli.broker_definitions",
    __doc__,
    shipped_definitions().parent,
    lambda: {shipped_definitions().name: written(definitions())},
    "what the services need",
)


if __name__ == "__main__":
    MADE.main()
