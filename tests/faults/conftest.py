"""Houses to be hurt: with broker and mail relay of the tests' own, and databases of either kind."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from support.houses import SERVICES, House, MakeHouse, apart_house
from support.load import write_config
from support.postgresql import Postgres, fresh_database
from support.rabbitmq import Broker
from support.smtp_sink import SmtpSink, relay_aside


@pytest.fixture(scope="module")
def relay() -> Iterator[SmtpSink]:
    with relay_aside() as sink:
        yield sink


@pytest.fixture(scope="module")
def make_house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, relay: SmtpSink
) -> Iterator[MakeHouse]:
    """Make a house apart on a fresh virtual host; it does not run yet, and is killed with the module."""
    with ExitStack() as stack:

        def make(store: str) -> House:
            broker: Broker = request.getfixturevalue("broker_of_the_run")
            broker.start()
            folder = tmp_path_factory.mktemp("house")
            databases = None
            if store == "postgresql":
                server: Postgres = request.getfixturevalue("postgres_of_the_run")
                server.start()
                databases = {service: stack.enter_context(fresh_database(server.url)) for service in SERVICES}
            house = apart_house(
                folder,
                write_config(folder / "town"),
                broker.fresh_virtual_host(),
                databases,
                smtp_url=relay.url,
            )
            stack.callback(house.kill)
            return house

        yield make
