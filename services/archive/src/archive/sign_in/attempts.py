"""Sign-ins that were begun: what must come back from the provider, to the browser that was sent there."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, String, Table, Text, delete

from archive.reports import metadata
from archive.sign_in.digests import digest
from chassis.store import Transaction
from chassis.store.tables import Moment

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("state_sha256", String, primary_key=True),
    Column("browser_sha256", String, nullable=False),
    Column("nonce", String, nullable=False),
    Column("verifier", String, nullable=False),
    Column("landing", Text, nullable=False),
    Column("begun_at", Moment, nullable=False, index=True),
)
"""One row per sign-in under way; it is taken away when it is used, or has taken too long."""

LASTS = timedelta(minutes=10)
"""Time enough to find the card and its code."""


@dataclass(frozen=True)
class Attempt:
    """`state` and `nonce` go to the provider and come back; `verifier` proves that it was we who asked."""

    state: str
    nonce: str
    verifier: str
    landing: str


def new_attempt(landing: str) -> Attempt:
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(state, nonce, verifier, landing)


async def begin(tx: Transaction, attempt: Attempt, browser: str) -> None:
    row = {
        "state_sha256": digest(attempt.state),
        "browser_sha256": digest(browser),
        "nonce": attempt.nonce,
        "verifier": attempt.verifier,
        "landing": attempt.landing,
        "begun_at": tx.clock(),
    }
    await tx.execute(sign_ins.insert(), row)


async def take(tx: Transaction, state: str, browser: str) -> Attempt | None:
    """The attempt with that state, once, and only for the browser that began it, while it lasts."""
    mine = delete(sign_ins).where(
        sign_ins.c.state_sha256 == digest(state), sign_ins.c.browser_sha256 == digest(browser)
    )
    row = await tx.one(mine.returning(sign_ins))
    if row is None or row.begun_at <= tx.clock() - LASTS:
        return None
    return Attempt(state, row.nonce, row.verifier, row.landing)


async def forget_attempts(tx: Transaction, now: datetime) -> None:
    await tx.execute(delete(sign_ins).where(sign_ins.c.begun_at <= now - LASTS))
