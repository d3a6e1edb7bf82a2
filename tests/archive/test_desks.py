"""What is parked in the other services is on the operators' page, or said not to be known."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from archive.web.desks import Desks, desks_in, tokens_in
from support.ports import free_port

ITEM = {
    "id": "0198f4a2",
    "origin": "validation.submission.received",
    "reason": "not JSON",
    "parked_at": "2026-11-20T12:00:00Z",
    "attempts": 3,
}


@pytest.fixture
async def desk() -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """A service's desk, whose answer a test may change, and where it is."""
    answer: dict[str, Any] = {"status": 200, "body": {"parked": [ITEM]}}

    async def parked(request: web.Request) -> web.Response:
        answer["token"] = request.headers.get("Authorization")
        return web.json_response(answer["body"], status=answer["status"])

    app, port = web.Application(), free_port()
    app.add_routes([web.get("/admin/parked", parked)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}", answer
    await runner.cleanup()


async def test_what_is_parked_elsewhere_is_listed(desk: tuple[str, dict[str, Any]]) -> None:
    """With where it lies and why; the desk is asked with its own token, and with no other's."""
    address, answer = desk
    tokens = {"intake": SecretStr("en annans"), "validation": SecretStr("hemlig")}
    found = await Desks({"validation": address}, tokens).parked()
    ((line,), silent) = found.lines, found.silent
    assert (line.id, line.origin, line.reason, silent) == (ITEM["id"], ITEM["origin"], "not JSON", ())
    assert answer["token"] == "Bearer hemlig"


async def test_a_desk_without_a_token_is_asked_without(desk: tuple[str, dict[str, Any]]) -> None:
    """As one that answers on its own machine alone."""
    address, answer = desk
    await Desks({"validation": address}, {"intake": SecretStr("en annans")}).parked()
    assert answer["token"] is None


@pytest.mark.parametrize(
    "said", [{"status": 403}, {"body": []}, {"body": {"parked": [{}]}}, {"body": {"parked": "x"}}]
)
async def test_a_desk_that_does_not_answer_as_one_is_named(
    desk: tuple[str, dict[str, Any]], said: dict[str, Any]
) -> None:
    """And so is one where nobody is at home; the page is there all the same."""
    address, answer = desk
    answer |= said
    nobody = f"http://127.0.0.1:{free_port()}"
    found = await Desks({"intake": nobody, "validation": address}).parked()
    assert (found.lines, found.silent) == ((), ("intake", "validation"))


@pytest.mark.parametrize("setting", ["intake", "=http://a", "intake=ftp://a", "intake=a:1, x"])
def test_a_setting_that_names_no_address_is_refused(setting: str) -> None:
    """At start, and not when somebody looks."""
    with pytest.raises(ValueError, match="service=http"):
        desks_in(setting)


def test_desks_are_read_from_the_setting() -> None:
    """Blanks and a last slash do no harm."""
    assert desks_in(" intake=http://a:1/, validation=https://b ") == {
        "intake": "http://a:1",
        "validation": "https://b",
    }


@pytest.mark.parametrize("setting", ["intake", "hemlig", "=hemlig", "intake=", "intake=två ord", "intake=å"])
def test_a_setting_that_holds_no_token_is_refused_and_not_shown(setting: str) -> None:
    """The message goes to a log."""
    with pytest.raises(ValueError, match="service=token") as refused:
        tokens_in(SecretStr(setting))
    assert "hemlig" not in str(refused.value)


def test_tokens_are_read_from_the_setting() -> None:
    """Divided by commas, as a person writes them, or by lines, as `kansli secrets` does."""
    for setting in (" intake=a==, validation=b-_.~ ", "intake=a==\nvalidation=b-_.~\n"):
        told = {name: token.get_secret_value() for name, token in tokens_in(SecretStr(setting)).items()}
        assert told == {"intake": "a==", "validation": "b-_.~"}
    assert tokens_in(None) == {}
