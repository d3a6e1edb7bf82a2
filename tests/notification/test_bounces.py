"""What a mail to the bounce mailbox says, whoever wrote it."""

import time
from base64 import encodebytes
from datetime import UTC, datetime
from quopri import encodestring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification.arrivals import report_in
from notification.bounces import LARGEST_MAIL, DeliveryReport, NoReport, NotUnderstood, read_report
from notification.mailbag import Arrival
from support.delivery_reports import mail, report, status

LETTER_ID = "0198f4a2-7c3e.1.filed.c62209927e2150ec"
AT = datetime(2026, 11, 20, 12, 4, tzinfo=UTC)
DATE = "Fri, 20 Nov 2026 13:04:00 +0100"


@pytest.mark.parametrize(
    ("action", "arrival"),
    [
        ("failed", Arrival.BOUNCED),
        ("delayed", Arrival.DELAYED),
        ("delivered", Arrival.DELIVERED),
        ("relayed", None),
        ("Expanded", None),
    ],
)
def test_a_report_names_the_letter_and_what_became_of_it(action: str, arrival: Arrival | None) -> None:
    """By our own id, not by an address or a subject."""
    told = read_report(report(LETTER_ID, action, AT))
    assert (told.letter_id, told.arrival, told.at) == (LETTER_ID, arrival, AT)
    assert told.status == ("5.1.1" if arrival else "")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_report_is_read_with_either_line_end(end: bytes) -> None:
    """Folders hold the one, the wire the other."""
    told = read_report(report(LETTER_ID, "failed", AT).replace(b"\n", end))
    assert told == DeliveryReport(LETTER_ID, Arrival.BOUNCED, "5.1.1", AT)


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("base64", encodebytes(status(LETTER_ID).encode()).decode()),
        ("quoted-printable", encodestring(status(LETTER_ID).encode()).decode()),
        ("8bit", status(LETTER_ID)),
    ],
)
def test_a_report_is_read_in_each_encoding(encoding: str, written: str) -> None:
    """Gateways write the status anew."""
    assert read_report(mail(written, DATE, encoding)).arrival is Arrival.BOUNCED


def test_of_several_recipients_the_worst_counts() -> None:
    """The address was a list, and somebody on it got nothing."""
    told = status(LETTER_ID, "delivered", "2.0.0") + "\nAction: failed\nStatus: 5.2.2\n"
    assert read_report(mail(told, DATE)) == DeliveryReport(LETTER_ID, Arrival.BOUNCED, "5.2.2", AT)


def test_the_time_is_when_it_was_tried() -> None:
    """A report may be written hours after the last try."""
    told = status(LETTER_ID) + "Last-Attempt-Date: Fri, 20 Nov 2026 11:00:00 +0000\n"
    assert read_report(mail(told, DATE)).at == datetime(2026, 11, 20, 11, tzinfo=UTC)


@pytest.mark.parametrize("date", ["", "i går", "Fri, 99 Nov 99999 13:04:00 +9999", "0" * 5000])
def test_a_report_without_a_time_is_a_report_all_the_same(date: str) -> None:
    """When is then when it was read."""
    assert read_report(mail(status(LETTER_ID), date)).at is None


AUTO_REPLY = b"""\
From: nora@kommunen.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Content-Type: %s

Original-Envelope-Id: 0198f4a2-7c3e.1.filed.c62209927e2150ec

Action: failed
"""


@pytest.mark.parametrize(
    "kind",
    [
        b"text/plain",
        b"multipart/mixed; boundary=x",
        b"message/delivery-status",
        b"multipart/report; report-type=disposition-notification; boundary=x",
        b"multipart/report; boundary=x",
        b'multipart/report; report-type=delivery-status; x="' + b";" * 2000,
    ],
)
def test_an_auto_reply_is_no_report(kind: bytes) -> None:
    """However it calls itself: the type decides."""
    with pytest.raises(NoReport):
        read_report(AUTO_REPLY % kind)


@pytest.mark.parametrize(
    "damaged",
    [
        mail("", DATE),
        mail("Original-Envelope-Id: x", DATE),
        mail(status(""), DATE),
        mail(status("a\x00b"), DATE),
        mail(status("x" * 999), DATE),
        mail(status(LETTER_ID, "förlorad"), DATE),
        mail("////=A", DATE, "base64"),
        report(LETTER_ID, "failed", AT).replace(b"message/delivery-status", b"text/plain"),
        report(LETTER_ID, "failed", AT).replace(b"\tboundary", b"\tgrind"),
        report(LETTER_ID, "failed", AT) + b"x" * LARGEST_MAIL,
    ],
    ids=range(10),
)
def test_a_damaged_report_is_not_guessed_at(damaged: bytes) -> None:
    """It is kept for a person."""
    with pytest.raises(NotUnderstood):
        read_report(damaged)


@given(st.binary(max_size=300), st.integers(0, 1500), st.integers(0, 300))
def test_a_hostile_mail_is_a_report_or_none_and_nothing_else(evil: bytes, place: int, cut: int) -> None:
    """Whatever bytes stand where in it."""
    whole = report(LETTER_ID, "failed", AT)
    for content in (evil, whole[:place] + evil + whole[place + cut :]):
        try:
            assert report_in(content).letter_id
        except (NoReport, NotUnderstood):
            continue


NESTED = b"".join(
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b%d\n\n--b%d\n" % (one, one)
    for one in range(3000)
)


@pytest.mark.parametrize(
    "evil",
    [
        NESTED,
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=-\n\n" + b"-" * 250_000,
        b"X: y\n" * 50_000,
        b"Content-Type: multipart/report;" + b'";' * 120_000,
        mail("\n \n" * 60_000, DATE),
        mail("Action: failed\n\n" * 15_000, DATE),
        mail("A:" + "\n\t" * 100_000, DATE),
    ],
    ids=range(7),
)
def test_a_mail_made_to_take_time_does_not(evil: bytes) -> None:
    """Depth, repetition and quotes cost at most a moment."""
    begun = time.process_time()
    with pytest.raises((NoReport, NotUnderstood)):
        report_in(evil)
    assert time.process_time() - begun < 2
