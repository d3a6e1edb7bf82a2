"""Debian's SpamAssassin, by its own rules alone: no network, no memory of other mail."""

import mailbox
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from support.child_process import NotInstalled

PREFERENCES = "use_bayes 0\nreport_safe 0\n"
"""No learnt words, which differ from house to house; and also spam is marked in its header."""

RELAYED = (
    b"Received: from mail.kommunen.example (mail.kommunen.example [IPv6:2001:db8::25])"
    b" by mx.mottagare.example with ESMTPS id 4f1c\r\n\tfor <mottagare@mottagare.example>; %s\r\n"
)
"""What the receiver's own server writes on top: without it most rules on headers are not tried.

Of the addresses for documentation only the IPv6 ones will do: a rule holds the others to be forged."""

_STATUS = re.compile(r"score=(-?[\d.]+)\s.*?tests=(.*?)\sautolearn", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Verdict:
    score: float
    rules: str


def as_received(letter: bytes) -> bytes:
    """The letter as it lies before the receiver's filter, come at the moment that it was written."""
    date = re.search(rb"(?m)^Date: (.*)\r$", letter)
    assert date
    return RELAYED % date[1] + letter


def verdicts(mails: Iterable[bytes], folder: Path) -> Mapping[str, Verdict]:
    """What it says of each in one process, by Message-ID, as it keeps no order; raises `NotInstalled`."""
    command = shutil.which("spamassassin")
    if command is None:
        raise NotInstalled("spamassassin is missing (Debian's package spamassassin)")
    preferences, box = folder / "preferences", folder / "judged"
    preferences.write_text(PREFERENCES)
    judged = subprocess.run(
        [command, "--local", "--mbox", "--prefspath", preferences],
        input=b"".join(_in_mbox(mail) for mail in mails),
        env={**os.environ, "HOME": str(folder), "LC_ALL": "C"},
        capture_output=True,
        check=True,
    )
    box.write_bytes(judged.stdout)
    return {mail["Message-ID"]: _verdict(mail) for mail in mailbox.mbox(box)}


def _in_mbox(mail: bytes) -> bytes:
    unix = re.sub(rb"(?m)^From ", b">From ", mail.replace(b"\r\n", b"\n"))
    return b"From kansli@kommunen.example Fri Nov 20 14:03:05 2026\n" + unix + b"\n"


def _verdict(mail: Message) -> Verdict:
    status = _STATUS.search(mail["X-Spam-Status"])
    assert status
    return Verdict(float(status[1]), "".join(status[2].split()))
