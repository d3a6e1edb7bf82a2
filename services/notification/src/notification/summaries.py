"""What a letter about several reports, a meeting or a week tells: made of notices, in few words."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, TypeAlias

from sqlalchemy.engine import Row

from notification.attached_packets import PacketFile, Unattached
from notification.letters import AttachedPacket, Letter, Meeting, Occasion, written
from notification.meeting_files import calendar_file, meeting_event, vanished_event
from notification.recipients import Committee, PlannedMeeting, Recipient
from notification.unarrived import Unarrived
from notification.unseen import Unseen


@dataclass(frozen=True)
class Gathered:
    """What has come since the last time; a line each, and of what is said of all only one reckoning."""

    filed: Sequence[Occasion]
    rejected: Sequence[Occasion]

    @cached_property
    def meetings(self) -> Sequence[Meeting]:
        """The meetings that the reports go to, the next first."""
        by_date = {one.meeting.date: one.meeting for one in self.filed if one.meeting}
        return [by_date[day] for day in sorted(by_date)]

    @cached_property
    def meeting(self) -> Meeting | None:
        """The meeting that all of them go to, if it is one."""
        days = {one.meeting.date if one.meeting else None for one in self.filed}
        return self.meetings[0] if len(days) == len(self.meetings) == 1 else None

    @property
    def deadline(self) -> datetime | None:
        return min((meeting.deadline for meeting in self.meetings), default=None)

    @property
    def unreached(self) -> int:
        """How many senders no letter tells that theirs was not taken in."""
        return sum(not one.submitter_told for one in self.rejected)


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a meeting when the calendar changed, and where its reports went, if it had any."""

    moved_from: date | None
    new_date: date | None
    """The day to which the meeting itself was moved."""
    cancelled: bool
    meeting: PlannedMeeting | None
    """The meeting as it is now, when it takes place."""
    landings: Sequence[tuple[Meeting, int]]
    homeless: int
    """How many reports wait for a meeting that is not in the calendar yet."""
    calendar: bytes | None
    known_as: str | None = None
    """The name that calendars know the meeting by, if it is the meeting itself that was changed."""
    resumed: bool = False
    """Whether it takes place after all, when it was told to be cancelled."""

    @property
    def count(self) -> int:
        return self.homeless + sum(count for _, count in self.landings)

    @property
    def has_file(self) -> bool:
        return self.calendar is not None


@dataclass(frozen=True, slots=True)
class Frozen:
    meeting: Meeting
    number: int
    count: int
    file: PacketFile = None

    @property
    def attached(self) -> AttachedPacket | None:
        return self.file if isinstance(self.file, AttachedPacket) else None

    @property
    def unattached(self) -> Unattached | None:
        return self.file if isinstance(self.file, Unattached) else None


@dataclass(frozen=True, slots=True)
class Reminder:
    meeting: PlannedMeeting
    count: int
    """How many reports are held."""
    unseen: int = 0
    """How many others nobody has opened."""


@dataclass(frozen=True, slots=True)
class FormOfWeek:
    """How many reports of a form came in during a week, and where they are by now."""

    title: str
    received: int
    on_meeting: int
    held: int
    returned: int
    rejected: int

    @property
    def stuck(self) -> int:
        """How many have come to nobody's table: parked somewhere, or still on their way."""
        return self.received - self.on_meeting - self.held - self.returned - self.rejected

    @property
    def parts(self) -> Sequence[str]:
        """Where they are, in words, as far as there are any."""
        parts = {
            "på ett sammanträde": self.on_meeting,
            "hålls tillbaka": self.held,
            "tillbaka hos avsändaren": self.returned,
            "togs inte emot": self.rejected,
            "har inte kommit fram": self.stuck,
        }
        return [f"{count} {words}" for words, count in parts.items() if count]


def form_of_week(title: str, counts: Row[Any]) -> FormOfWeek:
    on_meeting = counts.filed + counts.frozen
    return FormOfWeek(title, counts.received, on_meeting, counts.held, counts.returned, counts.rejected)


@dataclass(frozen=True, slots=True)
class WeeklyTally:
    """A week from Monday to Sunday: what came in, and the letters, notified = sent when all is well."""

    since: date
    until: date
    """The Sunday."""
    forms: Sequence[FormOfWeek]
    uncounted: Sequence[str]
    """The titles of forms of which intake has told no count."""
    sent: int
    failed: int
    on_the_way: int
    delivered: int
    """How many letters a report of delivery tells of; many relays send none."""
    bounced: int

    @property
    def notified(self) -> int:
        return self.sent + self.failed + self.on_the_way

    @property
    def is_reported(self) -> bool:
        return bool(self.delivered or self.bounced)

    @property
    def astray(self) -> int:
        return self.failed + self.bounced

    @property
    def stuck(self) -> int:
        return sum(form.stuck for form in self.forms)


