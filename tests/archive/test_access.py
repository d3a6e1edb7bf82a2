"""Who is let in to what: every address with every role, and what another site makes a browser send."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from archive.access import Access, Person, csrf_of, person_of
from archive.access import Visit as Signed
from archive.events import SubmissionAccepted
from archive.sign_in.id_token import IdToken
from archive.sign_in.sessions import Sessions
from chassis.problems import problems
from support.lone_service import LoneService
from support.ports import free_port
from support.sign_in import Answer, Visit, settings_for

RunArchive = Callable[..., AbstractAsyncContextManager[LoneService]]
MakeAccepted = Callable[..., SubmissionAccepted]
COOKIE = "__Host-kansli"
MEETING = "/v1/committees/{committee}/meetings/{date}"

GRANTED = {
    "secretary": ["valfard-sekreterare"],
    "chair": ["valfard-ordforande"],
    "operator": ["it-drift"],
    "another's secretary": ["social-sekreterare"],
    "no role": ["annat-system"],
}
LETS_IN: Mapping[str, Mapping[str, int]] = {
    "reads": {"secretary": 0, "chair": 0, "operator": 403, "another's secretary": 404, "no role": 401},
    "acts": {"secretary": 0, "chair": 403, "operator": 403, "another's secretary": 404, "no role": 401},
    "operates": {"secretary": 403, "chair": 403, "operator": 0, "another's secretary": 403, "no role": 401},
    "signed in": {"secretary": 0, "chair": 0, "operator": 0, "another's secretary": 0, "no role": 401},
    "anybody": dict.fromkeys(GRANTED, 0),
    "this machine": dict.fromkeys(GRANTED, 0),
}
"""By what an address asks for: 0 for who is let in, else what she is answered."""

ROUTES: Mapping[tuple[str, str], str] = {
    ("GET", "/"): "signed in",
    ("GET", "/committees/{committee}"): "reads",
    ("GET", "/committees/{committee}/meetings/{date}"): "reads",
    ("GET", "/committees/{committee}/packets"): "reads",
    ("GET", "/committees/{committee}/year"): "reads",
    ("GET", "/reports/{id}"): "reads",
    ("GET", "/operations"): "operates",
    ("GET", "/accessibility"): "anybody",
    ("POST", "/committees/{committee}/meetings/{date}/freeze"): "acts",
    ("POST", "/committees/{committee}/meetings/{date}/minutes"): "acts",
    ("POST", "/reports/{id}/hold"): "acts",
    ("POST", "/reports/{id}/release"): "acts",
    ("POST", "/reports/{id}/return"): "acts",
    ("POST", "/reports/{id}/move"): "acts",
    ("POST", "/reports/{id}/order"): "acts",
    ("POST", "/reports/{id}/accept"): "acts",
    ("POST", "/reports/{id}/mask"): "acts",
    ("POST", "/reports/{id}/number"): "acts",
    ("POST", "/reports/{id}/undo"): "acts",
    ("GET", "/v1/committees/{committee}/meetings"): "reads",
    ("GET", "/v1/committees/{committee}/meetings/{date}"): "reads",
    ("GET", "/v1/committees/{committee}/rejected"): "reads",
    ("GET", "/v1/reports/{id}"): "reads",
    ("GET", "/v1/reports/{id}/report.pdf"): "reads",
    ("POST", "/v1/committees/{committee}/meetings/{date}/order"): "acts",
    ("POST", "/v1/reports/{id}/hold"): "acts",
    ("POST", "/v1/reports/{id}/release"): "acts",
    ("POST", "/v1/reports/{id}/return"): "acts",
    ("POST", "/v1/reports/{id}/move"): "acts",
    ("POST", "/v1/reports/{id}/accept"): "acts",
    ("POST", "/v1/reports/{id}/mask"): "acts",
    ("POST", "/v1/reports/{id}/diarienummer"): "acts",
    ("POST", "/v1/reports/{id}/undo"): "acts",
    ("GET", "/v1/committees/{committee}/meetings/{date}/packets/{number}/{file}"): "reads",
    ("POST", "/v1/committees/{committee}/meetings/{date}/packets"): "acts",
    ("POST", "/v1/committees/{committee}/meetings/{date}/minutes"): "acts",
    ("GET", "/v1/reports/{id}/attachments/{number}"): "reads",
    ("GET", "/v1/committees/{committee}/disposals"): "reads",
    ("GET", "/v1/committees/{committee}/disposals/{number}/gallringsbevis.txt"): "reads",
    ("POST", "/v1/committees/{committee}/disposals"): "acts",
    ("POST", "/v1/committees/{committee}/disposals/{number}/withdraw"): "acts",
    ("POST", "/v1/committees/{committee}/disposals/{number}/carry-out"): "acts",
    ("GET", "/v1/committees/{committee}/meetings.ics"): "reads",
    ("GET", "/v1/committees/{committee}/statistics"): "reads",
    ("GET", "/v1/committees/{committee}/compensation.csv"): "reads",
    ("GET", "/v1/committees/{committee}/compensation/periods"): "reads",
    ("POST", "/v1/committees/{committee}/compensation/periods"): "acts",
    ("POST", "/sign-out"): "signed in",
    ("GET", "/sign-in"): "anybody",
    ("GET", "/sign-in/callback"): "anybody",
    ("GET", "/signed-out"): "anybody",
    ("GET", "/static"): "anybody",
    ("GET", "/livez"): "anybody",
    ("GET", "/readyz"): "anybody",
    ("GET", "/metrics"): "anybody",
    ("GET", "/version"): "anybody",
    ("GET", "/openapi.json"): "anybody",
    ("GET", "/docs"): "anybody",
    ("GET", "/admin/tally"): "this machine",
    ("GET", "/admin/parked"): "this machine",
    ("GET", "/admin/parked/{id}"): "this machine",
    ("POST", "/admin/parked/{id}/replay"): "this machine",
    ("POST", "/admin/parked/{id}/drop"): "this machine",
}
"""Every address of the archive, and what it asks for; a new one is added here, or the tests fail."""

NOTHING_THERE = ("gallringsbevis.txt", "/attachments/{number}")
"""How the addresses end at which these tests have put nothing, so that who is let in finds nothing."""


@asynccontextmanager
async def closed_archive(run_archive: RunArchive) -> AsyncIterator[LoneService]:
    """An archive with sign-in, whose provider is away: who is signed in needs it no more."""
    listen = f"127.0.0.1:{free_port()}"
    async with run_archive(**settings_for(f"http://127.0.0.1:{free_port()}", listen)) as archive:
        yield archive


async def visit_as(archive: LoneService, role: str) -> Visit:
    """A browser that is signed in with what gives the role."""
    (tidy,) = [duty for duty in archive.service.background if "SignIn" in duty.__qualname__]
    at: Sessions = tidy.__self__.sessions  # type: ignore[attr-defined]
    told = IdToken(iss="https://idp.example", sub=role, aud="kansli", exp=0, iat=0)
    secret = await archive.service.store.write(lambda tx: at.begin(tx, told, GRANTED[role], ""))
    return Visit(archive.url, archive.http, {COOKIE: secret})


def filled(path: str) -> str:
    path = path.format(committee="valfard", date="2026-12-09", id="a", number=1, file="innehall.csv")
    return "/static/kansli.css" if path == "/static" else path


async def asked(visit: Visit, method: str, path: str, **headers: str) -> Answer:
    if method == "POST":
        return await visit.post_json(filled(path), {}, **headers)
    return await visit.get(filled(path), **headers)


def is_let_in(answer: Answer) -> bool:
    """Whether the handler itself has spoken: that it makes no sense, or that it is not there, it may say."""
    to_sign_in = answer.status == 303 and answer.headers["Location"].startswith("/sign-in")
    not_signed_in = answer.status == 401 and "Logga in först" in answer.text
    return not to_sign_in and not not_signed_in and answer.status != 403


async def test_every_address_of_the_archive_says_who_it_is_for(run_archive: RunArchive) -> None:
    """A new one without an entry here fails, and so does an entry without an address."""
    async with closed_archive(run_archive) as archive:
        routes = archive.service.application().router.routes()
        served = {(route.method, route.resource.canonical) for route in routes if route.resource}
    assert {route for route in served if route[0] != "HEAD"} == set(ROUTES)


@pytest.mark.parametrize("role", GRANTED)
async def test_every_address_answers_each_role_as_it_should(
    run_archive: RunArchive, accepted: MakeAccepted, role: str
) -> None:
    """A committee that is none of hers is not there; what she may read and not do is forbidden."""
    async with closed_archive(run_archive) as archive:
        await archive.hear(accepted("a"))
        frozen = await (await visit_as(archive, "secretary")).post_json(filled(f"{MEETING}/packets"), {})
        assert frozen.status == 201
        visit = await visit_as(archive, role)
        wrong = []
        for (method, path), asks in sorted(ROUTES.items(), key=lambda route: route[0][1] == "/sign-out"):
            expected, answer = LETS_IN[asks][role], await asked(visit, method, path)
            told = 401 if answer.status == 303 and not is_let_in(answer) else answer.status
            if not (is_let_in(answer) if expected == 0 else told == expected):
                wrong.append((method, path, answer.status))
        assert not wrong


@pytest.mark.parametrize("path", [path for (method, path), asks in ROUTES.items() if asks == "reads"])
async def test_what_is_none_of_hers_looks_as_if_it_did_not_exist(
    run_archive: RunArchive, accepted: MakeAccepted, path: str
) -> None:
    """The very same answer, body and all."""
    async with closed_archive(run_archive) as archive:
        await archive.hear(accepted("a"))
        sixten = await visit_as(archive, "another's secretary")
        there = await sixten.get(filled(path))
        nowhere = await sixten.get(filled(path.replace("{committee}", "ingen").replace("{id}", "ingen")))
        assert (there.status, there.body) == (nowhere.status, nowhere.body)


async def test_the_start_page_lists_only_her_own_committees(run_archive: RunArchive) -> None:
    """And to an operator none, for she reads no reports."""
    async with closed_archive(run_archive) as archive:
        for role, seen in [
            ("secretary", True),
            ("chair", True),
            ("another's secretary", False),
            ("operator", False),
        ]:
            assert ("Välfärd" in (await (await visit_as(archive, role)).get("/")).text) is seen


@pytest.mark.parametrize("path", [path for (_, path), asks in ROUTES.items() if asks == "this machine"])
async def test_sign_in_opens_nothing_that_is_for_this_machine(run_archive: RunArchive, path: str) -> None:
    """Nor does being signed in help through a proxy."""
    async with closed_archive(run_archive) as archive:
        visit = await visit_as(archive, "operator")
        method = "POST" if ("POST", path) in ROUTES else "GET"
        assert (await asked(visit, method, path, X_Forwarded_For="192.0.2.1")).status == 403


async def test_with_sign_in_being_at_this_machine_is_not_enough(run_archive: RunArchive) -> None:
    """A page leads to the sign-in and a program is told 401; a file opened in a browser leads there too."""
    async with closed_archive(run_archive) as archive:
        nobody = Visit(archive.url, archive.http)
        page = await nobody.get("/committees/valfard")
        assert (page.status, page.headers["Location"]) == (303, "/sign-in?next=%2Fcommittees%2Fvalfard")
        program = await nobody.get("/v1/reports/a")
        assert (program.status, program.content["type"]) == (401, "urn:problem-type:kansli:not-signed-in")
        file = await nobody.get("/v1/reports/a/report.pdf", Sec_Fetch_Mode="navigate")
        assert file.headers["Location"] == "/sign-in?next=%2Fv1%2Freports%2Fa%2Freport.pdf"


async def test_the_operators_token_opens_what_it_opened_before(run_archive: RunArchive) -> None:
    """For programs; a wrong one opens nothing."""
    listen = f"127.0.0.1:{free_port()}"
    given = settings_for(f"http://127.0.0.1:{free_port()}", listen)
    async with run_archive(**given, admin_token=SecretStr("nyckel")) as archive:
        program = Visit(archive.url, archive.http)
        for key, status in [("Bearer nyckel", 200), ("Bearer fel", 401), ("Bearer \udcff", 401)]:
            told = await program.get("/v1/committees/valfard/meetings", Authorization=key)
            assert told.status == status


@dataclass
class OneVisit:
    """Whoever comes with a cookie is Nora."""

    origin: str = "https://kansli.example"
    form_targets: frozenset[str] = frozenset({"https://idp.example"})

    async def visit_of(self, request: web.Request) -> Signed | None:
        nora = Person("nora", "Nora Sekreterarsson", {"valfard": frozenset({"secretary"})})
        return Signed(nora, "the-token") if "who" in request.cookies else None


async def told(request: web.Request) -> web.Response:
    """Who asks, and what she sent."""
    if request.content_type == "application/json":
        return web.Response(text=f"{person_of(request).name} {await request.text()}")
    reason = str((await request.post()).get("reason"))
    return web.Response(text=f"{person_of(request).name} {csrf_of(request)} {reason}")


@asynccontextmanager
async def guarded(access: Access) -> AsyncIterator[Visit]:
    """A page and an address for programs, each behind the guard."""
    app = web.Application(middlewares=[problems])
    app.add_routes(
        [web.route("*", "/page", access.guard(told, page=True)), web.route("*", "/json", access.guard(told))]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as http:
        yield Visit(f"http://{host}:{port}", http, {"who": "nora"})
    await runner.cleanup()


@pytest.fixture
async def signed() -> AsyncIterator[Visit]:
    async with guarded(Access(None, OneVisit())) as visit:
        yield visit


OURS = {"Origin": "https://kansli.example"}
SAME = {"Sec_Fetch_Site": "same-origin", "Origin": "null"}
NOBODYS = {"Origin": ""}


@pytest.mark.parametrize("headers", [OURS, SAME, {**OURS, "Sec_Fetch_Site": "same-origin"}])
async def test_a_form_of_our_own_page_is_taken(signed: Visit, headers: dict[str, str]) -> None:
    """With the token of the visit, and where it comes from."""
    answer = await signed.post_form("/page", {"csrf": "the-token", "reason": "Därför."}, **headers)
    assert (answer.status, answer.text) == (200, "Nora Sekreterarsson the-token Därför.")


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, OURS),
        ({"csrf": ""}, OURS),
        ({"csrf": "another"}, OURS),
        ({"csrf": "the-tökén"}, OURS),
        ({"csrf": "the-token"}, NOBODYS),
        ({"csrf": "the-token"}, {"Origin": "null"}),
        ({"csrf": "the-token"}, {"Origin": "https://evil.example"}),
        ({"csrf": "the-token"}, {"Origin": "http://kansli.example"}),
        ({"csrf": "the-token"}, {"Origin": "https://kansli.example.evil.example"}),
        ({"csrf": "the-token"}, {**OURS, "Sec_Fetch_Site": "cross-site"}),
        ({"csrf": "the-token"}, {**OURS, "Sec_Fetch_Site": "same-site"}),
        ({"csrf": "the-token"}, {**OURS, "Sec_Fetch_Site": "none"}),
    ],
)
async def test_a_form_that_another_site_sends_is_refused(
    signed: Visit, form: dict[str, str], headers: dict[str, str]
) -> None:
    """Without the token, or not from our very own address; told in a page, with a way out."""
    answer = await signed.post_form("/page", form, **headers)
    assert (answer.status, "Öppna den igen" in answer.text) == (403, True)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "PROPFIND"])
async def test_whatever_may_change_something_is_guarded_as_a_post(signed: Visit, method: str) -> None:
    """Only GET and HEAD change nothing."""
    answer = await signed.request(method, "/page", NOBODYS, data={"csrf": "the-token"})
    assert answer.status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (OURS, 200),
        ({"Origin": "", "X_CSRF_Token": "the-token"}, 200),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        (NOBODYS, 403),
        ({"Origin": "", "X_CSRF_Token": "another"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({**OURS, "Sec_Fetch_Site": "cross-site"}, 403),
    ],
)
async def test_json_with_a_cookie_comes_from_our_page_or_tells_the_token(
    signed: Visit, headers: dict[str, str], status: int
) -> None:
    """Either will do, as no other site can send JSON without being asked first."""
    assert (await signed.post_json("/json", {}, **headers)).status == status


@pytest.mark.parametrize("path", ["/page", "/json"])
@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=a", ""])
async def test_bodies_of_other_kinds_are_not_taken(signed: Visit, path: str, kind: str) -> None:
    """415: other sites' forms send these."""
    headers = {**OURS, "Content_Type": kind or "application/octet-stream"}
    assert (await signed.request("POST", path, headers, data=b"{}")).status == 415


