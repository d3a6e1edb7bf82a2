"""Signing in and out, with a real identity provider, and with one that lies."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy import delete, select
from yarl import URL

from archive.sign_in.attempts import sign_ins
from archive.sign_in.sessions import sessions
from support.chromium import chromium
from support.forging_provider import KEY, ForgingProvider, new_key, signed, unsigned
from support.lone_service import LoneService
from support.missing import skipping_if_missing
from support.ports import free_port
from support.sign_in import (
    CLIENT_ID,
    CLIENT_SECRET,
    OidcProvider,
    Visit,
    pushed,
    settings_for,
    sign_in_page,
)
from support.still_clock import StillClock

RunArchive = Callable[..., AbstractAsyncContextManager[LoneService]]
COOKIE = "__Host-kansli"
OTHER_KEY = new_key()
PAGE = "/committees/valfard"


@pytest.fixture
async def provider(clock: StillClock) -> AsyncIterator[ForgingProvider]:
    async with ForgingProvider(clock) as provider:
        yield provider


@asynccontextmanager
async def archive_with(
    run_archive: RunArchive, issuer: str, **given: Any
) -> AsyncIterator[tuple[LoneService, Visit]]:
    listen = f"127.0.0.1:{free_port()}"
    async with run_archive(**{**settings_for(issuer, listen), **given}) as archive:
        yield archive, Visit(archive.url, archive.http)


@pytest.fixture
async def archive(run_archive: RunArchive, provider: ForgingProvider) -> AsyncIterator[LoneService]:
    """An archive whose provider is the hand-written one."""
    async with archive_with(run_archive, provider.issuer) as (archive, _):
        yield archive


@pytest.fixture
def visit(archive: LoneService) -> Visit:
    return Visit(archive.url, archive.http)


async def begun(visit: Visit, path: str = "/sign-in") -> URL:
    """Where the browser is sent to sign in."""
    answer = await visit.get(path)
    assert answer.status == 303, answer.text
    return answer.location


def callback(asked: URL, code: str, **more: str) -> URL:
    return URL("/sign-in/callback").with_query({"code": code, "state": asked.query["state"], **more})


async def signed_in(visit: Visit, provider: ForgingProvider, path: str = "/sign-in") -> Any:
    """The answer that ends a sign-in, as it may have turned out."""
    asked = await begun(visit, path)
    return await visit.get(callback(asked, provider.code_for(asked)))


async def is_signed_in(visit: Visit) -> bool:
    answer = await visit.get(PAGE)
    assert answer.status in {200, 303}
    return answer.status == 200


async def refused(answer: Any, visit: Visit) -> bool:
    """Whether no session came of it, and a person is told so in Swedish."""
    assert (answer.status, answer.headers["Content-Type"]) == (401, "text/html; charset=utf-8")
    assert "Inloggningen gick inte att slutföra" in answer.text
    return not await is_signed_in(visit)


async def test_a_secretary_signs_in_with_a_real_provider_and_lands_where_she_was_going(
    run_archive: RunArchive, oidc: OidcProvider, clock: StillClock
) -> None:
    """By the page that she asked for, the provider and back; then she signs out of both."""
    clock.now = datetime.now(UTC)
    async with archive_with(run_archive, oidc.issuer) as (_, nora):
        asked = await nora.get(PAGE)
        assert (asked.status, asked.location.path_qs) == (303, "/sign-in?next=/committees/valfard")
        sent = await nora.get(asked.location)
        assert sent.location.origin() == URL(oidc.issuer)
        landed = await nora.get(await pushed(nora.http, sent.location, "nora"))
        assert (landed.status, landed.location.path) == (303, PAGE)
        assert (await nora.get(landed.location)).status == 200


@pytest.mark.parametrize(
    ("person", "status"), [("nora", 200), ("olof", 200), ("sixten", 404), ("doris", 403)]
)
async def test_what_a_person_sees_follows_from_what_the_provider_says(
    run_archive: RunArchive, oidc: OidcProvider, clock: StillClock, person: str, status: int
) -> None:
    """The committee's secretary and chair see it, for another's secretary it is not there."""
    clock.now = datetime.now(UTC)
    async with archive_with(run_archive, oidc.issuer) as (_, visit):
        assert (await visit.sign_in(person)).status == 303
        assert (await visit.get(PAGE)).status == status


@pytest.mark.parametrize(("person", "words"), [("ingen", "ingen roll i Kansli"), ("mange", "approller")])
async def test_who_has_no_role_is_told_whom_to_ask(
    run_archive: RunArchive, oidc: OidcProvider, clock: StillClock, person: str, words: str
) -> None:
    """403 in plain Swedish and no session; also when Entra has left the groups out."""
    clock.now = datetime.now(UTC)
    async with archive_with(run_archive, oidc.issuer) as (archive, visit):
        answer = await visit.sign_in(person)
        assert (answer.status, words in answer.text) == (403, True)
        assert COOKIE not in visit.cookies
        assert not await archive.rows(select(sessions))


async def test_a_real_browser_signs_in_and_out_over_http_on_this_machine(
    run_archive: RunArchive, oidc: OidcProvider, clock: StillClock
) -> None:
    """It keeps the `__Host-` cookie of http://127.0.0.1; our policy lets the form lead to the provider."""
    clock.now = datetime.now(UTC)
    with skipping_if_missing():
        async with archive_with(run_archive, oidc.issuer) as (archive, visit), chromium() as browser:
            page = await browser.new_page()
            await sign_in_page(page, f"{archive.url}{PAGE}", "nora")
            assert await page.get_by_role("heading", level=1).inner_text() == "Sammanträden"
            kept = {cookie["name"]: cookie["value"] for cookie in await page.context.cookies(archive.url)}
            await page.get_by_role("button", name="Logga ut").click()
            await page.wait_for_url(f"{oidc.issuer}/oauth2/end_session?**")
            visit.cookies = {COOKIE: kept[COOKIE]}
            assert not await is_signed_in(visit)


