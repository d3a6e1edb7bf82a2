"""What the archive does with a judged submission: file it, hold it, or register its rejection."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Row

from archive.calendar import Meeting, is_late, meeting_for
from archive.committees import Committee, Committees
from archive.diary import next_diarienummer
from archive.events import Finding, Judged, ReportFiled, ReportHeld, SubmissionAccepted, SubmissionDocumented
from archive.forms import Forms
from archive.packets.kept import frozen_days, packet_with
from archive.reports import (
    IN_A_PACKET,
    PASSED_ON,
    as_judged,
    filing,
    foresee_known,
    known,
    place_of,
    put_rejected_aside,
    record_act,
    store_report,
)
from chassis.clock import Clock, day_in_stockholm
from chassis.consumer import Subscription
from chassis.folders import WatchedFolder
from chassis.masking import masked_throughout
from chassis.outcomes import TryLater
from chassis.store import Transaction

CONFIG_MAY_COME = timedelta(minutes=1)
"""A committee that is not in the configuration yet is mostly on its way there."""

REJECTED = "submission.rejected"
"""What the history says of it; the event that brings it has another name, since it holds what was written."""


MASKED_BEFORE = Finding(
    rule="masked-before",
    outcome="hold",
    message="Något maskerades i den förra versionen. Läs igenom den nya innan du släpper den.",
    source="Nämndens egen granskning",
)


@dataclass
class Registry:
    """Where each report goes, by its arrival, its newest revision and the calendar."""

    committees: WatchedFolder[Committees]
    forms: WatchedFolder[Forms]
    clock: Clock

    def reads(self) -> list[Subscription[Any]]:
        return [
            Subscription(SubmissionAccepted, self.file_report, _locks, _foresee),
            Subscription(SubmissionDocumented, self.register_rejection, _locks, _foresee),
        ]

    async def file_report(
        self, event: SubmissionAccepted, tx: Transaction
    ) -> ReportFiled | ReportHeld | None:
        """File it with the first meeting it was in time for; a revision that comes late changes nothing."""
        before = await known(tx, event.submission_id)
        if before is not None and not _is_news(event, before):
            return None
        event = _read_again(event, before)
        committee = self._committee(event.committee)
        meeting = await self.meeting_for(tx, committee, event.arrived_at)
        kind = ReportFiled if event.outcome == "accepted" else ReportHeld
        values = {
            **as_judged(event),
            "status": "filed" if event.outcome == "accepted" else "held",
            **await self._entered(tx, committee, before),
            **_put_at(meeting, is_late(committee.meetings, event.arrived_at)),
            "rank": before.rank if before is not None and _stays(before, meeting) else None,
            "corrects": await corrected(tx, before),
            "paragraph": None,
            **self._still_masked(event, before),
        }
        report = await store_report(tx, values, before)
        await record_act(tx, report.submission_id, report.version, kind.kind)
        return kind(**told_of(report, meeting))

    async def register_rejection(self, event: SubmissionDocumented, tx: Transaction) -> None:
        """A rejected submission has come in all the same; one that stands goes on standing."""
        before = await known(tx, event.submission_id)
        if before is not None and before.revision >= event.revision:
            return
        if before is not None and before.status != "rejected":
            await put_rejected_aside(tx, event)
            await record_act(tx, event.submission_id, before.version, REJECTED)
            return
        committee = self._committee(event.committee)
        values = {
            **as_judged(event),
            "status": "rejected",
            **await self._entered(tx, committee, before),
            **_put_at(None, late=False),
        }
        report = await store_report(tx, values, before)
        await record_act(tx, report.submission_id, report.version, REJECTED)

    async def meeting_for(
        self, tx: Transaction, committee: Committee, arrived_at: datetime
    ) -> Meeting | None:
        """The first open meeting that it was in time for."""
        return meeting_for(await self.open_meetings(tx, committee), arrived_at, self.clock())

    async def open_meetings(self, tx: Transaction, committee: Committee) -> Sequence[Meeting]:
        """The meetings that still take reports: one with a packet is open no more."""
        closed = tx.remembered.get((frozen_days, committee.id))
        if closed is None:
            closed = await frozen_days(tx, committee.id, day_in_stockholm(self.clock()))
            tx.remembered[frozen_days, committee.id] = closed
        return [meeting for meeting in committee.meetings if meeting.date not in closed]

    async def _entered(
        self, tx: Transaction, committee: Committee, before: Row[Any] | None
    ) -> dict[str, Any]:
        """Its place in the diary: a submission keeps its number through all its revisions."""
        if not committee.diary.numbers or (before is not None and before.diarienummer):
            return {}
        return {
            "diarienummer": await next_diarienummer(tx, committee, self.clock()),
            "registered_at": self.clock(),
        }

    def _still_masked(self, event: SubmissionAccepted, before: Row[Any] | None) -> dict[str, Any]:
        """What a person has masked stays so when the chair's decision is judged: it is the same revision.

        The judgement comes with the words as they were sent; of these the report takes the decision only.
        """
        if event.answers is None or before is None or not before.masked:
            return {}
        form = self.forms.current.get(event.form)
        return {
            "masked": True,
            "data": form.with_decision(before.data, event.data) if form else before.data,
            "subject": before.subject,
            "findings": masked_throughout([finding.model_dump() for finding in event.findings]),
        }

    def _committee(self, committee_id: str) -> Committee:
        committee = self.committees.current.get(committee_id)
        if committee is None:
            raise TryLater(f"no committee {committee_id} in the configuration", CONFIG_MAY_COME)
        return committee


def _locks(event: Judged) -> Iterable[str]:
    """Its revisions come by two queues: what one handler sees, no other may change meanwhile."""
    yield f"report {event.submission_id}"


async def _foresee(events: Sequence[Judged], tx: Transaction) -> None:
    await tx.lock(*{filing(event.committee) for event in events})
    await foresee_known(tx, [event.submission_id for event in events])


def _is_news(event: SubmissionAccepted, before: Row[Any]) -> bool:
    """Whether it tells more than is known; a judgement that was asked for answers one version only."""
    if event.answers is not None:
        asked = (before.revision, before.version, before.status)
        return asked == (event.revision, event.answers, "held")
    return bool(before.status == "rejected" or event.revision > before.revision)


def _read_again(event: SubmissionAccepted, before: Row[Any] | None) -> SubmissionAccepted:
    """What a person had to mask may be written in a completion too: a person reads it before others do."""
    if event.answers is not None or before is None or not before.masked:
        return event
    return event.model_copy(update={"outcome": "held", "findings": [*event.findings, MASKED_BEFORE]})


def _put_at(meeting: Meeting | None, late: bool) -> dict[str, Any]:
    return {"meeting_date": meeting.date if meeting else None, "late": late, "placed": False}


def _stays(before: Row[Any], meeting: Meeting | None) -> bool:
    """Whether it keeps the place in the agenda that a person gave it."""
    return meeting is not None and before.status not in IN_A_PACKET and before.meeting_date == meeting.date


async def corrected(tx: Transaction, before: Row[Any] | None) -> int | None:
    """The number of the packet that holds what this revision corrects."""
    if before is None or before.status not in IN_A_PACKET:
        return before.corrects if before is not None else None
    packet = await packet_with(tx, before)
    return packet.number if packet else None


def told_of(report: Row[Any], meeting: Meeting | None) -> dict[str, Any]:
    """What every event about a report says of it."""
    return {
        **{name: getattr(report, name) for name in PASSED_ON},
        "meeting": place_of(report.committee, meeting),
    }
