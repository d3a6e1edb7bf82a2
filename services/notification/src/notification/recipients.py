"""Who is told what: the committees, and the letters that each event calls for."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from chassis.clock import in_stockholm, last_reading
from chassis.faults import HasId, read_named
from chassis.folders import BrokenFolder, files_in

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_MAILBOX = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
_MAILBOX_LENGTH = 254
"""RFC 5321 § 4.5.3.1.3: a path has 256 octets, the angle brackets included."""


def is_mailbox(address: str) -> bool:
    """Tell whether any relay takes the address: ASCII, unquoted, no room for another command."""
    return len(address) <= _MAILBOX_LENGTH and _MAILBOX.fullmatch(address) is not None


def _checked(address: str) -> str:
    if not is_mailbox(address):
        raise ValueError("is not an e-mail address")
    return address


Mailbox = Annotated[str, AfterValidator(_checked)]


class _Entry(BaseModel):
    """A part of a committee's file; what other services need of it is left to them."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)


def _as_written(value: object) -> object:
    """YAML reads `7:30` without quotation marks as the number 450, seven and a half minutes past midnight."""
    if isinstance(value, int):
        raise ValueError('skriv tiden inom citattecken, till exempel "07:00"')
    return value


def in_sweden(moment: datetime) -> datetime:
    """Read a time without a zone as Swedish time, as in the committee's file."""
    return in_stockholm(last_reading(moment))


ClockTime = Annotated[time, BeforeValidator(_as_written)]


class Period(_Entry):
    """Days in a row; both count."""

    since: date = Field(alias="from")
    until: date = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> "Period":
        if self.until < self.since:
            raise ValueError(f"from är {self.since} och to {self.until}; skriv den första dagen först")
        return self

    def __contains__(self, day: date) -> bool:
        return self.since <= day <= self.until


class Substitute(_Entry):
    name: str = Field(min_length=1)
    email: Mailbox


class Secretary(_Entry):
    name: str = Field(min_length=1)
    email: Mailbox
    copies: tuple[Mailbox, ...] = ()
    away: tuple[Period, ...] = ()
    """The days on which the substitute gets the secretary's letters."""
    substitute: Substitute | None = None

    @model_validator(mode="after")
    def _someone_stays(self) -> "Secretary":
        if self.away and self.substitute is None:
            raise ValueError("away behöver en substitute, annars läser ingen mejlen de dagarna")
        return self

    def stand_in(self, day: date) -> Substitute | None:
        """Who gets the letters in the secretary's place that day."""
        return self.substitute if any(day in period for period in self.away) else None


class Notify(_Entry):
    """When the secretary is told; what is held or late is always told at once."""

    when: Literal["at-once", "gathered", "digest"] = "at-once"
    window_minutes: int = Field(default=30, ge=1, le=24 * 60)
    """For how long what comes together travels together."""
    digest_at: ClockTime = time(7)
    """On workdays; reminders and the weekly tally go out at the same hour."""
    reminders_workdays_before: tuple[Annotated[int, Field(ge=1, le=20)], ...] = (5, 1)
    weekly_tally: bool = True
    guideline_days_before: tuple[Annotated[int, Field(ge=1, le=730)], ...] = (90, 30)
    """When the secretary hears that a guideline is about to stop applying; also the day after it has."""
    receipt: bool = True
    """Whether who sent a report hears that it has come in, and when it is taken up."""
    unseen: bool = True
    """Whether it is told what nobody has opened the workday before a deadline; false without the pages."""
    attach_packet: bool = False
    """Whether the papers in one PDF go along with the letter that they are done.

    Mail is no place for secrets: it is for the committee to decide that its papers may travel so.
    """


class PlannedMeeting(_Entry):
    """A meeting of the calendar, as far as letters tell of it.

    `id` and `sequence` are what calendars know it by when it is moved.
    """

    date: date
    time: ClockTime
    place: str = ""
    deadline: Annotated[datetime, AfterValidator(in_sweden)]
    cancelled: bool = False
    id: str = ""
    sequence: int = 0

    @property
    def known_as(self) -> str:
        return self.id or self.date.isoformat()


class Committee(_Entry, HasId):
    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=63)
    name: str = Field(min_length=1)
    secretary: Secretary
    notify: Notify = Notify()
    meetings: tuple[PlannedMeeting, ...] = ()

    def known_as(self, name: str) -> PlannedMeeting | None:
        """The meeting that calendars know by the name, on whatever day it is."""
        return next((meeting for meeting in self.meetings if meeting.known_as == name), None)

    def meeting_on(self, day: date | None) -> PlannedMeeting | None:
        return next((meeting for meeting in self.meetings if meeting.date == day), None)


Committees: TypeAlias = Mapping[str, Committee]
"""Committees by id."""


find_committees = files_in("committees", ".yaml")


def load_committees(folder: Path, today: date) -> Committees:
    """Read `committees/<id>.yaml`; raises `BrokenFolder` naming the file and what to mend."""
    paths = find_committees([folder])
    if not paths:
        raise BrokenFolder(f"{folder / 'committees'}: there is no committee, not one .yaml file")
    return {name: load_committee(path, today) for name, path in paths.items()}


