"""What a secretary may do with a report: hold, release, return, move, accept, mask, number, and take back.

Each act is asked for with the version of the report that the person had before her: of two who act at
once the second is refused. It changes the report, is recorded with who, when and why, and is told to
those who must know, in one transaction.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Row

from archive.calendar import Meeting, is_late, is_over
from archive.committees import Committee
from archive.events import (
    ReportAdmitted,
    ReportDecided,
    ReportEvent,
    ReportHeld,
    ReportMoved,
    ReportReleased,
    ReportReturned,
    SubmissionDocumented,
)
from archive.forms import ChairDecision, Forms
from archive.handlers import Registry, corrected, told_of
from archive.packets.kept import frozen_days, has_packet_with
from archive.passages import PassageMissing, without_passages
from archive.reports import (
    AUTOMATIC,
    IN_A_PACKET,
    as_judged,
    change,
    known,
    last_act,
    originals,
    put_aside,
    record_act,
    rejected_aside,
    reports,
    was_done,
)
from archive.seen import note_seen
from chassis.clock import day_in_stockholm
from chassis.folders import WatchedFolder
from chassis.masking import masked_throughout
from chassis.sealing import Seal
from chassis.store import Transaction

MASKED = "report.masked"
NUMBERED = "report.numbered"
ORDERED = "report.ordered"
UNDONE = "report.undone"

WAITING = ("held", "filed")
"""What has not left the house in a packet, and can still go another way."""

_UNDOABLE = frozenset({ReportHeld.kind, ReportReleased.kind, ReportMoved.kind, MASKED})
"""A return has been told to its sender, and an acceptance counts from then on: those stand."""

_RESTORED = ("status", "late", "placed", "rank", "masked")


class ReviewTrouble(Exception):
    """What the secretary asked for cannot be done."""


class ReasonMissing(ReviewTrouble):
    """The act must say why; the words tell the person for whom."""


class NoReport(ReviewTrouble):
    """There is no such report."""


class SomeoneWasFirst(ReviewTrouble):
    """Another person has changed the report since it was looked at."""


class NotInThisState(ReviewTrouble):
    """The report is not in a state in which this can be done to it."""


class NoSuchMeeting(ReviewTrouble):
    """No meeting in the calendar can take the report: it is over, cancelled, frozen, or not there."""


class NoDecisionHere(ReviewTrouble):
    """The form has no place for a decision of the chair."""


class NothingToMask(ReviewTrouble):
    """A passage stands nowhere in the report, or there is nothing in it that would be hidden."""


class NothingToUndo(ReviewTrouble):
    """The last act was done by no person, or has left the house."""


class NumberedByUs(ReviewTrouble):
    """The house gave the report its number, which must not be missing in the diary."""


@dataclass(frozen=True)
class Asked:
    """Who wants something done with a report, with which version of it before them, and why."""

    submission_id: str
    version: int
    by: str
    reason: str = ""


@dataclass
class Review:
    """The secretary's acts upon one report; every method raises `ReviewTrouble` and then changes nothing."""

    registry: Registry
    forms: WatchedFolder[Forms]

    async def hold(self, tx: Transaction, asked: Asked) -> None:
        """Keep a filed report back from its meeting."""
        _with_reason(asked, "Den som läser rapporten senare behöver veta varför den hölls tillbaka.")
        report = await self._looked_at(tx, asked, ("filed",))
        changed = await change(tx, report, status="held")
        await self._done(tx, asked, report, changed, ReportHeld)

    async def release(self, tx: Transaction, asked: Asked) -> None:
        """Let a held report go to the meeting that it was in time for, or to the next that is left."""
        report = await self._looked_at(tx, asked, ("held",))
        if _may_hold_a_number(report):
            _with_reason(asked, "Rapporten hålls för att den kan innehålla ett personnummer.")
        changed = await change(tx, report, status="filed", **await self._place(tx, report))
        await self._done(tx, asked, report, changed, ReportReleased)

    async def decide(self, tx: Transaction, asked: Asked, decision: ChairDecision) -> None:
        """Have a held report judged anew with the chair's decision; it is held until the judgement comes."""
        report = await self._looked_at(tx, asked, ("held",))
        form = self.forms.current.get(report.form)
        if form is None or form.chair_decision is None:
            raise NoDecisionHere
        changed = await change(tx, report)
        await self._record(tx, asked, None, changed, ReportDecided.kind)
        await tx.say(
            ReportDecided(
                submission_id=report.submission_id,
                revision=report.revision,
                version=changed.version,
                form=report.form,
                pointer=form.chair_decision,
                decision=decision.model_dump(mode="json"),
            )
        )

    async def send_back(self, tx: Transaction, asked: Asked) -> None:
        """Return the report to its sender, who is told why; it leaves the meeting."""
        _with_reason(asked, "Avsändaren behöver veta varför rapporten kommer tillbaka.")
        report = await self._looked_at(tx, asked, WAITING)
        changed = await change(tx, report, status="returned", meeting_date=None, rank=None, placed=False)
        await self._done(tx, asked, report, changed, ReportReturned)

    async def move(self, tx: Transaction, asked: Asked, to: date | None) -> None:
        """Move the report to that meeting, or to the next one; also back, to one it was too late for.

        To a meeting that has its packet goes only what corrects a report in it, for the next packet.
        From a packet goes only what nobody has met to read: its meeting was cancelled, or moved.
        """
        report = await self._looked_at(tx, asked, (*WAITING, "frozen"))
        if report.status == "frozen" and self._takes_place(report):
            raise NotInThisState
        meeting = await self._target(tx, report, to)
        status = "held" if report.status == "held" else "filed"
        changed = await change(tx, report, status=status, meeting_date=meeting.date, rank=None, placed=True)
        await self._done(tx, asked, report, changed, ReportMoved)

    async def accept(self, tx: Transaction, asked: Asked) -> None:
        """Take a rejected submission after all, in place of the revision that stands, if one does."""
        _with_reason(asked, "Den som läser rapporten senare behöver veta varför den togs emot ändå.")
        report = await self._looked_at(tx, asked, ("rejected", *WAITING, "returned", *IN_A_PACKET))
        if report.status != "rejected":
            report = await self._rejected_instead(tx, report)
        changed = await change(tx, report, status="filed", **await self._place(tx, report))
        await self._done(tx, asked, None, changed, ReportReleased)
        await tx.say(
            ReportAdmitted(
                submission_id=changed.submission_id,
                revision=changed.revision,
                form=changed.form,
                data=changed.data,
            )
        )

    async def mask(self, tx: Transaction, asked: Asked, passages: Sequence[str], seal: Seal) -> None:
        """Hide what may be a personnummer and these passages; the original is sealed beside."""
        _with_reason(asked, "Det ska gå att se varför något har maskerats.")
        report = await self._looked_at(tx, asked, WAITING)
        told = {name: getattr(report, name) for name in ("data", "subject", "findings")}
        try:
            hidden = masked_throughout(without_passages(told, passages))
        except PassageMissing:
            raise NothingToMask from None
        if hidden == told:
            raise NothingToMask
        changed = await change(tx, report, masked=True, **hidden)
        await self._seal(tx, changed, told, seal)
        await self._record(tx, asked, report, changed, MASKED)

    async def number(self, tx: Transaction, asked: Asked, diarienummer: str) -> None:
        """Note the number under which the secretary has registered the report, as she wrote it."""
        report = await self._looked_at(
            tx, asked, ("filed", "held", "returned", "rejected", "frozen", "reported")
        )
        if report.diarienummer and not await was_done(tx, report.submission_id, NUMBERED):
            raise NumberedByUs
        registered_at = report.registered_at or tx.clock()
        changed = await change(tx, report, diarienummer=diarienummer, registered_at=registered_at)
        former = {"diarienummer": report.diarienummer}
        await record_act(tx, report.submission_id, changed.version, NUMBERED, asked.by, asked.reason, former)

    async def undo(self, tx: Transaction, asked: Asked, seal: Seal) -> None:
        """Take back the last act of a person, if nothing of it has left the house."""
        report = await self._looked_at(tx, asked, WAITING)
        act = await last_act(tx, report.submission_id)
        if act is None or not can_be_undone(act):
            raise NothingToUndo
        restored = await self._restored(tx, report, act, seal)
        changed = await change(tx, report, **restored)
        await self._record(tx, asked, None, changed, UNDONE)
        await tx.say(*self._told_of_undoing(report, changed))

    async def order(self, tx: Transaction, committee: str, day: date, ids: Sequence[str], by: str) -> None:
        """Give the filed reports of a meeting this order; it must name each of them once."""
        query = select(reports).where(
            reports.c.committee == committee, reports.c.meeting_date == day, reports.c.status == "filed"
        )
        there = {row.submission_id: row for row in await tx.all(query.with_for_update())}
        if sorted(ids) != sorted(there):
            raise SomeoneWasFirst
        for rank, submission_id in enumerate(ids, 1):
            if there[submission_id].rank != rank:
                changed = await change(tx, there[submission_id], rank=rank)
                await record_act(tx, submission_id, changed.version, ORDERED, by)

    async def _looked_at(self, tx: Transaction, asked: Asked, states: tuple[str, ...]) -> Row[Any]:
        """The report as the person saw it.

        Raises:
            NoReport, SomeoneWasFirst, NotInThisState: and nothing is changed.
        """
        report = await known(tx, asked.submission_id)
        if report is None:
            raise NoReport
        if report.version != asked.version:
            raise SomeoneWasFirst
        if report.status not in states:
            raise NotInThisState
        return report

    async def _place(self, tx: Transaction, report: Row[Any]) -> dict[str, Any]:
        """Where a report goes that is let go: to where a person put it, else to where it belongs."""
        committee = self._committee(report)
        if report.placed and report.meeting_date in await self._open_days(tx, report):
            return {}
        meeting = await self.registry.meeting_for(tx, committee, report.arrived_at)
        return {
            "meeting_date": meeting.date if meeting else None,
            "late": is_late(committee.meetings, report.arrived_at),
            "placed": False,
        }

    async def _target(self, tx: Transaction, report: Row[Any], to: date | None) -> Meeting:
        """Raises `NoSuchMeeting`."""
        days = await self._open_days(tx, report, corrected=to)
        for meeting in self._committee(report).meetings:
            wanted = meeting.date == to if to else meeting.date > (report.meeting_date or date.min)
            if wanted and meeting.date in days and meeting.date != report.meeting_date:
                return meeting
        raise NoSuchMeeting

    async def _open_days(
        self, tx: Transaction, report: Row[Any], corrected: date | None = None
    ) -> Collection[date]:
        """The days that can still take it, `corrected` too if a packet of that meeting holds the report."""
        now = tx.clock()
        closed = await frozen_days(tx, report.committee, day_in_stockholm(now))
        if corrected in closed and await has_packet_with(tx, report, corrected):
            closed.remove(corrected)
        coming = (one for one in self._committee(report).meetings if not is_over(one, now))
        return {one.date for one in coming if not one.cancelled and one.date not in closed}

    async def _rejected_instead(self, tx: Transaction, report: Row[Any]) -> Row[Any]:
        """Put the newest rejected revision in the place of the one that stands."""
        rejected = await rejected_aside(tx, report)
        if rejected is None:
            raise NotInThisState
        await put_aside(tx, report)
        columns = {
            **as_judged(SubmissionDocumented.model_validate_json(json.dumps(rejected.report))),
            "corrects": await corrected(tx, report),
            "paragraph": None,
            "rank": None,
            "placed": False,
        }
        put = update(reports).where(reports.c.submission_id == report.submission_id)
        return (await tx.execute(put.values(**columns).returning(reports))).one()

    async def _seal(self, tx: Transaction, masked: Row[Any], told: Mapping[str, Any], seal: Seal) -> None:
        content = json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass")
        await tx.execute(
            insert(originals).values(
                submission_id=masked.submission_id,
                version=masked.version,
                revision=masked.revision,
                sealed=seal.close(content, tx.clock().timestamp()),
                at=tx.clock(),
            )
        )

    async def _restored(self, tx: Transaction, report: Row[Any], act: Row[Any], seal: Seal) -> dict[str, Any]:
        """What the report was before the act; raises `NothingToUndo` when its meeting takes it no more."""
        before = dict(act.before)
        told = before.pop("meeting_date")
        day = date.fromisoformat(told) if told else None
        goes_back = (day, before["status"]) != (report.meeting_date, report.status)
        is_open = day is None or day in await self._open_days(tx, report, corrected=day)
        if before["status"] == "frozen" or (goes_back and not is_open):
            raise NothingToUndo
        restored = {**before, "meeting_date": day}
        return {**restored, **await self._unsealed(tx, act, seal)} if act.event == MASKED else restored

    async def _unsealed(self, tx: Transaction, act: Row[Any], seal: Seal) -> dict[str, Any]:
        query = select(originals.c.sealed).where(
            originals.c.submission_id == act.submission_id, originals.c.version == act.version
        )
        sealed = (await tx.execute(query)).scalar_one()
        told: dict[str, Any] = json.loads(seal.open(sealed).decode("utf-8", "surrogatepass"))
        return told

    def _told_of_undoing(self, report: Row[Any], changed: Row[Any]) -> Sequence[ReportEvent]:
        """Others hear of where the report is now, as if it had been put there."""
        told = told_of(changed, self._meeting(changed))
        if changed.status == "held" and report.status != "held":
            return [ReportHeld(**told, reason="Ångrat.")]
        if changed.status == "filed" and report.status != "filed":
            return [ReportReleased(**told, reason="Ångrat.")]
        if changed.meeting_date != report.meeting_date:
            moved = {"status": changed.status, "moved_from": report.meeting_date}
            return [ReportMoved(**told, **moved, reason="Ångrat.")]
        return []

    async def _done(
        self,
        tx: Transaction,
        asked: Asked,
        before: Row[Any] | None,
        report: Row[Any],
        kind: type[ReportHeld | ReportReleased | ReportReturned | ReportMoved],
    ) -> None:
        await self._record(tx, asked, before, report, kind.kind)
        told = told_of(report, self._meeting(report))
        if kind is ReportMoved:
            told["moved_from"] = before.meeting_date if before else None
            told["status"] = report.status
        await tx.say(kind(**told, reason=asked.reason))

    async def _record(
        self, tx: Transaction, asked: Asked, before: Row[Any] | None, report: Row[Any], event: str
    ) -> None:
        was = _was(before) if before is not None else None
        await record_act(tx, report.submission_id, report.version, event, asked.by, asked.reason, was)
        await self._note_seen(tx, report, asked.by)

    async def _note_seen(self, tx: Transaction, report: Row[Any], by: str) -> None:
        """Who has done something with a report has seen it."""
        committee = self.registry.committees.current.get(report.committee)
        if committee is not None and committee.notify.unseen:
            await note_seen(tx, report, by)

    def _committee(self, report: Row[Any]) -> Committee:
        committee = self.registry.committees.current.get(report.committee)
        if committee is None:
            raise NoReport
        return committee

    def _takes_place(self, report: Row[Any]) -> bool:
        meeting = self._meeting(report)
        return meeting is not None and not meeting.cancelled

    def _meeting(self, report: Row[Any]) -> Meeting | None:
        return self._committee(report).meeting_on(report.meeting_date)


def can_be_undone(act: Row[Any]) -> bool:
    """Whether a person did it, and nothing of it has left the house; it must be the last that was done."""
    return bool(act.by != AUTOMATIC and act.event in _UNDOABLE and act.before)


def _with_reason(asked: Asked, why: str) -> None:
    if not asked.reason.strip():
        raise ReasonMissing(why)


def _may_hold_a_number(report: Row[Any]) -> bool:
    """Masking has hidden it, unless it may lie in a file; otherwise somebody must say why it may be seen."""
    held_for = {finding["rule"] for finding in report.findings if finding["outcome"] == "hold"}
    return "personal-number" in held_for and bool(report.attachments or not report.masked)


def _was(report: Row[Any]) -> dict[str, Any]:
    """What an act can change of a report and undoing restores; texts that were masked lie sealed."""
    day = report.meeting_date
    return {
        **{name: getattr(report, name) for name in _RESTORED},
        "meeting_date": day.isoformat() if day else None,
    }
