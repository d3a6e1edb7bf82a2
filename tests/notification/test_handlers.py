"""From an event to letters in the mailbag, and from there to the post: each once, and what became of it."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from chassis.bus import Message
from chassis.consumer import Consumer
from chassis.errands import ErrandWorker
from chassis.events import STRUCTURED, Envelope, Event, encode, new_id, queue_name, unpack
from chassis.folders import WatchedFolder, whole
from chassis.metrics import Metrics
from chassis.parking import replay
from chassis.store import Store, open_store
from chassis.store.tables import errands, inbox, outbox, parked
from notification.__main__ import HISTORY, build
from notification.breaker import Breaker, relay_gauge
from notification.delivery import MOST_UNCERTAIN, Delivery, OnUncertain, let_fall, mails_counter
from notification.events import ReportFiled, ReportHeld, ReportReturned, SubmissionRejected
from notification.handlers import Letters
from notification.headers import Sender
from notification.mailbag import Arrival, note_arrival
from notification.mailbag import letters as mailbag
from notification.post import Deferred, Receipt, Refused, Uncertain, Unreached, Unsent
from notification.recipients import load_committees
from notification.settings import NotificationSettings
from support.lone_service import LoneService, alone
from support.smtp_sink import SmtpSink
from support.still_clock import StillClock

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECRETARY, COPY, SENDER = "nora@kommunen.example", "kopia@kommunen.example", "anna@valfard.example"
COMMITTEE = {
    "id": "valfard",
    "name": "Välfärd- och servicenämnden",
    "secretary": {"name": "Nora Sekreterarsson", "email": SECRETARY, "copies": [COPY]},
}
REJECTION = {"rule": "future", "outcome": "reject", "message": "Det har inte varit än.", "source": "§ 1"}
MEETING = {"date": "2026-12-09", "time": "13:00", "place": "Salen", "deadline": "2026-11-27T11:00:00Z"}
TOLD: dict[str, Any] = {
    "submission_id": "0198f4a2-7c3e-7d10-8a55-2f6d9b1c4e77",
    "revision": 1,
    "form": "prov",
    "committee": "valfard",
    "title": "Provrapport",
    "subject": "Besök 2026-11-12: Kost",
    "reference": "190456",
    "unit_name": "Kost",
    "event_date": "2026-11-12",
    "arrived_at": "2026-11-20T11:30:00Z",
    "findings": [],
    "submitter": {"name": "Anna Exempelsson", "email": SENDER},
}
OF_REPORT: dict[str, Any] = {"version": 1, "late": False, "meeting": MEETING}


def filed(**changed: Any) -> ReportFiled:
    return ReportFiled.model_validate_json(json.dumps(TOLD | OF_REPORT | changed))


def held(**changed: Any) -> ReportHeld:
    finding = {"rule": "yearly-visits", "outcome": "hold", "message": "Det här är besök 3.", "source": "§ 2"}
    return ReportHeld.model_validate_json(json.dumps(TOLD | OF_REPORT | {"findings": [finding]} | changed))


def returned(**changed: Any) -> ReportReturned:
    reason = {"reason": "Vilken enhet?", "meeting": None}
    return ReportReturned.model_validate_json(json.dumps(TOLD | OF_REPORT | reason | changed))


def rejected(**changed: Any) -> SubmissionRejected:
    return SubmissionRejected.model_validate_json(json.dumps(TOLD | {"findings": [REJECTION]} | changed))


@dataclass
class FakePost:
    """Takes what it is given and does what the script says, then is content; hangs while `door` is shut."""

    script: list[Exception] = field(default_factory=list)
    handed_over: list[tuple[str, bytes]] = field(default_factory=list)
    door: asyncio.Event = field(default_factory=asyncio.Event)
    knocked: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.door.set()

    async def deliver(self, letter: bytes, sender: str, recipient: str, letter_id: str) -> Receipt:
        del sender, letter_id
        self.handed_over.append((recipient, letter))
        self.knocked.set()
        await self.door.wait()
        if self.script:
            raise self.script.pop(0)
        return Receipt("2.0.0 Ok: queued as 4711")

    async def close(self) -> None: ...

    @property
    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.handed_over]


@dataclass
class Office:
    """Notification's parts, moved by hand: nothing happens between two lines of a test."""

    store: Store
    post: FakePost
    clock: StillClock
    folder: WatchedFolder[Any]
    letters: Letters
    delivery: Delivery
    consumers: dict[str, Consumer]
    worker: ErrandWorker

    async def hear(self, *events: Event, event_id: str | None = None) -> None:
        for event in events:
            body = encode(event, event_id or new_id(), "/kansli/archive", self.clock(), "00-0-0-00")
            queue = queue_name("notification", event.kind)
            await self.consumers[queue].receive([Message(body, STRUCTURED)])

    async def send_all(self) -> int:
        """Do what is due now; returns how many errands that was."""
        done = 0
        while await self.worker.do_one():
            done += 1
        return done

    async def rows(self, table: Any) -> list[Any]:
        async with self.store.read() as connection:
            return list((await connection.execute(select(table))).all())

    async def said(self) -> list[Envelope]:
        """Each event once, to however many it was said."""
        received = [unpack(row.body, STRUCTURED)[0] for row in await self.rows(outbox)]
        return list({one.envelope.id: one.envelope for one in received if one.envelope is not None}.values())

    async def states(self) -> Counter[str]:
        return Counter(row.state for row in await self.rows(mailbag))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    (folder / "committees").mkdir(parents=True)
    (folder / "committees" / "valfard.yaml").write_text(yaml.safe_dump(COMMITTEE), "utf-8")
    return folder


