"""Four services in four environments, each upgraded alone while reports come in, and taken back.

What a later version could say is added here: to an event of now, and as another version of one.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kansli.operators import Operator
from support.auditor import Auditor, auditor_at_relay, read
from support.environments import (
    LATER_VERSION,
    PACKAGES,
    Environment,
    environments,
    installed_apart,
    later_version,
    locked,
    wheels,
)
from support.houses import SERVICES, apart_house, running
from support.load import Report, report, reports, write_config
from support.missing import skipping_if_missing
from support.postgresql import Postgres, fresh_database
from support.rabbitmq import Broker
from support.smtp_sink import SmtpSink, relay_aside
from support.stops import BUSY_WITH, until_busy
from support.visitor import awaited

AT_A_TIME, EVERY_S, MOST = 4, 0.1, 2000
"""The load, from before a service is away until it is there again, which takes three seconds."""

LETTERS_EACH = 2
"""Of a report that is filed: to the secretary and to its sender."""

ON_POSTGRESQL = ("validation", "archive")
"""The others have SQLite: each service has a database of its own, and none need be as another's."""

pytestmark = [pytest.mark.slow, pytest.mark.rabbitmq, pytest.mark.postgresql, pytest.mark.timeout(300)]

SAYS = {
    "intake": ["SubmissionReceived"],
    "validation": ["SubmissionAccepted", "SubmissionRejected"],
    "archive": ["ReportFiled", "ReportHeld"],
    "notification": ["NotificationSent"],
}

WITH_MORE = '''

class {event}({event}):
    """Says one thing more."""

    said_later: str | None = "vid nästa version"
'''

SECOND = '''

class NotificationSent(NotificationSent):
    """Another version, which who knows the first alone cannot read."""

    schema_version: ClassVar[int] = 2
    said_as: str = "andra"
'''

FIRST_AND_SECOND = '''

First = NotificationSent


class NotificationSent(First):
    """Read in both versions, since who says it is upgraded after who hears it."""

    schema_version: ClassVar[int] = 2
    former: ClassVar[type[Event] | None] = First

    said_as: str

    @classmethod
    def lifted(cls, former):
        return cls(**dict(former), said_as="första")
'''

TABLES = {
    "intake": "submissions",
    "validation": "judgements",
    "archive": "reports",
    "notification": "letters",
}
A_COLUMN_AND_AN_INDEX = """\
op.add_column("{table}", sa.Column("said_later", sa.Text, nullable=True))
    op.create_index("{table}_said_later", "{table}", ["said_later"])"""


@pytest.fixture(scope="module")
def workshop() -> Iterator[Path]:
    """A folder that goes with the module: four environments are half a gigabyte."""
    with TemporaryDirectory(prefix="kansli-environments-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def now(workshop: Path) -> Mapping[str, Path]:
    return wheels(workshop / "now")


@pytest.fixture(scope="module")
def installed(workshop: Path, now: Mapping[str, Path]) -> Mapping[str, Environment]:
    with skipping_if_missing():
        return environments(workshop, now)


@pytest.fixture(scope="module")
def relay() -> Iterator[SmtpSink]:
    with relay_aside() as sink:
        yield sink


@pytest.fixture(scope="module")
def databases(
    postgres_of_the_run: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, str]]:
    """Two of each kind, so that both are upgraded and taken back in one run."""
    postgres_of_the_run.start()
    folder = tmp_path_factory.mktemp("databases")
    kept = {service: f"sqlite:///{folder / service}.db" for service in SERVICES}
    with ExitStack() as stack:
        for service in ON_POSTGRESQL:
            kept[service] = stack.enter_context(fresh_database(postgres_of_the_run.url))
        yield kept


@pytest.fixture(scope="module")
def town(
    installed: Mapping[str, Environment],
    broker_of_the_run: Broker,
    databases: Mapping[str, str],
    relay: SmtpSink,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Auditor]:
    broker_of_the_run.start()
    folder = tmp_path_factory.mktemp("four")
    virtual_host = broker_of_the_run.fresh_virtual_host()
    house = apart_house(folder, write_config(folder / "town"), virtual_host, databases, smtp_url=relay.url)
    with running(installed_apart(house, installed)) as house:
        yield auditor_at_relay(house, relay)


@dataclass(frozen=True)
class Upgrades:
    """Replaces services of a town that goes on."""

    town: Auditor
    installed: Mapping[str, Environment]

    async def replace(self, service: str, wheel: Path) -> None:
        """Stop it, install the other version, start it; the others hear nothing of it."""
        process = self.town.house.process(service)
        assert await asyncio.to_thread(process.stop) == 0
        await asyncio.to_thread(self.installed[service].install, wheel)
        await asyncio.to_thread(process.start)

    async def replace_under_load(self, service: str, wheel: Path, name: str) -> None:
        """While it is busy, and until the other version is."""
        queue, enough = BUSY_WITH[service], asyncio.Event()
        before = await asyncio.to_thread(self.town.house.handled, queue)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.send_until(enough, name))
            await until_busy(self.town.house, queue, before)
            await self.replace(service, wheel)
            await until_busy(self.town.house, queue, 0)
            enough.set()

    async def send_until(self, enough: asyncio.Event, name: str) -> None:
        load = iter(reports(MOST, name))
        while not enough.is_set():
            await self.send([*islice(load, AT_A_TIME)])
            with suppress(TimeoutError):
                await asyncio.wait_for(enough.wait(), EVERY_S)

    async def send(self, load: Sequence[Report]) -> None:
        self.town.reports += load
        await self.town.sender.send_all(load)


