"""From a mail in the bounce mailbox to what is known of a letter, and who is told."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from chassis.store import Store, open_store
from chassis.store.tables import outbox
from notification.__main__ import HISTORY, build
from notification.arrivals import Arrivals, reports_counter
from notification.delivery import let_fall
from notification.mailbag import arrival, is_astray, letters, put_in, sent_at, settle
from notification.mailboxes import UnknownMailbox
from notification.maildir import Maildir, maildir_at
from notification.settings import NotificationSettings
from support.delivery_reports import report
from support.lone_service import alone
from support.still_clock import StillClock

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LETTER: dict[str, Any] = {
    "submission_id": "0198f4a2",
    "revision": 1,
    "form": "prov",
    "committee": "valfard",
    "kind": "filed",
    "recipient": "nora@kommunen.example",
    "content": b"",
    "written_at": NOW,
}


class Office:
    """A store with one letter, a mailbox, and who reads it."""

    def __init__(self, store: Store, folder: Path, clock: StillClock) -> None:
        self.store, self.folder, self.clock = store, folder, clock
        self.counts = CollectorRegistry()
        self.arrivals = Arrivals(store, Maildir(folder), reports_counter(self.counts))
        (folder / "new").mkdir(parents=True)

    async def get(self, *mails: bytes) -> None:
        """The mails come in, one after the other, and each is read."""
        for content in mails:
            (self.folder / "new" / os.urandom(4).hex()).write_bytes(content)
            assert await self.arrivals.read_new() == 1

    async def letter(self) -> Any:
        async with self.store.read() as connection:
            return (await connection.execute(select(letters))).one()

    async def said(self) -> set[str]:
        async with self.store.read() as connection:
            return set((await connection.scalars(select(outbox.c.queue))).all())

    async def times_said(self) -> dict[str, datetime]:
        """When it happened, by what was said to the archive."""
        async with self.store.read() as connection:
            rows = (await connection.execute(select(outbox.c.queue, outbox.c.body))).all()
        data = {row.queue.removeprefix("archive."): json.loads(row.body)["data"] for row in rows}
        return {
            kind: datetime.fromisoformat(one["happened_at"])
            for kind, one in data.items()
            if not kind.startswith("intake")
        }

    def read(self) -> list[str]:
        return sorted(path.name.partition(":")[2] for path in (self.folder / "cur").iterdir())

    def counted(self, outcome: str) -> float | None:
        return self.counts.get_sample_value("kansli_mail_reports_total", {"outcome": outcome})


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    clock = StillClock(NOW)
    store = open_store(f"sqlite:///{tmp_path}/notification.db", "notification", clock)
    await store.open()
    await store.migrate(HISTORY)
    await store.write(lambda tx: put_in(tx, LETTER | {"id": "l1"}))
    clock.pass_by(hours=5)
    yield Office(store, tmp_path / "bounces", clock)
    await store.close()


def told(action: str, minutes: int, letter_id: str = "l1") -> bytes:
    return report(letter_id, action, NOW + timedelta(minutes=minutes))


async def test_a_letter_that_bounced_is_told_to_intake_and_archive(office: Office) -> None:
    """With the time and the code, once, however often it is said."""
    await office.get(told("failed", 4), told("failed", 4), told("failed", 9))
    row = await office.letter()
    assert (arrival(row), row.bounced_at, row.arrival_status) == (
        "bounced",
        NOW + timedelta(minutes=9),
        "5.1.1",
    )
    assert await office.said() == {"intake.notification.bounced", "archive.notification.bounced"}
    async with office.store.read() as connection:
        assert len((await connection.execute(select(outbox))).all()) == 2
    assert office.read() == ["2,S"] * 3


@pytest.mark.parametrize("order", list(permutations([("delayed", 5), ("failed", 7), ("delivered", 9)])))
async def test_what_happened_last_holds_in_whatever_order_it_is_told(
    office: Office, order: tuple[tuple[str, int], ...]
) -> None:
    """Mails overtake each other."""
    await office.get(*(told(action, minutes) for action, minutes in order))
    assert arrival(await office.letter()) == "delivered"


async def test_a_letter_bounces_after_it_was_sent_whatever_the_other_clock_says(office: Office) -> None:
    """A mail server writes whole seconds, and its clock may be slow: the bounce is newer all the same."""
    await office.store.write(lambda tx: settle(tx, "l1", "sent", "250"))
    await office.get(told("failed", 5))
    assert await office.times_said() == {"notification.bounced": office.clock()}


async def test_a_letter_whose_bounce_came_before_the_answer_was_sent_before_it(office: Office) -> None:
    """The relay's yes is not the newest word because it is heard last."""
    await office.get(told("failed", 5))
    assert sent_at(await office.letter(), office.clock()) == NOW + timedelta(minutes=5)


