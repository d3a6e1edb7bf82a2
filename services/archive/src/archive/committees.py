"""The committees as the archive knows them: who is asked, what stands on the agenda, and when they meet."""

import unicodedata
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from archive.calendar import Meeting
from archive.disposal_plan import DisposalPlan
from chassis.faults import HasId, read_named
from chassis.folders import files_in


class _Read(BaseModel):
    """Strict in what is used, silent about the rest: the file is shared by four services."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Secretary(_Read):
    name: str
    email: str = ""


class Diary(_Read):
    """How the committee numbers what comes in: `template` by ourselves, on receipt, or by hand."""

    template: str = ""
    registered: Literal["on-receipt", "by-hand"] = "by-hand"

    @field_validator("template")
    @classmethod
    def _with_a_number(cls, template: str) -> str:
        """A template without the number would give every paper the same one."""
        if template and not _makes_numbers(template):
            raise ValueError("mallen ska ha {number} och gärna {year}, till exempel VSN {year}/{number:05}")
        return template

    @property
    def numbers(self) -> bool:
        """Whether we number ourselves."""
        return bool(self.template) and self.registered == "on-receipt"

    @property
    def is_yearly(self) -> bool:
        """Whether each year's numbers differ from every other's, so that they may begin at 1 again."""
        return "year" in _fields(self.template)

    def number(self, number: int, year: int) -> str:
        return self.template.format(number=number, year=year)


def _fields(template: str) -> set[str]:
    """Raises `ValueError` when it is no template."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def _makes_numbers(template: str) -> bool:
    try:
        fields = _fields(template)
        return "number" in fields <= {"number", "year"} and bool(template.format(number=1, year=2026))
    except ValueError:
        return False


class Notify(_Read):
    """Of what the secretary is told by letter, only what the pages see to."""

    unseen: bool = True
    """Whether it is noted, and told, that a report has been opened; false where nobody uses the pages."""


class Archiving(_Read):
    """What the record of a packet says of its owner and its delivery to the archive.

    `agreement` names the agreement with the archive (leveransöverenskommelse). `own_reports` tells whether
    the committee holds its members' reports to have come in (inkomna) or to be drawn up by itself
    (upprättade): a municipality's archivist decides.
    """

    organisation: str = ""
    organisation_number: str = ""
    agreement: str = ""
    own_reports: Literal["incoming", "drawn-up"] = "incoming"


class Unit(_Read):
    id: str
    name: str


class Norm(_Read):
    """How many visits a year a unit is meant to get, by the committee's guideline; both ends are right."""

    least: Annotated[int, Field(ge=0)]
    most: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _least_first(self) -> "Norm":
        if self.most < self.least:
            raise ValueError(f"least är {self.least} och most {self.most}; skriv det minsta talet först")
        return self


Day = Annotated[date, Field(strict=False)]


class Kontaktpolitiker(_Read):
    """One term of office; the same person's id recurs with every further term. Both days count."""

    id: str
    name: str
    email: str
    units: tuple[str, ...] = Field(strict=False)
    since: Day = Field(alias="from")
    until: Day = Field(alias="to", default=date.max)

    def in_office(self, day: date) -> bool:
        return self.since <= day <= self.until


class Committee(_Read, HasId):
    id: str
    name: str
    secretary: Secretary
    agenda_item: str
    proposal: str
    diary: Diary = Diary()
    notify: Notify = Notify()
    archiving: Archiving = Archiving()
    disposal: DisposalPlan = DisposalPlan()
    meetings: tuple[Meeting, ...] = Field(default=(), strict=False)
    units: tuple[Unit, ...] = Field(default=(), strict=False)
    kontaktpolitiker: tuple[Kontaktpolitiker, ...] = Field(default=(), strict=False)
    visits_per_year: Norm = Norm(least=1, most=2)

    @field_validator("meetings")
    @classmethod
    def _one_a_day_in_order(cls, meetings: tuple[Meeting, ...]) -> tuple[Meeting, ...]:
        """A meeting is addressed by its date, so that a date can hold only one."""
        if len({meeting.date for meeting in meetings}) < len(meetings):
            raise ValueError("två sammanträden har samma datum")
        if len({meeting.known_as for meeting in meetings}) < len(meetings):
            raise ValueError("två sammanträden har samma id; ge det ena ett annat")
        return tuple(sorted(meetings, key=lambda meeting: meeting.date))

    def meeting_on(self, day: date | None) -> Meeting | None:
        return next((meeting for meeting in self.meetings if meeting.date == day), None)

    @property
    def unit_names(self) -> Mapping[str, str]:
        return {unit.id: unit.name for unit in self.units}

    def person(self, email: str | None, day: date) -> Kontaktpolitiker | None:
        """Who in office that day has the address, however it is written."""
        wanted = _folded(email or "")
        return next(
            (term for term in self.kontaktpolitiker if term.in_office(day) and _folded(term.email) == wanted),
            None,
        )


def _folded(address: str) -> str:
    return unicodedata.normalize("NFC", address.casefold()).strip()


Committees = Mapping[str, Committee]
"""Committees by their id."""


find_committees = files_in("committees", ".yaml")


def load_committees(folder: Path, today: date) -> Committees:
    """Read `committees/*.yaml` of a configuration folder.

    Raises `BrokenFolder` naming the file and the field.
    """
    return {name: load_committee(path, today) for name, path in find_committees([folder]).items()}


def load_committee(path: Path, today: date) -> Committee:
    """Read one committee's file; raises `BrokenFolder`."""
    return read_named(path, Committee, today)