@dataclass(frozen=True, slots=True)
class GuidelineEnds:
    title: str
    reference: str
    owner: str
    """Who sees to it that there is a new one, as far as the form tells."""
    last_day: date
    forms: Sequence[str]
    """The titles of those that follow it."""
    is_over: bool

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "GuidelineEnds":
        return cls(**{**facts, "last_day": date.fromisoformat(facts["last_day"])})


Summary: TypeAlias = Gathered | Moved | Frozen | Reminder | Unseen | Unarrived | WeeklyTally | GuidelineEnds


def meeting_told_of(told: Summary) -> date | None:
    """The meeting that the letter is about, the next if there are several; also one that is cancelled."""
    meeting = getattr(told, "meeting", None)
    if isinstance(told, Moved) and told.cancelled:
        return told.moved_from
    if meeting is None and isinstance(told, Gathered):
        meeting = next(iter(told.meetings), None)
    return meeting.date if meeting else None


@dataclass(frozen=True, slots=True)
class Origin:
    """What a summary is about, and the notices that it is made of: they are what it is named after."""

    about: str
    page_url: str
    notices: Sequence[Row[Any]]

    def letter_id(self, recipient: Recipient) -> str:
        """The same notices give the same recipient one letter, and the name tells no address."""
        names = " ".join(sorted(notice.id for notice in self.notices))
        told = hashlib.sha256(f"{names} {recipient.address.casefold()}".encode()).hexdigest()
        return f"{self.about}.{recipient.kind}.{told[:16]}"


def sum_up(
    told: Summary,
    origin: Origin,
    committee: Committee,
    recipient: Recipient,
    *,
    domain: str,
    created_at: datetime,
) -> Letter:
    letter = written(
        origin.letter_id(recipient),
        origin.about,
        committee,
        recipient,
        {"told": told, "page_url": origin.page_url},
        domain=domain,
        created_at=created_at,
    )
    return replace(
        letter,
        calendar=told.calendar if isinstance(told, Moved) else None,
        packet=told.attached if isinstance(told, Frozen) else None,
    )


def gathered(notices: Iterable[Row[Any]]) -> Gathered:
    """In the order of their days, as the secretary will look them through."""
    by_kind: dict[str, list[Occasion]] = {"filed": [], "rejected": []}
    for notice in notices:
        by_kind[notice.kind].append(Occasion.model_validate(notice.facts))
    filed, rejected = (sorted(one, key=_by_day) for one in by_kind.values())
    return Gathered(filed, rejected)


def _by_day(one: Occasion) -> tuple[date, str, str]:
    return one.event_date or date.max, one.unit or "", one.submission_id


def moved(committee: Committee, moved_from: date | None, notices: Sequence[Row[Any]]) -> Moved:
    """What the calendar says of the meeting by now, and where its reports have gone."""
    changes = [one.facts["calendar"] for one in notices if "calendar" in one.facts]
    of_reports = [one.facts["meeting"] for one in notices if "calendar" not in one.facts]
    meetings = [Meeting.model_validate(meeting) for meeting in of_reports if meeting]
    counts = Counter(meeting.date for meeting in meetings)
    by_date = {meeting.date: meeting for meeting in meetings}
    change = changes[-1] if changes else None
    meeting = committee.known_as(change["known_as"]) if change else None
    takes_place = meeting is not None and not meeting.cancelled
    return Moved(
        moved_from=moved_from,
        new_date=meeting.date if meeting is not None and takes_place and meeting.date != moved_from else None,
        cancelled=change is not None and not takes_place,
        meeting=meeting if takes_place else None,
        landings=[(by_date[day], counts[day]) for day in sorted(counts)],
        homeless=len(of_reports) - len(meetings),
        calendar=_file(committee, moved_from, meeting, change) if change and moved_from else None,
        known_as=change["known_as"] if change else None,
        resumed=takes_place and changes[0].get("was_cancelled", False),
    )


def _file(
    committee: Committee, moved_from: date, meeting: PlannedMeeting | None, change: Mapping[str, Any]
) -> bytes:
    """The meeting as it is now, or as no more, under the name that calendars know it by."""
    sequence = change["sequence"]
    if meeting is None:
        return calendar_file([vanished_event(committee, moved_from, change["known_as"], sequence)])
    return calendar_file([meeting_event(committee, meeting, sequence)])
