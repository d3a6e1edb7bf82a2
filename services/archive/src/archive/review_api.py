"""The secretary's acts over HTTP, as contracts name them; her pages post to the same."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from archive.access import person_of
from archive.api import Api, report_id
from archive.forms import ChairDecision
from archive.packets.freezing import (
    FileGone,
    HeldUnresolved,
    MeetingCancelled,
    MeetingNotYet,
    NoPacket,
    NothingToFreeze,
)
from archive.review import (
    Asked,
    NoDecisionHere,
    NoReport,
    NoSuchMeeting,
    NothingToMask,
    NothingToUndo,
    NotInThisState,
    NumberedByUs,
    ReasonMissing,
    Review,
    ReviewTrouble,
    SomeoneWasFirst,
)
from chassis.loopback import Handler
from chassis.problems import Problem, plain_problem
from chassis.sealing import Sealer
from chassis.store import Transaction

_SEEN = "Ange version (den du såg) och vid behov reason."

Told = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]


class Act(BaseModel):
    """What a secretary asks for: with which version of the report before her, and why."""

    model_config = ConfigDict(strict=True, extra="forbid")

    version: int = Field(ge=1)
    reason: Told = ""


class Decision(BaseModel):
    """The chair's decision, to be judged with."""

    model_config = ConfigDict(strict=True, extra="forbid")

    datum: Annotated[date, Field(strict=False)]
    referens: Annotated[Told, Field(min_length=1)]


class Release(Act):
    chair_decision: Decision | None = None


class Move(Act):
    """To the meeting of that date; without one, to the next."""

    meeting: Annotated[date, Field(strict=False)] | None = None


class Mask(Act):
    """`passages` are hidden wherever they stand; what may be a personnummer always is."""

    passages: Annotated[
        tuple[Annotated[Told, Field(min_length=2)], ...], Field(max_length=50, strict=False)
    ] = ()


class Number(Act):
    diarienummer: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]


class Order(BaseModel):
    """Every filed report of the meeting, in the order of the agenda."""

    model_config = ConfigDict(strict=True, extra="forbid")

    order: Annotated[tuple[str, ...], Field(strict=False)]


AnyAct = TypeVar("AnyAct", bound=BaseModel)
Work = Callable[[Transaction], Awaitable[None]]


@dataclass
class ReviewApi:
    api: Api
    review: Review
    sealer: Sealer

    async def hold(self, request: web.Request) -> web.Response:
        asked = _asked(request, await read(request, Act))
        return await self._done(request, lambda tx: self.review.hold(tx, asked))

    async def release(self, request: web.Request) -> web.Response:
        """Release a held report, or have it judged anew with the chair's decision."""
        act = await read(request, Release)
        asked = _asked(request, act)
        if act.chair_decision is None:
            return await self._done(request, lambda tx: self.review.release(tx, asked))
        decision = ChairDecision.model_validate(act.chair_decision.model_dump())
        return await self._done(request, lambda tx: self.review.decide(tx, asked, decision))

    async def send_back(self, request: web.Request) -> web.Response:
        asked = _asked(request, await read(request, Act))
        return await self._done(request, lambda tx: self.review.send_back(tx, asked))

    async def move(self, request: web.Request) -> web.Response:
        act = await read(request, Move)
        return await self._done(request, lambda tx: self.review.move(tx, _asked(request, act), act.meeting))

    async def accept(self, request: web.Request) -> web.Response:
        asked = _asked(request, await read(request, Act))
        return await self._done(request, lambda tx: self.review.accept(tx, asked))

    async def mask(self, request: web.Request) -> web.Response:
        act, seal = await read(request, Mask), await self.sealer.ready()
        asked = _asked(request, act)
        return await self._done(request, lambda tx: self.review.mask(tx, asked, act.passages, seal))

    async def number(self, request: web.Request) -> web.Response:
        act = await read(request, Number)
        asked = _asked(request, act)
        return await self._done(request, lambda tx: self.review.number(tx, asked, act.diarienummer))

    async def undo(self, request: web.Request) -> web.Response:
        asked, seal = _asked(request, await read(request, Act)), await self.sealer.ready()
        return await self._done(request, lambda tx: self.review.undo(tx, asked, seal))

    async def order(self, request: web.Request) -> web.Response:
        committee, meeting = self.api.meeting_of(request)
        wanted = await read(request, Order)
        await self.write(
            lambda tx: self.review.order(tx, committee.id, meeting.date, wanted.order, by_of(request))
        )
        return await self.api.meeting(request)

    def hers(self, act: Handler) -> Handler:
        """An act on a report is for a secretary of its committee."""

        async def acted(request: web.Request) -> web.StreamResponse:
            await self.api.report_row(request)
            return await act(request)

        return acted

    async def write(self, work: Work) -> None:
        """Do the act; raises `Problem` that tells a person what stood in the way."""
        try:
            await self.api.store.write(work)
        except ReviewTrouble as trouble:
            raise problem_of(trouble) from None

    async def _done(self, request: web.Request, work: Work) -> web.Response:
        await self.write(work)
        return await self.api.report(request)


