import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from structlog.testing import capture_logs

from chassis.sd_notify import told_to_systemd

WATCHDOG_S = 0.02


@pytest.fixture
def systemd() -> Iterator[socket.socket]:
    """The socket on which systemd listens, at a path that is short enough for one."""
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(Path(folder) / "notify"))
        listening.settimeout(5)
        yield listening


def environment(systemd: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": systemd.getsockname(), **more}


async def heard(systemd: socket.socket) -> str:
    return (await asyncio.to_thread(systemd.recv, 100)).decode()


async def test_systemd_hears_that_a_service_is_ready_and_that_it_stops(systemd: socket.socket) -> None:
    """Each once, in this order."""
    async with told_to_systemd(environment(systemd)):
        assert await heard(systemd) == "READY=1"
    assert await heard(systemd) == "STOPPING=1"


async def test_a_watched_service_says_again_and_again_that_it_is_alive(systemd: socket.socket) -> None:
    """More often than it must."""
    watched = {"WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)), "WATCHDOG_PID": str(os.getpid())}
    async with told_to_systemd(environment(systemd, **watched)):
        assert [await heard(systemd) for _ in range(4)] == ["READY=1", *["WATCHDOG=1"] * 3]


async def test_who_is_not_watched_says_only_what_is_asked(systemd: socket.socket) -> None:
    """The watch is on the process that systemd started, not on its children."""
    others = {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
    async with told_to_systemd(environment(systemd, **others)):
        await asyncio.sleep(WATCHDOG_S)
    assert [await heard(systemd) for _ in range(2)] == ["READY=1", "STOPPING=1"]


async def test_an_abstract_socket_is_reached_too() -> None:
    """As systemd names it inside a container."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0kansli-test-{os.getpid()}")
        listening.settimeout(5)
        async with told_to_systemd({"NOTIFY_SOCKET": f"@kansli-test-{os.getpid()}"}):
            assert await heard(listening) == "READY=1"


async def test_a_systemd_that_is_gone_is_told_of_in_the_log_and_harms_nobody(tmp_path: Path) -> None:
    """The service goes on."""
    with capture_logs() as logs:
        async with told_to_systemd({"NOTIFY_SOCKET": str(tmp_path / "none")}):
            pass
    assert [(entry["event"], entry["state"]) for entry in logs] == [
        ("systemd.untold", "READY=1"),
        ("systemd.untold", "STOPPING=1"),
    ]


async def test_outside_systemd_nobody_is_told() -> None:
    """As in a container, or in `kansli up`."""
    with capture_logs() as logs:
        async with told_to_systemd({}):
            pass
    assert logs == []
