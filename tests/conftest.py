"""Servers for the tests that ask for them.

| fixture        | gives                                                               |
|----------------|---------------------------------------------------------------------|
| `amqp_url`     | a virtual host that no other test has used                          |
| `broker`       | the run's own broker, to kill and restart; running as a test begins |
| `postgres_url` | a database that no other test has used                              |
| `postgres`     | the run's own server, to kill and restart; running as a test begins |
| `postfix`      | the run's own mail server, running                                  |
| `dovecot`      | the run's own server of mailboxes; running as a test begins         |

Whoever asks for one is marked `rabbitmq`, `postgresql`, `postfix` or `dovecot`, and `browser` who asks
for the browser of `tests/pages`; `KANSLI_TEST_AMQP_URL` and
`KANSLI_TEST_POSTGRES_URL` name servers to use for the two addresses instead of the run's own.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

from support.dovecot import Dovecot
from support.missing import skipping_if_missing
from support.postfix import Postfix
from support.postgresql import Postgres, fresh_database
from support.rabbitmq import Broker, delete_queues, house_queues

settings.register_profile("kansli", deadline=None)
settings.load_profile("kansli")
"""How long an example takes says more of the machine's other work than of the example."""

MEMORY = Path("/dev/shm")
ROOM = 4 * 1024**3
"""Bytes; two servers and the files of some hundred services fit in one of them."""


def pytest_configure() -> None:
    """Keep the tests' files in memory where there is room, as thousands of flushes wear out a shared disk.

    What the tests kill are processes, and both kinds of file outlive these; loss of power is not tested.
    `KANSLI_TEST_ON_DISK=1` leaves them on the disk.
    """
    if (
        not os.environ.get("KANSLI_TEST_ON_DISK")
        and MEMORY.is_dir()
        and shutil.disk_usage(MEMORY).free > ROOM
    ):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


NEEDS = {
    "rabbitmq": {"amqp_url", "broker"},
    "postgresql": {"postgres_url", "postgres"},
    "postfix": {"postfix"},
    "dovecot": {"dovecot"},
    "browser": {"browser"},
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark before `-m` selects."""
    for item in items:
        for marker, fixtures in NEEDS.items():
            if fixtures.intersection(getattr(item, "fixturenames", ())):
                item.add_marker(marker)


@pytest.fixture(scope="session")
def broker_of_the_run() -> Iterator[Broker]:
    with (
        skipping_if_missing(),
        TemporaryDirectory(prefix="kansli-rabbitmq-") as folder,
        Broker(Path(folder)) as broker,
    ):
        yield broker


@pytest.fixture
def broker(broker_of_the_run: Broker) -> Broker:
    broker_of_the_run.start()
    return broker_of_the_run


@pytest.fixture
def amqp_url(request: pytest.FixtureRequest) -> str:
    """In a broker named from outside, tests share one virtual host and clear it of our queues."""
    if url := os.environ.get("KANSLI_TEST_AMQP_URL"):
        delete_queues(url, house_queues())
        return url
    broker: Broker = request.getfixturevalue("broker")
    return broker.fresh_virtual_host()


@pytest.fixture(scope="session")
def postgres_of_the_run() -> Iterator[Postgres]:
    with (
        skipping_if_missing(),
        TemporaryDirectory(prefix="kansli-postgresql-") as folder,
        Postgres(Path(folder)) as postgres,
    ):
        yield postgres


@pytest.fixture
def postgres(postgres_of_the_run: Postgres) -> Postgres:
    postgres_of_the_run.start()
    return postgres_of_the_run


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if url := os.environ.get("KANSLI_TEST_POSTGRES_URL"):
        with fresh_database(url) as database:
            yield database
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        with postgres.fresh_database() as database:
            yield database


@pytest.fixture(scope="session")
def postfix() -> Iterator[Postfix]:
    with (
        skipping_if_missing(),
        TemporaryDirectory(prefix="kansli-postfix-") as folder,
        Postfix(Path(folder)) as postfix,
    ):
        yield postfix


@pytest.fixture(scope="session")
def dovecot_of_the_run() -> Iterator[Dovecot]:
    with (
        skipping_if_missing(),
        TemporaryDirectory(prefix="kansli-dovecot-") as folder,
        Dovecot(Path(folder)) as dovecot,
    ):
        yield dovecot


@pytest.fixture
def dovecot(dovecot_of_the_run: Dovecot) -> Dovecot:
    dovecot_of_the_run.start()
    return dovecot_of_the_run
