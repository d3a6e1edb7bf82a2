"""The whole house as child processes, in the two ways that it can be run.

Embedded it is one process, `kansli up`, with SQLite and no broker; apart it is four processes with a
broker between them. Tests treat both alike: addresses, databases, letters, and processes to end.
Methods block, so that they serve fixtures; a test under load calls them by `asyncio.to_thread`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from support.child_process import INTERVAL, Child
from support.ports import free_port
from support.rabbitmq import as_service

SERVICES = ("intake", "validation", "archive", "notification")
REPOSITORY = Path(__file__).parents[2]
SHIPPED_FORMS = REPOSITORY / "schemas" / "forms"
KANSLI = Path(sys.executable).with_name("kansli")

START_SECONDS = 60
"""Measured 3 to 8 on two cores: mostly Python reading its libraries."""

SHORT_TIMEOUT_S = 5
"""For one question to a service of this machine."""

COMMAND_SECONDS = 60


class Late(AssertionError):
    """What was awaited has not come in time."""


def wait_until(condition: Callable[[], bool], what: str, *, seconds: float) -> None:
    """Wait for the condition; raises `Late` saying what did not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Late(f"not within {seconds} s: {what}")
        time.sleep(INTERVAL)


@dataclass
class Process:
    """A process of the house, which can be started again on the same ports and data."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    addresses: Sequence[str]
    _child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        return self._child.exit_code if self._child else None

    def launch(self, crash_at: str = "") -> None:
        """Start it without waiting; `crash_at` arms a crash point (`archive.after_commit:3`)."""
        armed = {"KANSLI_CRASH_AT": crash_at} if crash_at else {}
        self._child = Child(self.command, environment={**self.environment, **armed}, log=self.log)

    def await_life(self) -> None:
        assert self._child is not None
        self._child.wait_until(lambda: all(map(lives, self.addresses)), seconds=START_SECONDS)

    def start(self, crash_at: str = "") -> None:
        self.launch(crash_at)
        self.await_life()

    def stop(self) -> int | None:
        """End it in good order; returns its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def strike(self) -> None:
        """Send SIGKILL without waiting for the end."""
        if self.running and self._child is not None:
            os.kill(self._child.pid, signal.SIGKILL)

    def await_end(self, *, seconds: float) -> int | None:
        """Wait for it to end by itself, as at a crash point; returns its exit code."""
        wait_until(lambda: not self.running, f"{self.name} ends by itself", seconds=seconds)
        return self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int | None:
        if self._child is not None:
            self._child.end(how, seconds=START_SECONDS)
        return self.exit_code


