"""Letters that are few: what waits, for how long, and that it is told once whatever dies meanwhile."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar
from prometheus_client import CollectorRegistry
from sqlalchemy import select, update

from chassis.bus import Message
from chassis.clock import in_stockholm
from chassis.consumer import Consumer
from chassis.errands import ErrandWorker
from chassis.events import STRUCTURED, Envelope, Event, encode, new_id, queue_name, unpack
from chassis.folders import WatchedFolder, each, whole
from chassis.metrics import Metrics
from chassis.objects import Objects
from chassis.store import Store, Transaction, open_store
from chassis.store.tables import errands, outbox
from notification import week_counts
from notification.__main__ import HISTORY
from notification.attached_packets import AttachedPackets
from notification.breaker import Breaker, relay_gauge
from notification.delivery import Delivery, OnUncertain, mails_counter
from notification.events import (
    PacketFrozen,
    ReportFiled,
    ReportHeld,
    ReportMoved,
    ReportReleased,
    ReportReturned,
    ReportSeen,
    SubmissionRejected,
    SubmissionsCounted,
)
from notification.gathering import Gathering
from notification.guidelines import find_forms, load_form
from notification.handlers import Letters
from notification.headers import Sender
from notification.mailbag import letter_reports
from notification.mailbag import letters as mailbag
from notification.notices import notices
from notification.post import Receipt, Refused
from notification.recipients import load_committees
from notification.unarrived import Unarrivals, letter_gauges
from notification.unseen import passed_on_from
from notification.workdays import is_workday
from support.still_clock import StillClock

FRIDAY = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECRETARY, SENDER = "nora@kommunen.example", "anna@valfard.example"
DECEMBER = {"date": "2026-12-09", "time": "13:00", "place": "Salen", "deadline": "2026-11-27T11:00:00Z"}
COMMITTEE: dict[str, Any] = {
    "id": "valfard",
    "name": "Välfärd- och servicenämnden",
    "secretary": {"name": "Nora Sekreterarsson", "email": SECRETARY},
    "notify": {"weekly_tally": False, "receipt": False},
    "meetings": [DECEMBER],
}
TOLD: dict[str, Any] = {
    "form": "prov",
    "committee": "valfard",
    "title": "Provrapport",
    "reference": "190456",
    "unit_name": "Kost",
    "event_date": "2026-11-12",
    "arrived_at": "2026-11-20T11:30:00Z",
    "findings": [],
    "submitter": {"name": "Anna Exempelsson", "email": SENDER},
    "late": False,
    "meeting": DECEMBER,
    "version": 1,
    "revision": 1,
}


def told(kind: type[Event], number: int = 1, **changed: Any) -> Event:
    return kind.model_validate_json(json.dumps(TOLD | {"submission_id": f"s-{number}"} | changed))


filed = partial(told, ReportFiled)
held = partial(told, ReportHeld)
rejected = partial(told, SubmissionRejected)


def moved(number: int, **changed: Any) -> Event:
    facts = {"version": 2, "status": "filed", "moved_from": "2026-12-09", "by": "calendar", "meeting": None}
    return told(ReportMoved, number, **facts | changed)


class FakePost:
    """Takes every letter, or refuses what it is told to, and what goes to a wrong address."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.wrong: set[str] = set()
        self.refusals: list[Exception] = []

    async def deliver(self, letter: bytes, sender: str, recipient: str, letter_id: str) -> Receipt:
        del sender, letter_id
        if recipient in self.wrong:
            raise Refused("RCPT", code=550)
        if self.refusals:
            raise self.refusals.pop()
        self.taken.append((recipient, letter))
        return Receipt("2.0.0 Ok")

    async def close(self) -> None:
        """There is nothing to let go of."""


@dataclass
class Office:
    store: Store
    clock: StillClock
    post: FakePost
    config: Path
    folder: WatchedFolder[Any]
    consumers: Mapping[str, Consumer]
    worker: ErrandWorker
    gathering: Gathering

    async def hear(self, *events: Event) -> None:
        for event in events:
            body = encode(event, new_id(), "/kansli/archive", self.clock(), "00-0-0-00")
            queue = queue_name("notification", event.kind)
            await self.consumers[queue].receive([Message(body, STRUCTURED)])

    async def letters(self) -> list[EmailMessage]:
        """What comes to the secretary from now on, when all that is due has been told and sent."""
        return [letter for letter, to in await self.mail() if to == SECRETARY]

    async def mail(self) -> list[tuple[EmailMessage, str]]:
        await self.gathering.tell_due()
        while await self.worker.do_one():
            pass
        taken, self.post.taken = self.post.taken, []
        return [(message_from_bytes(content, policy=default), to) for to, content in taken]

    async def said(self) -> list[Envelope]:
        """Each event once, to however many it was said."""
        async with self.store.read() as connection:
            bodies = (await connection.scalars(select(outbox.c.body))).all()
        received = [unpack(body, STRUCTURED)[0].envelope for body in bodies]
        return list({one.id: one for one in received if one is not None}.values())

    async def count(self, table: Any) -> int:
        async with self.store.read() as connection:
            return len((await connection.execute(select(table))).all())

    def guide(self, form: str, called: str, **guideline: Any) -> None:
        """Save a form of the committee that follows the guideline, and have it read."""
        folder = self.config / "forms" / form
        folder.mkdir(exist_ok=True)
        text = yaml.safe_dump({"committee": "valfard", "title": called, "guideline": guideline})
        (folder / "form.yaml").write_text(text, "utf-8")
        self.gathering.forms.refresh()

    def configure(self, **changed: Any) -> None:
        """Save the committee's file anew, and have it read."""
        path = self.config / "committees" / "valfard.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(COMMITTEE | changed), "utf-8")
        fresh = WatchedFolder(
            [self.config], whole(lambda folders: load_committees(folders[0], FRIDAY.date()))
        )
        self.gathering.committees = fresh


@asynccontextmanager
async def opened(url: str, config: Path, clock: StillClock, **changed: Any) -> AsyncIterator[Office]:
    post, metrics = FakePost(), Metrics("notification")
    (config / "committees").mkdir(parents=True, exist_ok=True)
    (config / "committees" / "valfard.yaml").write_text(yaml.safe_dump(COMMITTEE | changed), "utf-8")
    (config / "forms").mkdir(exist_ok=True)
    store = open_store(url, "notification", clock)
    folder = WatchedFolder([config], whole(lambda folders: load_committees(folders[0], FRIDAY.date())))
    sender, pages = Sender("Kansli", "kansli@kommunen.example"), "http://127.0.0.1:8084"
    letters, counts = Letters(store, folder, sender, pages), CollectorRegistry()
    breaker = Breaker(post, relay_gauge(counts))
    delivery = Delivery(store, breaker, sender.address, OnUncertain.RESEND, mails_counter(counts))
    consumers = {
        one.queue: one
        for one in (
            Consumer("notification", reads, store, metrics)
            for reads in (*letters.reads(), *week_counts.reads())
        )
    }
    (kind,) = delivery.errands(1)
    worker = ErrandWorker("notification", kind, store, metrics)
    await store.open()
    await store.migrate(HISTORY)
    forms = WatchedFolder([config / "forms"], each(find_forms, lambda one: load_form(one, FRIDAY.date())))
    packets = AttachedPackets(store, Objects((config / "objects").as_uri()))
    gathering = Gathering(store, folder, forms, sender, pages, packets)
    yield Office(store, clock, post, config, folder, consumers, worker, gathering)
    await store.close()


