"""Who is told what: the committees, and the letters that each event calls for."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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


class Secretary(_Entry):
    name: str = Field(min_length=1)
    email: Mailbox
    copies: tuple[Mailbox, ...] = ()


class Committee(_Entry, HasId):
    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=63)
    name: str = Field(min_length=1)
    secretary: Secretary


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
LetterKind: TypeAlias = Literal["filed", "held", "rejected_secretary", "rejected_submitter", "returned"]


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

    kind: LetterKind
    address: str
    name: str = ""
    is_copy: bool = False


def recipients_of(event: EventKind, committee: Committee, submitter: Submitter) -> tuple[Recipient, ...]:
    """Everyone who gets a letter about the event, each address once per kind of letter."""
    letters: dict[tuple[LetterKind, str], Recipient] = {}
    for called in _CALLED_FOR[event]:
        for recipient in called(committee, submitter):
            letters.setdefault((recipient.kind, recipient.address.casefold()), recipient)
    return tuple(letters.values())


_Called: TypeAlias = Callable[[Committee, Submitter], Iterator[Recipient]]


def _to_secretary(kind: LetterKind) -> _Called:
    def called(committee: Committee, _: Submitter) -> Iterator[Recipient]:
        yield Recipient(kind, committee.secretary.email, committee.secretary.name)
        for copy in committee.secretary.copies:
            yield Recipient(kind, copy, is_copy=True)

    return called


def _to_submitter(kind: LetterKind) -> _Called:
    def called(_: Committee, submitter: Submitter) -> Iterator[Recipient]:
        if submitter.email is not None and submitter.reachable:
            yield Recipient(kind, submitter.email, submitter.name or "")

    return called


_CALLED_FOR: Mapping[EventKind, tuple[_Called, ...]] = {
    "report.filed": (_to_secretary("filed"),),
    "report.held": (_to_secretary("held"),),
    "submission.rejected": (
        _to_secretary("rejected_secretary"),
        _to_submitter("rejected_submitter"),
    ),
    "report.returned": (_to_submitter("returned"),),
}
