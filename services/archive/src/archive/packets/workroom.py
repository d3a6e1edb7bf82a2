"""Where the files of a packet lie while it is made: enclosures may be larger together than memory."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

from chassis.stopping import finishing
from chassis.store import StoreUnavailable

T = TypeVar("T")

PREFIX = "kansli-packet-"


@asynccontextmanager
async def workroom() -> AsyncIterator[Path]:
    """A folder that nobody else can read, and that is gone afterwards, whatever happened in it.

    It lies where TMPDIR says, else in /tmp, and holds each enclosure three times: by itself, in packet.zip
    and in sip.zip. A process that is killed leaves it there, under a name that begins with `PREFIX`.

    Raises:
        StoreUnavailable: the disk has no room, or cannot be written.
    """
    try:
        folder = Path(await asyncio.to_thread(mkdtemp, prefix=PREFIX))
        try:
            yield folder
        finally:
            await finishing(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))
    except OSError as error:
        raise StoreUnavailable(type(error).__name__) from error


async def off_the_loop(work: Callable[[], T]) -> T:
    """Do file work in a thread; who is cancelled waits for it, since the folder must not go under it."""
    return await finishing(asyncio.to_thread(work))
