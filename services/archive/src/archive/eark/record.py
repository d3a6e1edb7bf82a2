"""What goes into the record of one frozen packet, as whoever froze it knows it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Self
from uuid import UUID


@dataclass(frozen=True)
class File:
    """A file that goes into the package as it is, byte for byte.

    `name` is what people know it by and may hold any letters; the package gives it a name of its own.
    `open` is asked when its turn comes, and what it opens is read a piece at a time.
    """

    name: str
    media_type: str
    open: Callable[[], BinaryIO] = field(repr=False)

    @classmethod
    def of(cls, name: str, media_type: str, content: bytes) -> Self:
        """A file whose bytes are at hand."""
        return cls(name, media_type, lambda: BytesIO(content))

    @classmethod
    def at(cls, name: str, media_type: str, path: Path) -> Self:
        """A file that lies on the disk."""
        return cls(name, media_type, lambda: path.open("rb"))


@dataclass(frozen=True)
class ChairDecision:
    """What the chair decided about a report, by its reference: a paragraph or a number."""

    day: date
    reference: str


@dataclass(frozen=True)
class RegisteredReport:
    """A report as it is registered (OSL 5 kap. 2 §): when it came, under what number, from whom, about what.

    `subject` is the register's own line; `public_subject` the one that can be shown to anybody, with no
    client's name in it. `registered_at` is None where the committee registers elsewhere. `drawn_up`: the
    committee holds its members' reports to be drawn up by itself (upprättade) rather than to have come in
    (inkomna).
    """

    submission_id: str
    revision: int
    form: str
    diarienummer: str | None
    received_at: datetime
    registered_at: datetime | None
    sender: str
    subject: str
    public_subject: str
    pdf: File
    source: File
    attachments: tuple[File, ...] = ()
    drawn_up: bool = False
    secret: bool = False
    chair_decision: ChairDecision | None = None


@dataclass(frozen=True)
class Organisation:
    """Whose record it is; `number` is the organisation number, where the municipality has told it."""

    name: str
    number: str | None = None


@dataclass(frozen=True)
class Record:
    """One frozen packet; the same record makes the same bytes, whenever and wherever it is built.

    `packet_id` is the same for the same packet for ever. `replaces` is the packet that this one corrects.
    `case` is the diarienummer of the agenda item, `agreement` that of the agreement with the archive
    (leveransöverenskommelse). `software` is the version of Kansli that froze it.
    """

    packet_id: UUID
    organisation: Organisation
    committee_id: str
    committee: str
    meeting: date
    number: int
    frozen_at: datetime
    packet: File
    contents: File
    reports: tuple[RegisteredReport, ...]
    software: str
    case: str | None = None
    agreement: str | None = None
    replaces: UUID | None = None

    @property
    def title(self) -> str:
        return f"{self.committee}, handlingar till sammanträdet {self.meeting}, paket {self.number}"