@asynccontextmanager
async def opened(
    url: str, config: Path, on_uncertain: OnUncertain = OnUncertain.RESEND
) -> AsyncIterator[Office]:
    clock, post, metrics = StillClock(NOW), FakePost(), Metrics("notification")
    store = open_store(url, "notification", clock)
    folder = WatchedFolder([config], whole(lambda folders: load_committees(folders[0], NOW.date())))
    sender = Sender("Kansli", "kansli@kommunen.example")
    letters = Letters(store, folder, sender, "http://127.0.0.1:8084")
    counts = CollectorRegistry()
    breaker = Breaker(post, relay_gauge(counts))
    delivery = Delivery(store, breaker, sender.address, on_uncertain, mails_counter(counts))
    consumers = [Consumer("notification", one, store, metrics) for one in letters.reads()]
    (kind,) = delivery.errands(1)
    worker = ErrandWorker("notification", kind, store, metrics)
    await store.open()
    await store.migrate(HISTORY)
    by_queue = {consumer.queue: consumer for consumer in consumers}
    yield Office(store, post, clock, folder, letters, delivery, by_queue, worker)
    await store.close()


@pytest.fixture
async def office(tmp_path: Path, config: Path) -> AsyncIterator[Office]:
    async with opened(f"sqlite:///{tmp_path}/notification.db", config) as office:
        yield office


@pytest.mark.parametrize(
    ("event", "recipients"),
    [
        (filed(), [SECRETARY, COPY, SENDER]),
        (held(), [SECRETARY, COPY, SENDER]),
        (filed(submitter={"name": "Anna", "email": None}), [SECRETARY, COPY]),
        (rejected(), [SECRETARY, COPY, SENDER]),
        (returned(), [SENDER]),
        (returned(submitter={"name": "Anna", "email": None}), []),
        (rejected(submitter={"name": "Anna", "email": "ingen adress"}), [SECRETARY, COPY]),
        (rejected(submitter={"name": "Nora", "email": SECRETARY}), [SECRETARY, COPY, SECRETARY]),
    ],
    ids=[
        "filed",
        "held",
        "no receipt",
        "rejected",
        "returned",
        "no address",
        "no mailbox",
        "secretary herself",
    ],
)
async def test_each_event_is_told_to_those_it_concerns(
    office: Office, event: Event, recipients: list[str]
) -> None:
    """One letter each, in Swedish, to the address on the envelope; intake hears of every one."""
    await office.hear(event)
    assert await office.send_all() == len(recipients)
    assert sorted(office.post.recipients) == sorted(recipients)
    for recipient, content in office.post.handed_over:
        letter = message_from_bytes(content, policy=default)
        assert recipient in str(letter["To"])
        assert "Provrapport" in str(letter["Subject"]) + str(letter.get_body(("plain",)))
    said = await office.said()
    assert {one.type for one in said} <= {"se.kansli.notification.sent.v1"}
    assert len({one.data["letter_id"] for one in said}) == len(recipients)
    assert await office.states() == Counter({"sent": len(recipients)})


