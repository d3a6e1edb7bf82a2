"""Free ports for servers that the tests start."""

import random
import socket

PORTS = range(20_000, 32_000)
"""Below 32768, where Linux begins to give ports to outgoing connections, which could take one."""


def free_port() -> int:
    """Find a loopback port on which nobody listens; by lot, so that parallel runs seldom meet."""
    return next(port for port in random.sample(PORTS, len(PORTS)) if is_free(port))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
