"""The servers of a run, on loopback and with folders of their own, and the houses that are built on them."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Literal

from bench.figures import machine
from bench.load import write_town
from bench.machine import family
from support.houses import SERVICES, House, apart_house, embedded_house
from support.postgresql import Postgres, find_programs, fresh_database
from support.rabbitmq import Broker
from support.smtp_sink import SmtpSink

PEERS_PYTHON = Path(__file__).parent / ".venv" / "bin" / "python"
"""The interpreter of what is measured beside the house; `make bench` lays it out."""

Way = Literal["sqlite", "postgresql", "embedded"]


@dataclass
class Servers:
    """A broker, a database server and a mail relay, for all that is measured."""

    folder: Path
    broker: Broker
    postgres: Postgres
    relay: SmtpSink

    @contextmanager
    def house(self, way: Way, only: Sequence[str] = SERVICES) -> Iterator[House]:
        """A new house in which the services named run; all that it kept is gone afterwards."""
        folder = Path(mkdtemp(prefix=f"{way}-", dir=self.folder))
        with ExitStack() as stack:
            house = self._built(way, folder, stack)
            stack.callback(shutil.rmtree, folder)
            stack.callback(house.kill)
            start(house, only)
            yield house

    def pids_with(self, house: House) -> dict[str, list[int]]:
        """The house's processes, and the servers that work for it."""
        return {
            **pids_of(house),
            "RabbitMQ": family(self.broker.pid),
            "PostgreSQL": family(self.postgres.pid),
        }

    def _built(self, way: Way, folder: Path, stack: ExitStack) -> House:
        town = write_town(folder / "town")
        if way == "embedded":
            return embedded_house(folder, town, smtp_url=self.relay.url)
        databases = None
        if way == "postgresql":
            databases = {name: stack.enter_context(fresh_database(self.postgres.url)) for name in SERVICES}
        return apart_house(folder, town, self.broker.fresh_virtual_host(), databases, smtp_url=self.relay.url)


def start(house: House, services: Sequence[str]) -> None:
    """Start the processes that these services live in, at the same time."""
    processes = list({id(process): process for process in map(house.process, services)}.values())
    for process in processes:
        process.launch()
    for process in processes:
        process.await_life()


@asynccontextmanager
async def servers_of_a_run() -> AsyncIterator[Servers]:
    """Started in a folder on the disk, since durable commits are part of what is measured."""
    with TemporaryDirectory(prefix="kansli-bench-") as name:
        folder = _laid_out(Path(name))
        with Broker(folder / "rabbitmq") as broker, Postgres(folder / "postgresql") as postgres:
            async with SmtpSink() as relay:
                yield Servers(folder, broker, postgres, relay)


def _laid_out(folder: Path) -> Path:
    """PostgreSQL's own account may enter the folder too."""
    folder.chmod(0o755)
    for server in ("rabbitmq", "postgresql"):
        (folder / server).mkdir()
    return folder


def pids_of(house: House) -> dict[str, list[int]]:
    """The processes by their name, each with its children."""
    return {process.name: family(process.pid) for process in house.processes.values() if process.running}


def versions_of(servers: Servers) -> dict[str, str]:
    """The machine and the versions that the figures hold for."""
    return machine(servers.broker.ctl("version").strip(), postgresql_version(), PEERS_PYTHON)


def postgresql_version() -> str:
    told = subprocess.run(
        [find_programs() / "postgres", "--version"], check=True, capture_output=True, text=True
    )
    return told.stdout.split()[2]
