"""Free ports for servers that the tests start."""

import os
import socket
from random import SystemRandom

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
PORTS = range(20_000 + WORKER % 8, 32_000, 8)
"""Below 32768, where Linux begins to give ports to outgoing connections, which could take one."""


def free_port() -> int:
    """Find a loopback port on which nobody listens; each worker among its own, so that no two meet.

    By a lot that no test can have seeded, so that runs beside each other seldom do.
    """
    return next(port for port in SystemRandom().sample(PORTS, len(PORTS)) if is_free(port))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