def load_committee(path: Path, today: date) -> Committee:
    """Read one committee's file; raises `BrokenFolder`."""
    return read_named(path, Committee, today)


EventKind: TypeAlias = Literal["report.filed", "report.held", "submission.rejected", "report.returned"]
LetterKind: TypeAlias = Literal[
    "filed", "held", "received", "rejected_secretary", "rejected_submitter", "returned"
]
"""Letters about one report."""

TO_SUBMITTER: Collection[LetterKind] = ("received", "rejected_submitter", "returned")
"""Those that are not about the committee's own work."""

SummaryKind: TypeAlias = Literal[
    "gathered", "moved", "frozen", "reminder", "unseen", "unarrived", "tally", "guideline"
]
"""Letters to the secretary about several reports, a meeting or a week.

`unseen` is to who is next after her, and so is `unarrived`, as it is often her address that is wrong.
"""


class Submitter(BaseModel):
    """Who sent the report, as far as a letter needs it; the platform may know no address."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    name: str | None = None
    email: str | None = None

    @property
    def reachable(self) -> bool:
        return self.email is not None and is_mailbox(self.email)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One letter to one person: a refusal of one address must not touch another's letter."""

    kind: LetterKind | SummaryKind
    address: str
    name: str = ""
    is_copy: bool = False
    is_substitute: bool = False


def recipients_of(
    event: EventKind, committee: Committee, submitter: Submitter, today: date
) -> tuple[Recipient, ...]:
    """Everyone who gets a letter about the event, each address once per kind of letter."""
    called_for = (called(committee, submitter, today) for called in _CALLED_FOR[event])
    return _once_each(recipient for recipients in called_for for recipient in recipients)


def recipients_of_summary(
    kind: SummaryKind, committee: Committee, today: date, unreached: Collection[str] = ()
) -> tuple[Recipient, ...]:
    """The secretary, or who stands in for her, and the copies; after her, who is next.

    `unreached` are the addresses at which letters that are told of did not arrive.
    """
    if kind == "unarrived":
        return _beside_secretary(committee.secretary, {address.casefold() for address in unreached})
    if kind == "unseen":
        return _once_each(_next_after_secretary(committee.secretary, today))
    return _once_each(_secretary_and_copies(kind, committee, today))


def _next_after_secretary(secretary: Secretary, today: date) -> Iterator[Recipient]:
    """The substitute, away or not; the copies where there is none, or where she was the one who was asked."""
    substitute = secretary.substitute
    if substitute is not None:
        yield Recipient("unseen", substitute.email, substitute.name, is_substitute=True)
    if substitute is None or secretary.stand_in(today) is not None:
        for copy in secretary.copies:
            yield Recipient("unseen", copy, is_copy=True)


def _beside_secretary(secretary: Secretary, unreached: Collection[str]) -> tuple[Recipient, ...]:
    """The copies, or else the substitute, as far as letters reach them."""
    copies = _once_each(
        Recipient("unarrived", copy, is_copy=True)
        for copy in secretary.copies
        if copy.casefold() not in unreached
    )
    substitute = secretary.substitute
    if copies or substitute is None or substitute.email.casefold() in unreached:
        return copies
    return (Recipient("unarrived", substitute.email, substitute.name, is_substitute=True),)


def _once_each(recipients: Iterable[Recipient]) -> tuple[Recipient, ...]:
    letters: dict[tuple[str, str], Recipient] = {}
    for recipient in recipients:
        letters.setdefault((recipient.kind, recipient.address.casefold()), recipient)
    return tuple(letters.values())


_Called: TypeAlias = Callable[[Committee, Submitter, date], Iterator[Recipient]]


def _secretary_and_copies(
    kind: LetterKind | SummaryKind, committee: Committee, today: date
) -> Iterator[Recipient]:
    secretary = committee.secretary
    substitute = secretary.stand_in(today)
    if substitute is None:
        yield Recipient(kind, secretary.email, secretary.name)
    else:
        yield Recipient(kind, substitute.email, substitute.name, is_substitute=True)
    for copy in secretary.copies:
        yield Recipient(kind, copy, is_copy=True)


def _to_secretary(kind: LetterKind) -> _Called:
    def called(committee: Committee, _: Submitter, today: date) -> Iterator[Recipient]:
        yield from _secretary_and_copies(kind, committee, today)

    return called


def _to_submitter(kind: LetterKind) -> _Called:
    def called(_: Committee, submitter: Submitter, _today: date) -> Iterator[Recipient]:
        if submitter.email is not None and submitter.reachable:
            yield Recipient(kind, submitter.email, submitter.name or "")

    return called


def _receipt(committee: Committee, submitter: Submitter, today: date) -> Iterator[Recipient]:
    if committee.notify.receipt:
        yield from _to_submitter("received")(committee, submitter, today)


_CALLED_FOR: Mapping[EventKind, tuple[_Called, ...]] = {
    "report.filed": (_to_secretary("filed"), _receipt),
    "report.held": (_to_secretary("held"), _receipt),
    "submission.rejected": (
        _to_secretary("rejected_secretary"),
        _to_submitter("rejected_submitter"),
    ),
    "report.returned": (_to_submitter("returned"),),
}
