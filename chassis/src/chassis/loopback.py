"""What is for this machine alone: pages and desks that show what people wrote, before anyone signs in."""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, web
from pydantic import SecretStr

from chassis.problems import plain_problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_FORWARDED = ("Forwarded", "Via", "X-Forwarded-", "X-Real-", "X-Original-", "CF-", "True-Client-")
"""How the headers begin by which a proxy says that it only passes something on."""


def only_here(token: SecretStr | None, lesser: SecretStr | None = None) -> Callable[[Handler], Handler]:
    """Let in who holds the token; without a token, who calls directly on loopback.

    `lesser` is another token that lets in here too, where its holder may do less elsewhere.

    A POST must be JSON, which no other site's page can make a browser send.
    """

    def is_let_in(request: web.Request) -> bool:
        return holds_token(request, token) if token else is_direct(request)

    def guarded(handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.StreamResponse:
            if not (is_let_in(request) or (lesser and holds_token(request, lesser))):
                raise plain_problem(403)
            if request.method == "POST" and request.content_type != "application/json":
                raise plain_problem(415)
            return await handler(request)

        return checked

    return guarded


def holds_token(request: web.Request, token: SecretStr) -> bool:
    """Whether the request bears the operators' token."""
    told = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return hmac.compare_digest(told.encode("utf-8", "surrogateescape"), token.get_secret_value().encode())


def is_direct(request: web.Request) -> bool:
    """Not through a proxy, and not by a name that a web page made to point here (DNS rebinding).

    A proxy on this machine that adds no header cannot be told from a person at it: it must pass on
    nothing but `/v1/` (HTTP/1.0 is what nginx speaks when it has not been told).
    """
    headers = tuple(name.title() for name in request.headers)
    passed_on = any(name.startswith(tuple(start.title() for start in _FORWARDED)) for name in headers)
    old = request.version < HttpVersion11
    return not (passed_on or old) and is_loopback(request.remote) and is_loopback(request.url.host)


def is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