async def test_an_address_for_programs_takes_no_form(signed: Visit) -> None:
    """Not even ours."""
    assert (await signed.post_form("/json", {"csrf": "the-token"}, **OURS)).status == 415


async def test_a_body_that_no_page_of_ours_is_as_long_as_is_refused(signed: Visit) -> None:
    """413, told in a page."""
    answer = await signed.post_form("/page", {"csrf": "the-token", "reason": "å" * 100_000}, **OURS)
    assert (answer.status, "För stort" in answer.text) == (413, True)


async def test_a_form_that_comes_after_the_session_has_ended_is_told_so(signed: Visit) -> None:
    """401 in a page that leads to the sign-in; what was asked for is not done."""
    signed.cookies.clear()
    answer = await signed.post_form("/page", {"csrf": "the-token"}, **OURS)
    assert (answer.status, 'href="/sign-in"' in answer.text) == (401, True)


async def test_a_page_lets_forms_lead_to_the_provider_and_nowhere_else(signed: Visit) -> None:
    """A browser holds the redirect after a form to it too; without sign-in, only to ourselves."""
    policy = (await signed.get("/page")).headers["Content-Security-Policy"]
    assert "form-action 'self' https://idp.example;" in policy
    async with guarded(Access(None)) as here:
        assert "form-action 'self';" in (await here.get("/page")).headers["Content-Security-Policy"]


