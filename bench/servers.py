"""The servers of a run, on loopback and with folders of their own, and the houses that are built on them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Literal

from bench.load import write_town
from bench.machine import family
from support.houses import SERVICES, House, apart_house, embedded_house, running
from support.postgresql import Postgres, fresh_database
from support.rabbitmq import Broker
from support.smtp_sink import SmtpSink

Way = Literal["sqlite", "postgresql", "embedded"]


@dataclass
class Servers:
    """A broker, a database server and a mail relay, for all that is measured."""

    folder: Path
    broker: Broker
    postgres: Postgres
    relay: SmtpSink
    _stack: ExitStack = field(default_factory=ExitStack)

    @contextmanager
    def house(self, way: Way) -> Iterator[House]:
        """A new house that runs, and is gone afterwards with all that it kept."""
        folder = Path(mkdtemp(prefix=f"{way}-", dir=self.folder))
        with ExitStack() as stack:
            house = self._built(way, folder, stack)
            yield stack.enter_context(running(house))

    def _built(self, way: Way, folder: Path, stack: ExitStack) -> House:
        town = write_town(folder / "town")
        if way == "embedded":
            return embedded_house(folder, town, smtp_url=self.relay.url)
        databases = None
        if way == "postgresql":
            databases = {name: stack.enter_context(fresh_database(self.postgres.url)) for name in SERVICES}
        return apart_house(folder, town, self.broker.fresh_virtual_host(), databases, smtp_url=self.relay.url)


@contextmanager
def servers_on(folder: Path, relay: SmtpSink) -> Iterator[Servers]:
    """Started on the disk that the folder lies on: durable commits are part of what is measured."""
    for name in ("rabbitmq", "postgresql"):
        (folder / name).mkdir()
    with Broker(folder / "rabbitmq") as broker, Postgres(folder / "postgresql") as postgres:
        yield Servers(folder, broker, postgres, relay)


def pids_of(house: House) -> dict[str, list[int]]:
    """The processes by their name, each with its children."""
    return {process.name: family(process.pid) for process in house.processes.values()}
