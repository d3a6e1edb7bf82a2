"""A virus scanner made up for tests: it speaks clamd's protocol and answers what it is told to."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

OK = b"stream: OK\0"
FOUND = b"stream: Prov.Virus FOUND\0"


async def asked_about(reader: asyncio.StreamReader) -> bytes:
    """The whole file that the scanner was sent."""
    assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
    content = b""
    while size := int.from_bytes(await reader.readexactly(4), "big"):
        content += await reader.readexactly(size)
    return content


@asynccontextmanager
async def clamd(
    socket: Path, answer: bytes | None, ill: Collection[bytes] = ()
) -> AsyncIterator[list[bytes]]:
    """A scanner that answers this, or nothing and keeps the line; gives what it was sent.

    Those files that are `ill` it finds infected.
    """
    seen: list[bytes] = []
    over = asyncio.Event()

    async def scan(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(content := await asked_about(reader))
        if answer is None:
            await over.wait()
        writer.write(FOUND if content in ill else answer or b"")
        writer.close()

    async with await asyncio.start_unix_server(scan, socket):
        yield seen
        over.set()