async def test_without_sign_in_a_page_on_this_machine_sends_its_own_forms() -> None:
    """With the token that it was given, from this very address; others are refused."""
    access = Access(None)
    assert access.open_here
    async with guarded(access) as here:
        token = (await here.get("/page")).text.split(" ")[-2]
        assert (await here.post_form("/page", {"csrf": token})).status == 200
        assert (await here.post_form("/page", {"csrf": "another"})).status == 403
        for origin in ("null", "http://evil.example", here.address.replace("127.0.0.1", "localhost")):
            assert (await here.post_form("/page", {"csrf": token}, Origin=origin)).status == 403
        assert (await here.post_json("/json", {}, Origin="")).status == 200


async def test_with_a_token_alone_nobody_is_let_in_without_it() -> None:
    """And its holder sends JSON and no forms."""
    access = Access(SecretStr("nyckel"))
    assert not access.open_here
    async with guarded(access) as here:
        key = {"Authorization": "Bearer nyckel"}
        assert (await here.get("/page")).status == 403
        assert (await here.get("/page", **key)).status == 200
        assert (await here.post_json("/json", {}, **key)).status == 200
        assert (await here.post_form("/page", {"csrf": ""}, **key)).status == 415


async def test_many_at_once_are_each_themselves(run_archive: RunArchive, accepted: MakeAccepted) -> None:
    """Nobody is answered as another."""
    async with closed_archive(run_archive) as archive:
        await archive.hear(accepted("a"))
        nora, sixten = await visit_as(archive, "secretary"), await visit_as(archive, "another's secretary")
        answers = await asyncio.gather(*(who.get("/v1/reports/a") for who in (nora, sixten) * 10))
        assert [answer.status for answer in answers] == [200, 404] * 10
