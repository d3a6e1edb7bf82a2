"""What notification does when it hears of a report: it writes the letters, and has them sent."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Row

from chassis.clock import day_in_stockholm
from chassis.consumer import Subscription
from chassis.folders import WatchedFolder
from chassis.outcomes import TryLater
from chassis.store import Store, Transaction
from notification.delivery import SEND_LETTER
from notification.events import (
    PacketFrozen,
    ReportFiled,
    ReportHeld,
    ReportMoved,
    ReportReleased,
    ReportReturned,
    ReportSeen,
    ReportTold,
    SubmissionRejected,
    Told,
)
from notification.headers import Sender, as_bytes
from notification.letters import Letter, Occasion, compose
from notification.mailbag import put_in
from notification.notices import MOVES_COME_TOGETHER, NoticeKind, amend, due_at, note, noted, withdraw
from notification.recipients import (
    Committee,
    Committees,
    EventKind,
    LetterKind,
    Submitter,
    recipients_of,
)
from notification.standings import (
    Status,
    foresee_standings,
    note_frozen,
    note_seen,
    note_standing,
    standing_of,
)
from notification.threads import in_thread, thread_of_report

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
            Subscription(ReportFiled, self.tell_of_filed, _locks, _foresee),
            Subscription(ReportHeld, self.tell_of_held, _locks, _foresee),
            Subscription(ReportReturned, self.tell_of_returned, _locks),
            Subscription(ReportReleased, note_released, _locks),
            Subscription(ReportMoved, note_moved, _locks),
            Subscription(ReportSeen, note_report_seen, _locks),
            Subscription(PacketFrozen, note_packet, _locks),
            Subscription(SubmissionRejected, self.tell_of_rejected, _locks),
        ]

    async def tell_of_filed(self, event: ReportFiled, tx: Transaction) -> None:
        """Tell the secretary at once, or note it for a letter about several; what is late cannot wait.

        The sender hears at once, whatever the secretary's setting is.
        """
        committee = self._committee(event)
        overtaken_by = await _stands(event, "filed", tx)
        if _is_returned(overtaken_by):
            return
        due = _can_wait_until(event, committee, tx.clock())
        waits: tuple[LetterKind, ...] = () if due is None else ("filed",)
        occasion = await self._write_letters(event, committee, tx, but_for=waits)
        if due is not None:
            await _note_filed(event, _notice("filed", event, occasion, due), overtaken_by, tx)

    async def tell_of_held(self, event: ReportHeld, tx: Transaction) -> None:
        """Always at once; what a person holds on the secretary's page is no news to the secretary."""
        committee = self._committee(event)
        overtaken_by = await _stands(event, "held", tx)
        if event.reason is None and not _is_returned(overtaken_by):
            await self._write_letters(event, committee, tx)

    async def tell_of_returned(self, event: ReportReturned, tx: Transaction) -> None:
        committee = self._committee(event)
        await _stands(event, "returned", tx)
        await self._write_letters(event, committee, tx)

    async def tell_of_rejected(self, event: SubmissionRejected, tx: Transaction) -> None:
        """The sender hears at once, whatever the secretary's setting is."""
        committee = self._committee(event)
        due = due_at(committee.notify, tx.clock())
        waits: tuple[LetterKind, ...] = () if due is None else ("rejected_secretary",)
        occasion = await self._write_letters(event, committee, tx, but_for=waits)
        if due is not None:
            await note(tx, _notice("rejected", event, occasion, due))

    def _committee(self, event: Told) -> Committee:
        """Raises `TryLater` when the configuration does not have it (yet)."""
        committee = self.committees.current.get(event.committee)
        if committee is None:
            raise TryLater(f"no committee {event.committee} in the configuration", CONFIG_MAY_COME)
        return committee

    async def _write_letters(
        self, event: Told, committee: Committee, tx: Transaction, but_for: Collection[LetterKind] = ()
    ) -> Occasion:
        """Write a letter to each who is to know, and have it sent after the commit; returns what it tells."""
        occasion = self._occasion(event)
        kind: EventKind = event.kind  # type: ignore[assignment]
        submitter = _submitter(event)
        for recipient in recipients_of(kind, committee, submitter, day_in_stockholm(tx.clock())):
            if recipient.kind in but_for:
                continue
            letter = compose(occasion, committee, recipient, domain=self.sender.domain, created_at=tx.clock())
            thread = thread_of_report(committee, letter, occasion.meeting)
            await self._have_sent(tx, event, committee, await in_thread(tx, letter, thread))
        return occasion

    def _occasion(self, event: Told) -> Occasion:
        told = event.model_dump(mode="json", exclude={"submitter", "form", "committee"})
        return Occasion.model_validate(
            {
                **told,
                "event_id": event.occurrence,
                "unit": event.unit_name,
                "page_url": self._page(event),
                "submitter_told": _submitter(event).reachable,
                "is_held": isinstance(event, ReportHeld),
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
            "thread": letter.thread,
            "meeting_date": event.meeting.date if isinstance(event, ReportTold) and event.meeting else None,
        }
        if await put_in(tx, row):
            payload = {"letter_id": letter.id, "submission_id": event.submission_id, "form": event.form}
            await tx.send_on_errand(SEND_LETTER, letter.id, payload)


def _can_wait_until(event: ReportFiled, committee: Committee, now: datetime) -> datetime | None:
    """When it is told with others; None for at once, also where that would be after the deadline."""
    due = due_at(committee.notify, now)
    if due is None or event.late or (event.meeting is not None and due >= event.meeting.deadline):
        return None
    return due


def _locks(event: Told | ReportSeen | PacketFrozen) -> Iterable[str]:
    """What is told of a report comes by several queues, and each changes what another one noted."""
    reports = event.reports if isinstance(event, PacketFrozen) else [event]
    for report in reports:
        yield f"report {report.submission_id}"


async def _foresee(events: Sequence[ReportTold], tx: Transaction) -> None:
    await foresee_standings(tx, [event.submission_id for event in events])


def _submitter(event: Told) -> Submitter:
    return Submitter(name=event.submitter.name, email=event.submitter.email)


async def _note_filed(
    event: ReportFiled, notice: dict[str, Any], overtaken_by: Row[Any] | None, tx: Transaction
) -> None:
    """What the calendar alone has moved on meanwhile is told too, with the meeting that it goes to now."""
    if overtaken_by is None:
        await note(tx, notice)
        return
    move = f"{ReportMoved.kind} {event.submission_id} {overtaken_by.revision} {overtaken_by.version}"
    moved = await noted(tx, move)
    if moved is not None and overtaken_by.status == "filed":
        await note(tx, notice | {"facts": notice["facts"] | {"meeting": moved.facts["meeting"]}})


def _notice(kind: NoticeKind, event: Told, occasion: Occasion, due: datetime) -> dict[str, Any]:
    """What the letter about several will need, as bare as any letter."""
    return notice_row(kind, event, occasion.model_dump(mode="json"), due)


async def _stands(event: ReportTold, status: Status, tx: Transaction) -> Row[Any] | None:
    """Note where the report is, and tell no more of where it was; returns where it is if that is not news."""
    heard = await note_standing(tx, event, status)
    if heard == "overtaken":
        return await standing_of(tx, event.submission_id)
    if heard == "newer" or event.revision > 1:
        await withdraw(tx, event.submission_id, event.revision)
    return None


def _is_returned(standing: Row[Any] | None) -> bool:
    """Whether what came before would be told as if it were still so, to a sender who knows better."""
    return standing is not None and standing.status == "returned"


async def note_released(event: ReportReleased, tx: Transaction) -> None:
    """Nothing waits for the secretary any more; it was she who released it."""
    await _stands(event, "filed", tx)


async def note_moved(event: ReportMoved, tx: Transaction) -> None:
    """Note for one letter per meeting what the calendar has moved; who moved a report herself knows it."""
    if event.by == "person":
        await _stands(event, event.status, tx)
    elif await note_standing(tx, event, event.status) != "overtaken":
        meeting = event.meeting.model_dump(mode="json") if event.meeting else None
        moved_from = event.moved_from.isoformat() if event.moved_from else None
        await amend(tx, event.submission_id, {"meeting": meeting})
        facts = {"moved_from": moved_from, "meeting": meeting}
        await note(tx, notice_row("moved", event, facts, tx.clock() + MOVES_COME_TOGETHER))


async def note_report_seen(event: ReportSeen, tx: Transaction) -> None:
    """It calls for no letter: it spares one."""
    await note_seen(tx, event)


async def note_packet(event: PacketFrozen, tx: Transaction) -> None:
    """Its letter comes at once, and what lies in it waits for nobody."""
    for report in event.reports:
        if await note_frozen(tx, event.meeting, report):
            await withdraw(tx, report.submission_id)
    await note(
        tx,
        {
            "id": f"{event.kind} {event.submission_id}",
            "kind": "frozen",
            "committee": event.meeting.committee,
            "submission_id": event.submission_id,
            "revision": 0,
            "form": "",
            "facts": {
                "meeting": event.meeting.model_dump(mode="json"),
                "number": event.number,
                "count": len(event.reports),
                "pdf": event.pdf.model_dump(mode="json") if event.pdf else None,
            },
            "due_at": tx.clock(),
        },
    )


def notice_row(kind: NoticeKind, event: Told, facts: Mapping[str, Any], due: datetime) -> dict[str, Any]:
    return {
        "id": event.occurrence,
        "kind": kind,
        "committee": event.committee,
        "submission_id": event.submission_id,
        "revision": event.revision,
        "form": event.form,
        "facts": facts,
        "due_at": due,
    }
