"""The detector on corpora: two thousand numbers in every spelling, and thousands of look-alikes."""

import random
import time
import uuid
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from chassis.personal_numbers import find

TODAY = date(2026, 11, 20)
SEED = 1912
FULL_WIDTH = str.maketrans("0123456789", "".join(chr(0xFF10 + digit) for digit in range(10)))

Spelling = Callable[[str, str], str]
Chance = random.Random


def check_digit(digits: str) -> str:
    doubled = [int(digit) * (2 - index % 2) for index, digit in enumerate(digits)]
    return str(-sum(product // 10 + product % 10 for product in doubled) % 10)


def number(chance: Chance) -> tuple[str, str]:
    """Eight digits of a birth (or samordningsnummer's) and the last four, all by lot."""
    born = date(1900, 1, 1) + timedelta(days=chance.randrange((TODAY - date(1900, 1, 1)).days))
    head = f"{born:%Y%m}{born.day + chance.choice([0, 60]):02}"
    serial = f"{chance.randrange(1000):03}"
    return head, serial + check_digit(head[2:] + serial)


def dashed(dash: str) -> Spelling:
    return lambda head, last: f"{head[2:]}{dash}{last}"


def by_parts(dash: str) -> Spelling:
    return lambda head, last: dash.join((head[:4], head[4:6], head[6:], last))


SPELLINGS: dict[str, Spelling] = {
    **{f"U+{ord(dash):04X}": dashed(dash) for dash in "-+\u2010\u2011\u2012\u2013\u2014\u2212\uff0d\u2043"},
    **{f"spaced {space!a}": dashed(f"{space}-{space}") for space in (" ", "\u00a0", "\u202f", "\u2009")},
    "century": lambda head, last: f"{head}-{last}",
    "by parts": by_parts("-"),
    "by parts, unbroken": by_parts("\u2011"),
    "full width": lambda head, last: f"{head}-{last}".translate(FULL_WIDTH),
    "soft hyphen": lambda head, last: f"{head[:6]}\u00ad{head[6:]}-{last}",
    "zero width": lambda head, last: "\u200b".join(f"{head}-{last}"),
    "embedding": lambda head, last: f"\u202a{head}\u202c-{last}",
    "isolate": lambda head, last: f"\u2066{head}\u2069-{last}",
    "variation": lambda head, last: f"{head}-\ufe0e{last}",
    "joiner": lambda head, last: f"{head}\u034f-{last}",
    "in a word": lambda head, last: f"pnr{head[2:]}-{last}och",
    "in brackets": lambda head, last: f"[{head}-{last}]",
    "in HTML": lambda head, last: f"<td>{head[2:]}-{last}</td>",
    "in a file name": lambda head, last: f"bild_{head}-{last}.jpg",
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_two_thousand_numbers_are_all_certain(spelling: Spelling) -> None:
    """However a number with a dash is written, it holds the report."""
    chance = random.Random(SEED)
    texts = [f"Om {spelling(*number(chance))}." for _ in range(2000)]
    assert [text for text in texts if kinds(text) != ["certain"]] == []


def kinds(text: str) -> list[str]:
    return [found.kind for found in find(text, TODAY)]


def day(chance: Chance) -> date:
    return date(1990, 1, 1) + timedelta(days=chance.randrange(14_000))


def digits(chance: Chance, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def organisation(chance: Chance) -> str:
    """An organisationsnummer of a legal person: its third digit is at least 2."""
    nine = chance.choice("2356789") + digits(chance, 1) + chance.choice("23456789") + digits(chance, 6)
    return f"{nine[:6]}-{nine[6:]}{check_digit(nine)}"


def recent(chance: Chance) -> date:
    return date(2019, 1, 1) + timedelta(days=chance.randrange(2800))


def clock(chance: Chance) -> str:
    return f"{chance.randrange(24):02}{chance.randrange(60):02}"


LOOK_ALIKES: dict[str, Callable[[Chance], str]] = {
    "date": lambda by: f"{day(by)} {day(by):%Y%m%d} {day(by):%y%m%d}",
    "interval": lambda by: f"{day(by):%Y%m%d}-{day(by):%Y%m%d}",
    "interval by parts": lambda by: f"{day(by)}--{day(by)}",
    "interval spaced": lambda by: f"{day(by)} – {day(by)}",
    "short interval": lambda by: f"{day(by):%y%m%d}-{day(by):%y%m%d}",
    "date and clock": lambda by: f"{recent(by):%Y%m%d} {clock(by)}",
    "date and clock by parts": lambda by: f"{recent(by)} {clock(by)}",
    "stamp": lambda by: f"IMG_{recent(by):%Y%m%d}_{clock(by)}{by.randrange(60):02}",
    "diarienummer": lambda by: f"SN-{by.randrange(2000, 2027)}-{by.randrange(1, 9999)}",
    "diarienummer with slash": lambda by: f"VSN {by.randrange(2000, 2027)}/{digits(by, 5)}",
    "diarienummer with year": lambda by: f"{by.randrange(2000, 2027)}-{digits(by, 4)}",
    "mobile": lambda by: f"07{digits(by, 8)} 070-{digits(by, 7)}",
    "landline": lambda by: (
        f"08-{digits(by, 3)} {digits(by, 3)} {digits(by, 2)} 0{digits(by, 3)}-{digits(by, 6)}"
    ),
    "abroad": lambda by: f"+467{digits(by, 8)} +46 70 {digits(by, 3)} {digits(by, 2)} {digits(by, 2)}",
    "organisationsnummer": organisation,
    "IBAN": lambda by: f"SE{digits(by, 22)}",
    "bankgiro": lambda by: f"{digits(by, 4)}-{digits(by, 4)} {digits(by, 3)}-{digits(by, 4)}",
    "plusgiro": lambda by: f"{digits(by, 2)} {digits(by, 2)} {digits(by, 2)}-{digits(by, 1)}",
    "invoice": lambda by: digits(by, by.choice([5, 6, 8, 9, 13, 14])),
    "postal code": lambda by: f"{digits(by, 3)} {digits(by, 2)}",
    "address of a page": lambda by: f"https://annan.example/{uuid.UUID(int=by.getrandbits(128))}",
    "coordinates": lambda by: f"{by.uniform(55, 69):.6f}, {by.uniform(11, 24):.6f}",
}


@pytest.mark.parametrize("look_alike", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_five_thousand_look_alikes_hold_no_report(look_alike: Callable[[Chance], str]) -> None:
    """What officials write every day is never a certain number."""
    chance = random.Random(SEED)
    texts = [f"Se {look_alike(chance)}, tack." for _ in range(5000)]
    assert [text for text in texts if "certain" in kinds(text)] == []


HOSTILE = [
    "1",
    "121212-",
    "121212   ",
    "\u200b",
    "1\u00ad",
    "19121212-1212 ",
    "19121212",
    "a\u0301",
    "\u0301\u0323",
]

MEASURABLE_S = 0.05
"""Below it the machine's memory is measured, and not the search."""


@pytest.mark.parametrize("piece", HOSTILE, ids=ascii)
def test_four_times_the_text_costs_about_four_times_as_much(piece: str) -> None:
    """The search is linear up to a million characters, with a bound in seconds too."""
    text = piece * (1_000_000 // len(piece))
    quarter, whole = seconds(text[:250_000]), seconds(text)
    assert whole < 3
    assert whole <= 6 * max(quarter, MEASURABLE_S)


def seconds(text: str) -> float:
    """The best of three, so that a neighbour on the machine is not measured."""
    return min(_once(text) for _ in range(3))


def _once(text: str) -> float:
    began = time.process_time()
    list(find(text, TODAY))
    return time.process_time() - began
