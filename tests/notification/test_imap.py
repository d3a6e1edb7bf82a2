"""Reports of delivery that lie on a mail server: read once, never lost, whatever lies beside them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from chassis.settings import SettingsError
from chassis.store import Store, Transaction, open_store
from notification.__main__ import HISTORY
from notification.arrivals import Arrivals, mailbox_at, reports_counter
from notification.bounces import LARGEST_MAIL
from notification.imap import Encryption, ImapMailbox, imap_at
from notification.mailbag import arrival, letters, put_in
from notification.mailboxes import MailboxLost, UnknownMailbox
from notification.settings import NotificationSettings
from support.delivery_reports import report
from support.dovecot import PASSWORD, Box, Dovecot
from support.still_clock import StillClock

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
AUTO_REPLY = "Subject: Semester\nAuto-Submitted: auto-replied\n\nJag är ledig till måndag.\n".encode()


class Office:
    """A store with letters l0 to l9, a mailbox on the server, and who reads it."""

    def __init__(self, store: Store, dovecot: Dovecot) -> None:
        self.store, self.dovecot, self.box = store, dovecot, dovecot.fresh_box()
        self.counts = CollectorRegistry()
        self.arrivals = self.reader()

    def reader(self, more: str = "") -> Arrivals:
        mailbox = imap_at(self.url(self.dovecot.port) + more)
        return Arrivals(self.store, mailbox, reports_counter(CollectorRegistry()))

    def url(self, port: int, scheme: str = "imap") -> str:
        return f"{scheme}://{self.box.user}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/INBOX"

    async def known(self) -> dict[str, str]:
        async with self.store.read() as connection:
            rows = (await connection.execute(select(letters))).all()
        return {row.id: str(known) for row in rows if (known := arrival(row))}


@pytest.fixture
async def office(tmp_path: Path, dovecot: Dovecot) -> AsyncIterator[Office]:
    store = open_store(f"sqlite:///{tmp_path}/notification.db", "notification", StillClock(NOW))
    await store.open()
    await store.migrate(HISTORY)
    await store.write(_write_letters)
    office = Office(store, dovecot)
    yield office
    office.arrivals.mailbox.close()
    await store.close()


async def _write_letters(tx: Transaction) -> None:
    for number in range(10):
        row: dict[str, Any] = {
            "id": f"l{number}",
            "submission_id": "0198f4a2",
            "revision": 1,
            "form": "prov",
            "committee": "valfard",
            "kind": "filed",
            "recipient": "nora@kommunen.example",
            "content": b"",
            "written_at": NOW,
        }
        await put_in(tx, row)


def told(letter_id: str, action: str) -> bytes:
    return report(letter_id, action, NOW - timedelta(minutes=5))


MAILS = (
    told("l0", "delivered"),
    AUTO_REPLY,
    told("l1", "failed"),
    b"",
    told("l2", "förlorad"),
    told("l3", "failed") + b"x" * 20 * LARGEST_MAIL,
    told("okand", "failed"),
    told("l4", "delayed"),
)
"""A success, an auto-reply, a failure, an empty one, an unreadable one, a huge one, a stranger's, a delay."""


async def test_what_is_understood_is_read_and_the_rest_is_left_for_a_person(office: Office) -> None:
    """One look is enough for all, whatever lies between them; the next finds nothing new."""
    for mail in MAILS:
        office.box.lay_in(mail)
    assert await office.arrivals.look() == len(MAILS)
    assert await office.known() == {"l0": "delivered", "l1": "bounced", "l4": "delayed"}
    assert office.box.flags() == ["S", "F", "S", "F", "F", "F", "F", "S"]
    assert await office.arrivals.look() == 0


async def test_what_is_done_may_be_moved_out_of_the_way(office: Office) -> None:
    """And then it does not matter that somebody has read it first."""
    reader = office.reader("?put-away=Klart")
    for mail in MAILS[:3]:
        office.box.lay_in(mail)
    assert await reader.look() == 3
    reader.mailbox.close()
    assert (office.box.flags(".Klart"), office.box.flags()) == (["S", "S"], ["F"])


