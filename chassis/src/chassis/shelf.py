"""The shelf that objects lie on: a folder, or a bucket, through a library that knows both."""

import asyncio
import functools
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import obstore
import structlog
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url
from pydantic import SecretStr

from chassis.objects import Kept, NoObject
from chassis.objects_key import id_and_secret
from chassis.store import StoreUnavailable

if TYPE_CHECKING:
    from obstore.store import S3Config

log = structlog.get_logger()

PIECE = 1 << 20
"""Bytes of a large file that are in memory at once."""

_ONE_PUT = 5 << 20
"""Bytes of a file that goes into the store in one piece; the least that S3 takes as a part of more."""

_PARTS_AT_ONCE = 2


class Shelf:
    """Keeps objects as `chassis.objects.Objects` promises; nothing is opened before the first one."""

    def __init__(self, url: str, folder: Path | None, key: SecretStr | None) -> None:
        self._url = url
        self._folder = folder
        self._key = key

    async def keep(self, content: bytes) -> Kept:
        digest = await asyncio.to_thread(_sha256, content)
        name = _name(digest)
        try:
            await self._put(name, content)
        except (BaseError, OSError) as error:
            raise StoreUnavailable(type(error).__name__) from error
        return Kept(name, digest, len(content))

    async def keep_file(self, path: Path) -> Kept:
        try:
            size = (await asyncio.to_thread(path.stat)).st_size
            if size <= _ONE_PUT:
                return await self.keep(await asyncio.to_thread(path.read_bytes))
            return await self._keep_large(path, size)
        except (BaseError, OSError) as error:
            raise StoreUnavailable(type(error).__name__) from error

    async def read(self, name: str) -> bytes:
        content = await self._found(name)
        if not await asyncio.to_thread(_is_named_so, content, name):
            log.error("object.damaged", object=name)
            raise NoObject
        return content

    async def copy(self, name: str, target: BinaryIO) -> None:
        try:
            async for piece in self._pieces(name):
                await asyncio.to_thread(target.write, piece)
            await asyncio.to_thread(target.flush)
        except OSError as error:
            raise StoreUnavailable(type(error).__name__) from error

    async def _pieces(self, name: str) -> AsyncIterator[bytes]:
        """Raises as `copy` does; of other bytes only after the last of them."""
        digest = hashlib.sha256()
        try:
            async for piece in (await obstore.get_async(self._store, name)).stream(PIECE):
                await asyncio.to_thread(digest.update, piece)
                yield piece
        except (NotFoundError, FileNotFoundError):
            raise NoObject from None
        except (BaseError, OSError) as error:
            raise StoreUnavailable(type(error).__name__) from error
        if digest.hexdigest() != _digest_in(name):
            log.error("object.damaged", object=name)
            raise NoObject

    async def _found(self, name: str) -> bytes:
        try:
            return bytes(await (await obstore.get_async(self._store, name)).bytes_async())
        except (NotFoundError, FileNotFoundError):
            raise NoObject from None
        except (BaseError, OSError) as error:
            raise StoreUnavailable(type(error).__name__) from error

    async def remove(self, name: str) -> None:
        try:
            await obstore.delete_async(self._store, name)
        except (NotFoundError, FileNotFoundError):
            return
        except (BaseError, OSError) as error:
            raise StoreUnavailable(type(error).__name__) from error

    async def _put(self, name: str, content: bytes) -> None:
        try:
            await obstore.put_async(self._store, name, content, mode="create")
        except AlreadyExistsError:
            await self._mend(name, content)
        await self._see_it_on_disk(name)

    async def _keep_large(self, path: Path, size: int) -> Kept:
        digest = await asyncio.to_thread(_sha256_of_file, path)
        name = _name(digest)
        if not await self._holds(name):
            await obstore.put_async(
                self._store, name, path, chunk_size=_ONE_PUT, max_concurrency=_PARTS_AT_ONCE
            )
        await self._see_it_on_disk(name)
        return Kept(name, digest, size)

    async def _holds(self, name: str) -> bool:
        """Whether the bytes are there, and no others."""
        try:
            async for _ in self._pieces(name):
                pass
        except NoObject:
            return False
        return True

    async def _see_it_on_disk(self, name: str) -> None:
        if self._folder is not None:
            await asyncio.to_thread(_make_durable, self._folder / name)

    async def _mend(self, name: str, content: bytes) -> None:
        """Put the bytes in the place of others that have got their name."""
        if await self._found(name) != content:
            await obstore.put_async(self._store, name, content)

    @functools.cached_property
    def _store(self) -> ObjectStore:
        if self._folder is not None:
            return LocalStore(self._folder, mkdir=True)
        return from_url(self._url, config=_as_s3_has_it(self._key))


def _as_s3_has_it(key: SecretStr | None) -> "S3Config":
    if key is None:
        return {}
    public, secret = id_and_secret(key)
    return {"access_key_id": public, "secret_access_key": secret}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sha256_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(digest: str) -> str:
    return f"{digest[:2]}/{digest}"


def _digest_in(name: str) -> str:
    return name.rpartition("/")[2]


def _is_named_so(content: bytes, name: str) -> bool:
    return _sha256(content) == _digest_in(name)


def _make_durable(path: Path) -> None:
    """A file survives loss of power only when its bytes and its name are both on disk."""
    for place in (path, path.parent, path.parent.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
