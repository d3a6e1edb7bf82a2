"""Sealing: what may hold a personnummer and must still be kept lies where only the key can read it."""

import asyncio
import base64
import secrets
from collections.abc import Sequence

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
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


class Seal:
    """Seals with the first key and opens with each: Fernet, which is AES-128-CBC with HMAC-SHA256."""

    def __init__(self, keys: Sequence[str], service: str) -> None:
        self._fernet = MultiFernet([Fernet(_derived(key, service)) for key in keys])

    def close(self, content: bytes, at: float) -> bytes:
        """Sealed bytes, a third longer; `at` is the moment in seconds since 1970."""
        return self._fernet.encrypt_at_time(content, int(at))

    def open(self, sealed: bytes) -> bytes:
        """What was sealed.

        Raises:
            SealedOtherwise: no key fits.
        """
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SealedOtherwise from None


def keys_in(setting: str | None) -> list[str]:
    """The keys that a setting holds, newest first."""
    return [key.strip() for key in (setting or "").split(",") if key.strip()]


def _derived(key: str, service: str) -> bytes:
    """A Fernet key from whatever text an operator chose (HKDF, RFC 5869)."""
    derive = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=f"kansli {service} sealing".encode())
    return base64.urlsafe_b64encode(derive.derive(key.encode()))


class Sealer:
    """The service's seal: with the keys of the settings, else with one made once and kept in the database.

    One that was made before there were any in the settings still opens what it sealed.
    """

    def __init__(self, store: Store, table: Table, service: str, keys: Sequence[str]) -> None:
        self._store = store
        self._table = table
        self._service = service
        self._keys = keys
        self._seal: Seal | None = None

    async def close(self, content: bytes) -> bytes:
        seal, at = await self.ready(), self._store.clock().timestamp()
        return await asyncio.to_thread(seal.close, content, at)

    async def open(self, sealed: bytes) -> bytes:
        """Raises `SealedOtherwise` when no key fits."""
        return await asyncio.to_thread((await self.ready()).open, sealed)

    async def ready(self) -> Seal:
        """The seal; when its key is only the database's own, that is said, once."""
        if self._seal is None:
            own = await self._store.write(self._kept_keys if self._keys else self._own_key)
            if self._seal is None and not self._keys:
                log.warning("sealing_key.beside", setting=f"{self._service.upper()}_SEALING_KEY")
            self._seal = Seal([*self._keys, *own], self._service)
        return self._seal

    async def _own_key(self, tx: Transaction) -> list[str]:
        """The key in the database, made if there is none; of two that make one, the first wins."""
        made = {"number": 1, "key": secrets.token_urlsafe(_KEY_BYTES), "made_at": tx.clock()}
        await tx.insert_once(self._table, made)
        return await self._kept_keys(tx)

    async def _kept_keys(self, tx: Transaction) -> list[str]:
        return [str(row.key) for row in await tx.all(select(self._table.c.key))]
