"""What operators ask a service: its parked desk, its tally, what waits in its outbox.

The answers hold what people wrote, so they are for loopback alone, or for who holds the token.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, TypedDict

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json
from sqlalchemy.engine import Row

from chassis import parking, relay
from chassis.errands import ErrandKind
from chassis.loopback import Handler, only_here
from chassis.openapi import (
    ADMIN_TOKEN,
    COUNT,
    JSON,
    TEXT,
    Key,
    Operation,
    Parameter,
    Schema,
    json_answer,
    list_of,
    object_of,
    problems,
)
from chassis.problems import Problem, plain_problem
from chassis.settings import ServiceSettings
from chassis.store import Store, Transaction

AdminTally = Callable[[], Awaitable[dict[str, dict[str, int]]]]
"""Counts by form and state, from the service's own tables."""


STATES = ("parked", "replayed", "dropped")

Words = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]


class Decision(BaseModel):
    """What an operator decides about one item: who decides, and why."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    by: Words = "operator"
    note: Words = ""


class Desk:
    """The parked desk over HTTP."""

    def __init__(self, store: Store, errands: Sequence[ErrandKind]) -> None:
        self._store = store
        self._errands = {kind.name: kind for kind in errands}

    async def list(self, request: web.Request) -> web.Response:
        state = request.query.get("state", "parked")
        if state not in STATES:
            detail = f"Läget ska vara {', '.join(STATES[:-1])} eller {STATES[-1]}."
            raise Problem(422, "unknown-state", "Läget finns inte", detail)
        async with self._store.read() as connection:
            rows = await parking.listed(connection, state)
        return _json({"parked": [_item(row) for row in rows]})

    async def show(self, request: web.Request) -> web.Response:
        async with self._store.read() as connection:
            row = await parking.shown(connection, request.match_info["id"])
        return _json(_item(row) | {"headers": row.headers, "body": await self._body(row)})

    async def replay(self, request: web.Request) -> web.Response:
        decision = await _decision(request)
        queue = await self._store.write(
            lambda tx: parking.replay(tx, request.match_info["id"], by=decision.by)
        )
        return _json({"id": request.match_info["id"], "state": "replayed", "queue": queue})

    async def drop(self, request: web.Request) -> web.Response:
        decision = await _decision(request)
        if not decision.note.strip():
            raise Problem(422, "note-missing", "Anteckning saknas", "Skriv varför, i fältet note.")
        await self._store.write(
            lambda tx: self._drop(tx, request.match_info["id"], decision.by, decision.note)
        )
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


def admin_operations(
    store: Store,
    settings: ServiceSettings,
    tally: AdminTally | None,
    errands: Sequence[ErrandKind] = (),
) -> list[Operation]:
    """`/admin/tally`, and the desk under `/admin/parked`."""
    desk = Desk(store, errands)

    async def count(_request: web.Request) -> web.Response:
        async with store.read() as connection:
            on_desk = await parking.counted(connection)
        forms = await tally() if tally else {}
        return _json({"forms": forms, "parked": on_desk, "outbox": await relay.pending(store)})

    for_operators = only_here(settings.admin_token)
    for_who_looks = only_here(settings.admin_token, settings.look_token)
    return [
        _guarded(_counting(count), for_operators),
        _guarded(_listing(desk), for_who_looks),
        *(_guarded(operation, for_operators) for operation in [_showing(desk), *_deciding(desk)]),
    ]


def _guarded(operation: Operation, guard: Callable[[Handler], Handler]) -> Operation:
    return replace(operation, handler=guard(_or_missing(operation.handler)))


def _counting(count: Handler) -> Operation:
    return Operation(
        method="GET",
        path="/admin/tally",
        handler=count,
        id="tally",
        summary="Count what is here: by form and state, on the desk, in the outbox.",
        answers={200: json_answer("The counts.", _TALLY), **problems(403)},
        **FOR_OPERATORS,
    )


def _listing(desk: Desk) -> Operation:
    """Nothing of what people wrote: the operators' page of another service may show it."""
    return Operation(
        method="GET",
        path="/admin/parked",
        handler=desk.list,
        id="list-parked",
        summary="List what is on the desk, the oldest first.",
        parameters=[_STATE],
        answers={200: json_answer("What is parked.", _DESK), **problems(403, 422)},
        **FOR_OPERATORS,
    )


