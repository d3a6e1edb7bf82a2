"""From stored rows to what a page shows, and what may be done there.

Until a person has released it, a held report is shown with everything masked that may be a personnummer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy.engine import Row

from archive.calendar import Meeting, is_over
from archive.committees import Committee
from archive.forms import Form, Forms, Shown
from archive.packets.contents import paste_text
from archive.packets.drafting import Drafting, Wish
from archive.pdf import Finding
from archive.reports import AUTOMATIC
from archive.review import WAITING, can_be_undone
from archive.statistics import StatisticsView
from archive.views import findings_of, is_masked, report_to_print
from archive.web.meetings import Act, AstrayLine, MeetingAct, MeetingView, PacketLine, PasteText, ReportLine
from archive.web.reading import MeetingRows
from archive.web.review import AttachmentLine, FirstView, HistoryLine, LetterLine, ReportView, SeenLine
from archive.web.words import actor_in_words, status_in_words
from archive.web.year import Norm, UnitYear, YearView
from chassis.clock import STOCKHOLM
from chassis.masking import masked

KEPT_OUT = frozenset({"held", "returned", "rejected"})
"""What is on no agenda, so that the page says why."""

_ACTS: dict[str, frozenset[Act]] = {
    "filed": frozenset({"hold", "return", "move", "order", "mask", "number"}),
    "held": frozenset({"release", "decide", "return", "mask", "number"}),
    "rejected": frozenset({"accept", "number"}),
    "returned": frozenset({"number"}),
    "frozen": frozenset({"number"}),
    "reported": frozenset({"number"}),
}


@dataclass(frozen=True)
class Reader:
    """For whom a page of the committee is made: whether she may act, and the moment."""

    committee: Committee
    may_act: bool
    now: datetime

    def acts(self, row: Any, form: Form | None, next_meeting: Meeting | None) -> frozenset[Act]:
        """What she may do with the report as it is."""
        if not self.may_act:
            return frozenset()
        acts = _ACTS.get(row.status, frozenset())
        if row.status == "frozen" and not self._takes_place(row.meeting_date):
            acts |= {"move"}
        return acts - set(self._impossible(row, form, next_meeting))

    def _impossible(self, row: Any, form: Form | None, next_meeting: Meeting | None) -> Iterator[Act]:
        if next_meeting is None:
            yield "move"
        if form is None or form.chair_decision is None:
            yield "decide"
        if self.committee.diary.numbers and row.diarienummer:
            yield "number"

    def _takes_place(self, day: date | None) -> bool:
        meeting = self.committee.meeting_on(day)
        return meeting is not None and not meeting.cancelled


@dataclass(frozen=True)
class MeetingMaker:
    """Makes the view of one meeting; `next_meeting` is where a moved report goes."""

    committee: Committee
    meeting: Meeting
    forms: Forms
    rows: MeetingRows
    next_meeting: Meeting | None
    reader: Reader

    def view(self) -> MeetingView:
        own = [packet for packet in self.rows.packets if packet.meeting_date == self.meeting.date]
        return MeetingView(
            committee_id=self.committee.id,
            committee=self.committee.name,
            date=self.meeting.date,
            time=self.meeting.time,
            place=self.meeting.place,
            deadline=self.meeting.deadline,
            now=self.reader.now,
            reports=tuple(self._line(row) for row in self.rows.table.in_order()),
            held=tuple(self._line(row) for row in self.rows.table.held),
            late=self._late(),
            rejected=(*map(self._line, self.rows.rejected), *map(self._aside, self.rows.rejected_aside)),
            packets=tuple(packet_line(packet) for packet in reversed(own)),
            pastes=self._pastes(),
            next_meeting=self.next_meeting.date if self.next_meeting else None,
            cancelled=self.meeting.cancelled,
            agenda_number=own[0].agenda_number if own else "",
            diarienummer=own[0].diarienummer if own else "",
            acts=self._acts(packets_there=bool(own)),
            astray=self._astray(),
        )

    def _astray(self) -> tuple[AstrayLine, ...]:
        """Shown as long as something can be done: when the meeting has been held it is late for that."""
        if self.meeting.cancelled or is_over(self.meeting, self.reader.now):
            return ()
        return tuple(_astray_line(letter) for letter in self.rows.astray)

    def _acts(self, *, packets_there: bool) -> frozenset[MeetingAct]:
        acts: set[MeetingAct] = set()
        if self.rows.table.fresh and not self.meeting.cancelled:
            acts.add("freeze")
        begun = self.reader.now >= datetime.combine(self.meeting.date, self.meeting.time, STOCKHOLM)
        if packets_there and begun:
            acts.add("minutes")
        return frozenset(acts) if self.reader.may_act else frozenset()

    def _late(self) -> tuple[ReportLine, ...]:
        """Nothing is taken along to a meeting that is over or cancelled."""
        if self.meeting.cancelled or is_over(self.meeting, self.reader.now):
            return ()
        taken: frozenset[Act] = frozenset({"move"}) if self.reader.may_act else frozenset()
        return tuple(replace(self._line(row), acts=taken) for row in self.rows.late)

    def _line(self, row: Any) -> ReportLine:
        shown = masked if is_masked(row) else str
        return ReportLine(
            submission_id=row.submission_id,
            subject=shown(row.subject),
            unit=shown(row.unit_name or row.unit or ""),
            visit_date=row.event_date,
            sender=shown(row.submitter["name"]),
            arrived_at=row.arrived_at,
            findings=findings_of(row),
            reason=shown(why(self.rows.acts.get(row.submission_id, ()))),
            version=row.version,
            diarienummer=row.diarienummer or "",
            late=row.late,
            masked=row.masked,
            packet=self.rows.packet_of.get((row.submission_id, row.revision)),
            corrects=row.corrects,
            unseen=self._is_unseen(row),
            acts=self.reader.acts(row, self.forms.get(row.form), self.next_meeting),
        )

    def _is_unseen(self, row: Any) -> bool:
        waits = self.committee.notify.unseen and row.status in WAITING
        return waits and (row.submission_id, row.revision) not in self.rows.seen

    def _aside(self, aside: Row[Any]) -> ReportLine:
        """A rejected revision of a report that stands as an earlier one."""
        told = aside.report
        return ReportLine(
            submission_id=aside.submission_id,
            subject=masked(told["subject"]),
            unit=masked(told["unit_name"] or told["unit"] or ""),
            visit_date=None,
            sender=masked(told["submitter"]["name"]),
            arrived_at=datetime.fromisoformat(told["arrived_at"]),
            findings=tuple(
                Finding(one["rule"], one["outcome"], one["message"], one["source"])
                for one in told["findings"]
            ),
            version=aside.version,
            acts=frozenset({"accept"}) if self.reader.may_act else frozenset(),
        )

    def _pastes(self) -> tuple[PasteText, ...]:
        """The very text that the next packet would hold, in its parts; none while there is nothing to say."""
        table = self.rows.table
        if not table.in_order():
            return ()
        drafting = Drafting(self.committee, self.meeting, {}, self.reader.now)
        agenda, *parts = paste_text(drafting.draft("", table, Wish()).packet).strip().split("\n\n")
        headed = (part.partition("\n") for part in parts)
        return (
            PasteText("Punkt på föredragningslistan", agenda),
            *(PasteText(heading, text) for heading, _, text in headed),
        )


def _astray_line(letter: Row[Any]) -> AstrayLine:
    since = letter.happened_at or letter.heard_at
    if letter.subject is None:
        return AstrayLine(letter.kind, since)
    shown = masked if is_masked(letter) else str
    return AstrayLine(letter.kind, since, letter.submission_id, shown(letter.subject))


def packet_line(packet: Row[Any]) -> PacketLine:
    return PacketLine(
        meeting=packet.meeting_date,
        number=packet.number,
        frozen_at=packet.frozen_at,
        sha256=packet.sha256,
        reports=packet.reports,
        changes=tuple(packet.changes),
        paragraph=packet.paragraph or "",
        removed_at=packet.removed_at,
    )


def why(acts: Sequence[Row[Any]]) -> str:
    """The last reason that a person gave."""
    return next((act.reason for act in reversed(acts) if act.reason and act.by != AUTOMATIC), "")


@dataclass(frozen=True)
class ReportMaker:
    """Makes the view of one report; `packet` is the newest that holds it."""

    committee: Committee
    form: Form | None
    row: Row[Any]
    acts: Sequence[Row[Any]]
    packet: Row[Any] | None
    letters: Sequence[Row[Any]]
    seen: Row[Any] | None
    next_meeting: Meeting | None
    reader: Reader

    def view(self) -> ReportView:
        row, shown = self.row, self._shown
        printed = report_to_print(row, self.committee, self.form, "")
        return ReportView(
            committee_id=self.committee.id,
            committee=self.committee.name,
            submission_id=row.submission_id,
            version=row.version,
            revision=row.revision,
            title=row.title,
            subject=shown(row.subject),
            status=row.status,
            sender=shown(row.submitter["name"]),
            arrived_at=row.arrived_at,
            meeting=row.meeting_date,
            next_meeting=self.next_meeting.date if self.next_meeting else None,
            visit_date=row.event_date,
            reference=row.reference,
            diarienummer=row.diarienummer or "",
            late=row.late,
            masked=row.masked,
            is_masked=is_masked(row),
            packet=self.packet.number if self.packet else None,
            paragraph=row.paragraph or "",
            reason=shown(why(self.acts)) if row.status in KEPT_OUT else "",
            sections=tuple(Shown(one.heading, shown(one.text), one.line) for one in printed.sections),
            findings=printed.findings,
            compensation=tuple(replace(one, message=shown(one.message)) for one in printed.compensation),
            attachments=tuple(self._attachments()),
            history=tuple(history_line(act, shown(act.reason or "")) for act in self.acts),
            letters=tuple(
                LetterLine(letter.kind, letter.state, letter.happened_at or letter.heard_at)
                for letter in self.letters
            ),
            seen=SeenLine(self.seen.at, actor_in_words(self.seen.by)) if self.seen else None,
            acts=self._acts(),
        )

    def _shown(self, text: str) -> str:
        return masked(text) if is_masked(self.row) else text

    def _attachments(self) -> Sequence[AttachmentLine]:
        return [
            AttachmentLine(
                name=self._shown(one["name"]),
                media_type=one["media_type"],
                size=one["size"],
                address=f"/v1/reports/{self.row.submission_id}/attachments/{number}",
            )
            for number, one in enumerate(self.row.attachments, 1)
        ]

    def _acts(self) -> frozenset[Act]:
        acts = self.reader.acts(self.row, self.form, self.next_meeting)
        waits = self.row.status in {"filed", "held"}
        if self.reader.may_act and waits and self.acts and can_be_undone(self.acts[-1]):
            return acts | {"undo"}
        return acts


def history_line(act: Row[Any], reason: str) -> HistoryLine:
    return HistoryLine(act.at, act.event, actor_in_words(act.by), reason)


def first_view(
    committee: Committee, row: Row[Any], acts: Sequence[Row[Any]], typed: str, page: date | None
) -> FirstView:
    """What the second of two is told; `page` is the day of the meeting whose page she came from."""
    shown = masked if is_masked(row) else str
    last = acts[-1] if acts else None
    return FirstView(
        committee_id=committee.id,
        committee=committee.name,
        submission_id=row.submission_id,
        subject=shown(row.subject),
        state=status_in_words(row.status),
        meeting=page or row.meeting_date,
        last=history_line(last, shown(last.reason or "")) if last else None,
        typed=typed,
    )


def year_view(told: StatisticsView, years: Sequence[int]) -> YearView:
    """The year's visits as a page shows them: per unit, and never per person."""
    return YearView(
        id=told.committee_id,
        name=told.committee,
        year=told.year,
        norm=Norm(told.norm.least, told.norm.most),
        units=tuple(UnitYear(unit.name, unit.visits, unit.kontaktpolitiker) for unit in told.units),
        years=tuple(years),
        without_unit=told.without_unit,
    )
