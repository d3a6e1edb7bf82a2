"""A wire that tests can slow, hold and cut: a TCP proxy in the test's own loop.

Bytes in a held direction are kept and flow again after `resume`, as TCP would send them again once
a real network heals. Nothing is lost or reordered inside a connection; `reset` ends it.
"""

import asyncio
import socket
import struct
from contextlib import suppress
from enum import Enum
from typing import Any, Self

CHUNK = 65_536

END_BY_RST = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: what is unsent is dropped and the peer told by RST."""


class Direction(Enum):
    TO_SERVER = "to server"
    TO_CLIENT = "to client"


class TcpProxy:
    """Listens on a loopback port and passes on to the server, as well as it is told to.

    `latency` is in seconds and each way; a chunk waits until the one before it has been delivered,
    so a slow wire is also a narrow one.
    """

    def __init__(self, host: str, port: int) -> None:
        self.latency = 0.0
        self._server = host, port
        self._open = {direction: asyncio.Event() for direction in Direction}
        self._connections: dict[asyncio.Task[Any] | None, list[asyncio.StreamWriter]] = {}
        self.resume()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        self.reset()
        await asyncio.gather(*filter(None, self._connections))
        await self._listener.wait_closed()

    @property
    def port(self) -> int:
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    def cut(self, direction: Direction) -> None:
        """Hold one direction: its sender cannot tell that nobody hears it."""
        self._open[direction].clear()

    def black_hole(self) -> None:
        """Hold both directions, of new connections too: they are taken and never answered."""
        for direction in Direction:
            self.cut(direction)

    def resume(self) -> None:
        """Let both directions flow, beginning with what was held."""
        for gate in self._open.values():
            gate.set()

    def reset(self) -> None:
        """End every connection by RST on both sides; new ones are welcome."""
        for connection, writers in self._connections.items():
            for writer in writers:
                abort(writer)
            if connection:
                connection.cancel()

    async def _connect(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Serve one connection until a side ends it, `reset` cancels it, or no server is there."""
        writers = self._connections[asyncio.current_task()] = [to_client]
        with suppress(OSError, asyncio.CancelledError):
            from_server, to_server = await asyncio.open_connection(*self._server)
            writers.append(to_server)
            await asyncio.gather(
                self._carry(from_client, to_server, Direction.TO_SERVER),
                self._carry(from_server, to_client, Direction.TO_CLIENT),
            )
        for writer in writers:
            writer.close()
        del self._connections[asyncio.current_task()]

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        while chunk := await reader.read(CHUNK):
            await asyncio.sleep(self.latency)
            await self._open[direction].wait()
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


def abort(writer: asyncio.StreamWriter) -> None:
    if not writer.transport.is_closing():
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, END_BY_RST)
        writer.transport.abort()
