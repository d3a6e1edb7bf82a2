"""What the pages of a committee and its meetings show: plain views, in the order in which they are read."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal, TypeAlias

from archive.pdf import Finding
from archive.web.words import letter_kind_in_words

Act = Literal["hold", "release", "decide", "return", "move", "order", "accept", "mask", "number", "undo"]
"""What may be done with a report; also the last step of the address that its form is sent to."""

MeetingAct = Literal["freeze", "minutes"]

Day: TypeAlias = date
"""What a field named `date` would hide from the fields after it."""

REVIEWED: Set[Act] = frozenset({"hold", "release", "return", "move", "accept"})
"""The acts that share a form with a reason in it."""


@dataclass(frozen=True)
class CommitteeLine:
    """A committee on the start page.

    `next_meeting` is None when its calendar holds no coming one; `held` counts what waits for a person.
    """

    id: str
    name: str
    next_meeting: date | None
    deadline: datetime | None = None
    held: int = 0


@dataclass(frozen=True)
class MeetingLine:
    """A meeting in the list of a committee; `filed` and `held` are counts of reports."""

    date: date
    deadline: datetime
    filed: int
    held: int
    cancelled: bool = False
    packets: int = 0


@dataclass(frozen=True)
class CommitteeView:
    """`waiting` counts reports that wait for a meeting to be put in the calendar."""

    id: str
    name: str
    now: datetime
    coming: tuple[MeetingLine, ...]
    past: tuple[MeetingLine, ...] = ()
    waiting: int = 0


@dataclass(frozen=True)
class ReportLine:
    """A report in a meeting's list; `reason` is why a person or a rule holds it.

    `acts` are what may be done with it by who looks; `packet` is the number of the one that holds it.
    `late` missed an earlier meeting; `corrects` is the packet that holds an earlier revision. `unseen` waits
    for its meeting, and no secretary has opened it.
    """

    submission_id: str
    subject: str
    unit: str
    visit_date: date | None
    sender: str
    arrived_at: datetime
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    version: int = 1
    diarienummer: str = ""
    late: bool = False
    masked: bool = False
    packet: int | None = None
    corrects: int | None = None
    unseen: bool = False
    acts: Set[Act] = frozenset()

    @property
    def reviewable(self) -> bool:
        return bool(REVIEWED & self.acts)


@dataclass(frozen=True)
class PacketLine:
    """A frozen packet: `sha256` is that of packet.pdf, `changes` what it changes against the one before.

    `removed_at` is when its bytes were disposed of; the row and the hash stay.
    """

    meeting: date
    number: int
    frozen_at: datetime
    sha256: str
    reports: int
    changes: tuple[str, ...] = ()
    paragraph: str = ""
    removed_at: datetime | None = None


@dataclass(frozen=True)
class PasteText:
    """A text for the secretary to copy into her meeting system, line by line as she wants it there."""

    heading: str
    text: str

    @property
    def rows(self) -> int:
        return self.text.count("\n") + 1


@dataclass(frozen=True)
class AstrayLine:
    """A letter about the meeting that did not arrive; `subject` is its report's, if it is about one."""

    kind: str
    since: datetime
    submission_id: str = ""
    subject: str = ""

    @property
    def what(self) -> str:
        return letter_kind_in_words(self.kind)


@dataclass(frozen=True)
class MeetingView:
    """A meeting with its reports in the order of the agenda, and beside them what is not on it.

    `late` came after the deadline and go to a later meeting unless they are taken along; `rejected` are
    incoming documents all the same. `next_meeting` is where a moved report goes, if there is one.
    `diarienummer` and `agenda_number` are the item's, as the newest packet has them.
    `astray` are letters to the committee that did not arrive.
    """

    committee_id: str
    committee: str
    date: date
    time: time
    place: str
    deadline: datetime
    now: datetime
    reports: tuple[ReportLine, ...] = ()
    held: tuple[ReportLine, ...] = ()
    late: tuple[ReportLine, ...] = ()
    rejected: tuple[ReportLine, ...] = ()
    packets: tuple[PacketLine, ...] = ()
    pastes: tuple[PasteText, ...] = ()
    next_meeting: Day | None = None
    cancelled: bool = False
    agenda_number: str = ""
    diarienummer: str = ""
    acts: Set[MeetingAct] = frozenset()
    astray: tuple[AstrayLine, ...] = ()

    @property
    def address(self) -> str:
        return f"/committees/{self.committee_id}/meetings/{self.date}"

    @property
    def next_packet(self) -> int:
        return max((packet.number for packet in self.packets), default=0) + 1

    @property
    def unfrozen(self) -> int:
        """How many of the reports no packet holds yet."""
        return sum(report.packet is None for report in self.reports)


@dataclass(frozen=True)
class PacketsView:
    """All packets of a committee, the newest first."""

    id: str
    name: str
    packets: tuple[PacketLine, ...] = ()
