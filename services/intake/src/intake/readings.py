"""Reading again what was parked: when a person asks, and by itself when a mapping arrives."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.engine import Row

from chassis.callers import Caller, Callers
from chassis.errands import Conclude, Errand, ErrandKind
from chassis.folders import WatchedFolder
from chassis.outcomes import Answer, Reject
from chassis.parking import replay
from chassis.problems import Problem
from chassis.sealing import SealedOtherwise
from chassis.stopping import finishing
from chassis.store import Store, Transaction
from chassis.store.tables import parked
from intake.dialects import DataTooLarge, Draft, Drifted, EnvelopeInvalid, NoMapping, Unreadable
from intake.forms import Forms, fingerprint
from intake.handback import HandBacks
from intake.keeping import (
    READING,
    Keeper,
    forget,
    incoming,
    let_document_fall,
    reason_of,
    sealed_documents,
    take_parked,
    told,
    waiting_for_mapping,
)
from intake.platform_documents import Document, Unmapped, read
from intake.submissions import OtherForm, Submission, Taken, take, take_reading

LEASE = timedelta(minutes=2)
"""A document of 25 MiB with its files on a slow object store is read in some seconds."""

REPLAYED_AT_ONCE = 50
"""A transaction each; between two batches whoever else writes has its turn."""

EXPIRE_EVERY_S = 600.0

BY_ITSELF = "mapping"

MakeSubmission = Callable[[Draft, Caller, Document], Awaitable[Submission]]


@dataclass
class Reader:
    """Gives what lies on the desk another chance, with the mappings that there are now."""

    store: Store
    keeper: Keeper
    forms: WatchedFolder[Forms]
    callers: WatchedFolder[Callers]
    submission: MakeSubmission
    hand_backs: HandBacks
    keep_unreadable_days: float
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.forms.on_change(self._changed.set)

    @property
    def kind(self) -> ErrandKind:
        return ErrandKind(READING, self.perform, LEASE, show=self.keeper.show, let_fall=self.let_fall)

    async def let_fall(self, tx: Transaction, key: str) -> None:
        """The platform is told that it goes nowhere, as it is of what a rule rejects."""
        if news := await let_document_fall(tx, key):
            await self.hand_backs.begin(tx, news)

    async def perform(self, errand: Errand) -> Conclude:
        """Raises `Reject`, which parks it again, with the reason that there is today."""
        kept = await self.keeper.kept(errand.key)
        if kept is None:
            raise Reject("the document is not kept any longer")
        document = await self._opened(kept)
        try:
            submission = await self._read(document)
        except (NoMapping, Drifted) as unmapped:
            return await self._wait_for_mapping(kept, document, unmapped)
        return partial(self._conclude, kept, submission)

    async def reread(self) -> None:
        """Replay what waits for a mapping, at the start and whenever the forms have changed."""
        await self.keeper.sealer.keys()
        while True:
            self._changed.clear()
            while await finishing(self.replay_some()):
                pass
            await self._changed.wait()

    async def replay_some(self) -> bool:
        """Replay a batch of documents whose mapping is another than the one that was of no help."""
        waiting = [
            (row, mapping)
            for row in await self._families()
            if (mapping := fingerprint(self.forms.current, row.platform, row.family)) != row.tried_with
        ]
        for row, mapping in waiting:
            for key in await self._keys(row):
                await self.store.write(partial(_replay, key=key, tried_with=mapping))
        return bool(waiting)

    async def expire(self) -> None:
        """Remove what has been kept long enough, every now and then."""
        while True:
            while await finishing(self.keeper.forget_expired(self.keep_unreadable_days)):
                pass
            await asyncio.sleep(EXPIRE_EVERY_S)

    async def _opened(self, kept: Row[Any]) -> Document:
        try:
            return await self.keeper.opened(kept)
        except SealedOtherwise:
            raise Reject("sealed with a key that is not in INTAKE_SEALING_KEY") from None

    async def _read(self, document: Document) -> Submission:
        caller = self.callers.current.with_id(document.caller)
        if caller is None:
            raise Reject("the caller is not in callers.yaml any longer")
        try:
            return await self.submission(await read(document, self.forms.current), caller, document)
        except Unreadable as unreadable:
            raise Reject(told(unreadable)) from None
        except EnvelopeInvalid as invalid:
            raise Reject(" ".join(fault.detail for fault in invalid.faults)) from None
        except DataTooLarge:
            raise Reject("the answers are too large") from None
        except Problem as problem:
            raise Reject(problem.detail) from None

    async def _wait_for_mapping(self, kept: Row[Any], document: Document, unmapped: Unmapped) -> Conclude:
        """What has a submission goes on waiting; what could not be read before has one from now on."""
        if kept.submission_id is not None:
            raise Reject(reason_of(unmapped))
        waiting = waiting_for_mapping(document, unmapped, self.forms.current)

        async def conclude(tx: Transaction) -> Answer:
            await take_parked(tx, waiting, incoming(document, unmapped, None), kept.body)
            await forget(tx, kept.key)
            return ()

        return conclude

    async def _conclude(self, kept: Row[Any], submission: Submission, tx: Transaction) -> Answer:
        if kept.submission_id is None:
            await _take(tx, submission)
        else:
            await _take_revision(tx, submission, kept.submission_id, kept.revision)
        await forget(tx, kept.key)
        return ()

    async def _families(self) -> Sequence[Row[Any]]:
        columns = (sealed_documents.c.platform, sealed_documents.c.family, sealed_documents.c.tried_with)
        async with self.store.read() as connection:
            query = select(*columns).where(sealed_documents.c.family.is_not(None)).distinct()
            return (await connection.execute(query)).all()

    async def _keys(self, row: Row[Any]) -> list[str]:
        """The first of them that came."""
        of_family = (
            sealed_documents.c.platform == row.platform,
            sealed_documents.c.family == row.family,
            sealed_documents.c.tried_with == row.tried_with,
        )
        oldest = sealed_documents.c.received_at, sealed_documents.c.key
        query = select(sealed_documents.c.key).where(*of_family).order_by(*oldest).limit(REPLAYED_AT_ONCE)
        async with self.store.read() as connection:
            return [found.key for found in await connection.execute(query)]


async def _replay(tx: Transaction, key: str, tried_with: str) -> None:
    """A person may have decided about it meanwhile."""
    await tx.execute(
        update(sealed_documents).where(sealed_documents.c.key == key).values(tried_with=tried_with)
    )
    item = await tx.one(select(parked.c.id).where(parked.c.event_id == key, parked.c.state == "parked"))
    if item is not None:
        await replay(tx, item.id, BY_ITSELF)


async def _take(tx: Transaction, submission: Submission) -> None:
    if (await take(tx, submission)).taken is Taken.CONFLICTING:
        raise Reject("the reference has been used for something else")


async def _take_revision(tx: Transaction, submission: Submission, submission_id: str, revision: int) -> None:
    try:
        await take_reading(tx, submission, submission_id, revision)
    except OtherForm:
        raise Reject("the submission is of another form") from None