@pytest.mark.parametrize("make", [filed, held, rejected, returned])
async def test_an_event_that_comes_twice_makes_each_letter_once(
    office: Office, make: Callable[..., Event]
) -> None:
    """By the same id, by another id, before and after the letters went."""
    await office.hear(make(), event_id="e1")
    await office.hear(make(), event_id="e1")
    await office.hear(make(), event_id="e2")
    first = await office.send_all()
    await office.hear(make(), event_id="e3")
    assert await office.send_all() == 0
    assert len(office.post.handed_over) == first > 0


async def test_what_a_person_holds_is_no_letter(office: Office) -> None:
    """She who held it knows."""
    await office.hear(held(reason="Ordföranden vill vänta."))
    assert await office.send_all() == 0


async def test_a_new_version_of_a_report_is_a_new_letter(office: Office) -> None:
    """Filed, held by a completion, filed again: each is told."""
    await office.hear(filed(), held(version=2, revision=2), filed(version=3, revision=3))
    await office.send_all()
    assert Counter(office.post.recipients) == Counter({SECRETARY: 3, COPY: 3, SENDER: 3})


async def test_who_sent_a_report_has_one_thread_of_it_and_the_secretary_one_of_the_meeting(
    office: Office,
) -> None:
    """Received and returned belong together; what came is of the meeting, whichever report it is."""
    await office.hear(filed())
    await office.send_all()
    await office.hear(returned(version=2), filed(submission_id="en-annan"))
    await office.send_all()
    threads: dict[str, list[Any]] = {}
    for recipient, content in office.post.handed_over:
        threads.setdefault(recipient, []).append(message_from_bytes(content, policy=default))
    received, *later = threads[SENDER]
    assert {one["In-Reply-To"] for one in later if "en-annan" not in one["Message-ID"]} == {
        received["Message-ID"]
    }
    assert [one["In-Reply-To"] for one in later if "en-annan" in one["Message-ID"]] == [None]
    for recipient in (SECRETARY, COPY):
        first, second = threads[recipient]
        assert (first["In-Reply-To"], second["In-Reply-To"]) == (None, first["Message-ID"])


async def test_a_letter_is_the_same_bytes_however_often_it_is_sent(office: Office) -> None:
    """A relay that took it the first time can know it again by its Message-ID."""
    office.post.script = [Uncertain("dot"), Deferred("RCPT", code=450), Unreached("connect")]
    await office.hear(returned())
    for _ in range(4):
        assert await office.send_all() == 1
        office.clock.pass_by(hours=1)
    assert len({content for _, content in office.post.handed_over}) == 1
    assert len(office.post.handed_over) == 4
    ((row,)) = await office.rows(mailbag)
    assert (row.state, row.uncertain, row.answer) == ("sent", 1, "2.0.0 Ok: queued as 4711")


async def tried_after(office: Office, trouble: Exception, minutes: int) -> None:
    """The letter meets the trouble now; it is tried again after so long and a fifth, and not before."""
    office.post.script = [trouble]
    assert await office.send_all() == 1
    office.clock.pass_by(seconds=minutes * 60 - 1)
    assert await office.send_all() == 0
    office.clock.pass_by(seconds=minutes * 60 * 0.2 + 1)


async def test_a_relay_that_is_away_costs_a_letter_nothing(office: Office) -> None:
    """It may be away for as long as it likes: no attempt is counted, and no day of patience."""
    await office.hear(returned())
    for _ in range(20):
        await tried_after(office, Unreached("connect"), 1)
    ((row,)) = await office.rows(mailbag)
    assert row.deferred_since is None
    assert await office.send_all() == 1
    assert await office.states() == Counter({"sent": 1})
    assert not await office.rows(parked)


@pytest.mark.parametrize("trouble", [Deferred("RCPT", code=450), Unsent("DATA")], ids=str)
async def test_a_letter_put_off_goes_after_minutes_then_every_half_hour(
    office: Office, trouble: Exception
) -> None:
    """Greylisting ends within minutes; a full mailbox may take days."""
    await office.hear(returned())
    await tried_after(office, trouble, 5)
    for _ in range(3):
        office.post.script = [trouble]
        assert await office.send_all() == 1
        office.clock.pass_by(minutes=36)
    await tried_after(office, trouble, 30)
    assert await office.send_all() == 1
    assert await office.states() == Counter({"sent": 1})


