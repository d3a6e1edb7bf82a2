"""What the document says is what is served: found by a tool that tries to prove otherwise."""

from pathlib import Path

import pytest
from aiohttp import web
from openapi_spec_validator import OpenAPIV31SpecValidator

from support.houses import SHIPPED_FORMS
from support.lone_service import LoneService
from support.platforms import KEY, RunIntake, ask
from support.schemathesis import found_by_schemathesis

SETTINGS = """
warnings = false

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429", "5xx"]
"""
"""422 beside the usual ones: that a personnummer has a right check digit, that base64 holds a picture and
that a key is not used for something else cannot be said in a schema."""


@pytest.mark.slow
async def test_schemathesis_finds_nothing(run_intake: RunIntake, tmp_path: Path) -> None:
    """Valid and invalid requests of every kind are answered as the document says."""
    async with run_intake(forms=str(SHIPPED_FORMS)) as intake:
        key = f"Authorization: Bearer {KEY}"
        assert not await found_by_schemathesis(intake.url, tmp_path, SETTINGS, examples=30, headers=[key])


async def test_the_document_is_an_openapi_document(intake: LoneService) -> None:
    """Of version 3.1, with every reference leading somewhere."""
    told = (await ask(intake, "/openapi.json", key=None)).told
    assert list(OpenAPIV31SpecValidator(told).iter_errors()) == []


async def test_the_page_for_people_names_every_operation(intake: LoneService) -> None:
    """The same table, without a script."""
    page = await ask(intake, "/docs", key=None)
    told = (await ask(intake, "/openapi.json", key=None)).told
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<script" not in page.content
    for path in told["paths"]:
        assert path in page.content


async def test_every_address_for_platforms_stands_in_the_document(intake: LoneService) -> None:
    """What the table does not hold is not served under /v1/, and what it holds is."""
    told = (await ask(intake, "/openapi.json", key=None)).told
    described = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    served = {(operation.method, operation.path) for operation in intake.service.operations}
    assert served <= described
    assert not [route for route in intake.service.routes if isinstance(route, web.RouteDef)]
