import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from support.tcp_proxy import Direction, TcpProxy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

NEVER = 0.05
"""Seconds of silence that count as no answer; loopback needs well below a thousandth."""


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(100):
        writer.write(chunk)
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[TcpProxy]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, TcpProxy(*server.sockets[0].getsockname()) as proxy:
        yield proxy


@asynccontextmanager
async def connected(proxy: TcpProxy) -> AsyncIterator[Streams]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    yield reader, writer
    writer.close()


async def answer(streams: Streams, question: bytes = b"", within: float = 10) -> bytes:
    reader, writer = streams
    writer.write(question)
    async with asyncio.timeout(within):
        return await reader.read(100)


async def test_an_open_wire_carries_both_ways(proxy: TcpProxy) -> None:
    """A proxy that is told nothing is not noticed."""
    async with connected(proxy) as streams:
        assert await answer(streams, b"hello") == b"hello"


async def test_a_slow_wire_takes_its_time_each_way(proxy: TcpProxy) -> None:
    """Latency is paid once towards the server and once back."""
    proxy.latency = 0.05
    clock = asyncio.get_running_loop().time
    async with connected(proxy) as streams:
        before = clock()
        await answer(streams, b"hello")
    assert clock() - before >= 0.1


@pytest.mark.parametrize("direction", Direction)
async def test_a_cut_wire_keeps_what_it_holds_until_it_resumes(proxy: TcpProxy, direction: Direction) -> None:
    """Cut one way nothing comes back, and after the cut nothing is missing."""
    async with connected(proxy) as streams:
        proxy.cut(direction)
        with pytest.raises(TimeoutError):
            await answer(streams, b"hello", within=NEVER)
        proxy.resume()
        assert await answer(streams) == b"hello"


async def test_a_black_hole_takes_connections_and_never_answers(proxy: TcpProxy) -> None:
    """A connect succeeds although nobody will ever be heard."""
    proxy.black_hole()
    async with connected(proxy) as streams:
        with pytest.raises(TimeoutError):
            await answer(streams, b"hello", within=NEVER)


@pytest.mark.parametrize("held", [False, True])
async def test_a_reset_ends_connections_and_welcomes_new_ones(proxy: TcpProxy, held: bool) -> None:
    """Whoever was connected gets RST, also over a wire that is held; whoever comes is served."""
    async with connected(proxy) as streams:
        await answer(streams, b"hello")
        if held:
            proxy.black_hole()
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await answer(streams)
    proxy.resume()
    async with connected(proxy) as streams:
        assert await answer(streams, b"again") == b"again"


async def test_an_absent_server_ends_the_connection() -> None:
    """Nobody behind the proxy looks like a peer that hangs up."""
    async with TcpProxy("127.0.0.1", 1) as proxy, connected(proxy) as streams:
        assert await answer(streams) == b""
