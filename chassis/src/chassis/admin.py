"""What operators ask a service: its parked desk, its tally, what waits in its outbox.

The answers hold what people wrote, so they are for loopback alone, or for who holds the token.
"""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic_core import to_json
from sqlalchemy.engine import Row

from chassis import parking, relay
from chassis.problems import Problem, plain_problem
from chassis.settings import ServiceSettings
from chassis.store import Store

AdminTally = Callable[[], Awaitable[dict[str, dict[str, int]]]]
"""Counts by form and state, from the service's own tables."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")


class Desk:
    """The parked desk over HTTP."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(self, request: web.Request) -> web.Response:
        async with self._store.read() as connection:
            rows = await parking.listed(connection, request.query.get("state", "parked"))
        return _json({"parked": [_item(row) for row in rows]})

    async def show(self, request: web.Request) -> web.Response:
        async with self._store.read() as connection:
            row = await parking.shown(connection, request.match_info["id"])
        return _json(_item(row) | {"headers": row.headers, "body": row.body.decode("utf-8", "replace")})

    async def replay(self, request: web.Request) -> web.Response:
        asked = await request.json()
        queue = await self._store.write(
            lambda tx: parking.replay(tx, request.match_info["id"], by=str(asked.get("by", "operator")))
        )
        return _json({"id": request.match_info["id"], "state": "replayed", "queue": queue})

    async def drop(self, request: web.Request) -> web.Response:
        asked = await request.json()
        note = asked.get("note")
        if not isinstance(note, str) or not note.strip():
            raise Problem(422, "note-missing", "Anteckning saknas", "Skriv varför, i fältet note.")
        by = str(asked.get("by", "operator"))
        await self._store.write(lambda tx: parking.drop(tx, request.match_info["id"], by, note))
        return _json({"id": request.match_info["id"], "state": "dropped"})


def admin_routes(store: Store, settings: ServiceSettings, tally: AdminTally | None) -> list[web.RouteDef]:
    desk = Desk(store)

    async def count(_request: web.Request) -> web.Response:
        async with store.read() as connection:
            on_desk = await parking.counted(connection)
        return _json(
            {
                "forms": await tally() if tally else {},
                "parked": on_desk,
                "outbox": await relay.pending(store),
            }
        )

    guarded = _guard(settings)
    return [
        web.get("/admin/tally", guarded(count)),
        web.get("/admin/parked", guarded(desk.list)),
        web.get("/admin/parked/{id}", guarded(desk.show)),
        web.post("/admin/parked/{id}/replay", guarded(desk.replay)),
        web.post("/admin/parked/{id}/drop", guarded(desk.drop)),
    ]


def _guard(settings: ServiceSettings) -> Callable[[Handler], Handler]:
    """Let in who holds the token; without a token, who calls directly on loopback."""

    def guarded(handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.StreamResponse:
            if not _let_in(request, settings):
                raise plain_problem(403)
            if request.method == "POST" and request.content_type != "application/json":
                raise plain_problem(415)
            try:
                return await handler(request)
            except parking.NotParked:
                raise plain_problem(404) from None

        return checked

    return guarded


def _let_in(request: web.Request, settings: ServiceSettings) -> bool:
    if settings.admin_token is not None:
        told = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(told.encode(), settings.admin_token.get_secret_value().encode())
    direct = not any(header in request.headers for header in _FORWARDED)
    return direct and _is_loopback(request.remote) and _is_loopback(request.url.host)


def _is_loopback(host: str | None) -> bool:
    """`localhost` counts; any other name may be made to point here by a web page (DNS rebinding)."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _item(row: Row[Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row._mapping.items() if name not in {"body", "headers", "digest"}}
    return {name: value for name, value in kept.items() if value is not None}


def _json(content: Any) -> web.Response:
    return web.Response(body=to_json(content), content_type="application/json")
