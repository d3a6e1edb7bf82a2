"""Health: alive is not ready, and a broker that is away is no reason to refuse a submission."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chassis.bus import Bus
from chassis.loopback import Handler
from chassis.metrics import Metrics, service_version
from chassis.openapi import TEXT, Answer, Operation, Schema, json_answer, object_of
from chassis.store import Store, StoreUnavailable

PING_TIMEOUT_S = 2.0


@dataclass
class Health:
    store: Store
    bus: Bus
    draining: bool = False

    def drain(self) -> None:
        self.draining = True

    async def troubles(self) -> dict[str, str]:
        """What keeps the service from its work; the bus is told of, but does not make it unready."""
        troubles = {}
        if self.draining:
            troubles["service"] = "stopping"
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self.store.ping()
        except (StoreUnavailable, TimeoutError) as error:
            troubles["store"] = type(error).__name__
        return troubles


def health_operations(health: Health, metrics: Metrics, service: str) -> list[Operation]:
    """`/livez` `/readyz` `/metrics` `/version`."""

    async def live(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def ready(_request: web.Request) -> web.Response:
        troubles = await health.troubles()
        status = "not ready" if troubles else "ready"
        body = {"status": status, "troubles": troubles, "bus": health.bus.trouble or "ok"}
        return web.json_response(body, status=503 if troubles else 200)

    async def measured(_request: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def version(_request: web.Request) -> web.Response:
        return web.json_response({"service": service, "version": service_version(service)})

    return [
        _look("/livez", live, "Is the process alive?", {200: json_answer("It is.", _ALIVE)}),
        _look(
            "/readyz",
            ready,
            "Can the service do its work?",
            {
                200: json_answer("It can.", _READY),
                503: json_answer("It cannot; `troubles` says why.", _READY),
            },
        ),
        _look(
            "/metrics",
            measured,
            "What the service counts and measures, for Prometheus.",
            {200: Answer(description="The figures.", content={"text/plain": {"type": "string"}})},
        ),
        _look("/version", version, "Which service is this?", {200: json_answer("The version.", _VERSION)}),
    ]


def _look(path: str, handler: Handler, summary: str, answers: Mapping[int, Answer]) -> Operation:
    return Operation(
        method="GET", path=path, handler=handler, id=path.strip("/"), summary=summary, answers=answers
    )


def _texts(*names: str) -> Schema:
    return object_of(dict.fromkeys(names, TEXT))


_ALIVE = _texts("status")
_VERSION = _texts("service", "version")
_READY = object_of(
    {
        "status": {"enum": ["ready", "not ready"]},
        "troubles": {"type": "object", "additionalProperties": TEXT},
        "bus": TEXT,
    }
)
