from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from chassis.problems import Problem, plain_problem, problems
from chassis.store import StoreUnavailable

ENDS: dict[str, Exception] = {
    "/problem": Problem(
        422, "odd", "Konstigt", "Ändra det.", [{"pointer": "/a", "detail": "fel"}], members={"n": 1}
    ),
    "/unavailable": StoreUnavailable(),
    "/too-large": web.HTTPRequestEntityTooLarge(max_size=1, actual_size=2),
    "/fault": ValueError("19121212-1212"),
    "/moved": web.HTTPFound("/elsewhere"),
    "/rare": plain_problem(418),
}


async def answer(request: web.Request) -> web.Response:
    raise ENDS[request.path]


@pytest.fixture
async def client() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    app = web.Application(middlewares=[problems])
    app.add_routes([web.get(path, answer) for path in ENDS])
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/problem", 422, "odd"),
        ("/unavailable", 503, "service-unavailable"),
        ("/too-large", 413, "request-entity-too-large"),
        ("/fault", 500, "internal-server-error"),
        ("/nowhere", 404, "not-found"),
        ("/rare", 418, "i'm-a-teapot"),
    ],
)
async def test_whatever_goes_wrong_is_a_problem(
    client: TestClient[web.Request, web.Application], path: str, status: int, kind: str
) -> None:
    """RFC 9457, with a type that programs can tell apart and words that people can read."""
    answered = await client.get(path)
    problem = await answered.json(content_type="application/problem+json")
    assert (answered.status, problem["status"]) == (status, status)
    assert problem["type"] == f"urn:problem-type:kansli:{kind}"
    assert problem["title"]
    assert problem["detail"]


async def test_nothing_of_a_fault_s_text_is_told(
    client: TestClient[web.Request, web.Application],
) -> None:
    """It may quote a person."""
    assert "1212" not in await (await client.get("/fault")).text()


async def test_errors_are_listed_with_their_places(
    client: TestClient[web.Request, web.Application],
) -> None:
    """All of them, where they are, and beside them what else there is to say."""
    answered = await client.get("/problem")
    problem = await answered.json(content_type=None)
    assert problem["errors"] == [{"pointer": "/a", "detail": "fel"}]
    assert problem["n"] == 1


async def test_a_wrong_method_names_the_right_ones(
    client: TestClient[web.Request, web.Application],
) -> None:
    """RFC 9110 § 15.5.6."""
    answered = await client.post("/problem")
    assert (answered.status, answered.headers["Allow"]) == (405, "GET,HEAD")


async def test_a_redirect_is_no_problem(client: TestClient[web.Request, web.Application]) -> None:
    """It goes out as it is."""
    assert (await client.get("/moved", allow_redirects=False)).status == 302
