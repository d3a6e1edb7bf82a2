"""Taking all that came at the same time: one question for them all, and none for each that is new."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Select, bindparam, select

from chassis.crash_points import crash_point
from chassis.store import Transaction
from chassis.store.tables import padded
from chassis.trace import following
from intake.submissions import (
    Receipt,
    Submission,
    idempotency_keys,
    key_lock,
    reference_lock,
    submissions,
    take,
    take_new,
)


async def take_all(tx: Transaction, several: Sequence[Submission]) -> list[Receipt]:
    """Take each of them as `take` does.

    Of what is new, neither key nor reference is known: not from before, and from none that is taken first.
    """
    known = await _known(tx, several)
    receipts = []
    for submission in several:
        with following(submission.traceparent):
            receipts.append(await _take_among(tx, submission, known))
        crash_point("intake.before_commit")
        known.update(submission.locks)
    return receipts


async def _take_among(tx: Transaction, submission: Submission, known: set[str]) -> Receipt:
    if known.isdisjoint(submission.locks):
        return await take_new(tx, submission)
    await tx.flush()
    return await take(tx, submission)


async def _known(tx: Transaction, several: Sequence[Submission]) -> set[str]:
    """Their locks that stand for a key or a reference by which something has been taken."""
    keys, references = defaultdict(set), defaultdict(set)
    for submission in several:
        references[submission.caller].add(submission.reference)
        if submission.idempotency_key is not None:
            keys[submission.caller].add(submission.idempotency_key)
    return {
        *[key_lock(*found) for found in await _found(tx, _KEYS, keys)],
        *[reference_lock(*found) for found in await _found(tx, _REFERENCES, references)],
    }


def _of_caller(caller: Column[str], name: Column[str]) -> Select[Any]:
    return select(name).where(
        caller == bindparam("its_caller"), name.in_(bindparam("its_names", expanding=True))
    )


_KEYS = _of_caller(idempotency_keys.c.caller, idempotency_keys.c.key)
_REFERENCES = _of_caller(submissions.c.caller, submissions.c.reference)


async def _found(tx: Transaction, query: Select[Any], names: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """The callers' names that are there, each with its caller."""
    return [
        (caller, name)
        for caller, its_names in names.items()
        for (name,) in await tx.all(query, {"its_caller": caller, "its_names": padded(its_names)})
    ]
