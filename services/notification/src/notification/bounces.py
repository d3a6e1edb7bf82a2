"""What a mail to the bounce mailbox says of a letter: a report of delivery (RFC 3464), or nothing.

Anybody may write to that mailbox. So a mail is judged by its type and never by its words: an
auto-reply is no report, however it looks. Only its first level is taken apart, by hand and within
bounds: however deep parts lie within parts, nothing here goes down after them.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from quopri import decodestring

from notification.mailbag import Arrival

LARGEST_MAIL = 256 * 1024
"""Bytes; a report without the letter's text has some thousand."""

MOST_PARTS = 20
MOST_BLOCKS = 20
"""A letter has one recipient; a list that it is passed on to may report of a few."""

LONGEST_FIELD = 1000
"""Characters of a header that is looked into."""

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_LETTER_ID = re.compile(r"[!-~]{1,200}")
_XTEXT_CODE = re.compile(r"\+([0-9A-F]{2})")

_ARRIVALS = {"failed": Arrival.BOUNCED, "delayed": Arrival.DELAYED, "delivered": Arrival.DELIVERED}
"""By Action (RFC 3464 § 2.3.3), worst first: `relayed` and `expanded` only say that it went on."""


class NoReport(Exception):
    """It is another kind of mail, such as an auto-reply."""


class NotUnderstood(Exception):
    """It is a report of delivery, or nearly one, and cannot be read or is not about a letter of ours."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a mail server says of one letter."""

    letter_id: str
    arrival: Arrival | None
    """Nothing when it went on to a server that reports nothing."""
    status: str
    """Such as 5.1.1 (RFC 3463)."""
    at: datetime | None
    """When it happened, as the server says."""


def read_report(mail: bytes) -> DeliveryReport:
    """Read it.

    Raises:
        NoReport: it is no multipart/report of delivery.
        NotUnderstood: it is one, damaged or without our id.
    """
    head, _, body = _whole_lines(mail[:LARGEST_MAIL]).partition(b"\n\n")
    headers = _headers(head)
    boundary = _boundary(headers)
    if len(mail) > LARGEST_MAIL:
        raise NotUnderstood("too large")
    blocks = _blocks(_status_part(body, boundary))
    return _report(blocks, _date(headers.get("Date")))


def _whole_lines(mail: bytes) -> bytes:
    return mail.replace(b"\r\n", b"\n")


def _headers(head: bytes) -> Message:
    return BytesHeaderParser().parsebytes(head)


def _boundary(headers: Message) -> bytes:
    """Where the parts of a report of delivery begin; raises `NoReport` for any other mail."""
    if len(str(headers.get("Content-Type", ""))) > LONGEST_FIELD:
        raise NoReport("long type")
    about = headers.get_param("report-type")
    if headers.get_content_type() != "multipart/report" or str(about).lower() != "delivery-status":
        raise NoReport(headers.get_content_type())
    boundary = headers.get_boundary()
    if not boundary:
        raise NotUnderstood("no boundary")
    return boundary.encode("ascii", "replace")


def _status_part(body: bytes, boundary: bytes) -> bytes:
    for part in body.split(b"--" + boundary, MOST_PARTS)[1:]:
        head, _, content = part.removeprefix(b"\n").partition(b"\n\n")
        headers = _headers(head)
        if headers.get_content_type() in ("message/delivery-status", "message/global-delivery-status"):
            return _decoded(content, str(headers.get("Content-Transfer-Encoding", "7bit")))
    raise NotUnderstood("no status")


def _decoded(content: bytes, encoding: str) -> bytes:
    match encoding.strip().lower():
        case "base64":
            return _whole_lines(_from_base64(content))
        case "quoted-printable":
            return _whole_lines(decodestring(content))
    return content


def _from_base64(content: bytes) -> bytes:
    try:
        return b64decode(content)
    except binascii.Error:
        raise NotUnderstood("base64") from None


def _blocks(status: bytes) -> list[Message]:
    """The first is about the letter, each other about one recipient."""
    pieces = [piece for piece in re.split(rb"\n[ \t]*\n", status.strip(), maxsplit=MOST_BLOCKS) if piece]
    return [_headers(piece) for piece in pieces[:MOST_BLOCKS]]


def _report(blocks: list[Message], date: datetime | None) -> DeliveryReport:
    if not blocks:
        raise NotUnderstood("empty")
    told = dict(_told(blocks[1:]))
    for action, arrival in _ARRIVALS.items():
        if action in told:
            return DeliveryReport(_letter_id(blocks[0]), arrival, *_when(told[action], date))
    if not told:
        raise NotUnderstood("no recipient")
    return DeliveryReport(_letter_id(blocks[0]), None, "", date)


def _told(recipients: list[Message]) -> Iterator[tuple[str, Message]]:
    for block in recipients:
        action = _field(block, "Action").lower()
        if action in (*_ARRIVALS, "relayed", "expanded"):
            yield action, block


def _when(block: Message, date: datetime | None) -> tuple[str, datetime | None]:
    status = _STATUS.match(_field(block, "Status"))
    return status[0] if status else "", _date(block.get("Last-Attempt-Date")) or date


def _letter_id(about: Message) -> str:
    """Our ENVID as it comes back, written as xtext (RFC 3461 § 4)."""
    given = _field(about, "Original-Envelope-Id")
    plain = _XTEXT_CODE.sub(lambda code: chr(int(code[1], 16)), given)
    if not _LETTER_ID.fullmatch(plain):
        raise NotUnderstood("no envelope id")
    return plain


def _field(block: Message, name: str) -> str:
    return str(block.get(name, ""))[:LONGEST_FIELD].strip()


def _date(value: object) -> datetime | None:
    if value is None or len(str(value)) > LONGEST_FIELD:
        return None
    try:
        at = parsedate_to_datetime(str(value))
        return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
