"""What a receiver's spam filter thinks of the letters."""

from dataclasses import replace
from pathlib import Path

import pytest

from notification.examples import EXAMPLES
from notification.headers import as_bytes
from notification.letters import AttachedPacket
from notification.preview import SENDER, letter_of
from support.file_samples import harmless_pdf
from support.letter_pictures import COMMITTEE
from support.missing import skipping_if_missing
from support.spamassassin import as_received, verdicts

pytestmark = pytest.mark.spamassassin

MOST = 1.0
"""A filter as delivered calls 5 spam; a municipality may have added some of its own."""

GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
"""What every filter must call spam, so that one can see that it looks at all."""


def test_no_letter_looks_like_spam(tmp_path: Path) -> None:
    """Every kind, and one with a packet, as it lies before the filter; and spam among them is found."""
    letters = [letter_of(kind, COMMITTEE) for kind in EXAMPLES]
    packet = AttachedPacket("2026-12-09_valfard_00_samtliga.pdf", harmless_pdf())
    letters.append(replace(letters[-1], packet=packet, message_id="<packet@kommunen.example>"))
    spam = replace(letters[0], text=GTUBE, message_id="<spam@kommunen.example>")
    mails = [as_received(as_bytes(letter, SENDER)) for letter in [*letters, spam]]
    with skipping_if_missing():
        judged = dict(verdicts(mails, tmp_path))
    assert judged.pop(spam.message_id).score > 100
    assert judged.keys() == {letter.message_id for letter in letters}
    assert {one: verdict for one, verdict in judged.items() if verdict.score >= MOST} == {}
