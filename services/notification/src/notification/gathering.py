"""Letters that are few: what was noted is told together, when its time has come, and once.

Taking the notices, writing the letters and having them sent are one transaction under the committee's
lock: a process that dies in between has told nothing, and another replica finds nothing left to tell.
"""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy.engine import Row

from chassis.clock import day_in_stockholm
from chassis.folders import WatchedFolder
from chassis.store import Store, Transaction
from notification.attached_packets import AttachedPackets, PacketFile
from notification.calendars import note_calendar
from notification.delivery import SEND_LETTER
from notification.guidelines import GuidedForms
from notification.headers import Sender, as_bytes
from notification.letters import Letter, Meeting
from notification.mailbag import letter_reports, put_in
from notification.notices import NoticeKind, committees_with_due, take_due
from notification.recipients import Committee, Committees, PlannedMeeting, SummaryKind, recipients_of_summary
from notification.reminders import note_what_is_due, tally_of_week
from notification.standings import held_on, unseen_on
from notification.summaries import (
    Frozen,
    GuidelineEnds,
    Moved,
    Origin,
    Reminder,
    Summary,
    gathered,
    meeting_told_of,
    moved,
    sum_up,
)
from notification.threads import in_thread, thread_of_summary
from notification.unarrived import Unarrived, unarrived_by_now
from notification.unseen import Unseen, unseen_by_now

log = structlog.get_logger()

LOOK_EVERY_S = 5.0
"""Short beside the minutes that anything waits; the question is answered by an index."""

MOST_IN_A_LETTER = 500
"""Reports that one letter tells of: nobody reads more, and a relay refuses a letter for its size."""

GATHERED: Sequence[NoticeKind] = ("filed", "rejected")

TOGETHER: Sequence[Sequence[NoticeKind]] = (
    GATHERED,
    ("moved",),
    ("reminder",),
    ("unseen",),
    ("unarrived",),
    ("tally",),
    ("guideline",),
)
"""What is told in one letter, as far as it is about one thing; each packet has a letter of its own."""


@dataclass
class Gathering:
    """The duty of telling what waits to be told."""

    store: Store
    committees: WatchedFolder[Committees]
    forms: WatchedFolder[GuidedForms]
    sender: Sender
    pages_url: str
    packets: AttachedPackets

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.tell_due()
            await asyncio.sleep(LOOK_EVERY_S)

    async def tell_due(self) -> None:
        """Write the letters that are due now; a committee that is not in the configuration waits for it.

        Raises whatever went wrong with a committee, once the others have had theirs.
        """
        noting = [await _fault_in(self._note(committee)) for committee in self.committees.current.values()]
        due = await committees_with_due(self.store)
        for fault in (*noting, *[await _fault_in(self._tell_of(name)) for name in due]):
            if fault is not None:
                raise fault

    async def _note(self, committee: Committee) -> None:
        await note_calendar(self.store, committee)
        await note_what_is_due(self.store, committee, self.forms.current)

    async def _tell_of(self, name: str) -> None:
        committee = self.committees.current.get(name)
        if committee is None:
            log.warning("notices.waiting", committee=name)
            return
        files = await self.packets.to_tell(committee)
        tell = partial(self._tell, committee, files)
        while await self.store.write(tell, locks=[f"notices {name}"]):
            pass

    async def _tell(self, committee: Committee, files: Mapping[str, PacketFile], tx: Transaction) -> bool:
        """Write what is due; tells whether there may be more of it than fits in a letter.

        A packet that was frozen while files were fetched is told the next time, with its own.
        """
        is_full = False
        for notice in await take_due(tx, committee.id, ["frozen"], among=files):
            await self._write(tx, committee, "frozen", [notice], _frozen(notice.facts, files[notice.id]))
        for kinds in TOGETHER:
            most = MOST_IN_A_LETTER if kinds is GATHERED else None
            notices = await take_due(tx, committee.id, kinds, most=most)
            is_full = is_full or len(notices) == most
            for kind, about in _by_letter(notices):
                await self._write(tx, committee, kind, about, await _summary(tx, committee, kind, about))
        return is_full

    async def _write(
        self,
        tx: Transaction,
        committee: Committee,
        kind: SummaryKind,
        notices: Sequence[Row[Any]],
        told: Summary | None,
    ) -> None:
        if told is None:
            return
        origin = self._origin(committee, told, notices)
        unreached = told.unreached if isinstance(told, Unarrived) else ()
        recipients = recipients_of_summary(kind, committee, day_in_stockholm(tx.clock()), unreached)
        if not recipients:
            log.warning("summary.unaddressed", committee=committee.id, kind=kind)
            return
        thread = thread_of_summary(committee, told)
        for recipient in recipients:
            letter = sum_up(
                told, origin, committee, recipient, domain=self.sender.domain, created_at=tx.clock()
            )
            letter = await in_thread(tx, letter, thread)
            reports = notices if kind == "gathered" else ()
            await self._have_sent(tx, letter, reports, meeting_told_of(told))
        log.info("summary.written", committee=committee.id, kind=kind, notices=len(notices))
        if isinstance(told, Frozen) and told.unattached:
            log.warning("packet.unattached", packet=notices[0].submission_id, reason=told.unattached.value)

    def _origin(self, committee: Committee, told: Summary, notices: Sequence[Row[Any]]) -> Origin:
        """The page of the meeting that it is all about, or else the committee's.

        A meeting that was cancelled has its name, and its reports lie elsewhere.
        """
        page = f"{self.pages_url}/committees/{committee.id}"
        if isinstance(told, Moved) and told.cancelled:
            return Origin(f"{committee.id}-{told.moved_from}", page, notices)
        meeting = getattr(told, "meeting", None)
        if meeting is None:
            return Origin(committee.id, page, notices)
        day = meeting.date.isoformat()
        return Origin(f"{committee.id}-{day}", f"{page}/meetings/{day}", notices)

    async def _have_sent(
        self, tx: Transaction, letter: Letter, reports: Sequence[Row[Any]], meeting: date | None
    ) -> None:
        """One letter for all: the reports it tells of stand beside it."""
        row = {
            "id": letter.id,
            "submission_id": letter.submission_id,
            "revision": 0,
            "form": "",
            "committee": letter.committee,
            "kind": letter.kind,
            "recipient": letter.recipient_address,
            "content": await _written(letter, self.sender),
            "written_at": tx.clock(),
            "thread": letter.thread,
            "meeting_date": meeting,
        }
        if await put_in(tx, row):
            await tx.insert_new(letter_reports, _told_of(letter, reports), [letter_reports.c.letter_id])
            payload = {"letter_id": letter.id, "submission_id": letter.submission_id, "form": ""}
            await tx.send_on_errand(SEND_LETTER, letter.id, payload)


