"""Who asks, and what she may see and do: every address of the archive is guarded here.

Without sign-in everything is for this machine alone, or for who holds the operators' token.
What changes something must come from our own pages, or be something no other site's page can send:
SameSite keeps most of that out, the token of the visit and where the request comes from the rest.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import quote

from aiohttp import web
from pydantic import SecretStr

from archive.web.pages import problem_page
from chassis.loopback import Handler, holds_token, is_direct
from chassis.problems import Problem, plain_problem

Role = Literal["secretary", "chair", "operator"]

LOOPBACK = "loopback"
"""The id of whoever acts without having signed in."""

EVERYWHERE = "*"
"""In place of a committee's id: every committee."""

ALL_ROLES: frozenset[Role] = frozenset(("secretary", "chair", "operator"))

_GRANTED_BY: Mapping[Role, frozenset[Role]] = {
    "chair": frozenset(("chair", "secretary")),
    "secretary": frozenset(("secretary",)),
    "operator": frozenset(("operator",)),
}
"""A chair reads; a secretary reads and acts; an operator sees to the machinery and reads no reports."""

LARGEST_FORM = 256 * 1024
"""Bytes of a body; the longest is fifty passages to mask, with every letter escaped."""

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"
_CHANGES_NOTHING = frozenset(("GET", "HEAD"))


@dataclass(frozen=True)
class Person:
    """`id` is hers for ever at her provider; `roles` are by committee, or for `EVERYWHERE`."""

    id: str
    name: str
    roles: Mapping[str, frozenset[Role]]

    @property
    def signature(self) -> str:
        """How her acts are signed in the record: the name for who reads, the id for who must be sure."""
        return self.id if self.id == LOOPBACK else f"{self.name} ({self.id})"

    def may(self, role: Role, committee: str) -> bool:
        """Whether she may do there what the role is for: a secretary may all that a chair may."""
        return not _GRANTED_BY[role].isdisjoint(self.roles_on(committee))

    def roles_on(self, committee: str) -> frozenset[Role]:
        return self.roles.get(committee, frozenset()) | self.roles.get(EVERYWHERE, frozenset())


@dataclass(frozen=True)
class Visit:
    """A person at our pages; what her forms send back as `csrf`, or nothing where no browser asks."""

    person: Person
    csrf: str


class Visits(Protocol):
    """Where people are signed in."""

    @property
    def origin(self) -> str:
        """Scheme, host and port of our own pages, as a browser tells them."""

    @property
    def form_targets(self) -> frozenset[str]:
        """Other origins that a form of ours may lead to."""

    async def visit_of(self, request: web.Request) -> Visit | None:
        """The visit that the request belongs to, if it still lasts."""


ANYBODY_HERE = Person(LOOPBACK, "Någon vid den här datorn", {EVERYWHERE: ALL_ROLES})
HOLDER = Person(LOOPBACK, "Någon med driftens nyckel", {EVERYWHERE: ALL_ROLES})

_VISIT = web.RequestKey("visit", Visit)


def person_of(request: web.Request) -> Person:
    """Who asks; only what a guard has let in has a person."""
    return request[_VISIT].person


def csrf_of(request: web.Request) -> str:
    """What a form on the answer's page sends back in its hidden field `csrf`."""
    return request[_VISIT].csrf


def require(request: web.Request, committee: str, role: Role) -> Person:
    """The person, if she may do there what the role is for.

    Raises:
        Problem: 404 if the committee is none of hers, since nobody learns that it exists; else 403.
    """
    person = person_of(request)
    if not person.roles_on(committee):
        raise plain_problem(404)
    if not person.may(role, committee):
        raise plain_problem(403)
    return person


def role_for(request: web.Request) -> Role:
    """Whom a request is for: to read is for a chair, and whatever may change something for a secretary."""
    return "chair" if request.method in _CHANGES_NOTHING else "secretary"


