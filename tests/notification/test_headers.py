"""What is written in a header is what is read in it, byte for byte the same each time."""

import asyncio
import re
from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import compat32, default
from email.utils import parseaddr
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.settings import SettingsError
from notification.headers import Sender, as_bytes
from notification.letters import AttachedPacket, Letter
from notification.post import open_post
from notification.settings import NotificationSettings
from support.swedish_letters import LETTER, WORDS, swedish_letter

SENDER = Sender("Kansli Exempelkommun", "kansli@exempel.se", reply_to="namnd@exempel.se")

one_word = st.sampled_from(WORDS) | st.text("abcxyzåäöÅÄÖé0123456789-.,:;()\"'/=?_§@<>\\", min_size=1)
lines = st.lists(one_word, min_size=1, max_size=14).map(" ".join)
file_names = st.text("abcåäöÅÄÖé019-.,:;()'/=?_§@%*\r\n ").map("nämnd{}.pdf".format)
"""Without quotation marks, which Python's reader takes off."""


def read(content: bytes) -> EmailMessage:
    return message_from_bytes(content, policy=default)


@settings(max_examples=250, deadline=None)
@given(subject=lines, name=lines, sender_name=lines)
def test_subject_and_names_arrive_as_they_were_written(subject: str, name: str, sender_name: str) -> None:
    """No word and no space is lost or added, however long and Swedish the line is."""
    letter = replace(LETTER, subject=subject, recipient_name=name)
    content = as_bytes(letter, replace(SENDER, name=sender_name))
    assert subject == read(content)["Subject"]
    assert (name, "asa@exempel.se") == mailbox(content, "To")
    assert (sender_name, "kansli@exempel.se") == mailbox(content, "From")
    assert (sender_name, "namnd@exempel.se") == mailbox(content, "Reply-To")


def mailbox(content: bytes, name: str) -> tuple[str, str]:
    """Read by RFC 2047 § 6.2; Python 3.11's header registry adds spaces when reading names, too."""
    raw = message_from_bytes(content, policy=compat32)[name].replace("\r\n", "")
    display_name, address = parseaddr(raw)
    return str(make_header(decode_header(display_name))), address


@pytest.mark.slow
def test_thousands_of_swedish_subjects_arrive_as_they_were_written() -> None:
    """Python's own folding harms some 5 of 100, so a few hundred could pass by luck."""
    for letter in map(swedish_letter, range(4000)):
        content = as_bytes(letter, SENDER)
        assert letter.subject == read(content)["Subject"]
        assert letter.recipient_name == mailbox(content, "To")[0]


def test_a_text_of_one_long_line_is_folded_with_crlf_too() -> None:
    """A bare line feed would be another letter after a server that mends it, and break its signature."""
    content = as_bytes(replace(LETTER, text="nämnden " * 30, html="<p>" + "nämnden " * 30), SENDER)
    assert b"=\r\n" in content
    assert not re.search(rb"(?<!\r)\n", content)


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\r")))
def test_every_text_is_read_as_it_was_written(text: str) -> None:
    """Dots, blanks at line ends, equals signs and long lines come out as they went in."""
    written, _ = read(as_bytes(replace(LETTER, text=text), SENDER)).iter_parts()
    payload = written.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert text == payload.decode().replace("\r\n", "\n")


@settings(max_examples=250, deadline=None)
@given(subject=lines, name=lines)
def test_encoded_words_keep_to_their_rules(subject: str, name: str) -> None:
    """75 characters each, never glued together, on lines of ASCII (RFC 2047 § 2)."""
    letter = replace(LETTER, subject=subject, recipient_name=name)
    head = as_bytes(letter, SENDER).split(b"\r\n\r\n")[0].decode("ascii")
    assert "?==?" not in head
    assert all(len(word) <= 75 for word in re.findall(r"=\?utf-8\?[bq]\?[^?]*\?=", head))


def test_the_same_letter_has_the_same_bytes() -> None:
    """A repetition can be recognised, also in its boundary, its date and its id."""
    assert as_bytes(LETTER, SENDER) == as_bytes(replace(LETTER), replace(SENDER))


def test_the_letter_is_seven_bits_wide_with_whole_line_ends() -> None:
    """Any relay takes it as it is, and none must rewrite it."""
    content = as_bytes(LETTER, SENDER)
    assert content.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)
    assert max(map(len, content.split(b"\r\n"))) < 998


def test_both_parts_are_read_as_they_were_written() -> None:
    """The text comes first and the HTML after it, the reader's choice."""
    message = read(as_bytes(LETTER, SENDER))
    text, html = message.iter_parts()
    assert ("text/plain", LETTER.text) == (text.get_content_type(), body(text))
    assert ("text/html", LETTER.html) == (html.get_content_type(), body(html))


def with_packet(content: bytes, name: str = "2026-12-09_valfard_00_samtliga.pdf") -> Letter:
    return replace(LETTER, packet=AttachedPacket(name, content))


