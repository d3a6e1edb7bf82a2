"""Keeping what could not be read: sealed, on the desk, and for as long as it may be."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, delete, select, update
from sqlalchemy.engine import Row

from chassis.crash_points import crash_point
from chassis.masking import masked
from chassis.parking import ERRAND_SOURCE, ParkedErrand, park_errand
from chassis.sealing import SealedOtherwise, Sealer
from chassis.store import Store, Transaction
from chassis.store.tables import Moment, errands, parked
from intake.dialects import Drifted, Unreadable
from intake.events import Finding
from intake.forms import Forms, fingerprint
from intake.handback import News
from intake.platform_documents import Document, Unmapped, document_of, label_of
from intake.submissions import Incoming, Receipt, Taken, let_fall, metadata, take

log = structlog.get_logger()

READING = "reading"
"""The errand of reading a document that could not be read when it came."""

EXPIRED_BATCH = 100

SHOWN_CHARACTERS = 200_000
"""What a person looks through on a desk; beyond it are mostly files in base64."""

_LONGEST_NUMBER = 40
"""Characters; a personnummer with all the spaces that masking allows has fewer."""

sealed_documents = Table(
    "sealed_documents",
    metadata,
    Column("key", String, primary_key=True),
    Column("submission_id", ForeignKey("submissions.id")),
    Column("revision", Integer),
    Column("caller", String, nullable=False),
    Column("platform", String, nullable=False),
    Column("content_type", String, nullable=False),
    Column("family", String),
    Column("tried_with", String),
    Column("received_at", Moment, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""One row per document that waits to be read, under the key of its errand; gone once it has been read.

Without a submission it could not be read at all, and may be none. `tried_with` is the fingerprint of the
mapping that was of no help, empty if there was none.
"""
Index("sealed_documents_family", sealed_documents.c.platform, sealed_documents.c.family)
Index("sealed_documents_received", sealed_documents.c.received_at)


@dataclass(frozen=True)
class Waiting:
    """Why a document waits, and what is known of it."""

    document: Document
    family: str | None
    tried_with: str | None
    reason: str


@dataclass(frozen=True)
class Keeper:
    """Puts on the desk what a caller sent and nobody could read."""

    store: Store
    sealer: Sealer

    async def park(self, waiting: Waiting, incoming: Incoming) -> Receipt:
        """Take a whole document that no form says how to read; the same one again has the same receipt."""
        sealed = await self.sealer.close(waiting.document.body)
        return await self.store.write(lambda tx: take_parked(tx, waiting, incoming, sealed), incoming.locks)

    async def keep_unreadable(self, document: Document, unreadable: Unreadable) -> str:
        """Keep a body that is no submission as it is; returns its parked id, the same for the same bytes."""
        waiting = Waiting(document, None, None, told(unreadable))
        key, sealed = f"{READING} {document.caller} {document.digest}", await self.sealer.close(document.body)
        return await self.store.write(lambda tx: _keep_unreadable(tx, waiting, key, sealed), [key])

    async def kept(self, key: str) -> Row[Any] | None:
        async with self.store.read() as connection:
            return (
                await connection.execute(select(sealed_documents).where(sealed_documents.c.key == key))
            ).first()

    async def opened(self, kept: Row[Any]) -> Document:
        """Raises `SealedOtherwise` when no key fits."""
        body = await self.sealer.open(kept.body)
        return await document_of(kept.caller, kept.platform, kept.content_type, body, kept.received_at)

    async def show(self, key: str) -> str:
        """What a person may see of it: the beginning, without what could be a personnummer."""
        kept = await self.kept(key)
        if kept is None:
            return "(it has been read, or its time is over: the document is not kept any longer)"
        try:
            document = await self.opened(kept)
        except SealedOtherwise:
            return (
                "(sealed with a key that is not in INTAKE_SEALING_KEY: kept, but not to be read without it)"
            )
        return await asyncio.to_thread(shown, document.body)

    async def forget_expired(self, keep_days: float) -> int:
        """Remove what could never be read and has been kept long enough; returns how many."""
        count = await self.store.write(lambda tx: _forget_expired(tx, timedelta(days=keep_days)))
        if count:
            log.info("parked.expired", count=count)
        return count


async def take_parked(tx: Transaction, waiting: Waiting, incoming: Incoming, sealed: bytes) -> Receipt:
    receipt = await take(tx, incoming)
    if receipt.taken is Taken.NEW:
        await tx.flush()
        key = f"{READING} {receipt.id} {receipt.revision}"
        await _seal_in(tx, waiting, key, sealed, submission_id=receipt.id, revision=receipt.revision)
        await park_errand(tx, _errand(waiting, key, submission_id=receipt.id, form=incoming.form))
    crash_point("intake.before_commit")
    return receipt