async def test_a_letter_put_off_for_five_days_has_failed_and_lies_on_the_desk(office: Office) -> None:
    """Nobody is written to about it; who looks at the desk, or hears the event, knows."""
    await office.hear(returned())
    for _ in range(2):
        office.post.script = [Deferred("RCPT", code=452, answer="4.2.2 fullt")]
        assert await office.send_all() == 1
        office.clock.pass_by(days=5)
    assert await office.send_all() == 0
    ((row,)) = await office.rows(mailbag)
    assert (row.state, row.answer) == ("failed", "4.2.2 fullt")
    ((item,)) = await office.rows(parked)
    assert item.reason == "given up, deferred at RCPT 452"
    assert [one.type for one in await office.said()] == ["se.kansli.notification.failed.v1"]


async def test_a_failed_letter_can_be_sent_from_the_desk(office: Office) -> None:
    """When the address works again a person has it sent, and it is the same letter."""
    office.post.script = [Refused("RCPT", code=550, answer="5.1.1 okänd")]
    await office.hear(returned())
    await office.send_all()
    ((item,)) = await office.rows(parked)
    await office.store.write(lambda tx: replay(tx, item.id, "Nora"))
    assert await office.send_all() == 1
    assert await office.states() == Counter({"sent": 1})


async def test_an_uncertain_letter_is_sent_three_times_at_most(office: Office) -> None:
    """Each time may be one more copy; then a person decides."""
    office.post.script = [Uncertain("dot")] * 5
    await office.hear(returned())
    for _ in range(5):
        await office.send_all()
        office.clock.pass_by(hours=1)
    assert len(office.post.handed_over) == MOST_UNCERTAIN
    assert await office.states() == Counter({"parked": 1})
    assert [item.reason for item in await office.rows(parked)] == [
        "uncertain at dot: the relay may have taken it, 3 times"
    ]


@pytest.mark.parametrize("kind", Arrival)
async def test_an_uncertain_letter_that_a_report_names_was_taken(office: Office, kind: Arrival) -> None:
    """Whatever the report says, the relay had it; it is not sent once more."""
    office.post.script = [Uncertain("dot")]
    await office.hear(returned())
    await office.send_all()
    ((row,)) = await office.rows(mailbag)
    await office.store.write(lambda tx: note_arrival(tx, row.id, kind, NOW, "2.0.0"))
    office.clock.pass_by(hours=1)
    assert await office.send_all() == 1
    assert await office.states() == Counter({"sent": 1})
    assert len(office.post.handed_over) == 1


async def test_a_parked_letter_that_a_person_drops_is_told_as_failed(office: Office) -> None:
    """Nobody waits for it any more."""
    office.post.script = [Uncertain("dot")] * MOST_UNCERTAIN
    await office.hear(returned())
    for _ in range(MOST_UNCERTAIN):
        await office.send_all()
        office.clock.pass_by(hours=1)
    ((row,)) = await office.rows(mailbag)
    for _ in range(2):
        await office.store.write(lambda tx: let_fall(tx, row.id))
    assert await office.states() == Counter({"dropped": 1})
    assert [one.type for one in await office.said()] == ["se.kansli.notification.failed.v1"]


@pytest.fixture
async def cautious(tmp_path: Path, config: Path) -> AsyncIterator[Office]:
    url = f"sqlite:///{tmp_path}/notification.db"
    async with opened(url, config, OnUncertain.HOLD) as office:
        yield office


async def test_a_cautious_house_sends_no_uncertain_letter_twice(cautious: Office) -> None:
    """It waits on the desk until a person says that it goes again."""
    cautious.post.script = [Uncertain("dot")]
    await cautious.hear(returned())
    await cautious.send_all()
    cautious.clock.pass_by(days=9)
    assert await cautious.send_all() == 0
    assert await cautious.states() == Counter({"parked": 1})
    ((item,)) = await cautious.rows(parked)
    await cautious.store.write(lambda tx: replay(tx, item.id, "Nora"))
    assert await cautious.send_all() == 1
    assert await cautious.states() == Counter({"sent": 1})


async def test_a_cautious_house_sends_nothing_after_a_death(cautious: Office) -> None:
    """Whoever takes over does not know how far the dead one came, and lays the letter on the desk."""
    cautious.post.door.clear()
    await cautious.hear(returned())
    dying = asyncio.create_task(cautious.worker.do_one())
    await cautious.post.knocked.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    cautious.clock.pass_by(minutes=21)
    await cautious.send_all()
    assert len(cautious.post.handed_over) == 1
    ((row,)) = await cautious.rows(mailbag)
    assert (row.state, row.uncertain) == ("parked", 1)