@given(content=st.binary(max_size=400), name=file_names)
def test_a_packet_is_saved_as_it_was_frozen_and_under_its_name(content: bytes, name: str) -> None:
    """Byte for byte, whatever its name is made of; text and HTML are beside it as ever."""
    written = as_bytes(with_packet(content, name), SENDER)
    message = read(written)
    readings, file = message.iter_parts()
    assert (message.get_content_type(), readings.get_content_type()) == (
        "multipart/mixed",
        "multipart/alternative",
    )
    assert [LETTER.text, LETTER.html] == [body(part) for part in readings.iter_parts()]
    assert (file.get_content_type(), file.get_content_disposition()) == ("application/pdf", "attachment")
    assert (file.get_payload(decode=True), file.get_filename()) == (content, name)
    assert written.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", written)


def test_a_file_name_of_the_archives_stands_as_it_is() -> None:
    """A mail program that knows no RFC 2231 reads it too."""
    written = as_bytes(with_packet(b"%PDF-1.7"), SENDER)
    assert b"\r\n filename=2026-12-09_valfard_00_samtliga.pdf\r\n" in written


def test_a_calendar_and_a_packet_go_along_both() -> None:
    """Each is a part of its own, after what is read."""
    letter = replace(with_packet(b"%PDF-1.7"), calendar=b"BEGIN:VCALENDAR\r\n")
    kinds = [part.get_content_type() for part in read(as_bytes(letter, SENDER)).iter_parts()]
    assert kinds == ["multipart/alternative", "text/calendar", "application/pdf"]


def test_the_same_packet_gives_the_same_bytes() -> None:
    """A letter that is sent again is the same letter, its file included."""
    assert as_bytes(with_packet(b"%PDF-1.7"), SENDER) == as_bytes(with_packet(b"%PDF-1.7"), SENDER)


def body(part: Any) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Auto-Submitted", "auto-generated"),
        ("List-Id", "<valfard.kansli.exempel.se>"),
        ("Content-Language", "sv"),
        ("X-Correlation-ID", LETTER.submission_id),
        ("Message-ID", LETTER.message_id),
        ("Date", "Fri, 20 Nov 2026 14:03:00 +0100"),
        ("MIME-Version", "1.0"),
    ],
)
def test_a_letter_says_what_it_is(name: str, expected: str) -> None:
    """Auto-replies stay silent, rules can sort, operators can trace."""
    assert [expected] == read(as_bytes(LETTER, SENDER)).get_all(name)


def test_a_long_id_is_never_made_an_encoded_word() -> None:
    """Ids are compared as bytes by whoever reads them."""
    letter = replace(LETTER, message_id=f"<{LETTER.id}@{'kommun.' * 9}se>", committee="n" * 63)
    content = as_bytes(letter, SENDER).decode()
    assert f"\r\nMessage-ID: {letter.message_id}\r\n" in content
    assert f"\r\nList-Id: <{'n' * 63}.kansli.exempel.se>\r\n" in content


def test_without_a_manned_mailbox_there_is_no_reply_to() -> None:
    """Answers then go where the letter came from."""
    assert read(as_bytes(LETTER, replace(SENDER, reply_to=None)))["Reply-To"] is None


@pytest.mark.parametrize("field", ["subject", "recipient_name", "message_id", "submission_id"])
def test_a_line_break_makes_no_second_header(field: str) -> None:
    """What could smuggle a header in is no letter at all."""
    letter = replace(LETTER, **{field: "x\r\nBcc: alla@exempel.se"})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"line break in|CR or LF"):
        as_bytes(letter, SENDER)


class Mailroom:
    """Keeps what a real server handed over after it undid the dots."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.contents.append(envelope.content)
        return "250 Ok"


async def test_hundreds_of_swedish_letters_pass_a_real_server_unharmed() -> None:
    """The library that sends and the server that takes change neither subject, name nor text."""
    mailroom = Mailroom()
    loop = asyncio.get_running_loop()
    letters = [swedish_letter(seed) for seed in range(200)]
    async with await loop.create_server(lambda: SMTP(mailroom), "127.0.0.1", 0) as server:
        post = open_post(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        for letter in letters:
            content = as_bytes(letter, SENDER)
            await post.deliver(content, SENDER.address, letter.recipient_address, letter.id)
    assert [as_bytes(letter, SENDER) for letter in letters] == mailroom.contents
    for letter, content in zip(letters, mailroom.contents, strict=True):
        assert letter.subject == read(content)["Subject"]
        assert (letter.recipient_name, letter.recipient_address) == mailbox(content, "To")


@pytest.mark.parametrize("name", ["SENDER_ADDRESS", "REPLY_TO"])
@pytest.mark.parametrize("address", ["kansli", "Kansli <k@exempel.se>", "välfärd@exempel.se", "a@b.se\r"])
def test_an_address_that_no_letter_can_come_from_is_refused_at_start(
    name: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every letter would be parked unwritten."""
    monkeypatch.setenv(f"NOTIFICATION_{name}", address)
    with pytest.raises(SettingsError, match=f"NOTIFICATION_{name}: .*is not an e-mail address"):
        NotificationSettings.load(database_url="sqlite:///x.db")
