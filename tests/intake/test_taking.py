"""Many that come at once are taken as if each had come alone."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from chassis.events import STRUCTURED, unpack
from chassis.store import Store, Transaction
from chassis.store.tables import outbox
from intake.events import Submitter
from intake.submissions import Receipt, Submission, history, revisions, submissions, take
from intake.taking import take_all

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
CALLERS = count()

TakeAll = Callable[[Transaction, Sequence[Submission]], Awaitable[list[Receipt]]]


@dataclass(frozen=True)
class Asked:
    """One request, as far as it matters for whether it is the same as another."""

    reference: str
    minute: int
    content: str
    key: str | None

    def by(self, caller: str) -> Submission:
        return Submission(
            caller=caller,
            idempotency_key=self.key,
            digest=self.content,
            form="prov",
            form_version=1,
            reference=self.reference,
            submitted_at=START + timedelta(minutes=self.minute),
            received_at=START,
            arrived_at=START,
            submitter=Submitter(name="Anna Exempelsson", email="a@b.example", personal_number_hash=None),
            data={"minut": self.minute},
            attachments=[],
        )


requests = st.lists(
    st.builds(
        Asked,
        reference=st.sampled_from("ABC"),
        minute=st.integers(0, 1),
        content=st.sampled_from("xy"),
        key=st.sampled_from([None, "1", "2", "3"]),
    ),
    max_size=8,
)


async def _in_turn(take_several: TakeAll, several: Sequence[Submission], tx: Transaction) -> list[Receipt]:
    return await take_several(tx, several)


async def take_each(tx: Transaction, several: Sequence[Submission]) -> list[Receipt]:
    receipts = []
    for submission in several:
        receipts.append(await take(tx, submission))
        await tx.flush()
    return receipts


async def became(store: Store, take_several: TakeAll, batches: Sequence[Sequence[Asked]]) -> list[Any]:
    """What each was answered and what is kept, a new caller's; ids are told by the place of the first."""
    caller = f"caller-{next(CALLERS)}"
    receipts: list[Receipt] = []
    for batch in batches:
        several = [asked.by(caller) for asked in batch]
        receipts += await store.write(partial(_in_turn, take_several, several))
    ids = [receipt.id for receipt in receipts]
    answered = [(one.taken, one.revision, one.form, ids.index(one.id)) for one in receipts]
    return [answered, *[await kept(store, caller, query) for query in KEPT]]


KEPT = (
    select(submissions.c.reference, submissions.c.revision, submissions.c.submitted_at, submissions.c.status),
    select(submissions.c.reference, revisions.c.revision, revisions.c.digest, revisions.c.superseded).join(
        revisions
    ),
    select(submissions.c.reference, history.c.event).join(history),
)


async def kept(store: Store, caller: str, query: Any) -> list[tuple[Any, ...]]:
    async with store.read() as connection:
        return sorted(map(tuple, await connection.execute(query.where(submissions.c.caller == caller))))


@settings(max_examples=30, deadline=None)
@given(batches=st.lists(requests, max_size=3))
def test_taken_together_is_taken_each(
    runner: asyncio.Runner, store: Store, batches: list[list[Asked]]
) -> None:
    """New, repeated, completing and conflicting ones, among what came at once and with what came before."""
    together = runner.run(became(store, take_all, batches))
    assert together == runner.run(became(store, take_each, batches))


def test_each_event_carries_on_the_trace_of_its_own_request(runner: asyncio.Runner, store: Store) -> None:
    """Though they are said by one and the same work."""
    several = [Asked(reference, 0, "x", None).by("traced") for reference in "ABC"]
    runner.run(store.write(partial(take_all, several=several)))
    assert runner.run(traces(store)) == {one.id: one.traceparent for one in several}


async def traces(store: Store) -> dict[str, str | None]:
    """Of the last that were said, by submission."""
    async with store.read() as connection:
        bodies = (await connection.scalars(select(outbox.c.body).order_by(outbox.c.id.desc()).limit(3))).all()
    envelopes = [received.envelope for body in bodies for received in unpack(body, STRUCTURED)]
    return {envelope.subject: envelope.traceparent for envelope in envelopes if envelope}
