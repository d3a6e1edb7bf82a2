"""Letters about a meeting that did not arrive while its deadline is near: told to somebody else, and counted.

A letter to the secretary that fails is on the operators' desk, and nobody may look there before the deadline
has passed. So it is told to who reads beside her. That such a letter failed itself is told to nobody: it
would go round and never end.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy.engine import Row

from chassis.clock import in_stockholm
from chassis.folders import WatchedFolder
from chassis.store import Store, Transaction
from notification.mailbag import Arrival, arrival, count_unsent, is_astray, letters_in_doubt, tally
from notification.notices import is_noted, note
from notification.recipients import TO_SUBMITTER, Committee, Committees, PlannedMeeting, Secretary
from notification.workdays import moment_on, workdays_before

log = structlog.get_logger()

WORKDAYS_BEFORE = 5
"""From when a deadline is near: the same week in which the secretary is reminded."""

LOOK_EVERY_S = 60.0

MOST_TOLD = 10
"""So many letters stand in the list; the same wrong address loses them all."""


@dataclass(frozen=True, slots=True)
class Astray:
    """A letter that did not arrive."""

    subject: str
    """As the letter has it, which is fit for a postcard."""
    role: str
    """Whom it was for, in words."""
    address: str
    since: datetime
    """When it failed or bounced; in Swedish time."""


@dataclass(frozen=True, slots=True)
class Unarrived:
    meeting: PlannedMeeting
    letters: Sequence[Astray]
    """The oldest first."""
    unreached: Collection[str]
    """All addresses at which letters about the meeting did not arrive, also such as were told of before."""

    @property
    def addresses(self) -> Sequence[str]:
        return sorted({letter.address for letter in self.letters})

    @property
    def listed(self) -> Sequence[Astray]:
        return self.letters[:MOST_TOLD]

    @property
    def unlisted(self) -> int:
        return len(self.letters) - len(self.listed)


@dataclass
class Unarrivals:
    """The duty of noticing letters that did not arrive, and of counting them for Prometheus."""

    store: Store
    committees: WatchedFolder[Committees]
    near_deadline: Gauge
    unsent: Gauge
    by_state: Gauge

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Note what is new, and show how many there are by now."""
        committees = tuple(self.committees.current.values())
        near = {committee.id: await self._note(committee) for committee in committees}
        _show(self.near_deadline, near)
        _show(self.unsent, {committee.id: await self._unsent(committee) for committee in committees})
        _show(self.by_state, await _by_state(self.store))

    async def _note(self, committee: Committee) -> int:
        days = near_days(committee, self.store.clock())
        if not days:
            return 0
        async with self.store.read() as connection:
            found = (await connection.execute(letters_in_doubt(committee.id, days))).all()
        astray = missed(committee, found)
        for letter in astray:
            await note_unarrived(self.store, committee, letter)
        return len(astray)

    async def _unsent(self, committee: Committee) -> int:
        days = near_days(committee, self.store.clock())
        return await count_unsent(self.store, committee.id, days, TO_SUBMITTER) if days else 0


def near_days(committee: Committee, now: datetime) -> Sequence[date]:
    return [meeting.date for meeting in committee.meetings if is_near(meeting, now)]


def is_near(meeting: PlannedMeeting, now: datetime) -> bool:
    """From five workdays before the deadline until the day of the meeting is over, cancelled or not."""
    first = moment_on(workdays_before(meeting.deadline.date(), WORKDAYS_BEFORE), time())
    return first <= now and in_stockholm(now).date() <= meeting.date


def missed(committee: Committee, letters: Iterable[Row[Any]]) -> Sequence[Row[Any]]:
    """Those that did not arrive, and that somebody of the committee's own must hear of."""
    return [letter for letter in letters if is_astray(letter) and _concerns(committee, letter)]


def _concerns(committee: Committee, letter: Row[Any]) -> bool:
    """Of a meeting that is cancelled only what tells so; never what was for the sender of a report."""
    meeting = committee.meeting_on(letter.meeting_date)
    is_cancelled = meeting is not None and meeting.cancelled
    return letter.kind == "moved" if is_cancelled else letter.kind not in TO_SUBMITTER


async def note_unarrived(store: Store, committee: Committee, letter: Row[Any]) -> None:
    """Note it once, to be told with what else fails meanwhile."""
    name = f"unarrived {letter.id}"
    if letter.kind == "unarrived" or await is_noted(store, name):
        return
    row = {
        "id": name,
        "kind": "unarrived",
        "committee": committee.id,
        "submission_id": committee.id,
        "revision": 0,
        "form": "",
        "facts": {"date": letter.meeting_date.isoformat(), "letter_id": letter.id},
        "due_at": store.clock() + timedelta(minutes=committee.notify.window_minutes),
    }
    await store.write(lambda tx: note(tx, row))
    log.warning("letter.missed", letter_id=letter.id, committee=committee.id)


async def unarrived_by_now(
    tx: Transaction, committee: Committee, notices: Sequence[Row[Any]]
) -> Unarrived | None:
    """What there is to tell of one meeting when the letter is written; None when all has arrived since."""
    meeting = committee.meeting_on(date.fromisoformat(notices[0].facts["date"]))
    if meeting is None or not is_near(meeting, tx.clock()):
        return None
    noted = {notice.facts["letter_id"] for notice in notices}
    astray = missed(committee, await tx.all(letters_in_doubt(committee.id, [meeting.date])))
    told = [_astray(letter, committee.secretary) for letter in astray if letter.id in noted]
    return Unarrived(meeting, told, {letter.recipient for letter in astray}) if told else None


def _astray(letter: Row[Any], secretary: Secretary) -> Astray:
    subject = str(message_from_bytes(letter.content, policy=default)["Subject"])
    since = letter.bounced_at if arrival(letter) is Arrival.BOUNCED else letter.settled_at
    return Astray(subject, _role(letter.recipient, secretary), letter.recipient, in_stockholm(since))


def _role(address: str, secretary: Secretary) -> str:
    if address == secretary.email:
        return "nämndsekreteraren"
    if secretary.substitute is not None and address == secretary.substitute.email:
        return "ersättaren"
    return "den som får kopior" if address in secretary.copies else "en tidigare adress"


async def _by_state(store: Store) -> Mapping[str, int]:
    counts = dict.fromkeys(("written", "sent", "failed", "parked", "dropped"), 0)
    for states in (await tally(store)).values():
        for state, count in states.items():
            counts[state] = counts.get(state, 0) + count
    return counts


def _show(gauge: Gauge, counts: Mapping[str, int]) -> None:
    """Show these alone: a committee that is gone has no letters."""
    gauge.clear()
    for label, count in counts.items():
        gauge.labels(label).set(count)


def letter_gauges(registry: CollectorRegistry) -> tuple[Gauge, Gauge, Gauge]:
    """Those that did not arrive, or were not sent, while a deadline is near, by committee; all, by state."""
    near = Gauge(
        "kansli_letters_failed_near_deadline",
        "Letters to the committee that did not arrive, about a meeting whose deadline is near",
        ["committee"],
        registry=registry,
    )
    unsent = Gauge(
        "kansli_letters_unsent_near_deadline",
        "Letters to the committee that wait to be sent, about a meeting whose deadline is near",
        ["committee"],
        registry=registry,
    )
    return near, unsent, Gauge("kansli_letters", "Letters, by their state now", ["state"], registry=registry)
