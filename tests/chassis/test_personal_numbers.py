"""The detector: real numbers are found however they are written, look-alikes are not."""

import re
import time
import unicodedata
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.personal_numbers import find, masked

TODAY = date(2026, 11, 20)


def luhn_digit(nine: str) -> int:
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(nine)]
    return -sum(product // 10 + product % 10 for product in doubled) % 10


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, str]:
    """An eight-digit date of birth (or samordningsnummer's) and the last four."""
    born = draw(st.dates(date(1900, 1, 1), TODAY))
    day = born.day + draw(st.sampled_from([0, 60]))
    head = f"{born:%Y%m}{day:02}"
    serial = f"{draw(st.integers(0, 999)):03}"
    return head, f"{serial}{luhn_digit(head[2:] + serial)}"


def kinds(text: str) -> list[str]:
    return [number.kind for number in find(text, TODAY)]


@given(numbers(), st.sampled_from(["-", "+", " - ", "–", "\u2011", "\u2212", "-\n", "\u00ad-"]))
def test_a_number_with_a_dash_is_certain(number: tuple[str, str], dash: str) -> None:
    """Any dash, with or without century and spaces, shows what the digits are."""
    head, last = number
    assert kinds(f"Om {head}{dash}{last}.") == ["certain"]
    assert kinds(f"({head[2:]}{dash}{last})") == ["certain"]
    assert kinds(f"{head[:4]}-{head[4:6]}-{head[6:]}{dash}{last}") == ["certain"]


@given(numbers(), st.sampled_from(["", " "]))
def test_a_number_is_never_missed(number: tuple[str, str], space: str) -> None:
    """Without a dash it is certain by its century, else possible."""
    head, last = number
    assert kinds(f"x{head}{space}{last}y") in (["certain"], ["possible"])
    assert kinds(f"{head[2:]}{space}{last}") == ["possible"]


def test_a_century_makes_a_number_certain() -> None:
    """The documented test number, in the spellings of forms and databases."""
    assert kinds("191212121212") == ["certain"]
    assert kinds("19121212 1212") == ["certain"]
    assert kinds("１９１２１２１２－１２１２".replace("－", "-")) == ["certain"]


@given(numbers())
def test_a_wrong_check_digit_is_possible_only_with_a_dash(number: tuple[str, str]) -> None:
    """A slip of the pen is still somebody's number, ten arbitrary digits are not."""
    head, last = number
    wrong = f"{last[:3]}{(int(last[3]) + 1) % 10}"
    assert kinds(f"{head}-{wrong}") == ["possible"]
    assert kinds(f"{head[2:]}{wrong}") == []


@given(st.dates(TODAY - timedelta(days=7 * 365), TODAY), st.times(), st.sampled_from(["", " "]))
def test_a_recent_date_with_a_clock_time_is_never_certain(day: date, clock: object, space: str) -> None:
    """Meetings are written so, and one in ten has a right check digit."""
    assert "certain" not in kinds(f"{day:%Y%m%d}{space}{clock:%H%M}")


@pytest.mark.parametrize(
    "text",
    [
        "0701234567 eller 08-123 456 78",
        "bankgiro 123-4567, plusgiro 12 34 56-7",
        "organisationsnummer 212000-1355",
        "2026-11-18 13:00",
        "fakturan 1912121212123",
        "191313-1212",
        "20991212-1210",
        "SN-2019-63, SN § 32/2023-02-28",
        "https://annan.example/12345678-90ab-cdef-1234-567890abcdef",
    ],
)
def test_look_alikes_are_not_certain(text: str) -> None:
    """Telephone, giro, organisation, invoice and diary numbers hold no report."""
    assert "certain" not in kinds(text)


def test_a_number_may_be_written_with_fewer_characters_than_digits() -> None:
    """Outside Latin-1 one character may be two digits, and none is more in a row."""
    assert kinds("⑲⑫⑫⑫–⑫⑫") == ["certain"]
    runs = re.findall("[0-9]+", " ".join(unicodedata.normalize("NFKC", chr(code)) for code in range(0xD800)))
    assert max(map(len, runs)) == 2


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    """Nothing that people write breaks the search, and masking leaves no certain number."""
    assert "certain" not in kinds(masked(text, TODAY))


def test_a_date_before_a_number_does_not_hide_it() -> None:
    """The candidates may overlap."""
    assert "certain" in kinds("101010 1912-12-12-1212")


def test_masking_hides_the_digits_and_nothing_else() -> None:
    """What is shown keeps the text around the number."""
    assert masked("Om 19121212-1212 i köket", TODAY) == "Om ••••••••-•••• i köket"
    assert masked("Köket №5", TODAY) == "Köket №5"


@pytest.mark.parametrize("hostile", ["1" * 300_000, "121212-" * 50_000, "121212   " * 50_000])
def test_a_hostile_text_costs_no_more_than_another(hostile: str) -> None:
    """The search is linear: seconds would mean that it backtracks."""
    began = time.perf_counter()
    list(find(hostile, TODAY))
    assert time.perf_counter() - began < 2