@dataclass
class Access:
    """Lets in who is signed in; without sign-in, who is at this machine or holds the token."""

    token: SecretStr | None
    visits: Visits | None = None
    _csrf: str = field(default_factory=secrets.token_urlsafe, repr=False)

    @property
    def open_here(self) -> bool:
        """Whether the pages are shown without sign-in, to whoever is at this machine."""
        return self.visits is None and self.token is None

    @property
    def page_headers(self) -> dict[str, str]:
        """What every page is sent with; a browser holds also a form's redirect to `form-action`.

        The referrer stays within the site and not away altogether, since a browser that tells none
        sends the forms of the page with the origin `null`.
        """
        targets = " ".join(["'self'", *sorted(self.visits.form_targets if self.visits else ())])
        return {
            "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
            f"form-action {targets}; frame-ancestors 'none'; base-uri 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
        }

    def guard(self, handler: Handler, page: bool = False) -> Handler:
        """Let in who may ask at all, and refuse what another site makes a browser send.

        Which committees she may see, the handler itself asks by `require`.
        For a page, what goes wrong is told in a page, and who is not signed in is led to sign in.
        """

        async def guarded(request: web.Request) -> web.StreamResponse:
            visit = await self._visit_of(request)
            if visit is None:
                return _to_sign_in(request, page)
            request[_VISIT] = visit
            if request.method not in _CHANGES_NOTHING:
                request = request.clone(client_max_size=LARGEST_FORM)
                await self._refuse_strangers(request, visit, page)
            return await handler(request)

        inside = self.told_in_pages(guarded) if page else guarded

        async def let_in(request: web.Request) -> web.StreamResponse:
            self._refuse_outsiders(request)
            return await inside(request)

        return let_in

    def told_in_pages(self, handler: Handler) -> Handler:
        """What goes wrong is told in a page, and every answer has the headers of a page."""

        async def told(request: web.Request) -> web.StreamResponse:
            try:
                response: web.StreamResponse = await handler(request)
            except Problem as problem:
                response = _page_of(problem)
            except web.HTTPRequestEntityTooLarge:
                response = _page_of(plain_problem(413))
            for name, value in self.page_headers.items():
                response.headers.setdefault(name, value)
            return response

        return told

    def _refuse_outsiders(self, request: web.Request) -> None:
        """Where nobody can sign in, tell 403 to whoever is not at this machine, or holds no token."""
        if self.visits is None and not (self._holds_token(request) if self.token else is_direct(request)):
            raise plain_problem(403)

    def _holds_token(self, request: web.Request) -> bool:
        return self.token is not None and holds_token(request, self.token)

    async def _visit_of(self, request: web.Request) -> Visit | None:
        if self._holds_token(request):
            return Visit(HOLDER, "")
        return await self.visits.visit_of(request) if self.visits else Visit(ANYBODY_HERE, self._csrf)

    async def _refuse_strangers(self, request: web.Request, visit: Visit, page: bool) -> None:
        """Raises `Problem`: 415 for a body of another kind, 403 for one that no page of ours sent."""
        if request.content_type == FORM and page and visit.csrf:
            told = (await request.post()).get(CSRF_FIELD, "")
            if not (_same(told, visit.csrf) and self._is_ours(request)):
                raise _not_from_our_pages()
        elif request.content_type != JSON:
            raise plain_problem(415)
        elif self.visits and visit.csrf and not self._may_send_json(request, visit):
            raise _not_from_our_pages()

    def _may_send_json(self, request: web.Request, visit: Visit) -> bool:
        return _same(request.headers.get(CSRF_HEADER, ""), visit.csrf) or self._is_ours(request)

    def _is_ours(self, request: web.Request) -> bool:
        """Whether a page of this very origin sent the request; older browsers tell only the origin."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site == "same-origin"
        own = self.visits.origin if self.visits else f"{request.scheme}://{request.host}"
        return request.headers.get("Origin") == own


def _same(told: object, known: str) -> bool:
    return isinstance(told, str) and hmac.compare_digest(
        told.encode("utf-8", "surrogateescape"), known.encode()
    )


def _to_sign_in(request: web.Request, page: bool) -> web.Response:
    """Lead a person to the sign-in and back; a form that came too late is told so, a program 401."""
    if request.method in _CHANGES_NOTHING and (page or request.headers.get("Sec-Fetch-Mode") == "navigate"):
        return see_other(f"/sign-in?next={quote(request.raw_path, safe='')}")
    detail = "Du är inte inloggad, eller så har inloggningen gått ut. Logga in och gör om det du gjorde."
    raise Problem(401, "not-signed-in", "Logga in först", detail, headers={"WWW-Authenticate": "Bearer"})


def see_other(address: str) -> web.Response:
    """Lead a browser on; the address is sent as it is, since who rewrites it may make it another site's."""
    return web.Response(status=303, headers={"Location": address})


def _page_of(problem: Problem) -> web.Response:
    html = problem_page(problem.status, problem.title, problem.detail)
    return web.Response(
        text=html, status=problem.status, content_type="text/html", headers=dict(problem.headers)
    )


def _not_from_our_pages() -> Problem:
    detail = (
        "Sidan som du skickade från är för gammal, eller hör inte till Kansli. Öppna den igen och försök."
    )
    return Problem(403, "not-from-our-pages", "Det gick inte att ta emot", detail)