async def _keep_unreadable(tx: Transaction, waiting: Waiting, key: str, sealed: bytes) -> str:
    """Its time counts from when it last came."""
    await _seal_in(tx, waiting, key, sealed)
    await tx.execute(
        update(sealed_documents).where(sealed_documents.c.key == key).values(received_at=tx.clock())
    )
    return await park_errand(tx, _errand(waiting, key))


async def _seal_in(tx: Transaction, waiting: Waiting, key: str, sealed: bytes, **belongs_to: Any) -> None:
    row = {
        "key": key,
        "submission_id": None,
        "revision": None,
        "caller": waiting.document.caller,
        "platform": waiting.document.platform,
        "content_type": waiting.document.content_type,
        "family": waiting.family,
        "tried_with": waiting.tried_with,
        "received_at": waiting.document.received_at,
        "body": sealed,
        **belongs_to,
    }
    await tx.insert_once(sealed_documents, row)


def _errand(waiting: Waiting, key: str, **belongs_to: str) -> ParkedErrand:
    payload = {"caller": waiting.document.caller, "platform": waiting.document.platform, **belongs_to}
    return ParkedErrand(READING, key, payload, waiting.reason)


async def forget(tx: Transaction, key: str) -> None:
    """Let go of a document that has been read: what it said is in the record."""
    await tx.execute(delete(sealed_documents).where(sealed_documents.c.key == key))


async def _forget_expired(tx: Transaction, keep: timedelta) -> int:
    """The item, its errand and its bytes together."""
    expired = (
        select(sealed_documents.c.key)
        .where(sealed_documents.c.submission_id.is_(None), sealed_documents.c.received_at < tx.clock() - keep)
        .limit(EXPIRED_BATCH)
    )
    keys = [row.key for row in await tx.all(expired)]
    await tx.execute(delete(parked).where(parked.c.source == ERRAND_SOURCE, parked.c.event_id.in_(keys)))
    await tx.execute(delete(errands).where(errands.c.key.in_(keys)))
    await tx.execute(delete(sealed_documents).where(sealed_documents.c.key.in_(keys)))
    return len(keys)


async def let_document_fall(tx: Transaction, key: str) -> News | None:
    """A person has decided that it will not be read; gives what its sender is to be told, if there is one."""
    kept = await tx.one(
        select(sealed_documents.c.submission_id, sealed_documents.c.revision).where(
            sealed_documents.c.key == key
        )
    )
    if kept is None or kept.submission_id is None:
        return None
    await let_fall(tx, kept.submission_id, kept.revision, [_DROPPED.model_dump()])
    return News(
        submission_id=kept.submission_id,
        revision=kept.revision,
        version=0,
        status="rejected",
        message=_DROPPED.message,
    )


_DROPPED = Finding(
    rule="unreadable-form",
    outcome="reject",
    message="Inlämningen kunde inte tolkas här och har lagts åt sidan av en handläggare. "
    "Kontakta kommunen om den ska behandlas.",
    source="Kansli",
)


def incoming(document: Document, unmapped: Unmapped, idempotency_key: str | None) -> Incoming:
    """The submission that a document will become; one without a time of its own is known by its bytes."""
    of_the_bytes = document.digest if unmapped.submitted_at is None else None
    return Incoming(
        caller=document.caller,
        idempotency_key=of_the_bytes or idempotency_key,
        digest=document.digest,
        document=document.digest,
        form=label_of(unmapped),
        reference=document.scoped(unmapped.reference),
        submitted_at=unmapped.submitted_at or document.received_at,
        received_at=document.received_at,
    )


def waiting_for_mapping(document: Document, unmapped: Unmapped, forms: Forms) -> Waiting:
    tried_with = fingerprint(forms, document.platform, unmapped.family)
    return Waiting(document, unmapped.family, tried_with, reason_of(unmapped))


def reason_of(unmapped: Unmapped) -> str:
    """What a person reads at the desk; a version that is no number is not repeated."""
    version = unmapped.version if (unmapped.version or "").isdecimal() else "unknown"
    family = f"family {unmapped.family}, version {version}"
    if isinstance(unmapped, Drifted):
        return f"elements that the form requires are gone from {family}: {', '.join(unmapped.missing)}"
    return f"no form maps {family}"


def told(unreadable: Unreadable) -> str:
    """What is wrong, and where as far as it is known."""
    if unreadable.line is None or unreadable.column is None:
        return unreadable.detail
    return f"{unreadable.detail} Felet finns på rad {unreadable.line}, kolumn {unreadable.column}."


def shown(body: bytes) -> str:
    """The beginning, masked; where it is cut a number could be left in half, so its end goes too."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    beginning = masked(text[:SHOWN_CHARACTERS])
    return beginning if len(text) <= SHOWN_CHARACTERS else f"{beginning[:-_LONGEST_NUMBER]} …"