async def test_the_request_proves_that_it_was_ours(visit: Visit, provider: ForgingProvider) -> None:
    """A code with PKCE by S256, a state and a nonce, and the secret in a header."""
    asked = await begun(visit)
    await visit.get(callback(asked, provider.code_for(asked)))
    query = asked.query
    assert (query["response_type"], query["client_id"], query["scope"]) == (
        "code",
        CLIENT_ID,
        "openid profile",
    )
    assert query["code_challenge_method"] == "S256"
    assert min(len(query[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    ((headers, form),) = provider.token_requests
    assert headers["Authorization"].startswith("Basic ")
    assert "client_secret" not in form
    assert form["redirect_uri"] == query["redirect_uri"] == f"{visit.address}/sign-in/callback"


async def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(
    visit: Visit, provider: ForgingProvider
) -> None:
    """As its discovery says."""
    provider.tell = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    await signed_in(visit, provider)
    ((headers, form),) = provider.token_requests
    assert "Authorization" not in headers
    assert (form["client_id"], form["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)


async def test_the_cookie_is_for_this_host_alone_and_no_script(
    archive: LoneService, visit: Visit, provider: ForgingProvider
) -> None:
    """And the database holds only its hash."""
    answer = await signed_in(visit, provider)
    (cookie,) = answer.headers.getall("Set-Cookie")
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        "Path=/",
        "Secure",
        "HttpOnly",
        "SameSite=Lax",
    }
    (row,) = await archive.rows(select(sessions))
    assert visit.cookies[COOKIE] not in str(row)
    assert len(visit.cookies[COOKIE]) >= 43


async def test_a_new_sign_in_gives_a_new_cookie_and_ends_the_old_one(
    visit: Visit, provider: ForgingProvider
) -> None:
    """Whoever had learnt the old one has nothing."""
    await signed_in(visit, provider)
    old = Visit(visit.address, visit.http, dict(visit.cookies))
    await signed_in(visit, provider)
    assert await is_signed_in(visit)
    assert not await is_signed_in(old)


async def test_a_cookie_that_somebody_else_planted_is_never_signed_in(
    visit: Visit, provider: ForgingProvider
) -> None:
    """The value is ours at every sign-in."""
    visit.cookies[COOKIE] = planted = "x" * 43
    await signed_in(visit, provider)
    assert visit.cookies[COOKIE] != planted
    assert not await is_signed_in(Visit(visit.address, visit.http, {COOKIE: planted}))


LIES: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "another nonce": lambda told: signed(told | {"nonce": "another"}),
    "no nonce": lambda told: signed({name: value for name, value in told.items() if name != "nonce"}),
    "for another": lambda told: signed(told | {"aud": "another"}),
    "for nobody": lambda told: signed(told | {"aud": []}),
    "for two, of which nobody asked": lambda told: signed(told | {"aud": [CLIENT_ID, "another"]}),
    "for two, and another asked": lambda told: signed(
        told | {"aud": [CLIENT_ID, "another"], "azp": "another"}
    ),
    "another asked": lambda told: signed(told | {"azp": "another"}),
    "another issuer": lambda told: signed(told | {"iss": "https://another.example"}),
    "expired": lambda told: signed(told | {"exp": told["iat"] - 3600, "iat": told["iat"] - 7200}),
    "no end": lambda told: signed({name: value for name, value in told.items() if name != "exp"}),
    "an end that is no number": lambda told: signed(told | {"exp": "senare"}),
    "an end that never comes": lambda told: signed(told | {"exp": float("nan")}),
    "made in the future": lambda told: signed(told | {"iat": told["iat"] + 3600}),
    "not valid yet": lambda told: signed(told | {"nbf": told["iat"] + 3600}),
    "nobody": lambda told: signed(told | {"sub": ""}),
    "a number": lambda told: signed(told | {"sub": 19}),
    "not signed": lambda told: unsigned({"alg": "none"}, told),
    "not signed, and by a key": lambda told: unsigned({"alg": "none", "kid": KEY.kid}, told),
    "signed with the client's secret": lambda told: jwt.encode(
        {"alg": "HS256"}, told, OctKey.import_key(CLIENT_SECRET), ["HS256"]
    ),
    "signed with the public key as a secret": lambda told: jwt.encode(
        {"alg": "HS256", "kid": KEY.kid},
        told,
        OctKey.import_key(KEY.as_pem(private=False).replace(b"-----", b"")),
        ["HS256"],
    ),
    "signed with another key of the same name": lambda told: signed(told, OTHER_KEY, kid=KEY.kid),
    "signed with a key that brings itself": lambda told: signed(
        told, OTHER_KEY, kid="2", jwk=OTHER_KEY.as_dict(private=False)
    ),
    "changed afterwards": lambda told: signed(told)[:-20] + "A" * 20,
    "no object": lambda told: unsigned({"alg": "RS256", "kid": KEY.kid}, [told]) + "AAAA",
    "no token": lambda _told: "äpplen",
    "empty": lambda _told: "",
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_token_that_is_not_what_it_should_be_signs_nobody_in(
    visit: Visit, provider: ForgingProvider, lie: str
) -> None:
    """Whoever made it."""
    provider.make = LIES[lie]
    assert await refused(await signed_in(visit, provider), visit)


async def test_a_secret_among_the_providers_keys_signs_nothing(
    visit: Visit, provider: ForgingProvider
) -> None:
    """Only public keys are taken."""
    secret = OctKey.import_key(CLIENT_SECRET, {"kid": "3"})
    provider.published = [KEY, secret]
    provider.make = lambda told: jwt.encode({"alg": "HS256", "kid": "3"}, told, secret, ["HS256"])
    assert await refused(await signed_in(visit, provider), visit)


async def test_for_two_is_taken_when_we_were_the_ones_who_asked(
    visit: Visit, provider: ForgingProvider
) -> None:
    """OpenID Connect Core § 3.1.3.7."""
    provider.person |= {"aud": ["another", CLIENT_ID], "azp": CLIENT_ID}
    await signed_in(visit, provider)
    assert await is_signed_in(visit)


async def test_a_new_key_of_the_provider_is_asked_for_once(visit: Visit, provider: ForgingProvider) -> None:
    """And a key that stays unknown is not asked for again and again."""
    await signed_in(visit, provider)
    fresh = new_key("4")
    provider.published, provider.make = [KEY, fresh], lambda told: signed(told, fresh)
    assert (await signed_in(visit, provider)).status == 303
    assert provider.keys_asked == 2
    provider.make = lambda told: signed(told, OTHER_KEY, kid="5")
    assert (await signed_in(visit, provider)).status == 401
    assert provider.keys_asked == 3


ANSWERS: Mapping[str, tuple[Callable[[], web.Response], int]] = {
    "refuses": (lambda: web.json_response({"error": "invalid_client"}, status=401), 401),
    "refuses in its own words": (lambda: web.Response(status=400, text="Nora Sekreterarsson"), 401),
    "fails": (lambda: web.Response(status=500), 503),
    "leads elsewhere": (lambda: web.Response(status=302, headers={"Location": "/other"}), 503),
    "tells no token": (lambda: web.json_response({"access_token": "a"}), 503),
    "tells something else": (lambda: web.Response(text="<html>"), 503),
    "tells no end of it": (lambda: web.Response(body=b" " * 2_000_000), 503),
}


@pytest.mark.parametrize("does", ANSWERS)
async def test_what_the_provider_does_instead_of_a_token_is_told_in_plain_swedish(
    visit: Visit, provider: ForgingProvider, does: str
) -> None:
    """And nobody is signed in."""
    provider.answer, status = ANSWERS[does]
    answer = await signed_in(visit, provider)
    assert (answer.status, "Logga in" in answer.text or "logga in" in answer.text) == (status, True)
    assert COOKIE not in visit.cookies


@pytest.mark.parametrize(
    "tells",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": "http://provider.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ],
)
async def test_a_provider_that_says_it_is_another_or_speaks_in_clear_is_not_used(
    run_archive: RunArchive, provider: ForgingProvider, tells: dict[str, Any]
) -> None:
    """Nobody is sent there."""
    provider.tell = tells
    async with archive_with(run_archive, provider.issuer) as (_, visit):
        assert (await visit.get("/sign-in")).status == 503


async def test_who_is_signed_in_goes_on_while_the_provider_is_away(
    run_archive: RunArchive, provider: ForgingProvider, clock: StillClock
) -> None:
    """Only who wants to sign in is told to come again."""
    async with archive_with(run_archive, provider.issuer) as (_, nora):
        await signed_in(nora, provider)
        await provider.leave()
        assert await is_signed_in(nora)
        asked = await begun(nora)
        answer = await nora.get(callback(asked, "code"))
        assert (answer.status, "svarar inte" in answer.text) == (503, True)
        assert await is_signed_in(nora)


async def test_a_provider_that_was_never_reached_is_said_to_be_away(run_archive: RunArchive) -> None:
    """503, in a page."""
    async with archive_with(run_archive, f"http://127.0.0.1:{free_port()}") as (_, visit):
        answer = await visit.get("/sign-in")
        assert (answer.status, "Det går inte att logga in just nu" in answer.text) == (503, True)


async def test_a_state_serves_once(visit: Visit, provider: ForgingProvider) -> None:
    """The second time it is nobody's."""
    asked = await begun(visit)
    await visit.get(callback(asked, provider.code_for(asked)))
    visit.cookies.pop(COOKIE)
    assert await refused(await visit.get(callback(asked, provider.code_for(asked))), visit)


async def test_a_state_that_comes_back_twice_at_once_serves_once(
    run_archive: RunArchive, provider: ForgingProvider, postgres_url: str
) -> None:
    """On PostgreSQL too, where several write at the same time."""
    async with archive_with(run_archive, provider.issuer, database=postgres_url) as (archive, visit):
        asked = await begun(visit)
        tries = [
            Visit(archive.url, archive.http, dict(visit.cookies)).get(callback(asked, code))
            for code in [provider.code_for(asked) for _ in range(8)]
        ]
        answers = await asyncio.gather(*tries)
        assert sorted(answer.status for answer in answers) == [303] + [401] * 7
        assert len(await archive.rows(select(sessions))) == 1
        await signed_in(visit, provider)
        assert await is_signed_in(visit)


async def test_a_state_serves_only_the_browser_that_began(visit: Visit, provider: ForgingProvider) -> None:
    """Who has stolen it gets nothing by it, and takes nothing from its owner (login CSRF)."""
    asked = await begun(visit)
    code = provider.code_for(asked)
    thief = Visit(visit.address, visit.http)
    assert await refused(await thief.get(callback(asked, code)), thief)
    await begun(thief)
    assert await refused(await thief.get(callback(asked, code)), thief)
    assert (await visit.get(callback(asked, code))).status == 303


@pytest.mark.parametrize("minds_pkce", [True, False])
async def test_a_code_serves_only_the_sign_in_that_it_was_given_to(
    visit: Visit, provider: ForgingProvider, minds_pkce: bool
) -> None:
    """By the verifier, and where the provider does not mind it, by the nonce."""
    provider.minds_pkce = minds_pkce
    others, own = await begun(Visit(visit.address, visit.http)), await begun(visit)
    assert await refused(await visit.get(callback(own, provider.code_for(others))), visit)


async def test_an_answer_of_another_provider_is_none(visit: Visit, provider: ForgingProvider) -> None:
    """RFC 9207: the code is not even shown to ours."""
    asked = await begun(visit)
    answer = await visit.get(callback(asked, provider.code_for(asked), iss="https://another.example"))
    assert await refused(answer, visit)
    assert not provider.token_requests


async def test_two_tabs_may_sign_in_at_once(visit: Visit, provider: ForgingProvider) -> None:
    """The second does not make the first fail."""
    first, second = await begun(visit), await begun(visit)
    for asked in (first, second):
        assert (await visit.get(callback(asked, provider.code_for(asked)))).status == 303


async def test_a_sign_in_that_took_too_long_is_begun_again(
    visit: Visit, provider: ForgingProvider, clock: StillClock
) -> None:
    """Ten minutes."""
    asked = await begun(visit)
    clock.pass_by(minutes=10)
    assert await refused(await visit.get(callback(asked, provider.code_for(asked))), visit)


@pytest.mark.parametrize("query", ["", "?code=a", "?state=a", "?error=access_denied", "?code=%00&state=%00"])
async def test_a_callback_out_of_nowhere_is_told_to_begin_again(visit: Visit, query: str) -> None:
    """With a way to do so."""
    answer = await visit.get(f"/sign-in/callback{query}")
    assert (answer.status, 'href="/sign-in"' in answer.text) == (401, True)


async def test_who_cancels_at_the_provider_is_told_to_begin_again(visit: Visit) -> None:
    """The provider's own words are not shown."""
    asked = await begun(visit)
    query = {"error": "access_denied", "error_description": "<b>nej</b>", "state": asked.query["state"]}
    answer = await visit.get(URL("/sign-in/callback").with_query(query))
    assert await refused(answer, visit)
    assert "nej" not in answer.text


@pytest.mark.parametrize(
    ("asked", "lands"),
    [
        ("/committees/valfard/meetings/2026-12-09?a=b", "/committees/valfard/meetings/2026-12-09?a=b"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/%5Cevil.example", "/"),
    ],
)
async def test_a_sign_in_leads_only_to_our_own_pages(
    visit: Visit, provider: ForgingProvider, asked: str, lands: str
) -> None:
    """Whatever a link to the sign-in says."""
    begin = str(URL("/sign-in").with_query(next=asked))
    answer = await signed_in(visit, provider, begin)
    assert answer.headers["Location"] == lands


async def test_who_does_nothing_for_an_hour_is_signed_out(
    visit: Visit, provider: ForgingProvider, clock: StillClock
) -> None:
    """And who does something is not."""
    await signed_in(visit, provider)
    for _ in range(3):
        clock.pass_by(minutes=50)
        assert await is_signed_in(visit)
    clock.pass_by(minutes=60)
    assert not await is_signed_in(visit)


async def test_nobody_stays_signed_in_for_more_than_a_day_of_work(
    visit: Visit, provider: ForgingProvider, clock: StillClock
) -> None:
    """Ten hours, whatever she does."""
    await signed_in(visit, provider)
    for _ in range(19):
        clock.pass_by(minutes=30)
        assert await is_signed_in(visit)
    clock.pass_by(minutes=30)
    assert not await is_signed_in(visit)


async def test_what_has_ended_is_forgotten(
    archive: LoneService, visit: Visit, provider: ForgingProvider, clock: StillClock
) -> None:
    """Sessions and sign-ins that nobody finished; those that last stay."""
    await signed_in(visit, provider)
    await begun(visit)
    clock.pass_by(minutes=30)
    await signed_in(Visit(visit.address, visit.http), provider)
    clock.pass_by(minutes=40)
    (tidy,) = [duty for duty in archive.service.background if "SignIn" in duty.__qualname__]
    sign_in = tidy.__self__  # type: ignore[attr-defined]
    await archive.service.store.write(sign_in._tidy)
    assert len(await archive.rows(select(sessions))) == 1
    assert not await archive.rows(select(sign_ins))


async def test_who_signs_out_is_signed_out_here_and_led_to_the_provider(
    visit: Visit, provider: ForgingProvider
) -> None:
    """With the token of her page; the cookie is worth nothing afterwards."""
    await signed_in(visit, provider)
    kept = Visit(visit.address, visit.http, dict(visit.cookies))
    answer = await visit.post_json("/sign-out", {})
    assert answer.status == 303
    assert answer.location.with_query(None) == URL(f"{provider.issuer}/end")
    assert answer.location.query["post_logout_redirect_uri"] == f"{visit.address}/signed-out"
    assert COOKIE not in visit.cookies
    assert not await is_signed_in(kept)
    assert "Du är utloggad" in (await visit.get("/signed-out")).text


async def test_where_the_provider_has_no_sign_out_ours_is_all(
    run_archive: RunArchive, provider: ForgingProvider
) -> None:
    """She is told that she is signed out."""
    provider.tell = {"end_session_endpoint": None}
    async with archive_with(run_archive, provider.issuer) as (_, visit):
        await signed_in(visit, provider)
        assert (await visit.post_json("/sign-out", {})).location.path == "/signed-out"


async def test_operations_sign_somebody_out_by_deleting_a_row(
    archive: LoneService, visit: Visit, provider: ForgingProvider
) -> None:
    """At once."""
    await signed_in(visit, provider)
    await archive.service.store.write(
        lambda tx: tx.execute(delete(sessions).where(sessions.c.subject == "nora"))
    )
    assert not await is_signed_in(visit)


async def test_a_role_that_the_settings_take_back_is_gone_at_once(
    run_archive: RunArchive, provider: ForgingProvider
) -> None:
    """Also for who is signed in already."""
    async with archive_with(run_archive, provider.issuer) as (_, nora):
        await signed_in(nora, provider)
    async with archive_with(run_archive, provider.issuer, oidc_roles="it-drift=*:operator") as (_, again):
        again.cookies = nora.cookies
        assert not await is_signed_in(again)


async def test_neither_names_nor_tokens_are_logged(
    visit: Visit, provider: ForgingProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether it goes well or not."""
    await signed_in(visit, provider)
    provider.make = LIES["another nonce"]
    await signed_in(visit, provider)
    await visit.post_json("/sign-out", {})
    logged = capsys.readouterr().out
    assert {"sign-in.completed", "sign-in.refused"} <= set(logged.split())
    assert not any(
        told in logged for told in ("Nora", "nora", CLIENT_SECRET, visit.cookies.get(COOKIE, "nora"))
    )
