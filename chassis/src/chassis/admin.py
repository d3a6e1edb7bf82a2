"""What operators ask a service: its parked desk, its tally, what waits in its outbox.

The answers hold what people wrote, so they are for loopback alone, or for who holds the token.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web
from pydantic_core import from_json, to_json
from sqlalchemy.engine import Row

from chassis import parking, relay
from chassis.errands import ErrandKind
from chassis.loopback import Handler, only_here
from chassis.problems import Problem, plain_problem
from chassis.settings import ServiceSettings
from chassis.store import Store, Transaction

AdminTally = Callable[[], Awaitable[dict[str, dict[str, int]]]]
"""Counts by form and state, from the service's own tables."""


class Desk:
    """The parked desk over HTTP."""

    def __init__(self, store: Store, errands: Sequence[ErrandKind]) -> None:
        self._store = store
        self._errands = {kind.name: kind for kind in errands}

    async def list(self, request: web.Request) -> web.Response:
        async with self._store.read() as connection:
            rows = await parking.listed(connection, request.query.get("state", "parked"))
        return _json({"parked": [_item(row) for row in rows]})

    async def show(self, request: web.Request) -> web.Response:
        async with self._store.read() as connection:
            row = await parking.shown(connection, request.match_info["id"])
        return _json(_item(row) | {"headers": row.headers, "body": await self._body(row)})

    async def replay(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        queue = await self._store.write(
            lambda tx: parking.replay(tx, request.match_info["id"], by=str(asked.get("by", "operator")))
        )
        return _json({"id": request.match_info["id"], "state": "replayed", "queue": queue})

    async def drop(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        note = asked.get("note")
        if not isinstance(note, str) or not note.strip():
            raise Problem(422, "note-missing", "Anteckning saknas", "Skriv varför, i fältet note.")
        by = str(asked.get("by", "operator"))
        await self._store.write(lambda tx: self._drop(tx, request.match_info["id"], by, note))
        return _json({"id": request.match_info["id"], "state": "dropped"})

    async def _body(self, row: Row[Any]) -> str:
        """The bytes as text, or what the errand's kind lets a person see of what they name."""
        kind = self._kind_of(row)
        return await kind.show(row.event_id) if kind and kind.show else row.body.decode("utf-8", "replace")

    async def _drop(self, tx: Transaction, parked_id: str, by: str, note: str) -> None:
        row = await parking.drop(tx, parked_id, by, note)
        kind = self._kind_of(row)
        if kind and kind.let_fall:
            await kind.let_fall(tx, row.event_id)

    def _kind_of(self, row: Row[Any]) -> ErrandKind | None:
        return self._errands.get(row.origin) if row.source == parking.ERRAND_SOURCE else None


def admin_routes(
    store: Store,
    settings: ServiceSettings,
    tally: AdminTally | None,
    errands: Sequence[ErrandKind] = (),
) -> list[web.RouteDef]:
    desk = Desk(store, errands)

    async def count(_request: web.Request) -> web.Response:
        async with store.read() as connection:
            on_desk = await parking.counted(connection)
        forms = await tally() if tally else {}
        return _json({"forms": forms, "parked": on_desk, "outbox": await relay.pending(store)})

    guarded = only_here(settings.admin_token)
    return [
        web.get("/admin/tally", guarded(count)),
        web.get("/admin/parked", guarded(desk.list)),
        web.get("/admin/parked/{id}", guarded(_or_missing(desk.show))),
        web.post("/admin/parked/{id}/replay", guarded(_or_missing(desk.replay))),
        web.post("/admin/parked/{id}/drop", guarded(_or_missing(desk.drop))),
    ]


def _or_missing(handler: Handler) -> Handler:
    async def found(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except parking.NotParked:
            raise plain_problem(404) from None

    return found


async def _asked(request: web.Request) -> dict[str, Any]:
    try:
        asked = from_json(await request.read())
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise plain_problem(400)
    return asked


def _item(row: Row[Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row._mapping.items() if name not in {"body", "headers", "digest"}}
    told = kept | {"caller": row.headers.get("caller")}
    return {name: value for name, value in told.items() if value is not None}


def _json(content: Any) -> web.Response:
    return web.Response(body=to_json(content), content_type="application/json")
