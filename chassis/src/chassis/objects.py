"""Bytes travel as references: they lie under their own hash, on disk before anything is promised."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

if TYPE_CHECKING:
    from chassis.shelf import Shelf


@dataclass(frozen=True)
class Kept:
    """Where bytes lie in the store: `object` is their name there, made of their SHA-256 in hex."""

    object: str
    sha256: str
    size: int


class NoObject(Exception):
    """The store has no such object."""


class Objects:
    """The store of bytes, at `file:///…` or `s3://…`; nothing is opened before the first file comes.

    Without a key, S3's is read from the environment, as its own programs read it.
    """

    def __init__(self, url: str, key: SecretStr | None = None) -> None:
        self._url = url
        self._key = key
        self._folder = Path(unquote(urlsplit(url).path)) if url.startswith("file:") else None
        self._built: Shelf | None = None

    @property
    def folder(self) -> Path | None:
        """Where the files lie on this machine, unless they lie elsewhere."""
        return self._folder

    async def keep(self, content: bytes) -> Kept:
        """Store the bytes durably; the same bytes are stored once.

        Raises:
            StoreUnavailable: they could not be stored.
        """
        return await (await self._shelf()).keep(content)

    async def keep_file(self, path: Path) -> Kept:
        """Store a file as `keep` does; of a large one only pieces are in memory.

        Raises:
            StoreUnavailable: it could not be read or stored.
        """
        return await (await self._shelf()).keep_file(path)

    async def read(self, name: str) -> bytes:
        """The bytes that were kept under the name.

        Raises:
            NoObject: they are not there, or others are, which a disk or a person put there.
            StoreUnavailable: they could not be read.
        """
        return await (await self._shelf()).read(name)

    async def copy(self, name: str, target: BinaryIO) -> None:
        """Write the bytes that were kept under the name into an open file, a piece at a time.

        Whoever hands them on waits until all are written: others are found out after the last piece.

        Raises:
            NoObject: they are not there, or others are.
            StoreUnavailable: they could not be read or written.
        """
        await (await self._shelf()).copy(name, target)

    async def remove(self, name: str) -> None:
        """Remove the bytes that were kept under the name, if they are there.

        Raises:
            StoreUnavailable: they could not be removed.
        """
        await (await self._shelf()).remove(name)

    async def _shelf(self) -> "Shelf":
        if self._built is None:
            self._built = await asyncio.to_thread(_build, self._url, self._folder, self._key)
        return self._built


def _build(url: str, folder: Path | None, key: SecretStr | None) -> "Shelf":
    """Loaded with the first file: the library of shelves takes 4 MB, and many days bring none."""
    from chassis.shelf import Shelf  # noqa: PLC0415

    return Shelf(url, folder, key)
