"""Sealing: what may hold a personnummer and must still be kept lies where only the key can read it."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Protocol

import structlog
from sqlalchemy import Column, Integer, MetaData, String, Table, select

from chassis.store import Store, Transaction
from chassis.store.tables import Moment

log = structlog.get_logger()

_KEY_BYTES = 32


def sealing_keys(metadata: MetaData) -> Table:
    """The table for the key of a service that was given none: one row, number 1."""
    return Table(
        "sealing_keys",
        metadata,
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("key", String, nullable=False),
        Column("made_at", Moment, nullable=False),
    )


class SealedOtherwise(Exception):
    """None of the keys that there are opens it; it was sealed with another, or its bytes were changed."""


class Seal(Protocol):
    """Seals with the newest key and opens with each."""

    def close(self, content: bytes, at: float) -> bytes:
        """Sealed bytes, a third longer; `at` is the moment in seconds since 1970."""
        ...

    def open(self, sealed: bytes) -> bytes:
        """What was sealed.

        Raises:
            SealedOtherwise: no key fits.
        """
        ...


def keys_in(setting: str | None) -> list[str]:
    """The keys that a setting holds, newest first."""
    return [key.strip() for key in (setting or "").split(",") if key.strip()]


class Sealer:
    """The service's seal: with the keys of the settings, else with one made once and kept in the database.

    One that was made before there were any in the settings still opens what it sealed.
    """

    def __init__(self, store: Store, table: Table, service: str, keys: Sequence[str]) -> None:
        self._store = store
        self._table = table
        self._service = service
        self._keys = keys
        self._known: Sequence[str] | None = None
        self._seal: Seal | None = None

    async def close(self, content: bytes) -> bytes:
        seal, at = await self.ready(), self._store.clock().timestamp()
        return await asyncio.to_thread(seal.close, content, at)

    async def open(self, sealed: bytes) -> bytes:
        """Raises `SealedOtherwise` when no key fits."""
        return await asyncio.to_thread((await self.ready()).open, sealed)

    async def ready(self) -> Seal:
        if self._seal is None:
            self._seal = await asyncio.to_thread(_seal_of, await self.keys(), self._service)
        return self._seal

    async def keys(self) -> Sequence[str]:
        """All that there are; when the only one is the database's own, that is said, once."""
        if self._known is None:
            own = await self._store.write(self._kept_keys if self._keys else self._own_key)
            if self._known is None and not self._keys:
                log.warning("sealing_key.beside", setting=f"{self._service.upper()}_SEALING_KEY")
            self._known = [*self._keys, *own]
        return self._known

    async def _own_key(self, tx: Transaction) -> list[str]:
        """The key in the database, made if there is none; of two that make one, the first wins."""
        made = {"number": 1, "key": secrets.token_urlsafe(_KEY_BYTES), "made_at": tx.clock()}
        await tx.insert_once(self._table, made)
        return await self._kept_keys(tx)

    async def _kept_keys(self, tx: Transaction) -> list[str]:
        return [str(row.key) for row in await tx.all(select(self._table.c.key))]


def _seal_of(keys: Sequence[str], service: str) -> Seal:
    """Loaded with what is sealed first: cryptography takes 7 MB, and most reports need no seal."""
    from chassis.fernet import FernetSeal  # noqa: PLC0415

    return FernetSeal(keys, service)