async def test_a_folder_that_is_not_there_loses_no_mail(office: Office) -> None:
    """What the report says is known; it stays, and is read again until somebody makes the folder."""
    reader = office.reader("?put-away=Borta")
    office.box.lay_in(told("l0", "failed"))
    with structlog.testing.capture_logs() as logs:
        assert [await reader.look(), await reader.look()] == [0, 0]
    reader.mailbox.close()
    assert await office.known() == {"l0": "bounced"}
    assert [one["event"] for one in logs if one["log_level"] == "warning"] == ["mail.unreadable"] * 2


async def test_the_server_may_be_restarted_in_between(office: Office) -> None:
    """It is told once that the mailbox is lost and once that it is found; nothing else is lost."""
    office.box.lay_in(told("l0", "failed"))
    await office.arrivals.look()
    await asyncio.to_thread(office.dovecot.stop)
    office.box.lay_in(told("l1", "failed"))
    with structlog.testing.capture_logs() as logs:
        assert [await office.arrivals.look(), await office.arrivals.look()] == [0, 0]
        await asyncio.to_thread(office.dovecot.start)
        assert await office.arrivals.look() == 1
    assert await office.known() == {"l0": "bounced", "l1": "bounced"}
    assert [one["event"] for one in logs if one["event"].startswith("mailbox")] == [
        "mailbox.lost",
        "mailbox.found",
    ]


async def test_a_mailbox_that_is_lost_halfway_gives_the_rest_later(office: Office) -> None:
    """The mails that were found are of the old connection, and none of them is touched by the new one."""
    for content in MAILS[:3]:
        office.box.lay_in(content)
    first, *others = await asyncio.to_thread(office.arrivals.mailbox.new, 10)
    await asyncio.to_thread(first.read, LARGEST_MAIL)
    await asyncio.to_thread(office.dovecot.stop)
    for mail in (first, *others):
        with pytest.raises(MailboxLost):
            await asyncio.to_thread(mail.read, LARGEST_MAIL)
    await asyncio.to_thread(office.dovecot.start)
    assert await office.arrivals.look() == 3
    assert office.box.flags() == ["S", "F", "S"]


async def test_a_mail_that_was_stored_and_not_put_away_is_read_once_more(office: Office) -> None:
    """As after a crash between the two: it says nothing new."""
    office.box.lay_in(told("l0", "failed"))
    (mail,) = await asyncio.to_thread(office.arrivals.mailbox.new, 10)
    assert b"Action: failed" in await asyncio.to_thread(mail.read, LARGEST_MAIL)
    assert office.box.flags() == [""]
    assert await office.arrivals.look() == 1
    assert await office.known() == {"l0": "bounced"}


async def test_a_server_that_keeps_no_flags_is_not_asked_for_the_same_mails_without_end(
    office: Office,
) -> None:
    """Each is read once while the connection lasts, and what comes later all the same; it is told once."""
    for number in range(2):
        office.box.lay_in(told(f"l{number}", "failed"))
    assert await office.arrivals.look() == 2
    with structlog.testing.capture_logs() as logs:
        office.box.forget_flags()
        assert await office.arrivals.look() == 0
        office.box.lay_in(told("l2", "failed"))
        assert [await office.arrivals.look(), await office.arrivals.look()] == [1, 0]
    assert await office.known() == dict.fromkeys(("l0", "l1", "l2"), "bounced")
    assert [one["event"] for one in logs if one["log_level"] == "warning"] == ["flags.forgotten"]


async def test_a_mail_that_a_person_has_made_new_again_is_read_again(office: Office) -> None:
    """Once it has been seen to be put away, the server is known to keep flags."""
    office.box.lay_in(told("l0", "failed"))
    assert [await office.arrivals.look(), await office.arrivals.look()] == [1, 0]
    office.box.forget_flags()
    assert await office.arrivals.look() == 1