async def test_a_letter_that_bounced_and_arrived_after_all_is_told_as_sent(office: Office) -> None:
    """A list reaches its members one by one."""
    await office.get(told("failed", 5), told("delivered", 9))
    assert await office.times_said() == {
        "notification.bounced": NOW + timedelta(minutes=5),
        "notification.sent": NOW + timedelta(minutes=9),
    }


async def test_a_letter_that_was_given_up_and_had_arrived_is_told_as_sent_after_that(office: Office) -> None:
    """The relay had taken it, its answer was lost, and a second try was refused: so it was told."""
    await office.store.write(lambda tx: settle(tx, "l1", "failed", "550"))
    await office.get(told("delivered", 5))
    times = await office.times_said()
    assert times["notification.sent"] > office.clock()


@pytest.mark.parametrize(("reported", "said"), [("delivered", "sent"), ("delayed", "failed")])
async def test_a_letter_that_a_person_lets_fall_is_told_as_what_was_reported_of_it(
    office: Office, reported: str, said: str
) -> None:
    """Whoever sees that it has arrived lets it fall, since there is nothing left to send."""
    await office.store.write(lambda tx: settle(tx, "l1", "parked", None))
    await office.get(told(reported, 5))
    await office.store.write(lambda tx: let_fall(tx, "l1"))
    assert set(await office.times_said()) == {f"notification.{said}"}
    assert is_astray(await office.letter()) is (said == "failed")


async def test_of_two_reports_of_one_time_the_worse_holds(office: Office) -> None:
    """A list may deliver to one and fail with another."""
    await office.get(told("failed", 5), told("delivered", 5))
    assert arrival(await office.letter()) == "bounced"


async def test_a_report_from_the_future_is_of_now(office: Office) -> None:
    """A server whose clock is wrong must not have the last word for years."""
    await office.get(told("delivered", 60 * 24 * 365))
    assert (await office.letter()).delivered_at == office.clock()


async def test_what_is_not_understood_is_kept_unread_and_counted(office: Office) -> None:
    """An auto-reply, a stranger's report, a damaged one: nothing is said of any letter."""
    await office.get(b"Subject: Semester\n\nJag \xe4r ledig.", told("failed", 5, "l2"), told("fel", 5))
    assert office.read() == ["2,"] * 3
    assert (office.counted("no-report"), office.counted("not-understood")) == (1, 2)
    assert arrival(await office.letter()) is None
    assert await office.said() == set()


async def test_a_letter_that_only_went_on_has_not_arrived(office: Office) -> None:
    """The next server reports nothing; that is no bad sign and no good one."""
    await office.get(told("relayed", 5))
    assert (office.counted("relayed"), arrival(await office.letter())) == (1, None)


async def test_what_is_no_mail_is_left_alone(office: Office, tmp_path: Path) -> None:
    """Folders, and links that lead out of the mailbox."""
    (tmp_path / "outside").write_bytes(told("failed", 5))
    (office.folder / "new" / "link").symlink_to(tmp_path / "outside")
    (office.folder / "new" / "folder").mkdir()
    assert await office.arrivals.read_new() == 0
    assert arrival(await office.letter()) is None


async def test_a_mailbox_that_is_not_there_yet_is_empty(tmp_path: Path, office: Office) -> None:
    """The mail server makes it with the first mail."""
    nowhere = Arrivals(office.store, Maildir(tmp_path / "nowhere"), office.arrivals.counter)
    assert await nowhere.read_new() == 0


@pytest.mark.parametrize("url", ["imap://post.example", "maildir://var/mail", "/var/mail", "maildir:x"])
def test_another_mailbox_is_refused(url: str) -> None:
    """Before the service starts."""
    with pytest.raises(UnknownMailbox):
        maildir_at(url)


async def test_the_service_reads_its_mailbox(tmp_path: Path) -> None:
    """Set by its setting, from the start."""
    config, box = tmp_path / "config" / "committees", tmp_path / "bounces"
    config.mkdir(parents=True)
    (box / "new").mkdir(parents=True)
    (config / "x.yaml").write_text(
        "id: x\nname: X\nsecretary: {name: Nora Sekreterarsson, email: nora@kommunen.example}\n"
    )
    (box / "new" / "1").write_bytes(told("failed", 5))
    async with alone(
        build,
        NotificationSettings,
        tmp_path / "notification.db",
        StillClock(NOW),
        config=tmp_path / "config",
        bounces=f"maildir://{box}",
    ) as service:
        async with asyncio.timeout(10):
            while not (box / "cur").exists() or not list((box / "cur").iterdir()):
                await asyncio.sleep(0.01)
        async with service.http.get("/metrics") as answer:
            assert 'kansli_mail_reports_total{outcome="not-understood"} 1.0' in await answer.text()
