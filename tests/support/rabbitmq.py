"""A RabbitMQ broker of the tests' own: own data folder, own ports, any account, no wrapper scripts.

Methods block, so that they serve fixtures; a test under load calls them by `asyncio.to_thread`.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from itertools import count, islice
from pathlib import Path
from typing import Self

import aio_pika

from support.aside import run_aside
from support.child_process import Child, NotInstalled
from support.ports import free_port

DEBIAN_PROGRAMS = Path("/usr/lib/rabbitmq/bin")
"""The real programs; Debian's wrappers of the same names in /usr/sbin insist on root."""

START_SECONDS = 90
"""Measured 6 to 25 on two cores, by how busy they are."""

POOL = 20
"""Virtual hosts made at a time: `rabbitmqctl` takes 1.4 s, however many it makes."""

SERVICES = ("intake", "validation", "archive", "notification")
REPOSITORY = Path(__file__).parents[2]
EVENTS = REPOSITORY / "schemas" / "events"
SHIPPED = REPOSITORY / "deploy" / "rabbitmq" / "definitions.json"

PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"

WRITE_QUEUE_NAMES = "[ok = dets:sync(Table) || Table <- dets:all()]."

CONF = """\
listeners.tcp.1 = 127.0.0.1:{port}
loopback_users = none
log.console = false
log.file.level = warning
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
raft.wal_max_size_bytes = 32000000
load_definitions = {definitions}
"""


class Broker:
    """One node, and its name daemon as a child of its own, which would otherwise outlive the node.

    What it keeps survives `kill` and `restart`, until the folder goes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs = find_programs()
        self._port, self._epmd_port, self._distribution_port = free_port(), free_port(), free_port()
        self._names = (f"test-{number}" for number in count(1))
        self._unused = list(islice(self._names, POOL))
        self._epmd: Child | None = None
        self._node: Child | None = None
        self._lay_out()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it: its folder goes anyway, and a good end takes 6 s with 40 virtual hosts."""
        self._end(signal.SIGKILL)
        self._end_epmd()

    @property
    def url(self) -> str:
        """The default virtual host; tests that share the broker take `fresh_virtual_host`."""
        return f"amqp://guest:guest@127.0.0.1:{self._port}/"

    @property
    def running(self) -> bool:
        return self._node is not None and self._node.running

    @property
    def pid(self) -> int:
        assert self._node is not None
        return self._node.pid

    def fresh_virtual_host(self) -> str:
        """Answer the URL of a virtual host that nobody has used."""
        if not self._unused:
            self._unused = list(islice(self._names, POOL))
            self.import_its_own()
        return self.url + self._unused.pop(0)

    def import_its_own(self) -> None:
        """Give the users their test passwords, also after a test has imported others."""
        self.ctl("import_definitions", str(self._write_definitions()))

    def start(self) -> None:
        """Start it unless it runs; return when it speaks AMQP."""
        if not self.running:
            self._start_epmd()
            self._node = self._child(self._programs / "rabbitmq-server", "-noinput")
            self._node.wait_until(self.answers, seconds=START_SECONDS)

    def stop(self) -> None:
        """End it in good order, as an operator would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Let it die in the middle of whatever it does, once the names of its queues are written.

        For up to a second it keeps the name of a new quorum queue in memory; killed before, the
        queue never finds a leader again, nor its messages a reader (seen on 3.10.8; compare
        rabbitmq-server#15725). No client can mend that, so tests of ours do not ask for it.
        """
        if self.running:
            self.ctl("eval", WRITE_QUEUE_NAMES)
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def answers(self) -> bool:
        """Tell whether it speaks AMQP: its port is open only when queues and definitions are."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.sendall(PROTOCOL_HEADER)
                return connection.recv(1) == b"\x01"
        except OSError:
            return False

    def ctl(self, *arguments: str) -> str:
        """Call `rabbitmqctl` (1.4 s), for alarms, policies and whatever AMQP cannot ask."""
        return subprocess.run(
            [self._programs / "rabbitmqctl", "--quiet", *arguments],
            env=self._environment(),
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def _end(self, how: signal.Signals) -> None:
        if self._node is not None:
            self._node.end(how)
            self._node = None

    def _start_epmd(self) -> None:
        if self._epmd is None:
            self._epmd = self._child("epmd", "-port", str(self._epmd_port))
            self._epmd.wait_until(lambda: listens(self._epmd_port), seconds=START_SECONDS)

    def _end_epmd(self) -> None:
        if self._epmd is not None:
            self._epmd.end(signal.SIGTERM)
            self._epmd = None

    def _child(self, *command: str | Path) -> Child:
        return Child(
            [str(word) for word in command],
            environment=self._environment(),
            log=self._folder / "output.log",
        )

    def _lay_out(self) -> None:
        for name in ("home", "mnesia", "log", "schema"):
            (self._folder / name).mkdir()
        definitions = self._write_definitions()
        (self._folder / "rabbitmq.conf").write_text(CONF.format(port=self._port, definitions=definitions))
        (self._folder / "enabled_plugins").write_text("[].")
        (self._folder / "env.conf").touch()

    def _write_definitions(self) -> Path:
        """Describe the default virtual host and the unused ones."""
        definitions = self._folder / "definitions.json"
        definitions.write_text(json.dumps(definitions_of(["/", *self._unused])))
        return definitions

    def _environment(self) -> dict[str, str]:
        """Name every file and port: the programs look in /etc and /var for what is not named."""
        folder = self._folder
        return {
            "PATH": os.environ["PATH"],
            "HOME": f"{folder}/home",
            "LANG": "C.UTF-8",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/env.conf",
            "RABBITMQ_NODENAME": "kansli@localhost",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/advanced",
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_SCHEMA_DIR": f"{folder}/schema",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{folder}/schema",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_PLUGINS_EXPAND_DIR": f"{folder}/expand",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none"
            ),
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }


def find_programs() -> Path:
    """Find the folder of RabbitMQ's programs; raises `NotInstalled`."""
    if DEBIAN_PROGRAMS.exists():
        return DEBIAN_PROGRAMS
    if found := shutil.which("rabbitmq-server"):
        return Path(found).parent
    raise NotInstalled("RabbitMQ is not installed (rabbitmq-server)")


