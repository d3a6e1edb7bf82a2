"""Letters through a real mail server: delivered, refused, reported of, and not harmed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from chassis.store import Store, open_store
from notification.__main__ import HISTORY
from notification.arrivals import Arrivals, reports_counter
from notification.headers import Sender, as_bytes
from notification.mailbag import arrival, put_in, take_out
from notification.maildir import Maildir
from notification.post import Deferred, Receipt, Refused, SmtpPost, open_post
from support.postfix import AWAY, DOMAIN, Postfix
from support.smtp_sink import SmtpSink
from support.swedish_letters import LETTER, swedish_letter

SENDER = Sender("Kansli Exempelkommun", f"kansli@{DOMAIN}")
LETTERS = 5000
SIDE_BY_SIDE = 10

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def post(postfix: Postfix) -> AsyncIterator[SmtpPost]:
    post = open_post(postfix.url)
    assert isinstance(post, SmtpPost)
    yield post
    await post.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = open_store(f"sqlite:///{tmp_path}/notification.db", "notification")
    await store.open()
    await store.migrate(HISTORY)
    yield store
    await store.close()


async def send(post: SmtpPost, recipient: str, letter_id: str = "l1", content: bytes = b"") -> Receipt:
    content = content or as_bytes(LETTER, SENDER)
    return await post.deliver(content, SENDER.address, recipient, letter_id)


async def until(there: Callable[[], bool]) -> None:
    """Wait for another process's deed, at which nothing can be awaited."""
    async with asyncio.timeout(60):
        while not there():
            await asyncio.sleep(0.05)


async def write_down(store: Store, letter_id: str, recipient: str) -> None:
    row = {
        "id": letter_id,
        "submission_id": "s1",
        "revision": 1,
        "form": "prov",
        "committee": "valfard",
        "kind": "filed",
        "recipient": recipient,
        "content": as_bytes(LETTER, SENDER),
        "written_at": datetime(2026, 11, 20, tzinfo=UTC),
    }
    await store.write(lambda tx: put_in(tx, row))


async def became_of(store: Store, postfix: Postfix, letter_id: str) -> str | None:
    """What the reports in the sender's mailbox say, once one has come about the letter."""
    arrivals = Arrivals(store, Maildir(postfix.maildir("kansli")), reports_counter(CollectorRegistry()))
    async with asyncio.timeout(60):
        while (known := arrival(await take_out(store, letter_id))) is None:
            await arrivals.read_new()
            await asyncio.sleep(0.05)
    return known


async def test_a_letter_that_was_delivered_is_known_by_its_id(
    postfix: Postfix, post: SmtpPost, store: Store
) -> None:
    """It lies in the mailbox, and the report that we asked for says so."""
    await write_down(store, "0198f4a2.1.filed.delivered", f"nora@{DOMAIN}")
    receipt = await send(post, f"nora@{DOMAIN}", "0198f4a2.1.filed.delivered")
    assert "queued as" in receipt.answer
    assert await became_of(store, postfix, "0198f4a2.1.filed.delivered") == "delivered"
    assert (await take_out(store, "0198f4a2.1.filed.delivered")).arrival_status.startswith("2.")
    assert any(LETTER.message_id.encode() in mail for mail in postfix.mails("nora"))


async def test_a_letter_that_the_next_server_refuses_is_known_to_have_bounced(
    postfix: Postfix, post: SmtpPost, store: Store
) -> None:
    """Our relay had said yes; the no comes by mail, with our id."""
    await write_down(store, "0198f4a2.1.filed.bounced", f"nora@{AWAY}")
    async with SmtpSink({"RCPT": "550 5.1.1 finns inte"}, port=postfix.away_port):
        await send(post, f"nora@{AWAY}", "0198f4a2.1.filed.bounced")
        assert await became_of(store, postfix, "0198f4a2.1.filed.bounced") == "bounced"
    assert (await take_out(store, "0198f4a2.1.filed.bounced")).arrival_status == "5.1.1"


async def test_an_unknown_mailbox_is_refused_at_once(post: SmtpPost) -> None:
    """The relay knows its own people."""
    with pytest.raises(Refused, match="RCPT: 550"):
        await send(post, f"okand@{DOMAIN}")


async def test_a_greylisted_letter_goes_at_the_second_try(postfix: Postfix, post: SmtpPost) -> None:
    """On the same line, and it arrives once."""
    with pytest.raises(Deferred, match="RCPT: 450"):
        await send(post, f"ny@{DOMAIN}")
    await send(post, f"ny@{DOMAIN}")
    await until(lambda: len(postfix.mails("ny")) == 1)


@pytest.mark.slow
async def test_thousands_of_swedish_letters_arrive_byte_for_byte(postfix: Postfix, post: SmtpPost) -> None:
    """Headers folded by us are what the mailbox has, and read as what was written: no fault in 5 000."""
    numbered = [(f"n{seed}", swedish_letter(seed)) for seed in range(LETTERS)]
    wanted = {number: replace(letter, message_id=f"<{number}@{DOMAIN}>") for number, letter in numbered}
    await _send_all(post, {number: as_bytes(letter, SENDER) for number, letter in wanted.items()})
    await until(lambda: postfix.count("nora") >= LETTERS)
    arrived = await asyncio.to_thread(_numbered, postfix)
    for number, letter in wanted.items():
        sent = as_bytes(letter, SENDER).replace(b"\r\n", b"\n")
        assert arrived[number].endswith(sent)
        assert message_from_bytes(arrived[number], policy=default)["Subject"] == letter.subject


async def _send_all(post: SmtpPost, letters: dict[str, bytes]) -> None:
    left = iter(letters.items())

    async def hand() -> None:
        for number, content in left:
            await send(post, f"nora@{DOMAIN}", number, content)

    await asyncio.gather(*(hand() for _ in range(SIDE_BY_SIDE)))


def _numbered(postfix: Postfix) -> dict[str, bytes]:
    """The numbered letters in the mailbox, by number."""
    found = {}
    for mail in postfix.mails("nora"):
        message_id = message_from_bytes(mail, policy=default)["Message-ID"] or ""
        if message_id.startswith("<n"):
            found[str(message_id).strip("<").partition("@")[0]] = mail
    return found