async def _written(letter: Letter, sender: Sender) -> bytes:
    """Megabytes are written and signed beside the event loop."""
    if letter.packet is None:
        return as_bytes(letter, sender)
    return await asyncio.to_thread(as_bytes, letter, sender)


async def _fault_in(work: Awaitable[None]) -> Exception | None:
    try:
        await work
    except Exception as fault:
        return fault
    return None


def _told_of(letter: Letter, reports: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    return [
        {
            "letter_id": letter.id,
            "submission_id": report.submission_id,
            "revision": report.revision,
            "form": report.form,
        }
        for report in reports
    ]


def _by_letter(notices: Sequence[Row[Any]]) -> Iterator[tuple[SummaryKind, Sequence[Row[Any]]]]:
    """What came is one letter, what left a meeting or did not arrive one per meeting, all else one each."""
    letters: dict[tuple[SummaryKind, str], list[Row[Any]]] = {}
    for notice in notices:
        kind: SummaryKind = "gathered" if notice.kind in ("filed", "rejected") else notice.kind
        facts = notice.facts
        together = {"gathered": "", "moved": facts.get("moved_from"), "unarrived": facts.get("date")}
        apart = str(together.get(kind, notice.id))
        letters.setdefault((kind, apart), []).append(notice)
    yield from ((kind, about) for (kind, _), about in letters.items())


async def _summary(
    tx: Transaction, committee: Committee, kind: SummaryKind, notices: Sequence[Row[Any]]
) -> Summary | None:
    """What there is to tell by now; None when it has passed over."""
    if kind == "gathered":
        return gathered(notices)
    if kind == "moved":
        return moved(committee, _day(notices[0].facts["moved_from"]), notices)
    if kind == "unarrived":
        return await unarrived_by_now(tx, committee, notices)
    return await _summary_of_one(tx, committee, kind, notices[0].facts)


async def _summary_of_one(
    tx: Transaction, committee: Committee, kind: SummaryKind, facts: Mapping[str, Any]
) -> Summary | None:
    if kind in ("reminder", "unseen"):
        return await _before_deadline(tx, committee, kind, facts)
    if kind == "guideline":
        return GuidelineEnds.of(facts)
    return await tally_of_week(tx, committee.id, facts["forms"], datetime.fromisoformat(facts["until"]))


def _frozen(facts: Mapping[str, Any], file: PacketFile) -> Frozen:
    return Frozen(Meeting.model_validate(facts["meeting"]), facts["number"], facts["count"], file)


def _day(written: str | None) -> date | None:
    return date.fromisoformat(written) if written else None


async def _before_deadline(
    tx: Transaction, committee: Committee, kind: SummaryKind, facts: Mapping[str, Any]
) -> Reminder | Unseen | None:
    meeting = committee.meeting_on(date.fromisoformat(facts["date"]))
    if meeting is None:
        return None
    if kind == "unseen":
        return await unseen_by_now(tx, committee, meeting, facts)
    return await _reminder(tx, committee, meeting, facts.get("asked_from"))


async def _reminder(
    tx: Transaction, committee: Committee, meeting: PlannedMeeting, asked_from: str | None
) -> Reminder | None:
    """What is held and not opened either is told as held: she opens it to take a stand."""
    held, unseen = await held_on(tx, committee.id, meeting.date), 0
    if asked_from is not None:
        moment = datetime.fromisoformat(asked_from)
        unseen = await unseen_on(tx, committee.id, meeting.date, moment, among=["filed"])
    return Reminder(meeting, held, unseen) if held or unseen else None