def by_of(request: web.Request) -> str:
    return person_of(request).signature


def _asked(request: web.Request, act: Act) -> Asked:
    return Asked(report_id(request), act.version, by_of(request), act.reason)


async def read(request: web.Request, kind: type[AnyAct]) -> AnyAct:
    """The body of the request; raises a `Problem` that names each fault, and nothing of what was written."""
    try:
        return kind.model_validate_json(await request.read() or b"{}")
    except ValidationError as error:
        errors = [
            {
                "pointer": "".join(f"/{part}" for part in fault["loc"]),
                "detail": "Uppgiften saknas eller har fel form.",
            }
            for fault in error.errors()
        ]
        detail = (
            _SEEN if issubclass(kind, Act) else "Uppgifterna är inte kompletta. Rätta dem och försök igen."
        )
        raise Problem(422, "act-invalid", "Ofullständig begäran", detail, errors) from None


def problem_of(trouble: ReviewTrouble) -> Problem:
    """What the person is told, and what to do."""
    if isinstance(trouble, NoReport):
        return plain_problem(404)
    if isinstance(trouble, ReasonMissing):
        return _reason_missing(str(trouble))
    status, kind, title, detail = (_TROUBLES | _OF_PACKETS)[type(trouble)]
    return Problem(status, kind, title, detail)


_TROUBLES: dict[type[ReviewTrouble], tuple[int, str, str, str]] = {
    SomeoneWasFirst: (
        409,
        "someone-was-first",
        "Någon annan hann före",
        "Någon annan hann före. Läs rapporten igen och försök sedan.",
    ),
    NotInThisState: (
        409,
        "not-in-this-state",
        "Går inte nu",
        "Rapporten är inte i ett läge där det går. Läs den igen.",
    ),
    NoSuchMeeting: (
        409,
        "no-such-meeting",
        "Inget sammanträde att flytta till",
        "Sammanträdet finns inte i kalendern, är inställt, är förbi eller har redan ett fryst paket.",
    ),
    NoDecisionHere: (
        422,
        "no-chair-decision-here",
        "Formuläret har inget ordförandebeslut",
        "Det här formuläret har ingen plats för ett ordförandebeslut. Släpp rapporten med en motivering.",
    ),
    NothingToMask: (
        422,
        "nothing-to-mask",
        "Inget att maskera",
        "Orden finns inte i rapporten som du skrev dem, och inget i den liknar ett personnummer.",
    ),
    NumberedByUs: (
        409,
        "numbered-already",
        "Rapporten har ett diarienummer",
        "Rapporten fick sitt diarienummer när den kom in. Det behålls, så att inget nummer saknas i diariet.",
    ),
    NothingToUndo: (
        409,
        "nothing-to-undo",
        "Går inte att ångra",
        "Det senaste har redan lämnat huset, eller gjordes inte av en person, och går inte att ångra.",
    ),
}


_OF_PACKETS: dict[type[ReviewTrouble], tuple[int, str, str, str]] = {
    HeldUnresolved: (
        409,
        "held-unresolved",
        "Rapporter hålls tillbaka",
        "Släpp eller återlämna rapporterna som hålls tillbaka, eller bekräfta att de lämnas utanför paketet.",
    ),
    NothingToFreeze: (
        409,
        "nothing-to-freeze",
        "Inget nytt att frysa",
        "Sammanträdet har ingen rapport som inte redan ligger i ett fryst paket.",
    ),
    MeetingCancelled: (
        409,
        "meeting-cancelled",
        "Sammanträdet är inställt",
        "Frys ett annat sammanträdes papper.",
    ),
    FileGone: (
        409,
        "file-gone",
        "En bifogad fil saknas",
        "En fil som följde med en rapport finns inte kvar i lagret. Be driften att återställa den.",
    ),
    NoPacket: (
        409,
        "no-packet",
        "Inget paket",
        "Sammanträdet har inget fryst paket att anteckna en paragraf för.",
    ),
    MeetingNotYet: (
        409,
        "meeting-not-yet",
        "Sammanträdet har inte varit",
        "Paragrafen antecknas när sammanträdet har börjat.",
    ),
}


def _reason_missing(why: str) -> Problem:
    detail = f"{why} Skriv en motivering i fältet reason."
    return Problem(
        422, "reason-missing", "Motivering saknas", detail, [{"pointer": "/reason", "detail": detail}]
    )