def notify(when: str, **more: Any) -> dict[str, Any]:
    return {"notify": {"when": when, "weekly_tally": False, "receipt": False, **more}}


@pytest.fixture
async def office(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    setting = getattr(request, "param", notify("gathered"))
    url = f"sqlite:///{tmp_path}/notification.db"
    async with opened(url, tmp_path / "config", StillClock(FRIDAY), **setting) as office:
        yield office


def words(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


async def test_what_comes_within_the_window_is_one_letter(office: Office) -> None:
    """Half an hour from the first, however many come; a line each, and one link."""
    await office.hear(filed(1), filed(2, unit_name="Kultur", event_date="2026-11-11"))
    office.clock.pass_by(minutes=29)
    await office.hear(filed(3))
    assert await office.letters() == []
    office.clock.pass_by(minutes=1)
    (letter,) = await office.letters()
    assert letter["Subject"] == "3 rapporter att granska till Välfärd- och servicenämnden 9 december"
    text = words(letter)
    assert text.startswith("Granska rapporterna senast fredag 27 november klockan 12.00.")
    lines = re.findall(r"^- (.*)$", text, re.MULTILINE)
    assert lines[0] == "Kultur, 11 november (nummer 190456)."
    assert len(lines) == 3
    assert text.count("http://") == 1
    assert "Anna" not in text
    office.clock.pass_by(days=1)
    assert await office.letters() == []


@pytest.mark.parametrize("office", [notify("gathered")], indirect=True)
async def test_what_is_too_much_for_one_letter_goes_in_several(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at the same time, and each report in one of them."""
    monkeypatch.setattr("notification.gathering.MOST_IN_A_LETTER", 2)
    await office.hear(*map(filed, range(5)))
    office.clock.pass_by(minutes=30)
    assert len(await office.letters()) == 3
    assert await office.count(letter_reports) == 5


@pytest.mark.parametrize("office", [notify("digest")], indirect=True)
async def test_a_digest_comes_on_workdays_in_the_morning(office: Office) -> None:
    """What came on Friday afternoon and on Saturday is told on Monday at seven, Swedish time."""
    await office.hear(filed(1))
    office.clock.pass_by(days=1)
    await office.hear(filed(2))
    office.clock.now = datetime(2026, 11, 23, 5, 59, tzinfo=UTC)
    assert await office.letters() == []
    office.clock.pass_by(minutes=1)
    (letter,) = await office.letters()
    assert str(letter["Subject"]).startswith("2 rapporter att granska")


@pytest.mark.parametrize("office", [notify("digest"), notify("gathered", window_minutes=300)], indirect=True)
async def test_what_could_only_be_told_after_the_deadline_does_not_wait(office: Office) -> None:
    """It came in time; a letter that asks for something until yesterday would be of no use."""
    office.clock.now = datetime(2026, 11, 27, 8, tzinfo=UTC)
    await office.hear(filed(1))
    (letter,) = await office.letters()
    assert words(letter).startswith("Granska rapporten senast fredag 27 november klockan 12.00.")
    office.clock.pass_by(days=5)
    assert await office.letters() == []


@pytest.mark.parametrize("office", [notify("gathered", receipt=True)], indirect=True)
async def test_a_sender_has_a_receipt_at_once(office: Office) -> None:
    """The secretary's gathering does not keep it waiting, and a report that a person holds is none."""
    await office.hear(filed(1), held(2), held(3, reason="Vänta."))
    assert Counter(to for _, to in await office.mail()) == Counter({SECRETARY: 1, SENDER: 2})


@pytest.mark.parametrize("office", [notify("gathered"), notify("digest")], indirect=True)
async def test_what_is_held_or_late_and_what_a_sender_is_told_does_not_wait(office: Office) -> None:
    """Somebody has to do something, and the time may be short."""
    await office.hear(held(1), filed(2, late=True), rejected(3))
    assert Counter(to for _, to in await office.mail()) == Counter({SECRETARY: 2, SENDER: 1})
    office.clock.pass_by(days=3)
    (letter,) = await office.letters()
    assert letter["Subject"] == "1 rapport till Välfärd- och servicenämnden togs inte emot"


@pytest.mark.parametrize("office", [notify("at-once")], indirect=True)
async def test_at_once_is_a_letter_each(office: Office) -> None:
    """As a committee has it that sets nothing."""
    await office.hear(filed(1), filed(2))
    assert len(await office.letters()) == 2


async def test_a_letter_tells_what_holds_when_it_is_written(office: Office) -> None:
    """What was held, completed or moved meanwhile is not told as it was before."""
    january = DECEMBER | {"date": "2027-01-20", "deadline": "2027-01-08T11:00:00Z"}
    await office.hear(filed(1), filed(2), filed(3), filed(4))
    await office.hear(held(1, version=2), filed(2, version=2, revision=2, unit_name="Kultur"))
    await office.hear(moved(3, meeting=january), filed(4))
    office.clock.pass_by(hours=1)
    text = next(words(one) for one in await office.letters() if "att granska" in str(one["Subject"]))
    lines = sorted(re.findall(r"^- (.*)$", text, re.MULTILINE))
    assert lines == [
        "Kost, 12 november (nummer 190456), till sammanträdet 20 januari 2027.",
        "Kost, 12 november (nummer 190456), till sammanträdet 9 december.",
        "Kultur, 12 november (nummer 190456), till sammanträdet 9 december.",
    ]


async def test_a_rejection_that_a_completion_has_answered_is_not_told_any_more(office: Office) -> None:
    """Nobody needs to see to it; one of a completion stands beside the report that it would have replaced."""
    await office.hear(rejected(1), filed(1, revision=2), filed(2), rejected(2, revision=2))
    await office.hear(told(ReportReleased, 2, version=2))
    office.clock.pass_by(hours=1)
    (letter,) = await office.letters()
    lines = re.findall(r"^(?:.*:$|- \w+)", words(letter), re.MULTILINE)
    assert lines == ["Nya rapporter:", "- Kost", "Togs inte emot:", "- Kost"]


async def test_a_report_that_the_calendar_moved_before_it_was_heard_of_is_told_where_it_goes(
    office: Office,
) -> None:
    """Events overtake each other, and a report that was moved is not for that known to the secretary."""
    january = DECEMBER | {"date": "2027-01-20", "deadline": "2027-01-08T11:00:00Z"}
    await office.hear(moved(1, meeting=january), filed(1))
    office.clock.pass_by(hours=1)
    subjects = [str(letter["Subject"]) for letter in await office.letters()]
    assert "1 rapport att granska till Välfärd- och servicenämnden 20 januari 2027" in subjects


@pytest.mark.parametrize("office", [notify("at-once", receipt=True)], indirect=True)
async def test_a_report_that_was_returned_is_not_told_as_filed_or_held_afterwards(office: Office) -> None:
    """Its sender would have heard last that it goes to the meeting."""
    await office.hear(
        told(ReportReturned, 1, version=3, reason="Datum saknas."), filed(1), held(1, version=2)
    )
    (letter,) = [letter for letter, _ in await office.mail()]
    assert letter["Subject"] == "Din rapport till Välfärd- och servicenämnden kommer tillbaka till dig"


async def test_each_report_of_a_gathered_letter_is_told_of_it(office: Office) -> None:
    """Who keeps what became of a report hears of it under a name of its own."""
    await office.hear(filed(1), filed(2, revision=3))
    office.clock.pass_by(hours=1)
    await office.letters()
    said = await office.said()
    assert sorted((one.subject, one.data["revision"], one.data["letter"]) for one in said) == [
        ("s-1", 1, "gathered"),
        ("s-2", 3, "gathered"),
    ]
    assert len({one.data["letter_id"] for one in said}) == 2


async def test_a_refused_gathered_letter_is_told_as_failed_for_each_report(office: Office) -> None:
    """None of them has been told of."""
    office.post.refusals = [Refused("RCPT", code=550)]
    await office.hear(filed(1), filed(2))
    office.clock.pass_by(hours=1)
    assert await office.letters() == []
    assert [one.type for one in await office.said()] == ["se.kansli.notification.failed.v1"] * 2


async def test_what_was_noted_outlives_the_process(tmp_path: Path) -> None:
    """It is a row of its event's transaction; whoever starts next tells it when it is due."""
    url, clock = f"sqlite:///{tmp_path}/notification.db", StillClock(FRIDAY)
    async with opened(url, tmp_path, clock, **notify("gathered")) as office:
        await office.hear(filed(1), filed(2))
    clock.pass_by(hours=5)
    async with opened(url, tmp_path, clock, **notify("gathered")) as office:
        assert len(await office.letters()) == 1
    async with opened(url, tmp_path, clock, **notify("gathered")) as office:
        assert await office.letters() == []


async def test_a_death_while_letters_are_written_tells_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notices, letters and errands are one transaction: next time all is told, and once."""

    async def die(*_: Any, **__: Any) -> None:
        raise RuntimeError("killed")

    await office.hear(filed(1), filed(2))
    office.clock.pass_by(hours=1)
    with monkeypatch.context() as patched:
        patched.setattr(Transaction, "send_on_errand", die)
        with pytest.raises(RuntimeError):
            await office.gathering.tell_due()
    assert (await office.count(mailbag), await office.count(errands)) == (0, 0)
    assert len(await office.letters()) == 1
    assert await office.letters() == []


async def test_two_replicas_tell_once(postgres_url: str, tmp_path: Path) -> None:
    """Both look at the same moment; one finds the notices, the other finds none left."""
    clock, setting = StillClock(FRIDAY), notify("gathered")
    async with (
        opened(postgres_url, tmp_path, clock, **setting) as one,
        opened(postgres_url, tmp_path, clock, **setting) as other,
    ):
        for number in range(1, 6):
            await one.hear(filed(number), held(number + 100))
            clock.pass_by(hours=1)
            await asyncio.gather(*(office.gathering.tell_due() for office in (one, other, one, other)))
            assert await one.count(mailbag) == 2 * number
        clock.now = datetime(2026, 11, 26, 7, tzinfo=UTC)
        await asyncio.gather(*(office.gathering.tell_due() for office in (one, other)))
        assert await one.count(mailbag) == 11


async def test_a_cancelled_meeting_is_one_letter_however_many_reports_it_had(office: Office) -> None:
    """Where they went, and the calendar's own cancellation under the same UID."""
    january = DECEMBER | {"date": "2027-01-20", "deadline": "2027-01-08T11:00:00Z"}
    assert await office.letters() == []
    office.configure(meetings=[DECEMBER | {"cancelled": True}, january])
    await office.hear(*(moved(number, meeting=january) for number in range(1, 31)))
    assert await office.letters() == []
    office.clock.pass_by(minutes=2)
    (letter,) = await office.letters()
    assert letter["Subject"] == ("Sammanträdet 9 december i Välfärd- och servicenämnden är inställt")
    assert "30 rapporter till sammanträdet onsdag 20 januari 2027" in words(letter)
    (event,) = events_of(letter)
    assert (event["UID"], event["STATUS"], event["SEQUENCE"]) == ("2026-12-09.valfard@kansli", "CANCELLED", 1)


async def test_a_moved_meeting_goes_along_under_the_name_it_had(office: Office) -> None:
    """Calendars find it by its UID, and take the higher sequence."""
    later = DECEMBER | {"date": "2026-12-16", "id": "2026-12-09", "sequence": 2}
    assert await office.letters() == []
    office.configure(meetings=[later])
    await office.hear(moved(1, meeting=DECEMBER | {"date": "2026-12-16"}))
    office.clock.pass_by(minutes=2)
    (letter,) = await office.letters()
    assert letter["Subject"] == (
        "Sammanträdet 9 december i Välfärd- och servicenämnden är flyttat till 16 december"
    )
    (event,) = events_of(letter)
    assert (event["UID"], event["STATUS"], event["SEQUENCE"]) == ("2026-12-09.valfard@kansli", "CONFIRMED", 2)
    assert event["DTSTART"].dt.isoformat() == "2026-12-16T13:00:00+01:00"


async def test_a_meeting_that_vanished_is_cancelled_in_calendars_too(office: Office) -> None:
    """Its reports wait, and the secretary is told what for."""
    assert await office.letters() == []
    office.configure(meetings=[])
    await office.hear(moved(1), moved(2))
    office.clock.pass_by(minutes=2)
    (letter,) = await office.letters()
    assert words(letter).startswith("Lägg in nästa sammanträde i kalendern.")
    (event,) = events_of(letter)
    assert (event["UID"], event["STATUS"], event["SEQUENCE"]) == ("2026-12-09.valfard@kansli", "CANCELLED", 1)


async def told_of_calendar(office: Office, *meetings: Mapping[str, Any]) -> EmailMessage:
    """The one letter that comes when the calendar is changed to this, once and not before two minutes."""
    office.configure(meetings=list(meetings))
    assert await office.letters() == []
    office.clock.pass_by(minutes=2)
    (letter,) = await office.letters()
    assert await office.letters() == []
    return letter


async def test_a_meeting_without_reports_is_told_of_when_it_is_moved_and_moved_again(office: Office) -> None:
    """Who has it in a calendar needs to know; each time under a higher sequence."""
    assert await office.letters() == []
    first = await told_of_calendar(office, DECEMBER | {"date": "2026-12-16", "id": "2026-12-09"})
    assert first["Subject"] == (
        "Sammanträdet 9 december i Välfärd- och servicenämnden är flyttat till 16 december"
    )
    assert "Rapporterna" not in words(first)
    second = await told_of_calendar(office, DECEMBER | {"date": "2026-12-17", "id": "2026-12-09"})
    assert [event["SEQUENCE"] for one in (first, second) for event in events_of(one)] == [1, 2]
    assert {event["UID"] for one in (first, second) for event in events_of(one)} == {
        "2026-12-09.valfard@kansli"
    }


async def test_letters_about_a_meeting_are_one_thread_also_when_it_moves(office: Office) -> None:
    """What came, the move, what comes later: each answers the first, which was sent."""
    assert await office.letters() == []
    await office.hear(filed(1))
    office.clock.pass_by(minutes=30)
    (first,) = await office.letters()
    later = DECEMBER | {"date": "2026-12-16"}
    move = await told_of_calendar(office, later | {"id": "2026-12-09"})
    await office.hear(filed(2, meeting=later))
    office.clock.pass_by(minutes=30)
    (second,) = await office.letters()
    assert first["In-Reply-To"] is None
    assert [one["In-Reply-To"] for one in (move, second)] == [first["Message-ID"]] * 2


async def test_a_letter_that_was_refused_begins_no_thread(office: Office) -> None:
    """No mailbox knows it."""
    office.post.refusals = [Refused("RCPT", code=550)]
    for number in (1, 2):
        await office.hear(filed(number))
        office.clock.pass_by(minutes=30)
        letters = await office.letters()
    (second,) = letters
    assert second["In-Reply-To"] is None


async def test_a_new_hour_or_deadline_is_told_with_the_meeting_as_it_is(office: Office) -> None:
    """The day is the same, and still somebody would come too late."""
    assert await office.letters() == []
    letter = await told_of_calendar(office, DECEMBER | {"time": "15:00", "deadline": "2026-11-26T11:00:00Z"})
    assert letter["Subject"] == "Sammanträdet 9 december i Välfärd- och servicenämnden är ändrat"
    assert "Sammanträde: onsdag 9 december klockan 15.00\n" in words(letter)
    assert "Manusstopp: torsdag 26 november klockan 12.00\n" in words(letter)


async def test_a_cancelled_meeting_may_leave_the_calendar_without_another_letter(office: Office) -> None:
    """It was told of when it was cancelled."""
    assert await office.letters() == []
    await told_of_calendar(office, DECEMBER | {"cancelled": True})
    office.configure(meetings=[])
    assert await office.letters() == []
    office.clock.pass_by(days=1)
    assert await office.letters() == []


async def test_a_meeting_that_comes_back_is_told_under_a_higher_sequence(office: Office) -> None:
    """Calendars have it as cancelled, and heed nothing under a number that they have seen."""
    assert await office.letters() == []
    letters = [await told_of_calendar(office, *meetings) for meetings in ([], [DECEMBER], [])]
    subject = "Sammanträdet 9 december i Välfärd- och servicenämnden "
    assert [letter["Subject"] for letter in letters] == [
        f"{subject}är inställt",
        f"{subject}äger rum trots allt",
        f"{subject}är inställt",
    ]
    assert [(event["STATUS"], event["SEQUENCE"]) for one in letters for event in events_of(one)] == [
        ("CANCELLED", 1),
        ("CONFIRMED", 2),
        ("CANCELLED", 3),
    ]


async def test_a_meeting_that_is_no_longer_cancelled_is_told_to_take_place_after_all(office: Office) -> None:
    """First of all, as whoever has read that it is cancelled has made other plans; also on another day."""
    assert await office.letters() == []
    await told_of_calendar(office, DECEMBER | {"cancelled": True})
    again = await told_of_calendar(office, DECEMBER)
    assert again["Subject"].endswith(
        "Sammanträdet 9 december i Välfärd- och servicenämnden äger rum trots allt"
    )
    assert words(again).startswith("Sammanträdet onsdag 9 december äger rum trots allt.")
    assert "ändrat" not in words(again)
    await told_of_calendar(office, DECEMBER | {"cancelled": True})
    later = await told_of_calendar(office, DECEMBER | {"date": "2026-12-16", "id": "2026-12-09"})
    assert later["Subject"].endswith("är flyttat till 16 december och äger rum trots allt")
    assert "Sammanträdet onsdag 9 december äger rum trots allt, men onsdag 16 december." in " ".join(
        words(later).split()
    )


async def test_a_meeting_that_was_cancelled_only_for_a_moment_is_not_told_to_take_place_after_all(
    office: Office,
) -> None:
    """Nobody was told that it did not."""
    assert await office.letters() == []
    office.configure(meetings=[DECEMBER | {"cancelled": True}])
    assert await office.letters() == []
    letter = await told_of_calendar(office, DECEMBER | {"time": "15:00"})
    assert letter["Subject"].endswith("är ändrat")


async def test_what_is_new_or_over_in_a_calendar_is_no_letter(office: Office) -> None:
    """A year's plan is no news to who made it, and nobody needs to hear that last year's is gone."""
    later = DECEMBER | {"date": "2027-02-03", "deadline": "2027-01-20T11:00:00Z"}
    assert await office.letters() == []
    office.configure(meetings=[DECEMBER | {"id": "vsn-12"}, later])
    assert await office.letters() == []
    office.clock.now = datetime(2027, 1, 1, 12, tzinfo=UTC)
    office.configure(meetings=[later])
    assert await office.letters() == []
    office.clock.pass_by(days=1)
    assert await office.letters() == []


async def test_what_a_person_moves_is_no_letter(office: Office) -> None:
    """She who moved it knows."""
    await office.hear(moved(1, by="person", meeting=DECEMBER))
    office.clock.pass_by(days=1)
    assert await office.letters() == []


def events_of(letter: EmailMessage) -> list[Any]:
    (part,) = letter.iter_attachments()
    assert (part.get_content_type(), part.get_filename()) == ("text/calendar", "sammantrade.ics")
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    calendar = Calendar.from_ical(content)
    assert calendar["METHOD"] == "PUBLISH"
    return list(calendar.walk("VEVENT"))


def frozen_with(*names: str) -> Event:
    """A packet with these reports in their third version."""
    packet = {
        "submission_id": "p-1",
        "meeting": DECEMBER | {"committee": "valfard"},
        "number": 2,
        "reports": [{"submission_id": name, "version": 3} for name in names],
    }
    return PacketFrozen.model_validate_json(json.dumps(packet))


async def test_a_packet_does_not_take_back_what_came_after_it(office: Office) -> None:
    """A newer revision goes to the next meeting, and may be heard of before the packet is."""
    january = DECEMBER | {"date": "2027-01-20", "deadline": "2027-01-08T11:00:00Z"}
    await office.hear(filed(1, version=4, revision=2, meeting=january), frozen_with("s-1"))
    await office.letters()
    office.clock.pass_by(hours=1)
    assert [letter["Subject"] for letter in await office.letters()] == [
        "1 rapport att granska till Välfärd- och servicenämnden 20 januari 2027"
    ]


async def test_what_lies_in_a_packet_that_was_heard_of_first_is_not_told_as_new(office: Office) -> None:
    """Nor is anybody asked to open it."""
    await office.hear(frozen_with("s-1"), filed(1))
    assert len(await office.letters()) == 1
    office.clock.pass_by(hours=1)
    assert await office.letters() == []
    office.clock.now = datetime(2026, 11, 26, 7, tzinfo=UTC)
    assert await office.letters() == []


async def test_a_frozen_packet_is_told_with_its_page(office: Office) -> None:
    """One letter, however many reports lie in it."""
    frozen = frozen_with("s-1", "s-2")
    await office.hear(filed(1), filed(2), frozen, frozen)
    (letter,) = await office.letters()
    assert letter["Subject"] == "Handlingarna till Välfärd- och servicenämnden 9 december är klara"
    assert "http://127.0.0.1:8084/committees/valfard/meetings/2026-12-09" in words(letter)
    assert "Det innehåller 2 rapporter." in words(letter)
    office.clock.pass_by(days=1)
    assert await office.letters() == []


async def test_a_reminder_comes_five_and_one_workdays_before_and_once(office: Office) -> None:
    """Deadline Friday 27th at noon: Friday 20th and Thursday 26th, at seven in the morning."""
    office.clock.now = datetime(2026, 11, 19, 12, tzinfo=UTC)
    await office.hear(held(1))
    assert len(await office.letters()) == 1
    came = []
    for _ in range(24 * 10):
        office.clock.pass_by(hours=1)
        came += [(office.clock().isoformat(), one["Subject"]) for one in await office.letters()]
    subject = "1 rapport väntar på dig inför Välfärd- och servicenämnden 9 december"
    assert came == [("2026-11-20T06:00:00+00:00", subject), ("2026-11-26T06:00:00+00:00", subject)]


async def test_nobody_is_reminded_when_nothing_waits(office: Office) -> None:
    """What was released, or was held after the hour had struck, is no reason."""
    office.clock.now = datetime(2026, 11, 19, 12, tzinfo=UTC)
    await office.hear(held(1), told(ReportReleased, 1, version=2), filed(2, late=True))
    office.clock.now = datetime(2026, 11, 26, 7, tzinfo=UTC)
    await office.hear(held(3))
    first = [str(one["Subject"]) for one in await office.letters()]
    assert not [subject for subject in first if "väntar på dig" in subject]
    office.clock.pass_by(hours=20)
    assert await office.letters() == []


@pytest.mark.parametrize("office", [{"notify": {"weekly_tally": True, "receipt": False}}], indirect=True)
async def test_the_weekly_tally_comes_also_when_all_is_well(office: Office) -> None:
    """Written = sent; once on Monday, and never for a week before the house began."""
    await office.hear(filed(1), filed(2))
    assert len(await office.letters()) == 2
    office.clock.now = datetime(2026, 11, 23, 6, tzinfo=UTC)
    (letter,) = await office.letters()
    assert letter["Subject"] == "Veckans mejl om Välfärd- och servicenämnden: 2 skrivna, 2 skickade"
    assert words(letter).startswith("Allt stämmer.")
    office.clock.pass_by(days=5)
    assert await office.letters() == []
    office.post.refusals = [Refused("RCPT", code=550)]
    await office.hear(filed(3))
    assert await office.letters() == []
    office.clock.now = datetime(2026, 11, 30, 6, tzinfo=UTC)
    assert [words(one).splitlines()[0] for one in await office.letters()] == [
        "Kontrollera adresserna: 1 mejl kom inte fram."
    ]


@pytest.mark.parametrize("office", [{"notify": {"weekly_tally": True, "receipt": False}}], indirect=True)
@pytest.mark.parametrize(
    ("report", "subject", "lead"),
    [
        ("delivered_at", "1 skrivet, 1 skickat", "Allt stämmer."),
        ("bounced_at", "1 skrivet, 1 skickat", "Kontrollera adresserna: 1 mejl kom inte fram."),
        ("delayed_at", "1 skrivet, 0 skickade", "Kontrollera adresserna: 1 mejl kom inte fram."),
    ],
)
async def test_a_letter_that_was_given_up_is_tallied_by_what_was_reported_of_it(
    office: Office, report: str, subject: str, lead: str
) -> None:
    """Once: the relay had taken it after all, and it did not fail in two ways."""
    office.post.refusals = [Refused("RCPT", code=550)]
    await office.hear(filed(1))
    assert await office.letters() == []
    await become(office, state="parked", **{report: FRIDAY})
    office.clock.now = datetime(2026, 11, 23, 6, tzinfo=UTC)
    (letter,) = await office.letters()
    assert str(letter["Subject"]).endswith(subject)
    assert words(letter).startswith(lead)


def counted(**changed: Any) -> Event:
    """What intake tells of a week in which four reports of the form came in."""
    counts = {"received": 4, "rejected": 1, "held": 1, "returned": 0, "filed": 1, "frozen": 1, "parked": 0}
    facts = {"submission_id": "prov.2026-W47", "form": "prov", "until": "2026-11-23"}
    return SubmissionsCounted.model_validate_json(json.dumps(facts | counts | changed))


TALLIES = {"notify": {"weekly_tally": True, "receipt": False}}


@pytest.mark.parametrize("office", [TALLIES], indirect=True)
@pytest.mark.parametrize(
    ("changed", "lead", "line"),
    [
        ({}, "Allt stämmer.", "4 kom in: 2 på ett sammanträde, 1 hålls tillbaka, 1 togs inte"),
        ({"parked": 2, "received": 6}, "Be den som sköter Kansli", "2 har inte kommit"),
        ({"received": 5}, "Be den som sköter Kansli om hjälp: 1 rapport", "1 har inte kommit"),
    ],
)
async def test_the_weekly_tally_tells_what_came_in_and_where_it_is(
    office: Office, changed: dict[str, int], lead: str, line: str
) -> None:
    """As intake counted it; what has come to nobody's table is asked after."""
    office.guide("prov", "Provrapport", title="Riktlinjer")
    await office.hear(filed(1), counted(**changed))
    assert len(await office.letters()) == 1
    office.clock.now = datetime(2026, 11, 23, 6, tzinfo=UTC)
    (letter,) = await office.letters()
    assert words(letter).startswith(lead)
    assert line in " ".join(words(letter).split())


@pytest.mark.parametrize("office", [TALLIES], indirect=True)
async def test_a_tally_without_counts_waits_a_while_and_says_so(office: Office) -> None:
    """Silence of those who count must not look as if nothing came in."""
    office.guide("prov", "Provrapport", title="Riktlinjer")
    await office.hear(filed(1))
    assert len(await office.letters()) == 1
    office.clock.now = datetime(2026, 11, 23, 7, 59, tzinfo=UTC)
    assert await office.letters() == []
    office.clock.pass_by(minutes=1)
    (letter,) = await office.letters()
    assert "det saknas uppgift" in " ".join(words(letter).split())


async def test_a_letter_that_cannot_be_written_keeps_no_other_committee_waiting(office: Office) -> None:
    """It is told as a fault each time, and by then the others have had theirs."""
    other = yaml.safe_dump(COMMITTEE | {"id": "arkiv"})
    (office.config / "committees" / "arkiv.yaml").write_text(other, "utf-8")
    office.configure(**notify("gathered"))
    broken = {"id": "x", "kind": "frozen", "committee": "arkiv", "submission_id": "p-1", "revision": 0}
    row = broken | {"form": "", "facts": {}, "due_at": FRIDAY}
    await office.store.write(lambda tx: tx.insert(notices, row))
    await office.hear(filed(1))
    office.clock.pass_by(hours=1)
    with pytest.raises(KeyError):
        await office.gathering.tell_due()
    assert await office.worker.do_one()
    assert [to for to, _ in office.post.taken] == [SECRETARY]


async def test_a_committee_that_is_not_here_yet_loses_nothing(office: Office) -> None:
    """Its notices wait for its file."""
    await office.hear(filed(1))
    office.clock.pass_by(hours=1)
    office.configure(id="valfard")
    full = office.gathering.committees
    (office.config / "committees" / "valfard.yaml").rename(office.config / "committees" / "annan.yaml")
    text = (office.config / "committees" / "annan.yaml").read_text("utf-8")
    (office.config / "committees" / "annan.yaml").write_text(
        text.replace("id: valfard", "id: annan"), "utf-8"
    )
    office.gathering.committees = WatchedFolder(
        [office.config], whole(lambda folders: load_committees(folders[0], FRIDAY.date()))
    )
    assert await office.letters() == []
    assert await office.count(notices) == 1
    office.gathering.committees = full
    assert len(await office.letters()) == 1


GUIDELINE = {"title": "Riktlinjer", "reference": "Nämnden § 3", "valid_to": date(2026, 12, 31)}


async def test_a_guideline_about_to_end_is_told_before_and_when_it_is_over(office: Office) -> None:
    """Once each time, on a workday morning, also over a restart; what was missed is not told late."""
    office.guide("prov", "Provrapport", **GUIDELINE, owner="stadsledningskontoret")
    (letter,) = await office.letters()
    assert letter["Subject"] == "Riktlinjerna för Provrapport slutar gälla 31 december"
    assert words(letter).startswith("Be stadsledningskontoret ta fram riktlinjer")
    office.clock.now = datetime(2026, 12, 1, 5, 59, tzinfo=UTC)
    assert await office.letters() == []
    office.clock.pass_by(minutes=1)
    assert len(await office.letters()) == 1
    office.clock.now = datetime(2027, 1, 4, 5, 59, tzinfo=UTC)
    assert await office.letters() == []
    office.clock.pass_by(minutes=1)
    (over,) = await office.letters()
    assert over["Subject"] == "Riktlinjerna för Provrapport har slutat gälla"
    office.clock.pass_by(days=300)
    assert await office.letters() == []


async def test_a_guideline_of_two_forms_is_one_letter(office: Office) -> None:
    """The committee decides once."""
    office.guide("a", "Rapport A", **GUIDELINE)
    office.guide("b", "Rapport B", **GUIDELINE)
    (letter,) = await office.letters()
    assert "Rapport A, Rapport B" in words(letter)


@pytest.mark.parametrize("other", [{"reference": "Nämnden § 4"}, {"owner": "stadsledningskontoret"}])
async def test_guidelines_that_share_title_and_last_day_are_told_of_one_by_one(
    office: Office, other: dict[str, str]
) -> None:
    """Another decision, or another owner, is another matter."""
    office.guide("a", "Rapport A", **GUIDELINE)
    office.guide("b", "Rapport B", **GUIDELINE | other)
    letters = await office.letters()
    assert sorted(one["Subject"].split()[2] + one["Subject"].split()[3] for one in letters) == [
        "RapportA",
        "RapportB",
    ]
    assert await office.letters() == []


async def test_a_guideline_that_an_earlier_version_told_of_is_not_told_of_again(office: Office) -> None:
    """It named its notice without reference and owner; one that it lost to the same name is told of now."""
    office.guide("a", "Rapport A", **GUIDELINE)
    await office.letters()
    shorter = update(notices).values(id="guideline valfard Riktlinjer 2026-12-31 90")
    await office.store.write(lambda tx: tx.execute(shorter))
    assert await office.letters() == []
    office.guide("b", "Rapport B", **GUIDELINE | {"reference": "Nämnden § 4"})
    (letter,) = await office.letters()
    assert "Rapport B" in letter["Subject"]


async def test_a_renewed_guideline_is_told_of_anew_and_one_without_end_never(office: Office) -> None:
    """A new last day is a new matter."""
    office.guide("prov", "Provrapport", title="Riktlinjer")
    office.clock.pass_by(days=1000)
    assert await office.letters() == []
    office.guide("prov", "Provrapport", title="Riktlinjer", valid_to=date(2029, 12, 31))
    office.clock.now = datetime(2029, 12, 20, 12, tzinfo=UTC)
    assert len(await office.letters()) == 1
    office.guide("prov", "Provrapport", title="Riktlinjer", valid_to=date(2030, 1, 31))
    assert len(await office.letters()) == 1


SUBSTITUTE, COPY = "stina@kommunen.example", "registrator@kommunen.example"
NEXT = {"name": "Stina Ersättarsson", "email": SUBSTITUTE}
MORNING = datetime(2026, 11, 26, 6, tzinfo=UTC)
"""Seven o'clock on the workday before the deadline, which is Friday the 27th at noon."""

DEADLINE_PASSED = MORNING + timedelta(days=2)


def beside(**more: Any) -> dict[str, Any]:
    """A committee whose secretary has others beside her, with the letters at once."""
    return notify("at-once") | {"secretary": COMMITTEE["secretary"] | more}


def seen(number: int, revision: int = 1) -> Event:
    return ReportSeen(submission_id=f"s-{number}", revision=revision)


async def post_until(office: Office, moment: datetime) -> list[tuple[datetime, str, str]]:
    """When each letter comes from six that morning on, to whom, and its subject."""
    came = []
    office.clock.now = max(office.clock(), MORNING - timedelta(hours=1))
    while office.clock() < moment:
        office.clock.pass_by(minutes=30)
        came += [(office.clock(), to, str(letter["Subject"])) for letter, to in await office.mail()]
    return came


@pytest.mark.parametrize("office", [beside(substitute=NEXT, copies=[COPY])], indirect=True)
async def test_what_nobody_opens_is_told_the_workday_before_and_then_to_who_is_next(office: Office) -> None:
    """To the secretary and her copies at seven, to the substitute alone at eleven; each once."""
    await office.hear(filed(1), filed(2), filed(3), seen(3))
    await office.mail()
    subject = "2 rapporter till Välfärd- och servicenämnden 9 december har ingen öppnat än"
    assert await post_until(office, DEADLINE_PASSED) == [
        (MORNING, SECRETARY, subject),
        (MORNING, COPY, subject),
        (MORNING + timedelta(hours=4), SUBSTITUTE, subject),
    ]


@pytest.mark.parametrize("office", [beside(substitute=NEXT)], indirect=True)
async def test_the_letter_to_who_is_next_says_that_the_secretary_has_not_opened_them(office: Office) -> None:
    """And when she was asked, by when it must be done, where, and why it came."""
    await office.hear(filed(1))
    office.clock.now = MORNING
    await office.mail()
    office.clock.pass_by(hours=4)
    ((letter, to),) = await office.mail()
    text = " ".join(words(letter).split())
    assert to == SUBSTITUTE
    assert text.startswith("Öppna rapporten senast fredag 27 november klockan 12.00.")
    assert "gick ut torsdag 26 november klockan 07.00, men nämndsekreteraren har inte öppnat den." in text
    assert "http://127.0.0.1:8084/committees/valfard/meetings/2026-12-09" in text
    assert "är ersättare för nämndsekreteraren" in text


@pytest.mark.parametrize("office", [beside(substitute=NEXT)], indirect=True)
async def test_what_is_opened_is_no_letter(office: Office) -> None:
    """Before the morning nobody hears of it, after it the substitute does not."""
    await office.hear(filed(1), filed(2), seen(1))
    await office.mail()
    assert [to for _, to, _ in await post_until(office, MORNING)] == [SECRETARY]
    await office.hear(seen(2))
    assert await post_until(office, DEADLINE_PASSED) == []


@pytest.mark.parametrize("office", [beside(substitute=NEXT)], indirect=True)
async def test_what_comes_after_the_morning_is_not_told_as_unopened(office: Office) -> None:
    """A report of the same day has just had its own letter; so has a completion of one that was opened."""
    await office.hear(filed(1), seen(1))
    office.clock.now = MORNING + timedelta(minutes=5)
    await office.hear(filed(1, version=2, revision=2), filed(2))
    await office.mail()
    assert await post_until(office, DEADLINE_PASSED) == []


async def test_what_is_held_and_what_nobody_opened_are_one_letter(office: Office) -> None:
    """The reminder tells both; what is held and not opened either is counted once."""
    await office.hear(held(1), filed(2), filed(3))
    office.clock.now = MORNING - timedelta(hours=1)
    await office.mail()
    office.clock.now = MORNING
    (letter,) = await office.letters()
    assert letter["Subject"] == (
        "1 rapport hålls tillbaka och 2 andra har ingen öppnat inför Välfärd- och servicenämnden 9 december"
    )
    assert "2 andra rapporter har ingen öppnat än." in words(letter)


@pytest.mark.parametrize(
    ("office", "told_to"),
    [
        (beside(copies=[COPY]), [COPY]),
        (beside(), []),
        (beside(substitute=NEXT, away=[{"from": "2026-11-26", "to": "2026-11-27"}]), [SUBSTITUTE]),
        (
            beside(substitute=NEXT, copies=[COPY], away=[{"from": "2026-11-26", "to": "2026-11-27"}]),
            [SUBSTITUTE, COPY],
        ),
    ],
    indirect=["office"],
)
async def test_who_is_next_is_whoever_there_is(office: Office, told_to: list[str]) -> None:
    """Without a substitute the copies; where she was the one who was asked, the copies too; else nobody."""
    await office.hear(filed(1))
    office.clock.now = MORNING
    await office.mail()
    office.clock.pass_by(hours=4)
    assert [to for _, to in await office.mail()] == told_to
    office.clock.pass_by(hours=1)
    assert await office.mail() == []


@pytest.mark.parametrize(
    "office",
    [notify("at-once", unseen=False) | {"secretary": COMMITTEE["secretary"] | {"substitute": NEXT}}],
    indirect=True,
)
async def test_a_committee_without_the_pages_hears_nothing_of_what_is_opened(office: Office) -> None:
    """It is reminded of what is held as before."""
    await office.hear(filed(1), held(2))
    await office.mail()
    came = await post_until(office, DEADLINE_PASSED)
    assert {subject for *_, subject in came} == {
        "1 rapport väntar på dig inför Välfärd- och servicenämnden 9 december"
    }


async def test_a_house_that_was_down_asks_late_and_gives_the_secretary_her_time_all_the_same(
    tmp_path: Path,
) -> None:
    """Asked at two o'clock over a restart, she has until eight the next morning; then once, over another."""
    url, clock = f"sqlite:///{tmp_path}/notification.db", StillClock(FRIDAY)
    told_to: list[list[str]] = []
    async with opened(url, tmp_path / "config", clock, **beside(substitute=NEXT)) as office:
        await office.hear(filed(1))
        await office.mail()
    two_o_clock, eight = datetime(2026, 11, 26, 13, tzinfo=UTC), datetime(2026, 11, 27, 7, tzinfo=UTC)
    for moment in (two_o_clock, two_o_clock + timedelta(hours=6), eight, eight + timedelta(hours=1)):
        clock.now = moment
        async with opened(url, tmp_path / "config", clock, **beside(substitute=NEXT)) as office:
            told_to.append([to for _, to in await office.mail()])
    assert told_to == [[SECRETARY], [], [SUBSTITUTE], []]


@pytest.mark.parametrize("office", [beside(substitute=NEXT)], indirect=True)
async def test_another_deadline_is_told_of_anew_and_in_the_same_order(office: Office) -> None:
    """Asked for one deadline, the secretary is not passed over for another that was set since."""
    await office.hear(filed(1))
    office.clock.now = MORNING
    assert SECRETARY in {to for _, to in await office.mail()}
    office.configure(**beside(substitute=NEXT), meetings=[DECEMBER | {"deadline": "2026-12-04T11:00:00Z"}])
    came = await post_until(office, datetime(2026, 12, 4, 12, tzinfo=UTC))
    asked = datetime(2026, 12, 3, 6, tzinfo=UTC)
    about_opening = [(at, to) for at, to, subject in came if "öppnat" in subject]
    assert about_opening == [(asked, SECRETARY), (asked + timedelta(hours=4), SUBSTITUTE)]


@given(st.integers(0, 400 * 24 * 60), st.integers(5, 14 * 24 * 60))
def test_who_is_next_is_told_in_working_hours_or_an_hour_later(asked: int, minutes: int) -> None:
    """At least an hour after the secretary was asked; outside working hours only if none come in time."""
    asked_at = FRIDAY + timedelta(minutes=asked)
    deadline = asked_at + timedelta(minutes=minutes)
    moment = passed_on_from(asked_at, deadline)
    local = in_stockholm(moment)
    is_in_hours = is_workday(local.date()) and time(8) <= local.time() <= time(16)
    assert moment - asked_at >= timedelta(hours=1)
    assert is_in_hours or moment == asked_at + timedelta(hours=1)
    assert moment < deadline or minutes <= 60


async def unarrived(office: Office) -> float | None:
    """Look for letters that did not arrive; returns how many the operators see."""
    counts = CollectorRegistry()
    await Unarrivals(office.store, office.gathering.committees, *letter_gauges(counts)).look()
    return counts.get_sample_value("kansli_letters_failed_near_deadline", {"committee": "valfard"})


async def unsent(office: Office) -> float | None:
    """How many letters to the committee wait to be sent while a deadline is near."""
    counts = CollectorRegistry()
    await Unarrivals(office.store, office.gathering.committees, *letter_gauges(counts)).look()
    return counts.get_sample_value("kansli_letters_unsent_near_deadline", {"committee": "valfard"})


async def test_postgresql_counts_letters_near_the_deadline_too(postgres_url: str, tmp_path: Path) -> None:
    """By the same questions."""
    async with opened(postgres_url, tmp_path, StillClock(FRIDAY), **notify("at-once")) as office:
        await office.hear(filed(1), filed(2))
        assert (await unsent(office), await unarrived(office)) == (2, 0)


@pytest.mark.parametrize("office", [notify("at-once", receipt=True)], indirect=True)
async def test_letters_that_wait_near_the_deadline_are_counted_until_they_are_sent(office: Office) -> None:
    """Only those to the committee, and only from five workdays before."""
    await office.hear(filed(1), filed(2))
    assert await unsent(office) == 2
    office.clock.now = datetime(2026, 11, 19, 22, 59, tzinfo=UTC)
    assert await unsent(office) == 0
    office.clock.now = FRIDAY
    await office.mail()
    assert await unsent(office) == 0


async def told_of_unarrived(office: Office) -> list[tuple[EmailMessage, str]]:
    """What is sent when the window is over, and nothing before."""
    await unarrived(office)
    assert await office.mail() == []
    office.clock.pass_by(minutes=30)
    return await office.mail()


async def become(office: Office, **values: Any) -> None:
    """Let this be so of every letter that did not arrive."""
    failed = update(mailbag).where(mailbag.c.state == "failed")
    await office.store.write(lambda tx: tx.execute(failed.values(values)))


@pytest.mark.parametrize("office", [beside(copies=[COPY], substitute=NEXT)], indirect=True)
async def test_letters_that_do_not_arrive_near_the_deadline_are_told_to_the_copies_once(
    office: Office,
) -> None:
    """In one letter for the meeting: which they were, to what address, since when, and by when.

    Nobody is asked to have them sent again: a letter keeps the address that it was written for.
    """
    office.post.wrong = {SECRETARY}
    await office.hear(filed(1), filed(2))
    assert [to for _, to in await office.mail()] == [COPY, COPY]
    assert [await unarrived(office), await unarrived(office)] == [2, 2]
    ((letter, to),) = await told_of_unarrived(office)
    assert (to, letter["Subject"]) == (
        COPY,
        "2 mejl inför Välfärd- och servicenämnden 9 december kom inte fram",
    )
    text = " ".join(words(letter).split())
    assert text.count(f"till nämndsekreteraren ({SECRETARY}), sedan fredag 20 november klockan 13.00") == 2
    assert "fredag 27 november klockan 12.00" in text
    assert "/committees/valfard/meetings/2026-12-09" in text
    assert "på något annat sätt" in text
    assert "igen" not in text
    assert await told_of_unarrived(office) == []


@pytest.mark.parametrize("office", [beside(copies=[COPY], substitute=NEXT)], indirect=True)
async def test_that_the_letter_about_others_failed_is_told_to_nobody(office: Office) -> None:
    """Or it would go on for ever; and no more is sent to an address where nothing arrives."""
    office.post.wrong = {SECRETARY}
    await office.hear(filed(1))
    await office.mail()
    office.post.wrong = {SECRETARY, COPY}
    assert await told_of_unarrived(office) == []
    assert await unarrived(office) == 2
    assert await told_of_unarrived(office) == []
    await office.hear(filed(2))
    await office.mail()
    assert [to for _, to in await told_of_unarrived(office)] == [SUBSTITUTE]


@pytest.mark.parametrize("office", [beside(copies=[COPY])], indirect=True)
@pytest.mark.parametrize(
    ("became", "count"),
    [
        ({"state": "sent"}, 0),
        ({"state": "failed"}, 1),
        ({"state": "dropped"}, 1),
        ({"state": "parked"}, 0),
        ({"state": "sent", "bounced_at": FRIDAY}, 1),
        ({"state": "failed", "delayed_at": FRIDAY}, 1),
        ({"state": "failed", "delivered_at": FRIDAY}, 0),
        ({"bounced_at": FRIDAY, "delivered_at": FRIDAY + timedelta(minutes=1)}, 0),
    ],
)
async def test_only_what_has_still_not_arrived_is_told(
    office: Office, became: dict[str, Any], count: int
) -> None:
    """A letter that was sent again meanwhile, or came late, is nobody's trouble."""
    office.post.wrong = {SECRETARY}
    await office.hear(filed(1))
    await office.mail()
    await unarrived(office)
    await become(office, **became)
    assert await unarrived(office) == count
    assert len(await told_of_unarrived(office)) == count


@pytest.mark.parametrize("office", [notify("at-once", receipt=True)], indirect=True)
async def test_a_receipt_that_does_not_arrive_is_not_the_committees_trouble(office: Office) -> None:
    """Nor is what nobody is beside the secretary to hear of told to herself."""
    office.post.wrong = {SENDER}
    await office.hear(filed(1))
    await office.mail()
    assert await unarrived(office) == 0
    office.post.wrong = {SECRETARY}
    await office.hear(filed(2))
    await office.mail()
    assert await unarrived(office) == 1
    assert await told_of_unarrived(office) == []


@pytest.mark.parametrize("office", [beside(copies=[COPY])], indirect=True)
@pytest.mark.parametrize(
    ("at", "count"), [(datetime(2026, 11, 19, 22, 59, tzinfo=UTC), 0), (FRIDAY, 1), (DEADLINE_PASSED, 1)]
)
async def test_a_letter_that_fails_long_before_waits_until_the_deadline_is_near(
    office: Office, at: datetime, count: int
) -> None:
    """There is time for the weekly tally to tell of it first."""
    office.clock.now, office.post.wrong = datetime(2026, 11, 2, 12, tzinfo=UTC), {SECRETARY}
    await office.hear(filed(1))
    await office.mail()
    office.clock.now = at
    assert await unarrived(office) == count


@pytest.mark.parametrize("office", [beside(copies=[COPY])], indirect=True)
async def test_that_a_meeting_is_cancelled_is_told_beside_the_secretary_when_it_does_not_reach_her(
    office: Office,
) -> None:
    """Somebody would come; what else was written of the meeting matters no more."""
    office.post.wrong = {SECRETARY}
    await office.hear(filed(1))
    await office.mail()
    office.configure(**beside(copies=[COPY]), meetings=[DECEMBER | {"cancelled": True}])
    await office.mail()
    office.clock.pass_by(minutes=2)
    assert [to for _, to in await office.mail()] == [COPY]
    assert await unarrived(office) == 1
    ((letter, to),) = await told_of_unarrived(office)
    assert to == COPY
    text = " ".join(words(letter).split())
    assert "Sammanträdet onsdag 9 december är inställt." in text
    assert "Manusstopp" not in text
    assert {one.subject for one in await office.said() if one.data["letter"] == "moved"} == {
        "valfard-2026-12-09"
    }


async def test_what_became_of_a_letter_about_a_meeting_is_told_once_in_the_meetings_name(
    office: Office,
) -> None:
    """A letter about a packet tells of no report, and may fail like others."""
    office.post.wrong = {SECRETARY}
    await office.hear(
        PacketFrozen.model_validate_json(
            json.dumps(
                {
                    "submission_id": "p-1",
                    "number": 1,
                    "meeting": DECEMBER | {"committee": "valfard"},
                    "reports": [],
                }
            )
        )
    )
    await office.mail()
    assert await unarrived(office) == 1
    (said,) = await office.said()
    assert (said.type, said.subject) == ("se.kansli.notification.failed.v1", "valfard-2026-12-09")
    assert (said.data["revision"], said.data["form"], said.data["letter"]) == (0, "", "frozen")