@dataclass
class House:
    """A house that runs, or could: whatever it keeps lies in the folder and the databases."""

    way: str
    folder: Path
    config: Path
    addresses: Mapping[str, str]
    databases: Mapping[str, str]
    processes: Mapping[str, Process]
    letters: Path = field(init=False)

    def __post_init__(self) -> None:
        self.letters = self.folder / "letters"

    def start(self) -> None:
        """Start all processes at once and wait until each answers."""
        for process in self._each():
            process.launch()
        for process in self._each():
            process.await_life()

    def stop(self) -> list[int | None]:
        """End the house in good order; returns the exit codes."""
        return [process.stop() for process in self._each()]

    def kill(self) -> None:
        """SIGKILL to all of them before any of them is waited for."""
        for process in self._each():
            process.strike()
        for process in self._each():
            process.kill()

    def process(self, service: str) -> Process:
        """The process that the service lives in."""
        return self.processes[service]

    def ask(self, service: str, path: str) -> Any:
        with urlopen(self.addresses[service] + path, timeout=SHORT_TIMEOUT_S) as answer:
            return json.load(answer)

    def handled(self, queue: str) -> int:
        """How many events of the queue its service has handled since it started."""
        wanted = f'kansli_messages_processed_total{{outcome="handled",queue="{queue}"}} '
        address = self.addresses[queue.partition(".")[0]]
        with urlopen(f"{address}/metrics", timeout=SHORT_TIMEOUT_S) as answer:
            lines = answer.read().decode().splitlines()
        return int(sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted)))

    def kansli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """An operator's command, told of this house's addresses as an operator would."""
        return subprocess.run(
            [str(KANSLI), *arguments],
            env=plain_environment() | listens_of(self.addresses),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def logged(self) -> str:
        return "\n".join(process.log.read_text("utf-8") for process in self._each() if process.log.exists())

    def _each(self) -> list[Process]:
        """Each process once, intake last: whoever listens comes before who speaks to it."""
        return list({id(process): process for process in reversed([*self.processes.values()])}.values())


MakeHouse = Callable[[str], House]
"""Makes a house, not yet running, with databases of the kind that is named."""


@contextmanager
def running(house: House) -> Iterator[House]:
    """The house, started; killed at the end, whatever became of it."""
    try:
        house.start()
        yield house
    finally:
        house.kill()


def embedded_house(
    folder: Path, config: Path, forms: Sequence[Path] = (), smtp_url: str | None = None
) -> House:
    """All four services in one process."""
    addresses = free_addresses()
    added = [word for path in forms for word in ("--forms", str(path))]
    command = [str(KANSLI), "up", "--config", str(config), "--data", str(folder), *added]
    post = {"NOTIFICATION_SMTP_URL": smtp_url} if smtp_url else {}
    process = Process(
        "house",
        command,
        plain_environment() | listens_of(addresses) | post,
        folder / "house.log",
        list(addresses.values()),
    )
    databases = {service: f"sqlite:///{folder / service}.db" for service in SERVICES}
    return House("embedded", folder, config, addresses, databases, dict.fromkeys(SERVICES, process))


def apart_house(
    folder: Path,
    config: Path,
    amqp_url: str,
    databases: Mapping[str, str] | None = None,
    forms: Sequence[Path] = (),
    smtp_url: str | None = None,
) -> House:
    """Each service in a process of its own, known to the broker as itself, with the rights that it must have.

    Without other databases, each has a SQLite file.
    """
    addresses = free_addresses()
    kept = databases or {service: f"sqlite:///{folder / service}.db" for service in SERVICES}
    shared = {
        "CONFIG": str(config),
        "FORMS": ":".join(map(str, [SHIPPED_FORMS, *forms])),
    }
    own = {
        "intake": {
            "OBJECTS": (folder / "objects").as_uri(),
            "PERSONAL_NUMBER_KEY": "nyckel för proven",
        },
        "archive": {"OBJECTS": (folder / "objects").as_uri(), "SEALING_KEY": "nyckel för proven"},
        "notification": {
            "OBJECTS": (folder / "objects").as_uri(),
            "SMTP_URL": smtp_url or (folder / "letters").as_uri(),
        },
    }
    processes = {
        service: Process(
            service,
            [sys.executable, "-m", service, "run"],
            plain_environment()
            | listens_of({service: addresses[service]})
            | prefixed(service, {**shared, **own.get(service, {}), "DATABASE_URL": kept[service]})
            | prefixed(service, {"AMQP_URL": as_service(amqp_url, service)}),
            folder / f"{service}.log",
            [addresses[service]],
        )
        for service in SERVICES
    }
    return House("apart", folder, config, addresses, kept, processes)


def lives(address: str) -> bool:
    try:
        with urlopen(Request(f"{address}/livez"), timeout=SHORT_TIMEOUT_S) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def free_addresses() -> dict[str, str]:
    ports: set[int] = set()
    while len(ports) < len(SERVICES):
        ports.add(free_port())
    return {
        service: f"http://127.0.0.1:{port}" for service, port in zip(SERVICES, sorted(ports), strict=True)
    }


def listens_of(addresses: Mapping[str, str]) -> dict[str, str]:
    return {
        f"{service.upper()}_LISTEN": address.removeprefix("http://") for service, address in addresses.items()
    }


def prefixed(service: str, settings: Mapping[str, str]) -> dict[str, str]:
    return {f"{service.upper()}_{name}": value for name, value in settings.items()}


def plain_environment(
    names: Iterable[str] = ("PATH", "HOME", "LANG", "TZ", "PYTHONPATH"),
) -> dict[str, str]:
    """Nothing of ours but what any program needs, so that no setting of the desk reaches the house."""
    return {name: os.environ[name] for name in names if name in os.environ} | {"PYTHONUTF8": "1"}
