"""What systemd is told of a service of `Type=notify`: ready, alive, stopping (sd_notify(3)).

Where systemd does not run the service, `NOTIFY_SOCKET` is not set, and nobody is told.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog

log = structlog.get_logger()

MICROSECONDS = 1_000_000

SPARE = 2
"""How many times a service says that it is alive within the time after which it is taken for dead."""


@asynccontextmanager
async def told_to_systemd(environment: Mapping[str, str] = os.environ) -> AsyncIterator[None]:
    """Say that the service is ready, then that its loop turns, and on the way out that it is stopping."""
    address = environment.get("NOTIFY_SOCKET", "")
    _tell(address, "READY=1")
    alive = asyncio.create_task(_tell_alive(address, _watchdog_s(environment)))
    try:
        yield
    finally:
        alive.cancel()
        _tell(address, "STOPPING=1")


async def _tell_alive(address: str, watchdog_s: float) -> None:
    """A loop that something blocks says nothing, and systemd starts the service anew."""
    while watchdog_s:
        _tell(address, "WATCHDOG=1")
        await asyncio.sleep(watchdog_s / SPARE)


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """Seconds without a word after which systemd ends this process; 0 when it does not watch it."""
    watched = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(environment.get("WATCHDOG_USEC", "0")) / MICROSECONDS if watched else 0.0


def _tell(address: str, state: str) -> None:
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to_systemd:
            to_systemd.setblocking(False)
            to_systemd.sendto(state.encode(), _reachable(address))
    except OSError as error:
        log.warning("systemd.untold", state=state, reason=type(error).__name__)


def _reachable(address: str) -> str:
    """An abstract socket is written with `@` for the zero byte that its name begins with."""
    return f"\0{address[1:]}" if address.startswith("@") else address
