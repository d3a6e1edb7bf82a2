"""Asking the services: at which address, with which token, and when they do not answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from kansli.operators import SERVICES, NoAnswer, Operator
from support.ports import free_port


@asynccontextmanager
async def service(handler: object) -> AsyncIterator[str]:
    """A service that answers everything in one way; gives its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def echo(request: web.Request) -> web.Response:
    return web.json_response(
        {
            "method": request.method,
            "path": request.path,
            "authorization": request.headers.get("Authorization"),
            "content": await request.json() if request.can_read_body else None,
        }
    )


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("intake", "http://127.0.0.1:8081"),
        ("validation", "http://127.0.0.1:8082"),
        ("notification", "http://127.0.0.1:8083"),
        ("archive", "http://127.0.0.1:8084"),
    ],
)
def test_a_service_has_its_usual_address(name: str, address: str) -> None:
    """Those that are fixed by contract."""
    assert Operator({}).address(name) == address


def test_an_address_in_the_settings_or_on_the_command_line_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given on the command line most of all."""
    monkeypatch.setenv("ARCHIVE_LISTEN", "127.0.0.1:9000")
    assert Operator({}).address("archive") == "http://127.0.0.1:9000"
    assert Operator({"archive": "https://arkiv.example/"}).address("archive") == "https://arkiv.example"
    assert Operator({}).address("intake") == "http://127.0.0.1:8081"


async def test_a_question_carries_the_services_own_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no other service's."""
    monkeypatch.setenv("ARCHIVE_ADMIN_TOKEN", "hemlig")
    async with service(echo) as address:
        operator = Operator(dict.fromkeys(SERVICES, address))
        assert (await operator.ask("archive", "/admin/tally"))["authorization"] == "Bearer hemlig"
        assert (await operator.ask("intake", "/admin/tally"))["authorization"] is None


async def test_what_is_told_is_posted_as_json() -> None:
    """As the desk wants it."""
    async with service(echo) as address:
        told = await Operator({"intake": address}).tell("intake", "/admin/parked/1/drop", {"by": "jag"})
    assert (told["method"], told["content"]) == ("POST", {"by": "jag"})


async def test_a_refusal_is_told_in_the_services_own_words() -> None:
    """With its status."""

    async def refuse(_request: web.Request) -> web.Response:
        return web.json_response({"title": "Inte tillåtet", "detail": "Nej."}, status=403)

    async with service(refuse) as address:
        with pytest.raises(NoAnswer, match="intake: 403 Inte tillåtet: Nej"):
            await Operator({"intake": address}).ask("intake", "/admin/tally")


@pytest.mark.parametrize("words", ["<html>502</html>", "", "[]", '"nej"'])
@pytest.mark.parametrize("status", [200, 502])
async def test_an_answer_that_is_none_is_told_so(words: str, status: int) -> None:
    """Something else may listen on that port, such as a proxy with a page of its own."""

    async def strange(_request: web.Request) -> web.Response:
        return web.Response(text=words, status=status)

    async with service(strange) as address:
        with pytest.raises(NoAnswer, match="intake"):
            await Operator({"intake": address}).ask("intake", "/admin/tally")


async def test_a_service_that_is_not_there_is_named_with_its_address() -> None:
    """So that one sees at once what was asked."""
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(NoAnswer, match=f"intake at {address}"):
        await Operator({"intake": address}).ask("intake", "/admin/tally")