@pytest.fixture
def upgrades(town: Auditor, installed: Mapping[str, Environment]) -> Upgrades:
    return Upgrades(town, installed)


@pytest.mark.parametrize("service", SERVICES)
def test_an_environment_holds_its_service_its_lock_and_nothing_else(
    installed: Mapping[str, Environment], service: str
) -> None:
    """No other service, no house; what it could import, it could come to need."""
    own = {"chassis", service}
    assert installed[service].importable([*PACKAGES, "kansli"]) == own
    found = installed[service].installed()
    libraries = {name: version for name, version in found.items() if not name.startswith("kansli-")}
    assert found.keys() - libraries.keys() == {f"kansli-{name}" for name in own}
    assert libraries.items() <= locked(service).items()


def test_the_processes_know_no_source_but_their_environment(town: Auditor) -> None:
    """Neither the folder that the tests were started in, nor their path."""
    for service, process in town.house.processes.items():
        assert "PYTHONPATH" not in process.environment
        assert (f"/{service}/bin/python" in process.command[0], process.command[1]) == (True, "-P")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_is_upgraded_alone_under_load_and_taken_back(
    upgrades: Upgrades, now: Mapping[str, Path], tmp_path: Path, service: str
) -> None:
    """The others read what the later version says; the former takes the tables that it leaves behind."""
    town, table = upgrades.town, TABLES[service]
    later = later_version(
        service,
        tmp_path,
        events="".join(WITH_MORE.format(event=event) for event in SAYS[service]),
        migration=A_COLUMN_AND_AN_INDEX.format(table=table),
    )
    await upgrades.replace_under_load(service, later, f"fram-{service}")
    assert upgrades.installed[service].installed()[f"kansli-{service}"] == LATER_VERSION
    assert await read(town.house.databases[service], f"select count(said_later) from {table}") == [(0,)]
    await upgrades.replace_under_load(service, now[service], f"åter-{service}")
    await town.await_calm()
    assert await town.complaints() == []
    assert await said(town, service, "%vid nästa version%") > 0
    assert "tables.newer" in town.house.process(service).log.read_text("utf-8")
    assert await read(town.house.databases[service], "select max(attempts) from inbox") == [(1,)]


async def test_a_later_version_of_an_event_waits_parked_until_its_listeners_know_it(
    upgrades: Upgrades, now: Mapping[str, Path], tmp_path: Path
) -> None:
    """Speakers before listeners, against the advice: nothing is lost. Who reads both minds neither."""
    town, listeners = upgrades.town, ("intake", "archive")
    await upgrades.replace("notification", later_version("notification", tmp_path / "speaker", events=SECOND))
    await upgrades.send([report(1, "nytt", "filed")])
    waiting = {listener: await parked(town, listener) for listener in listeners}
    for listener in listeners:
        reads_both = later_version(listener, tmp_path / listener, events=FIRST_AND_SECOND)
        await upgrades.replace(listener, reads_both)
        await replay(town, listener, waiting[listener])
    await upgrades.replace_under_load("notification", now["notification"], "ett")
    await town.await_calm()
    assert await town.complaints() == []
    assert await said(town, "notification", "%notification.sent.v2%") > len(listeners) * LETTERS_EACH


async def parked(town: Auditor, listener: str) -> list[str]:
    """What lies on the listener's desk, once all that is said of one report's letters does."""

    async def all_of_it() -> list[str] | None:
        told = await Operator(town.house.addresses).ask(listener, "/admin/parked")
        assert all("got se.kansli.notification.sent.v2" in item["reason"] for item in told["parked"])
        items = [str(item["id"]) for item in told["parked"]]
        return items if len(items) == LETTERS_EACH else None

    found: list[str] = await awaited(all_of_it, f"{listener} parks what it does not know")
    return found


async def replay(town: Auditor, listener: str, items: Sequence[str]) -> None:
    for item in items:
        await Operator(town.house.addresses).tell(listener, f"/admin/parked/{item}/replay", {"by": "drift"})


async def said(town: Auditor, service: str, like: str) -> int:
    """How many events the service has said that hold such a text."""
    url = town.house.databases[service]
    body = "cast(body as text)" if url.startswith("sqlite") else "convert_from(body, 'UTF8')"
    ((count,),) = await read(url, f"select count(*) from outbox where {body} like '{like}'")
    return int(count)
