"""A sender's number, in whatever spelling, becomes one hash, and is nowhere in clear."""

import hashlib
import hmac
import logging
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from chassis.personal_numbers import NoPersonalNumber, hashed, twelve_digits
from intake.submissions import revisions
from support.lone_service import LoneService
from support.platforms import KEY, NUMBER_KEY, RunIntake, envelope, post

TODAY = date(2026, 11, 20)
TWELVE = "191212121212"
SPELLINGS = [
    "191212121212",
    "19121212-1212",
    "19121212–1212",
    "19121212 1212",
    " 1912 1212 1212 ",
    "121212+1212",
    "19121212+1212",
    "19121212\u00a0-\u00a01212",
]


def check_digit(nine: str) -> str:
    products = (int(digit) * (2 - index % 2) for index, digit in enumerate(nine))
    return str(-sum(product // 10 + product % 10 for product in products) % 10)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_has_the_same_hash(spelling: str) -> None:
    """HMAC-SHA256 of the twelve digits, so that the register can be made with the same key elsewhere."""
    expected = hmac.new(NUMBER_KEY.encode(), TWELVE.encode(), hashlib.sha256).hexdigest()
    assert hashed(spelling, NUMBER_KEY, TODAY) == expected
    assert hashed(spelling, "annan nyckel", TODAY) != expected


@given(
    born=st.dates(date(1927, 1, 1), date(2026, 11, 19)),
    serial=st.integers(0, 999),
    coordinated=st.booleans(),
    dash=st.sampled_from(["", "-", "‑", "–", "−", " - "]),
)
def test_a_number_of_somebody_under_a_hundred_needs_no_century(
    born: date, serial: int, coordinated: bool, dash: str
) -> None:
    """Ten digits mean the latest century possible; a samordningsnummer has 60 added to its day."""
    day = born.day + 60 if coordinated else born.day
    nine = f"{born:%y%m}{day:02}{serial:03}"
    last = nine[6:] + check_digit(nine)
    twelve = f"{born.year // 100}{nine[:6]}{last}"
    assert twelve_digits(nine[:6] + dash + last, TODAY) == twelve
    assert twelve_digits(twelve, TODAY) == twelve


@given(age=st.integers(100, 119))
def test_a_plus_adds_a_hundred_years(age: int) -> None:
    """From the year in which one turns a hundred, the sign is a plus."""
    born = TODAY - timedelta(days=366 * age)
    nine = f"{born:%y%m%d}123"
    assert twelve_digits(f"{nine[:6]}+{nine[6:]}{check_digit(nine)}", TODAY)[:4] == str(born.year)


@pytest.mark.parametrize(
    "text",
    ["", "121212-1213", "12121-21212", "1212121212 1", "19121212--1212", "abc", "١٢١٢١٢-١٢١٢", "2" * 40],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    """A wrong check digit, too few or many digits, digits of other scripts."""
    with pytest.raises(NoPersonalNumber):
        hashed(text, NUMBER_KEY, TODAY)


@given(st.text(max_size=30))
def test_whatever_is_written_is_a_number_or_is_refused(text: str) -> None:
    """Nothing else can happen."""
    try:
        assert len(hashed(text, NUMBER_KEY, TODAY)) == 64
    except NoPersonalNumber:
        return


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_number_is_never_stored_said_or_logged_in_clear(
    intake: LoneService,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    spelling: str,
) -> None:
    """Not in any table, not in the file's free pages or journal, not in an event, not in the log."""
    caplog.set_level(logging.DEBUG)
    submitter = {"name": "Anna Exempelsson", "personal_number": spelling}
    assert (await post(intake, envelope(submitter=submitter), key=KEY)).status == 202
    (event,) = await intake.said("submission.received")
    assert event.data["submitter"] == {
        "name": "Anna Exempelsson",
        "email": None,
        "personal_number_hash": hashed(TWELVE, NUMBER_KEY, TODAY),
    }
    ((payload,),) = await intake.rows(select(revisions.c.payload))
    assert payload["submitter"] == event.data["submitter"]
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("intake.db*"))
    told = capfd.readouterr().out + caplog.text
    for trace in (spelling.strip(), TWELVE, "121212-1212", "1212121212"):
        assert trace.encode() not in kept
        assert trace not in told


async def test_without_a_key_a_number_stands_for_nobody(run_intake: RunIntake) -> None:
    """Who has an address too is known by that one; who has not is told what to do."""
    async with run_intake(personal_number_key=None) as intake:
        alone = {"name": "Anna", "personal_number": TWELVE}
        answer = await post(intake, envelope(submitter=alone), key=KEY)
        assert (answer.status, answer.pointers) == (422, ["/submitter/personal_number"])
        both = await post(intake, envelope(submitter=alone | {"email": "a@b.example"}), key=KEY)
        assert both.status == 202
        (event,) = await intake.said("submission.received")
    assert event.data["submitter"]["personal_number_hash"] is None


async def test_a_number_spelled_otherwise_is_the_same_submission(intake: LoneService) -> None:
    """The hash is what is compared."""
    for spelling in SPELLINGS:
        submitter = {"name": "Anna", "personal_number": spelling}
        answer = await post(intake, envelope(submitter=submitter), key=KEY)
        assert answer.status == 202
    assert len(await intake.rows(select(revisions.c.revision))) == 1
