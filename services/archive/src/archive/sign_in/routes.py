"""The way in and out: to the provider and back with a code, and a session that ends when it should."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from aiohttp import web
from yarl import URL

from archive.access import Access, Visit, see_other
from archive.sign_in.attempts import Attempt, begin, forget_attempts, new_attempt, take
from archive.sign_in.grants import TooManyGroups
from archive.sign_in.id_token import IdToken, Untrusted
from archive.sign_in.landing import landing
from archive.sign_in.provider import Away, Declined, Provider
from archive.sign_in.sessions import BROWSER_COOKIE, SESSION_COOKIE, Sessions
from archive.web.pages import signed_out_page
from chassis.problems import Problem
from chassis.store import Transaction

log = structlog.get_logger()

TIDY_EVERY_S = 600.0


@dataclass
class SignIn:
    """Signs people in and out, and knows who is."""

    provider: Provider
    sessions: Sessions

    @property
    def origin(self) -> str:
        return str(URL(self.provider.client.redirect_url).origin())

    @property
    def form_targets(self) -> frozenset[str]:
        return self.provider.origins

    async def visit_of(self, request: web.Request) -> Visit | None:
        secret = request.cookies.get(SESSION_COOKIE)
        return await self.sessions.visit_of(secret) if secret else None

    def routes(self, access: Access) -> Sequence[web.AbstractRouteDef]:
        paged = access.told_in_pages
        return [
            web.get("/sign-in", paged(self.begin), allow_head=False),
            web.get("/sign-in/callback", paged(self.finish), allow_head=False),
            web.post("/sign-out", access.guard(self.sign_out, page=True)),
            web.get("/signed-out", paged(self.signed_out)),
        ]

    async def begin(self, request: web.Request) -> web.Response:
        """Send the browser to the provider, and remember which browser and what it was sent with."""
        attempt = new_attempt(landing(request.query.get("next", "")))
        browser = request.cookies.get(BROWSER_COOKIE) or secrets.token_urlsafe(32)
        try:
            address = await self.provider.sign_in_address(attempt.state, attempt.nonce, attempt.verifier)
        except Away:
            raise _not_reached() from None
        await self.sessions.store.write(lambda tx: begin(tx, attempt, browser))
        response = see_other(address)
        _set_cookie(response, BROWSER_COOKIE, browser)
        return response

    async def finish(self, request: web.Request) -> web.Response:
        """Take the code that the provider sent the browser back with, and begin a session."""
        attempt = await self._attempt_of(request)
        told = await self._person(request, attempt)
        granted = self._granted(told)
        former = request.cookies.get(SESSION_COOKIE, "")
        secret = await self.sessions.store.write(lambda tx: self.sessions.begin(tx, told, granted, former))
        log.info("sign-in.completed", grants=len(granted))
        response = see_other(attempt.landing)
        _set_cookie(response, SESSION_COOKIE, secret)
        return response

    async def sign_out(self, request: web.Request) -> web.Response:
        """End the session here, and lead on to the provider, which has one of its own."""
        secret = request.cookies.get(SESSION_COOKIE, "")
        await self.sessions.store.write(lambda tx: self.sessions.end(tx, secret))
        log.info("session.ended")
        response = see_other(await self.provider.sign_out_address() or "/signed-out")
        response.del_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
        return response

    async def signed_out(self, _request: web.Request) -> web.Response:
        return web.Response(text=signed_out_page(), content_type="text/html")

    async def run(self) -> None:
        """Forget what has ended, and look whether the provider is there, until cancelled."""
        while True:
            await self.sessions.store.write(self._tidy)
            await self._look_for_provider()
            await asyncio.sleep(TIDY_EVERY_S)

    async def _tidy(self, tx: Transaction) -> None:
        await forget_attempts(tx, tx.clock())
        await self.sessions.forget_ended(tx, tx.clock())

    async def _look_for_provider(self) -> None:
        """So that operators hear at the start, and not from the first who cannot sign in."""
        try:
            await self.provider.metadata()
        except Away:
            return

    async def _attempt_of(self, request: web.Request) -> Attempt:
        """The sign-in that this answers; raises a `Problem` for one that this browser has not begun."""
        state, browser = request.query.get("state", ""), request.cookies.get(BROWSER_COOKIE, "")
        attempt = await self.sessions.store.write(lambda tx: take(tx, state, browser))
        if attempt is None:
            log.info("sign-in.refused", reason="not begun here, used or too late")
            raise _begin_again()
        return attempt

    async def _person(self, request: web.Request, attempt: Attempt) -> IdToken:
        """Who the provider says it is; an answer of another provider is none (RFC 9207 § 2.4)."""
        code, issuer = request.query.get("code"), self.provider.client.issuer
        if not code or request.query.get("iss", issuer) != issuer:
            log.info("sign-in.refused", reason="no code" if not code else "another issuer")
            raise _begin_again()
        try:
            return await self.provider.person_for(code, attempt.verifier, attempt.nonce)
        except Away as away:
            log.warning("provider.away", reason=str(away))
            raise _not_reached() from None
        except (Declined, Untrusted) as fault:
            log.warning("sign-in.refused", reason=f"{type(fault).__name__}: {fault}")
            raise _begin_again() from None

    def _granted(self, told: IdToken) -> list[str]:
        """What gives her roles here; raises a `Problem` that says whom to ask when nothing does."""
        try:
            granted = self.sessions.grants.values_in(told.claims)
        except TooManyGroups:
            log.warning("sign-in.refused", reason="the claim of groups is left out for its length")
            raise _too_many_groups() from None
        if not granted:
            log.info("sign-in.refused", reason="no role")
            raise _no_role()
        return granted


def _set_cookie(response: web.Response, name: str, value: str) -> None:
    """Until the browser is closed; what it is good for ends sooner, and here."""
    response.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="Lax")


def _begin_again() -> Problem:
    detail = "Inloggningen avbröts, tog för lång tid eller gick inte att kontrollera. Börja om från början."
    return Problem(401, "sign-in-failed", "Inloggningen gick inte att slutföra", detail)


def _not_reached() -> Problem:
    detail = (
        "Kommunens inloggningstjänst svarar inte. Försök igen om en stund, och kontakta it om det består."
    )
    return Problem(503, "sign-in-away", "Det går inte att logga in just nu", detail)


def _no_role() -> Problem:
    detail = (
        "Du är inloggad hos kommunen, men ditt konto har ingen roll i Kansli. "
        "Be den som sköter behörigheter att ge dig en, och logga sedan in igen."
    )
    return Problem(403, "no-role", "Du har ingen behörighet här", detail)


def _too_many_groups() -> Problem:
    detail = (
        "Ditt konto är med i så många grupper att inloggningstjänsten inte skickar med dem. "
        "Be it att ge behörighet till Kansli med approller (claim roles) i stället för grupper."
    )
    return Problem(403, "too-many-groups", "Behörigheten gick inte att läsa", detail)