def _showing(desk: Desk) -> Operation:
    return Operation(
        method="GET",
        path="/admin/parked/{id}",
        handler=desk.show,
        id="show-parked",
        summary="Show one item whole, with what was written in it.",
        parameters=[_PARKED_ID],
        answers={200: json_answer("The item.", _WHOLE_ITEM), **problems(403, 404)},
        **FOR_OPERATORS,
    )


def _deciding(desk: Desk) -> list[Operation]:
    return [
        Operation(
            method="POST",
            path="/admin/parked/{id}/replay",
            handler=desk.replay,
            id="replay-parked",
            summary="Give it another chance, when what stood in its way is mended.",
            parameters=[_PARKED_ID],
            bodies={JSON: _REPLAY},
            answers={
                200: json_answer("It goes to its queue again.", _DECIDED),
                **problems(400, 403, 404, 415, 422),
            },
            **FOR_OPERATORS,
        ),
        Operation(
            method="POST",
            path="/admin/parked/{id}/drop",
            handler=desk.drop,
            id="drop-parked",
            summary="Settle it without handling, and say why; it is kept.",
            parameters=[_PARKED_ID],
            bodies={JSON: _DROP},
            answers={200: json_answer("It is dropped.", _DECIDED), **problems(400, 403, 404, 415, 422)},
            **FOR_OPERATORS,
        ),
    ]


class _ForOperators(TypedDict):
    keys: Sequence[Key]
    keyless_here: bool


FOR_OPERATORS: _ForOperators = {"keys": [ADMIN_TOKEN], "keyless_here": True}
"""With the token; on loopback without, where no token is set."""


_MOMENT: Schema = {"type": "string", "format": "date-time"}


_TALLY = object_of(
    {
        "forms": {
            "type": "object",
            "description": "By form and state.",
            "additionalProperties": {"type": "object", "additionalProperties": COUNT},
        },
        "parked": list_of(object_of({"origin": TEXT, "form": TEXT, "count": COUNT})),
        "outbox": list_of(object_of({"queue": TEXT, "count": COUNT, "oldest": _MOMENT})),
    }
)
_ITEM_REQUIRED: Mapping[str, Schema] = {
    "id": TEXT,
    "origin": {"type": "string", "description": "The queue or the kind of errand that it was given up in."},
    "content_type": TEXT,
    "reason": TEXT,
    "attempts": COUNT,
    "parked_at": _MOMENT,
    "state": {"enum": list(STATES)},
}
_ITEM_OPTIONAL: Mapping[str, Schema] = {
    "source": TEXT,
    "event_id": TEXT,
    "submission_id": TEXT,
    "form": TEXT,
    "caller": TEXT,
    "resolved_at": _MOMENT,
    "resolved_by": TEXT,
    "note": TEXT,
}
_DESK = object_of({"parked": list_of(object_of(_ITEM_REQUIRED, **_ITEM_OPTIONAL))})
_WHOLE_ITEM = object_of({**_ITEM_REQUIRED, "headers": {"type": "object"}, "body": TEXT}, **_ITEM_OPTIONAL)
_WORDS: Schema = TypeAdapter(Words).json_schema()
_BY: Schema = {**_WORDS, "description": "Who decides; `operator` when nobody is named."}
_REPLAY = object_of({}, by=_BY)
_DROP = object_of(
    {"note": {**_WORDS, "pattern": r"^[^\x00]*[^\x00\s][^\x00]*$", "description": "Why."}}, by=_BY
)
_DECIDED = object_of({"id": TEXT, "state": TEXT}, queue=TEXT)
_STATE = Parameter(
    name="state",
    place="query",
    description="What was decided; without it, what still waits.",
    schema={"enum": list(STATES)},
)
_PARKED_ID = Parameter(name="id", place="path", description="As the list has it.", schema=TEXT)


def _or_missing(handler: Handler) -> Handler:
    async def found(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except parking.NotParked:
            raise plain_problem(404) from None

    return found


async def _decision(request: web.Request) -> Decision:
    """Raises a `Problem`: 400 when the body is no JSON object, 422 when something in it cannot be."""
    try:
        return Decision.model_validate_json(await request.read())
    except ValidationError as error:
        not_understood = {fault["type"] for fault in error.errors()} & {"json_invalid", "model_type"}
        raise plain_problem(400 if not_understood else 422) from None


def _item(row: Row[Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row._mapping.items() if name not in {"body", "headers", "digest"}}
    told = kept | {"caller": row.headers.get("caller")}
    return {name: value for name, value in told.items() if value is not None}


def _json(content: Any) -> web.Response:
    return web.Response(body=to_json(content), content_type="application/json")
