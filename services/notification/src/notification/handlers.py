"""What notification does when it hears of a report: it writes the letters, and has them sent."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chassis.consumer import Subscription
from chassis.folders import WatchedFolder
from chassis.outcomes import TryLater
from chassis.store import Store, Transaction
from notification.delivery import SEND_LETTER
from notification.events import (
    ReportFiled,
    ReportHeld,
    ReportReturned,
    ReportTold,
    SubmissionRejected,
    Told,
)
from notification.headers import Sender, as_bytes
from notification.letters import Letter, Occasion, compose
from notification.mailbag import put_in
from notification.recipients import Committee, Committees, EventKind, Submitter, recipients_of

CONFIG_MAY_COME = timedelta(minutes=1)


@dataclass
class Letters:
    """The service's work: from an event to letters in the mailbag, and from there to the post."""

    store: Store
    committees: WatchedFolder[Committees]
    sender: Sender
    pages_url: str

    def reads(self) -> list[Subscription[Any]]:
        return [
            Subscription(ReportFiled, self.write_letters),
            Subscription(ReportHeld, self.write_letters_of_hold),
            Subscription(ReportReturned, self.write_letters),
            Subscription(SubmissionRejected, self.write_letters),
        ]

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
