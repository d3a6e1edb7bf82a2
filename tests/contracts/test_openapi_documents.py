"""What a service serves over HTTP and what its OpenAPI document says are one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from chassis.service import Service
from kansli.openapi_documents import MADE
from kansli.operators import SERVICES
from kansli.places import reference_documents

FOLDER = reference_documents() / "openapi"
FOR_PEOPLE = ("/static", "/committees", "/reports", "/sign", "/accessibility", "/operations")
"""How the addresses of the secretary's pages begin; the first page is `/`."""


def test_the_documents_in_the_repository_are_what_the_services_serve() -> None:
    """Whoever changes an answer writes them anew in the same commit."""
    assert MADE.drift(FOLDER) == [], "run: python -m kansli.openapi_documents --write"


def test_every_document_that_differs_is_named(tmp_path: Path) -> None:
    """One missing, one changed, one of a service that there is not; and writing mends all."""
    MADE.main(["--folder", str(tmp_path), "--write"])
    (tmp_path / "intake.json").unlink()
    (tmp_path / "archive.json").write_text("{}", "utf-8")
    (tmp_path / "kitchen.json").write_text("{}", "utf-8")
    with pytest.raises(SystemExit) as told:
        MADE.main(["--folder", str(tmp_path)])
    named = [line.partition(":")[0] for line in str(told.value).splitlines()]
    assert named == ["intake.json", "kitchen.json", "archive.json", "Run"]
    MADE.main(["--folder", str(tmp_path), "--write"])
    MADE.main(["--folder", str(tmp_path)])


def told(service: str) -> Any:
    return json.loads((FOLDER / f"{service}.json").read_text("utf-8"))


@pytest.mark.parametrize("service", SERVICES)
def test_a_document_is_an_openapi_document(service: str) -> None:
    """Of version 3.1, with every reference leading somewhere."""
    assert list(OpenAPIV31SpecValidator(told(service)).iter_errors()) == []


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_served_is_described_and_what_is_described_is_served(
    services: Mapping[str, Service], service: str
) -> None:
    """All but the pages for people, and the document itself."""
    described = {
        (method.upper(), path) for path, methods in told(service)["paths"].items() for method in methods
    }
    routes = services[service].application().router.routes()
    served = {(route.method, route.resource.canonical) for route in routes if route.resource}
    assert described <= served
    left_out = {path for method, path in served - described if method != "HEAD"}
    assert {"/openapi.json", "/docs"} <= left_out
    for_programs = {path for path in left_out if path != "/" and not path.startswith(FOR_PEOPLE)}
    assert for_programs == {"/openapi.json", "/docs"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_says_what_it_is_for_and_has_a_name_of_its_own(service: str) -> None:
    """Programs are made of the names, and people read the rest."""
    operations = [one for methods in told(service)["paths"].values() for one in methods.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    assert all(one["summary"].endswith((".", "?")) for one in operations)
    assert told(service)["info"]["description"]


@pytest.mark.parametrize("service", SERVICES)
def test_what_shows_what_people_wrote_names_its_key(service: str) -> None:
    """Nothing under /v1/ or /admin/ is there for anybody."""
    for path, methods in told(service)["paths"].items():
        if path.startswith(("/v1/", "/admin/")):
            assert all(any(operation["security"]) for operation in methods.values()), path
