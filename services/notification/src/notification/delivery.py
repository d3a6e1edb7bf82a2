"""A letter's way to the relay: sent, put off, failed, or not known, and what is done then.

| what the relay did | then |
|---|---|
| took it | sent |
| asked to come back (4xx), or was lost before the dot | minutes later, then every half hour, for five days |
| refused it (5xx), or did so for five days | failed, and a person is shown it |
| was lost after the dot | as `on_uncertain` says |
| is not there | the breaker waits for it; no letter loses anything |
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter
from pydantic_core import to_json
from sqlalchemy.engine import Row

from chassis.errands import Conclude, Errand, ErrandKind
from chassis.outcomes import Answer, Reject, TryLater
from chassis.parking import ParkedErrand, park_errand
from chassis.store import Store, Transaction
from notification.breaker import Breaker
from notification.events import LetterEvent, NotificationFailed, NotificationSent
from notification.mailbag import (
    Arrival,
    arrival,
    count_uncertain,
    locked,
    note_deferral,
    sent_at,
    settle,
    take_out,
    told_in,
)
from notification.post import Deferred, NotYet, Receipt, Refused, Uncertain, Unreached

log = structlog.get_logger()

SEND_LETTER = "notification.letter"

SENDING_LEASE = timedelta(minutes=20)
"""A relay may take ten minutes for its last answer (RFC 5321 § 4.5.3.2.6), and some for each before it."""

FIRST_DEFERRAL = timedelta(minutes=5)
"""Greylisting lets a letter through at a second try some minutes later."""

LATER_DEFERRALS = timedelta(minutes=30)
GIVEN_UP_AFTER = timedelta(days=5)
"""RFC 5321 § 4.5.4.1: half an hour between tries, and four or five days of trying."""

AFTER_NO_CONTACT = timedelta(minutes=1)
AFTER_UNCERTAINTY = timedelta(minutes=10)

MOST_UNCERTAIN = 3
"""So often may a letter be sent without an answer; then a person decides, as each time may be a copy."""


class OnUncertain(StrEnum):
    """What is done with a letter that the relay may have or not."""

    RESEND = "resend"
    HOLD = "hold"


@dataclass
class Delivery:
    """Sends the letters of the mailbag, and stores what became of each."""

    store: Store
    post: Breaker
    sender_address: str
    on_uncertain: OnUncertain
    counter: Counter

    def errands(self, at_once: int) -> list[ErrandKind]:
        return [
            ErrandKind(
                SEND_LETTER,
                self.send_letter,
                SENDING_LEASE,
                at_once,
                given_up=note_parked,
                show=self.show,
                let_fall=let_fall,
                ready=self.post.ready,
            )
        ]

    async def send_letter(self, errand: Errand) -> Conclude:
        """Hand the letter to the post; what the relay is known to have is not sent again."""
        letter = await take_out(self.store, errand.key)
        if arrival(letter) is not None:
            return self._sent(letter, "a report of its delivery came")
        if errand.begun_before:
            await self._uncertain(letter, "process")
        try:
            receipt = await self._hand_over(letter)
        except Refused as refused:
            return self._failed(letter, errand, refused.answer, f"refused at {refused.step} {refused.code}")
        except Uncertain as uncertain:
            await self._uncertain(letter, uncertain.step)
            raise TryLater(f"uncertain at {uncertain.step}", AFTER_UNCERTAINTY) from None
        except Unreached as away:
            raise TryLater(f"unreached at {away.step}", AFTER_NO_CONTACT) from None
        except NotYet as not_yet:
            return await self._put_off(letter, errand, not_yet)
        return self._sent(letter, receipt.answer)

    async def show(self, letter_id: str) -> str:
        """What a person must know to decide: which letter, to whom, and what the relay said of it."""
        letter = await take_out(self.store, letter_id)
        named = ("submission_id", "kind", "recipient", "written_at", "state", "uncertain", "answer")
        return to_json({name: letter._mapping[name] for name in named}).decode()

    async def _hand_over(self, letter: Row[Any]) -> Receipt:
        return await self.post.deliver(letter.content, self.sender_address, letter.recipient, letter.id)

    async def _put_off(self, letter: Row[Any], errand: Errand, trouble: NotYet) -> Conclude:
        """Try again later, by how long it has been put off; after days it has failed.

        Raises:
            TryLater: it is not given up yet.
        """
        now = self.store.clock()
        since = letter.deferred_since or now
        reason = (
            f"{'deferred' if isinstance(trouble, Deferred) else 'unsent'} at {trouble.step} {trouble.code}"
        )
        if now - since >= GIVEN_UP_AFTER:
            return self._failed(letter, errand, trouble.answer, f"given up, {reason}")
        self.counter.labels(letter.kind, "deferred").inc()
        await self.store.write(lambda tx: note_deferral(tx, letter.id, since))
        raise TryLater(reason, pause_after(since, now))

    async def _uncertain(self, letter: Row[Any], step: str) -> None:
        """Count it.

        Raises:
            Reject: a person must decide whether it is sent once more.
        """
        self.counter.labels("any", "uncertain").inc()
        log.warning("letter.uncertain", letter_id=letter.id, step=step)
        times = await self.store.write(lambda tx: count_uncertain(tx, letter.id))
        if self.on_uncertain is OnUncertain.HOLD or times >= MOST_UNCERTAIN:
            raise Reject(f"uncertain at {step}: the relay may have taken it, {times} times")

    def _sent(self, letter: Row[Any], answer: str) -> Conclude:
        async def conclude(tx: Transaction) -> Answer:
            at = sent_at(await locked(tx, letter.id), tx.clock())
            await settle(tx, letter.id, "sent", answer)
            return await told(tx, NotificationSent, letter, at)

        self._note(letter, "sent")
        return conclude

    def _failed(self, letter: Row[Any], errand: Errand, answer: str, reason: str) -> Conclude:
        """Lay it on the desk as well: a person mends the address, or sees to it that the word gets out."""

        async def conclude(tx: Transaction) -> Answer:
            await settle(tx, letter.id, "failed", answer)
            await park_errand(tx, ParkedErrand(errand.kind, errand.key, errand.payload, reason))
            return await told(tx, NotificationFailed, letter, tx.clock())

        self._note(letter, "failed")
        return conclude

    def _note(self, letter: Row[Any], state: str) -> None:
        self.counter.labels(letter.kind, state).inc()
        log.info("letter.settled", letter_id=letter.id, submission_id=letter.submission_id, state=state)


def pause_after(since: datetime, now: datetime) -> timedelta:
    """As long as it has been put off so far, within bounds: 5, 5, 10, 20, 30, 30 … minutes."""
    return max(FIRST_DEFERRAL, min(now - since, LATER_DEFERRALS))


async def note_parked(tx: Transaction, errand: Errand) -> None:
    await settle(tx, errand.key, "parked", None)


async def let_fall(tx: Transaction, letter_id: str) -> None:
    """A person has decided that it is not sent again; of one that failed that was told before."""
    letter = await locked(tx, letter_id)
    if letter.state != "parked":
        return
    has_arrived = arrival(letter) is Arrival.DELIVERED
    await settle(tx, letter_id, "sent" if has_arrived else "dropped", None)
    kind = NotificationSent if has_arrived else NotificationFailed
    await tx.say(*await told(tx, kind, letter, tx.clock()))


async def told(
    tx: Transaction, kind: type[LetterEvent], letter: Row[Any], at: datetime
) -> Sequence[LetterEvent]:
    """What became of the letter and when, said of each report that it told of."""
    return [
        kind(
            submission_id=one.submission_id,
            revision=one.revision,
            form=one.form,
            letter=letter.kind,
            letter_id=one.letter_id,
            happened_at=at,
        )
        for one in await told_in(tx, letter)
    ]


def mails_counter(registry: CollectorRegistry) -> Counter:
    """The uncertain ones are shown from nought on, so that the first is seen as one more."""
    counter = Counter(
        "kansli_mails_total", "Letters, by what became of them", ["kind", "status"], registry=registry
    )
    counter.labels("any", "uncertain")
    return counter