async def test_a_refused_letter_is_told_as_failed_and_not_sent_again(office: Office) -> None:
    """The relay's answer is kept; the other recipients get theirs."""
    office.post.script = [Refused("RCPT", code=550, answer="5.1.1 okänd")]
    await office.hear(filed())
    assert await office.send_all() == 3
    office.clock.pass_by(days=7)
    assert await office.send_all() == 0
    assert await office.states() == Counter({"failed": 1, "sent": 2})
    assert Counter(one.type for one in await office.said()) == {
        "se.kansli.notification.failed.v1": 1,
        "se.kansli.notification.sent.v1": 2,
    }
    failed = next(row for row in await office.rows(mailbag) if row.state == "failed")
    assert failed.answer == "5.1.1 okänd"
    assert [(item.event_id, item.reason) for item in await office.rows(parked)] == [
        (failed.id, "refused at RCPT 550")
    ]


async def test_a_letter_that_a_person_has_sent_again_is_told_with_its_times(office: Office) -> None:
    """The archive goes by what happened last."""
    office.post.script = [Refused("RCPT", code=550)]
    await office.hear(returned())
    await office.send_all()
    office.clock.pass_by(hours=2)
    (item,) = await office.rows(parked)
    await office.store.write(lambda tx: replay(tx, item.id, "Nora"))
    await office.send_all()
    assert [(one.type, one.data["happened_at"]) for one in await office.said()] == [
        ("se.kansli.notification.failed.v1", "2026-11-20T12:00:00Z"),
        ("se.kansli.notification.sent.v1", "2026-11-20T14:00:00Z"),
    ]


async def test_intake_is_told_of_a_letter_without_an_address(office: Office) -> None:
    """Which letter about which revision; who got it is nobody's business but ours."""
    await office.hear(returned(revision=2))
    await office.send_all()
    (sent,) = await office.said()
    assert sent.subject == TOLD["submission_id"]
    assert sent.data.keys() == {"submission_id", "revision", "form", "letter", "letter_id", "happened_at"}
    assert (sent.data["revision"], sent.data["letter"]) == (2, "returned")
    assert "@" not in json.dumps(sent.data)


async def test_a_process_that_dies_while_sending_leaves_an_uncertain_letter(office: Office) -> None:
    """Whoever takes over counts it as uncertain, and sends the same bytes."""
    office.post.door.clear()
    await office.hear(returned())
    dying = asyncio.create_task(office.worker.do_one())
    await office.post.knocked.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    office.post.door.set()
    assert await office.send_all() == 0
    office.clock.pass_by(minutes=21)
    assert await office.send_all() == 1
    ((row,)) = await office.rows(mailbag)
    assert (row.state, row.uncertain) == ("sent", 1)
    first, second = office.post.handed_over
    assert first == second
    assert len(await office.said()) == 1


async def test_a_worker_that_was_overtaken_settles_nothing(office: Office) -> None:
    """Its lease ran out while the relay was thinking; the letter is told of once."""
    office.post.door.clear()
    await office.hear(returned())
    slow = asyncio.create_task(office.worker.do_one())
    await office.post.knocked.wait()
    office.clock.pass_by(minutes=21)
    office.post.knocked.clear()
    second = asyncio.create_task(office.worker.do_one())
    await office.post.knocked.wait()
    office.post.door.set()
    await asyncio.gather(slow, second)
    assert len(await office.said()) == 1
    ((row,)) = await office.rows(mailbag)
    assert (row.state, row.uncertain) == ("sent", 1)


async def test_letters_wait_for_the_commit_of_their_event(office: Office) -> None:
    """An event whose committee is not here yet makes no letter, and is tried again."""
    await office.hear(filed(committee="social"))
    assert not await office.rows(errands)
    ((row,)) = await office.rows(inbox)
    assert (row.state, "social" in row.last_error) == ("due", True)


async def test_a_letter_cannot_be_given_headers_by_what_a_person_wrote(office: Office) -> None:
    """Line breaks in facts end neither a header nor the letter."""
    evil = "Kost\r\nBcc: alla@kommunen.example\r\n\r\n.\r\n"
    await office.hear(
        filed(subject=evil, unit_name=evil, title=evil, reference=evil),
        returned(reason=evil, submitter={"name": evil, "email": SENDER}),
    )
    await office.send_all()
    assert len(office.post.handed_over) == 4
    for _, content in office.post.handed_over:
        letter = message_from_bytes(content, policy=default)
        assert letter["Bcc"] is None
        assert letter.get_body(("plain",)) is not None


