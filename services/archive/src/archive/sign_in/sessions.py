"""Sessions: who is signed in, kept by us, so that operations can sign somebody out by deleting a row."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Column, String, Table, delete, or_, select, update
from sqlalchemy.engine import Row

from archive.access import Person, Visit
from archive.reports import metadata
from archive.sign_in.digests import digest
from archive.sign_in.grants import Grants
from chassis.store import Store, Transaction
from chassis.store.tables import Moment

if TYPE_CHECKING:
    from archive.sign_in.id_token import IdToken

SESSION_COOKIE = "__Host-kansli"
BROWSER_COOKIE = "__Host-kansli-sign-in"
"""`__Host-` binds a cookie to https and to this very host; browsers take it on http://localhost too."""

sessions = Table(
    "sessions",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("issuer", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("name", String, nullable=False),
    Column("granted", JSON, nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False, index=True),
)
"""One row per browser that is signed in, by the hash of what its cookie holds.

`granted` are the claim's values that give roles; which ones, the settings say at each request.
"""

SEEN_IN_STEPS = 10
"""A visit is noted when this part of the idle time has passed, and not at each request: so much earlier
at most does a session end."""


@dataclass(frozen=True)
class Lifetime:
    """`idle` ends a session that nobody uses, `absolute` every session."""

    idle: timedelta
    absolute: timedelta

    def lasts(self, session: Row[Any], now: datetime) -> bool:
        ends_at: datetime = min(session.seen_at + self.idle, session.begun_at + self.absolute)
        return now < ends_at


@dataclass
class Sessions:
    store: Store
    grants: Grants
    lifetime: Lifetime

    async def begin(self, tx: Transaction, told: "IdToken", granted: list[str], former: str) -> str:
        """Begin a session in place of the browser's former one; returns what its cookie is to hold."""
        await self.end(tx, former)
        secret, now = secrets.token_urlsafe(32), tx.clock()
        row = {
            "sha256": digest(secret),
            "issuer": told.iss,
            "subject": told.sub,
            "name": told.name,
            "granted": granted,
            "begun_at": now,
            "seen_at": now,
        }
        await tx.execute(sessions.insert(), row)
        return secret

    async def end(self, tx: Transaction, secret: str) -> None:
        await tx.execute(delete(sessions).where(sessions.c.sha256 == digest(secret)))

    async def visit_of(self, secret: str) -> Visit | None:
        """The visit of who holds the secret, unless it has lasted too long or gives no role any more."""
        now = self.store.clock()
        async with self.store.read() as connection:
            query = select(sessions).where(sessions.c.sha256 == digest(secret))
            row = (await connection.execute(query)).first()
        if row is None or not self.lifetime.lasts(row, now):
            return None
        if now - row.seen_at >= self.lifetime.idle / SEEN_IN_STEPS:
            await self.store.write(lambda tx: _note(tx, row.sha256, now))
        roles = self.grants.roles_of(row.granted)
        person = Person(f"{row.issuer} {row.subject}", row.name, roles)
        return Visit(person, csrf_for(secret)) if roles else None

    async def forget_ended(self, tx: Transaction, now: datetime) -> None:
        ended = or_(
            sessions.c.seen_at <= now - self.lifetime.idle,
            sessions.c.begun_at <= now - self.lifetime.absolute,
        )
        await tx.execute(delete(sessions).where(ended))


async def _note(tx: Transaction, sha256: str, now: datetime) -> None:
    await tx.execute(update(sessions).where(sessions.c.sha256 == sha256).values(seen_at=now))


def csrf_for(secret: str) -> str:
    """What the forms of this session send back; it tells nothing of the secret that it is made from."""
    return hmac.new(secret.encode("utf-8", "surrogateescape"), b"csrf", hashlib.sha256).hexdigest()
