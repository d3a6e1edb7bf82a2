"""What notification does when it hears of a report: it writes the letters, and has them sent."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter

from chassis.consumer import Subscription
from chassis.errands import Conclude, Errand, ErrandKind
from chassis.folders import WatchedFolder
from chassis.outcomes import Answer, TryLater
from chassis.store import Store, Transaction
from notification.events import (
    NotificationFailed,
    NotificationSent,
    ReportFiled,
    ReportHeld,
    ReportReturned,
    ReportTold,
    SubmissionRejected,
    Told,
)
from notification.headers import Sender, as_bytes
from notification.letters import Letter, Occasion, compose
from notification.mailbag import count_uncertain, put_in, settle, take_out
from notification.post import Deferred, Post, Refused, Uncertain, Unsent
from notification.recipients import Committee, Committees, EventKind, Submitter, recipients_of

log = structlog.get_logger()

SEND_LETTER = "notification.letter"

SENDING_LEASE = timedelta(minutes=20)
"""A relay may take ten minutes for its last answer (RFC 5321 § 4.5.3.2.6), and some for each before it."""

AFTER_DEFERRAL = timedelta(minutes=10)
"""Greylisting lets a letter through at a second try some minutes later."""

AFTER_NO_CONTACT = timedelta(minutes=1)
"""The relay is away, not the recipient: no reason to wait long, and no attempt of the letter's."""

CONFIG_MAY_COME = timedelta(minutes=1)


@dataclass
class Letters:
    """The service's work: from an event to letters in the mailbag, and from there to the post."""

    store: Store
    committees: WatchedFolder[Committees]
    post: Post
    sender: Sender
    pages_url: str
    counter: Counter

    def reads(self) -> list[Subscription[Any]]:
        return [
            Subscription(ReportFiled, self.write_letters),
            Subscription(ReportHeld, self.write_letters_of_hold),
            Subscription(ReportReturned, self.write_letters),
            Subscription(SubmissionRejected, self.write_letters),
        ]

    def errands(self, at_once: int) -> list[ErrandKind]:
        return [ErrandKind(SEND_LETTER, self.send_letter, SENDING_LEASE, at_once)]

    async def write_letters(self, event: Told, tx: Transaction) -> None:
        """Write a letter to each who is to know, and have it sent after the commit."""
        committee = self.committees.current.get(event.committee)
        if committee is None:
            raise TryLater(f"no committee {event.committee} in the configuration", CONFIG_MAY_COME)
        submitter = Submitter(name=event.submitter.name, email=event.submitter.email)
        occasion = self._occasion(event, submitter)
        kind: EventKind = event.kind  # type: ignore[assignment]
        for recipient in recipients_of(kind, committee, submitter):
            letter = compose(occasion, committee, recipient, domain=self.sender.domain, created_at=tx.clock())
            await self._have_sent(tx, event, committee, letter)

    async def write_letters_of_hold(self, event: ReportHeld, tx: Transaction) -> None:
        """What a person holds on the secretary's page is no news to the secretary."""
        if event.reason is None:
            await self.write_letters(event, tx)

    async def send_letter(self, errand: Errand) -> Conclude:
        """Hand the letter to the post; the same letter goes again until it is known to have been taken."""
        letter = await take_out(self.store, str(errand.payload["letter_id"]))
        if errand.begun_before:
            await self._uncertain(letter.id)
        try:
            receipt = await self.post.deliver(
                letter.content, self.sender.address, letter.recipient, letter.id
            )
        except Refused as refused:
            return self._concluded(letter, "failed", refused.answer)
        except Uncertain as uncertain:
            await self._uncertain(letter.id)
            raise TryLater(f"uncertain at {uncertain.step}", AFTER_DEFERRAL) from None
        except Deferred as deferred:
            raise TryLater(f"deferred at {deferred.step} {deferred.code}", AFTER_DEFERRAL) from None
        except Unsent as unsent:
            raise TryLater(f"unsent at {unsent.step}", AFTER_NO_CONTACT) from None
        return self._concluded(letter, "sent", receipt.answer)

    def _occasion(self, event: Told, submitter: Submitter) -> Occasion:
        told = event.model_dump(mode="json", exclude={"submitter", "form", "committee"})
        return Occasion.model_validate(
            {
                **told,
                "event_id": event.occurrence,
                "unit": event.unit_name,
                "page_url": self._page(event),
                "submitter_told": submitter.reachable,
            }
        )

    def _page(self, event: Told) -> str | None:
        """Where the secretary finds the report; a rejected submission is on no page."""
        if not isinstance(event, ReportTold):
            return None
        committee = f"{self.pages_url}/committees/{event.committee}"
        return f"{committee}/meetings/{event.meeting.date.isoformat()}" if event.meeting else committee

    async def _have_sent(self, tx: Transaction, event: Told, committee: Committee, letter: Letter) -> None:
        row = {
            "id": letter.id,
            "submission_id": event.submission_id,
            "revision": event.revision,
            "form": event.form,
            "committee": committee.id,
            "kind": letter.kind,
            "recipient": letter.recipient_address,
            "content": as_bytes(letter, self.sender),
            "written_at": tx.clock(),
        }
        if await put_in(tx, row):
            payload = {"letter_id": letter.id, "submission_id": event.submission_id, "form": event.form}
            await tx.send_on_errand(SEND_LETTER, letter.id, payload)

    async def _uncertain(self, letter_id: str) -> None:
        self.counter.labels("any", "uncertain").inc()
        log.warning("letter.uncertain", letter_id=letter_id)
        await self.store.write(lambda tx: count_uncertain(tx, letter_id))

    def _concluded(self, letter: Any, state: str, answer: str) -> Conclude:
        async def conclude(tx: Transaction) -> Answer:
            await settle(tx, letter.id, state, answer)
            kind = NotificationSent if state == "sent" else NotificationFailed
            return kind(
                submission_id=letter.submission_id,
                revision=letter.revision,
                form=letter.form,
                letter=letter.kind,
                letter_id=letter.id,
            )

        self.counter.labels(letter.kind, state).inc()
        log.info("letter.settled", letter_id=letter.id, submission_id=letter.submission_id, state=state)
        return conclude


def mails_counter(registry: CollectorRegistry) -> Counter:
    return Counter(
        "kansli_mails_total", "Letters, by what became of them", ["kind", "status"], registry=registry
    )