def definitions_of(virtual_hosts: list[str]) -> dict[str, object]:
    """The shipped definitions in each virtual host, and a guest who may do all there."""
    shipped = json.loads(SHIPPED.read_text("utf-8"))
    guest = {"name": "guest", "password": "guest", "tags": "administrator"}
    all_rights = {"user": "guest", "configure": ".*", "write": ".*", "read": ".*"}
    within = {
        part: [{**one, "vhost": name} for name in virtual_hosts for one in shipped[part]]
        for part in ("permissions", "exchanges", "queues", "bindings", "policies")
    }
    within["permissions"] += [{"vhost": name, **all_rights} for name in virtual_hosts]
    users = [{**user, "password": password_of(user["name"])} for user in shipped["users"]]
    return {**within, "users": [guest, *users], "vhosts": [{"name": name} for name in virtual_hosts]}


def password_of(service: str) -> str:
    return f"{service}-test"


def as_service(url: str, service: str) -> str:
    """The address of a virtual host for a service's own user, who may do what the service must."""
    return url.replace("guest:guest", f"{service}:{password_of(service)}")


def as_administrator(url: str, service: str) -> str:
    """From a service's address back to that of who may also listen to others' queues and have own ones."""
    return url.replace(f"{service}:{password_of(service)}", "guest:guest")


def house_queues() -> list[str]:
    """Name every queue the house could have, by its rule `<service>.<routing key>`."""
    keys = {file.name.partition(".v")[0] for file in EVENTS.glob("*.json")}
    return [f"{service}.{key}" for service in SERVICES for key in sorted(keys)]


def delete_queues(url: str, names: Sequence[str]) -> None:
    """Delete those of the queues that exist, with their messages."""
    run_aside(deleted(url, names))


async def deleted(url: str, names: Sequence[str]) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        for name in names:
            await channel.queue_delete(name)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
