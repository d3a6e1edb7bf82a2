"""A letter as bytes: the same bytes every time, with headers that arrive as they were written.

Python's `EmailMessage` drops and adds spaces in long Swedish headers (cpython#92081, #120930,
#144156), and `aiosmtplib.send_message` folds once more in the same way.
So a letter is written here, line by line, and travels as bytes.
"""

import hashlib
import re
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Iterator
from dataclasses import dataclass
from email.header import Header
from email.headerregistry import Address
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from chassis.clock import in_stockholm
from notification.letters import AttachedPacket, Letter

if TYPE_CHECKING:
    from notification.signing import Signer

_LINE_LENGTH = 76
"""Characters: no line that holds an encoded word is longer (RFC 2047 § 2)."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$&+.^_`{|}~-]+")
"""What the value of a parameter may be as it stands (RFC 2045 § 5.1)."""

_ON_ONE_LINE_OR_FOLDED = re.compile(r"[^\r\n]*(?:\r\n [^\r\n]+)*")


@dataclass(frozen=True, slots=True)
class Sender:
    """From whom letters come, in the domain that they are signed for (DKIM d=)."""

    name: str
    address: str
    reply_to: str | None = None
    """A mailbox that a person reads; without it answers go to `address`."""
    signer: "Signer | None" = None
    """Signs the letters; without it that is left to the relay."""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def as_bytes(letter: Letter, sender: Sender) -> bytes:
    """Write the letter seven bits wide and with CRLF, so that no relay has reason to rewrite it.

    Raises `ValueError` when a line break in a fact would begin a header of its own.
    """
    boundary = _boundary(letter)
    head = "".join(_line(name, value) for name, value in _headers(letter, sender, boundary))
    content = b"".join((head.encode("ascii"), b"\r\n", *_body(letter, boundary)))
    return sender.signer.signed(content, letter.created_at) if sender.signer else content


def _headers(letter: Letter, sender: Sender, boundary: str) -> Iterator[tuple[str, str]]:
    """RFC 5322, and what lets rules sort (List-Id) and auto-replies stay silent (RFC 3834)."""
    yield "From", _mailbox("From", sender.name, sender.address)
    if sender.reply_to:
        yield "Reply-To", _mailbox("Reply-To", sender.name, sender.reply_to)
    yield "To", _mailbox("To", letter.recipient_name, letter.recipient_address)
    yield "Subject", _words("Subject", letter.subject)
    yield "Date", format_datetime(in_stockholm(letter.created_at))
    yield "Message-ID", letter.message_id
    if letter.follows:
        yield "In-Reply-To", letter.follows
        yield "References", letter.follows
    yield "Auto-Submitted", "auto-generated"
    yield "List-Id", f"<{letter.committee}.kansli.{sender.domain}>"
    yield "Content-Language", "sv"
    yield "X-Correlation-ID", letter.submission_id
    yield "MIME-Version", "1.0"
    kind = "mixed" if letter.calendar or letter.packet else "alternative"
    yield "Content-Type", f'multipart/{kind}; boundary="{boundary}"'


def _line(name: str, value: str) -> str:
    if not _ON_ONE_LINE_OR_FOLDED.fullmatch(value):
        raise ValueError(f"A line break in {name} would begin another header")
    return f"{name}: {value}\r\n"


def _mailbox(name: str, display_name: str, address: str) -> str:
    mailbox = str(Address(display_name, addr_spec=address))
    if not display_name or _fits(name, mailbox):
        return mailbox
    return f"{_encoded(name, display_name)}\r\n <{address}>"


def _words(name: str, text: str) -> str:
    return text if _fits(name, text) else _encoded(name, text)


def _fits(name: str, text: str) -> bool:
    """Tell whether the text may stand as it is: one line of ASCII, and no encoded word."""
    return text.isascii() and "=?" not in text and len(f"{name}: {text}") <= _LINE_LENGTH


def _encoded(name: str, text: str) -> str:
    """Let `email.header` fold: it keeps the spaces between encoded words."""
    return Header(text, "utf-8", maxlinelen=_LINE_LENGTH, header_name=name).encode(linesep="\r\n")


def _boundary(letter: Letter) -> str:
    """Mark off the parts with what no quoted-printable text can hold (RFC 2045 § 6.7): `=_`.

    70 characters are the limit (RFC 2046 § 5.1.1), and an id may be longer.
    """
    return f"=_{hashlib.sha256(letter.id.encode()).hexdigest()[:32]}"


def _body(letter: Letter, boundary: str) -> Iterator[bytes]:
    files = list(_files(letter))
    if not files:
        yield from _readings(letter, boundary)
        return
    inner = f"{boundary}_"
    yield f'--{boundary}\r\nContent-Type: multipart/alternative; boundary="{inner}"\r\n\r\n'.encode()
    yield from _readings(letter, inner)
    for file in files:
        yield f"--{boundary}\r\n".encode()
        yield from file
    yield f"--{boundary}--\r\n".encode()


def _files(letter: Letter) -> Iterator[Iterator[bytes]]:
    if letter.calendar is not None:
        yield _calendar(letter.calendar)
    if letter.packet is not None:
        yield _pdf(letter.packet)


def _readings(letter: Letter, boundary: str) -> Iterator[bytes]:
    """The text first and the HTML last, the one a reader prefers (RFC 2046 § 5.1.4)."""
    for subtype, content in (("plain", letter.text), ("html", letter.html)):
        yield f"--{boundary}\r\nContent-Type: text/{subtype}; charset=utf-8\r\n".encode()
        yield b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        yield b2a_qp(content.encode()).replace(b"\n", b"\r\n") + b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _calendar(content: bytes) -> Iterator[bytes]:
    """A file to open, and with a method, so that a calendar offers to take it in (RFC 6047 § 2.4)."""
    yield b"Content-Type: text/calendar; charset=utf-8; method=PUBLISH; name=sammantrade.ics\r\n"
    yield b"Content-Disposition: attachment; filename=sammantrade.ics\r\n"
    yield from _in_base64(content)


def _pdf(packet: AttachedPacket) -> Iterator[bytes]:
    """A file to save, under its name."""
    yield f"Content-Type: application/pdf;\r\n {_parameter('name', packet.name)}\r\n".encode("ascii")
    named = _parameter("filename", packet.name)
    yield f"Content-Disposition: attachment;\r\n {named}\r\n".encode("ascii")
    yield from _in_base64(packet.content)


def _parameter(name: str, value: str) -> str:
    """Write what is no token in percent signs (RFC 2231 § 4)."""
    return f"{name}={value}" if _TOKEN.fullmatch(value) else f"{name}*=utf-8''{quote(value, safe='')}"


def _in_base64(content: bytes) -> Iterator[bytes]:
    yield b"Content-Transfer-Encoding: base64\r\n\r\n"
    yield encodebytes(content).replace(b"\n", b"\r\n")
