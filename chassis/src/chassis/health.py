"""Health: alive is not ready, and a broker that is away is no reason to refuse a submission."""

import asyncio
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chassis.bus import Bus
from chassis.metrics import Metrics, service_version
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


def health_routes(health: Health, metrics: Metrics, service: str) -> list[web.RouteDef]:
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
        return web.json_response({"service": service, "version": service_version()})

    return [
        web.get("/livez", live),
        web.get("/readyz", ready),
        web.get("/metrics", measured),
        web.get("/version", version),
    ]
