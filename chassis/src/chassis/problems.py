"""Errors over HTTP: problem+json (RFC 9457), in plain Swedish, with nothing of the content in it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from aiohttp import web
from pydantic_core import to_json

from chassis.logs import place_of
from chassis.store import StoreUnavailable
from chassis.trace import following

log = structlog.get_logger()

PROBLEM_JSON = "application/problem+json"
TYPE_BASE = "urn:problem-type:kansli:"

RETRY_AFTER_S = 5
"""What is unavailable now is mostly a database that restarts."""

_SWEDISH = {
    400: ("Anropet gick inte att förstå", "Kontrollera anropet mot dokumentationen."),
    401: ("Nyckel saknas eller är fel", "Skicka en giltig nyckel i huvudet Authorization."),
    403: ("Inte tillåtet", "Den som anropar har inte rätt till detta."),
    404: ("Finns inte", "Det finns inget på den här adressen."),
    405: ("Fel metod", "Adressen finns men tar inte emot den metoden."),
    409: ("Går inte nu", "Något har ändrats sedan du läste det. Läs igen och försök sedan."),
    413: ("För stort", "Det som skickades är större än tillåtet."),
    415: ("Fel innehållstyp", "Adressen tar inte emot den typen av innehåll."),
    422: ("Ofullständigt", "Uppgifterna är inte kompletta. Rätta dem och försök igen."),
    429: ("För många på kort tid", "Vänta en stund och försök igen."),
    500: (
        "Ett fel hos oss",
        "Något gick fel hos oss. Försök igen, och kontakta oss om det inte hjälper.",
    ),
    503: (
        "Inte tillgängligt just nu",
        "Vi kan inte ta emot just nu. Försök igen om en liten stund.",
    ),
}


@dataclass
class Problem(Exception):
    """An answer that says what was wrong and what to do; `members` are further ones (RFC 9457 § 3.2)."""

    status: int
    kind: str
    title: str
    detail: str
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, object] = field(default_factory=dict)

    def response(self) -> web.Response:
        body: dict[str, object] = {
            "type": TYPE_BASE + self.kind,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **self.members,
        }
        if self.errors:
            body["errors"] = list(self.errors)
        return web.Response(
            status=self.status,
            body=to_json(body),
            content_type=PROBLEM_JSON,
            headers=dict(self.headers),
        )


def plain_problem(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """The problem for a status that needs no more words."""
    title, detail = _SWEDISH.get(status, (HTTPStatus(status).phrase, "Anropet gick inte att utföra."))
    return Problem(
        status,
        HTTPStatus(status).phrase.lower().replace(" ", "-"),
        title,
        detail,
        headers=headers or {},
    )


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn whatever goes wrong into a problem; what nobody foresaw is logged without its text."""
    with following(request.headers.get("traceparent")):
        try:
            return await handler(request)
        except Problem as problem:
            return problem.response()
        except StoreUnavailable as error:
            log.warning("request.unavailable", reason=str(error))
            return plain_problem(503, {"Retry-After": str(RETRY_AFTER_S)}).response()
        except web.HTTPException as refusal:
            return _of(refusal)
        except Exception as error:
            log.error(
                "request.failed",
                error=type(error).__name__,
                route=_route(request),
                exc_info=place_of(error),
            )
            return plain_problem(500).response()


def _of(refusal: web.HTTPException) -> web.StreamResponse:
    if refusal.status < HTTPStatus.BAD_REQUEST:
        return refusal
    allow = {"Allow": refusal.headers["Allow"]} if "Allow" in refusal.headers else {}
    return plain_problem(refusal.status, allow).response()


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else "unknown"