async def test_nothing_of_a_letter_is_logged(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither addresses nor names, whatever became of it."""
    office.post.script = [Refused("RCPT", code=550, answer=f"{SECRETARY} okänd"), Uncertain("dot")]
    await office.hear(rejected())
    await office.send_all()
    written = capsys.readouterr().out
    assert "letter.settled" in written
    for secret in (SECRETARY, COPY, SENDER, "Anna", "Nora", "okänd"):
        assert secret not in written


async def test_postgresql_sends_as_sqlite_does(postgres_url: str, config: Path) -> None:
    """The same letters, states and events from the other database."""
    async with opened(postgres_url, config) as office:
        office.post.script = [Uncertain("dot"), Refused("RCPT", code=550)]
        await office.hear(rejected(), event_id="e1")
        await office.hear(rejected(), event_id="e2")
        assert await office.send_all() == 3
        office.clock.pass_by(hours=1)
        assert await office.send_all() == 1
        assert await office.states() == Counter({"sent": 2, "failed": 1})


async def test_the_service_sends_by_smtp_what_it_hears(tmp_path: Path, config: Path) -> None:
    """All parts together: an event in, a letter at a relay."""
    async with SmtpSink() as sink:
        url = f"smtp://127.0.0.1:{sink.port}?starttls=never"
        database = tmp_path / "notification.db"
        async with alone(
            build, NotificationSettings, database, StillClock(NOW), config=config, smtp_url=url
        ) as service:
            await service.hear(returned())
            async with asyncio.timeout(10):
                while not await service.said("notification.sent", "intake"):
                    await asyncio.sleep(0.01)
            async with service.http.get("/admin/tally") as answer:
                assert (await answer.json())["forms"] == {"prov": {"sent": 1}}
    (mail,) = sink.mails
    assert mail.recipients == (SENDER,)
    assert "Vilken enhet?" in str(mail.message.get_body(("plain",)))


async def test_a_relay_that_comes_back_gets_every_letter_once(
    tmp_path: Path, config: Path, unused_tcp_port: int
) -> None:
    """Down when the letters were written: they wait unharmed, and it shows."""
    url = f"smtp://127.0.0.1:{unused_tcp_port}?starttls=never"
    database, clock = tmp_path / "notification.db", StillClock(NOW)
    async with alone(build, NotificationSettings, database, clock, config=config, smtp_url=url) as service:
        await service.hear(rejected())
        async with asyncio.timeout(30):
            while "kansli_mail_relay_up 0.0" not in await metrics_of(service):
                await asyncio.sleep(0.01)
            async with SmtpSink(port=unused_tcp_port) as sink:
                while len(await service.said("notification.sent")) < 3:
                    clock.pass_by(minutes=1)
                    await asyncio.sleep(0.05)
        assert "kansli_mail_relay_up 1.0" in await metrics_of(service)
        assert not await service.parked()
        uncertain = await service.rows(select(mailbag.c.uncertain, mailbag.c.deferred_since))
        assert [tuple(row) for row in uncertain] == [(0, None)] * 3
    assert sorted(mail.recipients for mail in sink.mails) == sorted([(SECRETARY,), (COPY,), (SENDER,)])


async def test_the_metrics_show_letters_that_did_not_arrive_also_when_there_are_none(
    tmp_path: Path, config: Path, unused_tcp_port: int
) -> None:
    """An alert on a number that is not there would never go off."""
    url = f"smtp://127.0.0.1:{unused_tcp_port}?starttls=never"
    database = tmp_path / "notification.db"
    async with alone(build, NotificationSettings, database, config=config, smtp_url=url) as service:
        async with asyncio.timeout(30):
            while 'kansli_letters{state="failed"} 0.0' not in await metrics_of(service):
                await asyncio.sleep(0.01)
        near = 'kansli_letters_failed_near_deadline{committee="valfard"} 0.0'
        assert near in await metrics_of(service)


async def metrics_of(service: LoneService) -> str:
    async with service.http.get("/metrics") as answer:
        return await answer.text()


async def test_a_person_at_the_desk_sees_to_whom_a_letter_failed(office: Office) -> None:
    """Otherwise nobody could mend the address; what the letter says is not shown."""
    office.post.script = [Refused("RCPT", code=550, answer="5.1.1 okänd")]
    await office.hear(returned())
    await office.send_all()
    ((item,)) = await office.rows(parked)
    shown = json.loads(await office.delivery.show(item.event_id))
    assert (shown["recipient"], shown["answer"], shown["state"]) == (SENDER, "5.1.1 okänd", "failed")
    assert "content" not in shown
