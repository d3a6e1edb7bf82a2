"""A PostgreSQL server of the tests' own, with the durability of production (fsync is on).

Methods block, so that they serve fixtures; a test under load calls them by `asyncio.to_thread`.
"""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from support.aside import run_aside
from support.child_process import Child, NotInstalled, identity
from support.ports import free_port

DEBIAN_VERSIONS = Path("/usr/lib/postgresql")

ACCOUNT = "postgres"
"""Whom the server runs as when the tests run as root, which PostgreSQL refuses to be."""

START_SECONDS = 60
"""Measured below 1; more only where a crash is recovered from or the machine is very busy."""

CLUSTER = ("--username=kansli", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
"""Nothing is worth a sync before the first commit."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "logging_collector": "off",
}


class Postgres:
    """One cluster in the folder; what it keeps survives `kill` and `restart`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._programs = find_programs()
        self._account = find_account()
        self._port = free_port()
        self._server: Child | None = None
        self._lay_out()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The server's own database; tests take a `fresh_database` beside it."""
        return f"postgresql://kansli@127.0.0.1:{self._port}/postgres"

    @property
    def running(self) -> bool:
        return self._server is not None and self._server.running

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def start(self) -> None:
        """Start it unless it runs; return when it takes connections."""
        if not self.running:
            self._server = Child(
                [str(self._programs / "postgres"), "-D", str(self._data), *self._options()],
                environment=self._environment(),
                log=self._folder / "output.log",
                account=self._account,
                watchman_sends=signal.SIGQUIT,
            )
            self._server.wait_until(self.answers, seconds=START_SECONDS)

    def stop(self) -> None:
        """End it in good order, without waiting for those connected."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Let it crash: no checkpoint, so that the next start recovers from the log.

        SIGQUIT is PostgreSQL's own emergency exit; SIGKILL would leave shared memory behind.
        """
        self._end(signal.SIGQUIT)

    def restart(self) -> None:
        self.stop()
        self.start()

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """Lend the URL of a new database, and drop it whatever became of the server meanwhile."""
        with fresh_database(self.url) as database:
            try:
                yield database
            finally:
                self.start()

    def answers(self) -> bool:
        """Tell whether it takes connections: its port is open before it has recovered."""
        question = [str(self._programs / "pg_isready"), "--quiet", "--dbname", self.url]
        return subprocess.run(question, check=False).returncode == 0

    def _end(self, how: signal.Signals) -> None:
        if self._server is not None:
            self._server.end(how)
            self._server = None

    def _lay_out(self) -> None:
        if self._account:
            os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
        subprocess.run(
            [str(self._programs / "initdb"), "--pgdata", str(self._data), *CLUSTER],
            env=self._environment(),
            cwd=self._folder,
            check=True,
            capture_output=True,
            **identity(self._account),
        )

    def _options(self) -> list[str]:
        settings = {**SETTINGS, "port": str(self._port)}
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """Lend the URL of a new database on the server; it goes with whatever is still connected."""
    name = f"test_{uuid4().hex}"
    run_aside(execute(server, f"CREATE DATABASE {name}"))
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        run_aside(execute(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def find_programs() -> Path:
    """Find the folder of the newest PostgreSQL's programs; raises `NotInstalled`."""
    if debian := sorted(DEBIAN_VERSIONS.glob("*/bin/initdb"), key=major_version):
        return debian[-1].parent
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise NotInstalled("PostgreSQL is not installed (initdb)")


def major_version(program: Path) -> int:
    return int(program.parent.parent.name)


def find_account() -> pwd.struct_passwd | None:
    """Find whom to run the server as: nobody else, unless we are root; raises `NotInstalled`."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        raise NotInstalled(f"PostgreSQL cannot run as root, and there is no account {ACCOUNT}") from None