async def test_no_more_is_fetched_than_was_asked_for(office: Office) -> None:
    """However large the mail is."""
    office.box.lay_in(MAILS[5])
    (mail,) = await asyncio.to_thread(office.arrivals.mailbox.new, 10)
    assert len(await asyncio.to_thread(mail.read, 1000)) == 1000


@pytest.mark.parametrize(("scheme", "more"), [("imaps", ""), ("imap", "?starttls=required")])
async def test_the_way_is_encrypted_and_the_server_known(office: Office, scheme: str, more: str) -> None:
    """A server whose certificate nobody vouches for hears no password."""
    port = office.dovecot.tls_port if scheme == "imaps" else office.dovecot.port
    office.box.lay_in(told("l0", "failed"))
    stranger = imap_at(office.url(port, scheme) + more)
    with pytest.raises(MailboxLost, match="SSLCertVerificationError"):
        await asyncio.to_thread(stranger.new, 10)
    known = ImapMailbox(stranger.account, office.dovecot.trusting())
    assert len(await asyncio.to_thread(known.new, 10)) == 1
    known.close()


async def test_a_wrong_password_is_told_without_the_password(office: Office) -> None:
    """Neither in the log nor in any error."""
    office.arrivals.mailbox = imap_at(office.url(office.dovecot.port).replace("hemligt", "fel"))
    with structlog.testing.capture_logs() as logs:
        assert await office.arrivals.look() == 0
    assert logs == [{"event": "mailbox.lost", "step": "SEARCH error", "log_level": "warning"}]
    assert "fel" not in repr(office.arrivals.mailbox)


def test_the_address_says_where_and_how() -> None:
    """With the usual ports, and signs of all kinds in the password."""
    account = imap_at("imaps://kansli:a%2Fb%40%C3%A5@post.example/Studsar%20in?put-away=Klart").account
    assert (account.host, account.port, account.encryption) == (
        "post.example",
        993,
        Encryption.FROM_THE_START,
    )
    assert (account.password, account.folder, account.put_away_in) == ("a/b@å", "Studsar in", "Klart")
    assert imap_at("imap://k:x@post.example").account.encryption is Encryption.STARTTLS
    assert imap_at("imap://k:x@localhost").account.encryption is Encryption.NONE


@pytest.mark.parametrize(
    "url",
    [
        "imaps:///INBOX",
        "imaps://post.example/INBOX",
        "imaps://kansli@post.example",
        "pop3://k:hemligt@post.example",
        "imap://k:hemligt@post.example?starttls=never",
        "imap://k:hemligt@post.example?starttls=if-offered",
        "imaps://k:hemligt@post.example?starttls=required",
        "imaps://k:hemligt@post.example?folder=x",
        "imaps://k:hemligt/x@post.example",
        "imaps://k:hemligt\u2100@post.example",
        "imaps://k:hemligt[@post.example",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_its_password(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At start, with what to mend."""
    with pytest.raises(UnknownMailbox) as refusal:
        mailbox_at(url)
    monkeypatch.setenv("NOTIFICATION_BOUNCES", url)
    with pytest.raises(SettingsError, match="NOTIFICATION_BOUNCES") as error:
        NotificationSettings.load()
    assert "hemligt" not in f"{refusal.value} {error.value}"


def test_the_address_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is shown to nobody."""
    secret = tmp_path / "bounces"
    secret.write_text("imaps://kansli:hemligt@post.example/INBOX\n")
    monkeypatch.setenv("NOTIFICATION_BOUNCES_FILE", str(secret))
    settings = NotificationSettings.load(database_url="sqlite:///x.db")
    assert settings.bounces is not None
    assert settings.bounces.get_secret_value().endswith("/INBOX")
    assert "hemligt" not in repr(settings)


def test_a_box_of_the_tests_begins_empty(dovecot: Dovecot) -> None:
    """Each test has its own."""
    box: Box = dovecot.fresh_box()
    assert box.flags() == []
