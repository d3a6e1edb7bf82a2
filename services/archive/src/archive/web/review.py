"""What the page of one report shows, and the page for the second of two who acted at once."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import date, datetime

from archive.forms import Shown
from archive.pdf import Compensation, Finding
from archive.web.meetings import REVIEWED, Act
from archive.web.words import act_in_words, letter_in_words, recipient_in_words, status_in_words


@dataclass(frozen=True)
class AttachmentLine:
    """A file that came with the report; `size` in bytes. Without an `address` it cannot be opened here."""

    name: str
    media_type: str
    size: int
    address: str = ""


@dataclass(frozen=True)
class HistoryLine:
    """One act: who did what to the report, when and why."""

    at: datetime
    event: str
    by: str
    reason: str = ""

    @property
    def what(self) -> str:
        return act_in_words(self.event)


@dataclass(frozen=True)
class LetterLine:
    """A letter about the report: whom it was for, and what became of it by then."""

    kind: str
    state: str
    heard_at: datetime

    @property
    def what(self) -> str:
        return f"{recipient_in_words(self.kind)}: {letter_in_words(self.state).lower()}"


@dataclass(frozen=True)
class SeenLine:
    """When a secretary first opened the report as it stands, and who she was."""

    at: datetime
    by: str


@dataclass(frozen=True)
class ReportView:
    """A report with everything that a secretary decides by.

    `meeting` is None when it waits for one or goes to none; `acts` are what may be done with it by who looks.
    `is_masked` says that what may be a personnummer is hidden on the page; `masked` that a person has hidden
    passages for good, with the original sealed.
    """

    committee_id: str
    committee: str
    submission_id: str
    version: int
    revision: int
    title: str
    subject: str
    status: str
    sender: str
    arrived_at: datetime
    meeting: date | None = None
    next_meeting: date | None = None
    visit_date: date | None = None
    reference: str = ""
    diarienummer: str = ""
    late: bool = False
    masked: bool = False
    is_masked: bool = False
    packet: int | None = None
    paragraph: str = ""
    reason: str = ""
    sections: tuple[Shown, ...] = ()
    findings: tuple[Finding, ...] = ()
    compensation: tuple[Compensation, ...] = ()
    attachments: tuple[AttachmentLine, ...] = ()
    history: tuple[HistoryLine, ...] = ()
    letters: tuple[LetterLine, ...] = ()
    seen: SeenLine | None = None
    acts: Set[Act] = frozenset()

    @property
    def state(self) -> str:
        return status_in_words(self.status)

    @property
    def reviewable(self) -> bool:
        return bool(REVIEWED & self.acts)


@dataclass(frozen=True)
class FirstView:
    """Why an act was refused: `last` is what the other did.

    `typed` is given back to its writer, as nothing of it is kept.
    """

    committee_id: str
    committee: str
    submission_id: str
    subject: str
    state: str
    meeting: date | None = None
    last: HistoryLine | None = None
    typed: str = ""
