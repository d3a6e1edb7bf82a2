"""The toy house on every bus, and the services of the real one."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from chassis.service import Service
from kansli.openapi_documents import example_services
from support.postgresql import fresh_database
from support.toy_house import House, buses
from support.ways import POSTGRESQL, RABBITMQ, SQLITE, Way


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Service]:
    """The four, built for the example municipality and not started."""
    return example_services(tmp_path_factory.mktemp("house"))


@pytest.fixture
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Each service has a database of its own."""
    server = os.environ.get("KANSLI_TEST_POSTGRES_URL") or request.getfixturevalue("postgres").url
    with ExitStack() as stack:
        yield lambda: stack.enter_context(fresh_database(server))


@pytest.fixture(params=[SQLITE, POSTGRESQL, RABBITMQ])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Way:
    bus, _, database = request.param.partition("-")
    amqp_url = str(request.getfixturevalue("amqp_url")) if bus == "rabbitmq" else ""
    if database == "sqlite":
        return Way(bus, amqp_url, f"sqlite:///{tmp_path}/asker.db", f"sqlite:///{tmp_path}/answerer.db")
    new_database: Callable[[], str] = request.getfixturevalue("new_database")
    return Way(bus, amqp_url, new_database(), new_database())


@pytest.fixture
def house(way: Way, tmp_path: Path) -> House:
    return House(tmp_path, way.asker_url, way.answerer_url, buses(way.bus, way.amqp_url))


@pytest.fixture
def rabbit_house(amqp_url: str, tmp_path: Path) -> House:
    """For what only a broker does."""
    asker, answerer = (f"sqlite:///{tmp_path}/{name}.db" for name in ("asker", "answerer"))
    return House(tmp_path, asker, answerer, buses("rabbitmq", amqp_url))
