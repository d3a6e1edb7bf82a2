"""Disposal over HTTP: to propose, to withdraw, to carry out, and to read the proof."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import Row

from archive.answers import in_json
from archive.api import Api
from archive.committees import Committee
from archive.disposal import (
    AlreadyProposed,
    DisposalTrouble,
    NoLongerDue,
    NoProposal,
    NothingIsDue,
    carry_out,
    disposals_of,
    propose,
    withdraw,
)
from archive.disposal_proof import proof
from archive.review_api import by_of, read
from chassis.problems import Problem, plain_problem
from chassis.store import Transaction

Step = Callable[[Transaction, Committee, int, str], Awaitable[None]]


class Nothing(BaseModel):
    """A step takes no words: what it does was decided before."""

    model_config = ConfigDict(strict=True, extra="forbid")


@dataclass
class DisposalApi:
    api: Api

    async def list(self, request: web.Request) -> web.Response:
        """Every proposal of the committee, the newest first."""
        told = [disposal_in_json(row) for row in await self._rows(request)]
        return in_json({"disposals": told})

    async def propose(self, request: web.Request) -> web.Response:
        """List what may be removed today; 201 and the proposal."""
        await read(request, Nothing)
        committee, by = self.api.committee_of(request), by_of(request)
        number = await self._write(lambda tx: propose(tx, committee, by))
        return in_json(disposal_in_json(await self._row(request, number)), status=201)

    async def withdraw(self, request: web.Request) -> web.Response:
        return await self._step(request, withdraw)

    async def carry_out(self, request: web.Request) -> web.Response:
        return await self._step(request, carry_out)

    async def proof(self, request: web.Request) -> web.Response:
        """The proof of what was removed; there is none before it was."""
        row = await self._row(request, _number(request))
        if row.state != "carried-out":
            raise plain_problem(404)
        text = proof(row, self.api.committee_of(request).name)
        return web.Response(text=text, content_type="text/plain", charset="utf-8")

    async def _step(self, request: web.Request, step: Step) -> web.Response:
        await read(request, Nothing)
        committee, number, by = self.api.committee_of(request), _number(request), by_of(request)
        await self._write(lambda tx: step(tx, committee, number, by))
        return in_json(disposal_in_json(await self._row(request, number)))

    async def _write(self, work: Callable[[Transaction], Awaitable[Any]]) -> Any:
        """Raises `Problem` that tells a person what stood in the way."""
        try:
            return await self.api.store.write(work)
        except DisposalTrouble as trouble:
            raise _TROUBLES[type(trouble)] from None

    async def _row(self, request: web.Request, number: int) -> Row[Any]:
        for row in await self._rows(request):
            if row.id == number:
                return row
        raise plain_problem(404)

    async def _rows(self, request: web.Request) -> Sequence[Row[Any]]:
        committee = self.api.committee_of(request)
        async with self.api.store.read() as connection:
            return await disposals_of(connection, committee.id)


def disposal_in_json(row: Row[Any]) -> dict[str, Any]:
    """A proposal and what became of it; moments in UTC."""
    return {
        "number": row.id,
        "state": row.state,
        "rule": row.rule,
        "decision": row.decision,
        "packets": row.packets,
        "proposed": {"at": row.proposed_at, "by": row.proposed_by},
        "closed": {"at": row.closed_at, "by": row.closed_by} if row.closed_at else None,
        "removed_at": row.removed_at,
    }


def _number(request: web.Request) -> int:
    number = request.match_info["number"]
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise plain_problem(404)
    return int(number)


_TROUBLES: dict[type[DisposalTrouble], Problem] = {
    NothingIsDue: Problem(
        409,
        "nothing-is-due",
        "Inget att gallra",
        "Enligt nämndens gallringsbeslut finns inget att gallra i dag. "
        "Ett paket gallras först när sammanträdets paragraf är noterad och tiden har gått ut.",
    ),
    AlreadyProposed: Problem(
        409,
        "already-proposed",
        "Ett förslag väntar redan",
        "Det finns redan ett gallringsförslag. Verkställ det eller dra tillbaka det först.",
    ),
    NoProposal: Problem(
        404,
        "no-proposal",
        "Förslaget finns inte",
        "Det finns inget öppet gallringsförslag med det numret.",
    ),
    NoLongerDue: Problem(
        409,
        "no-longer-due",
        "Förslaget gäller inte längre",
        "Beslutet eller paketen har ändrats sedan förslaget gjordes. Dra tillbaka det och gör ett nytt.",
    ),
}
