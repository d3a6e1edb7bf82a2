"""Swedish personnummer and samordningsnummer: found in what people write, and hashed at the door.

Two levels: a *certain* number holds a report, a *possible* one is only noted. Certain is a real
date that has passed, a right check digit (Luhn), and a dash or a century that shows what the
digits are meant to be. Possible is ten bare digits with a right check digit, a date with a clock
time that happens to have one, and the dash form with a wrong check digit (a slip of the pen is
still somebody's number), and a date followed by another date, `2014-07-07 – 1990-08-25`.
A date followed by a dash and a year alone, or by an old or dashed clock time, reads exactly like a
number and is one when its check digit is right: one in ten of them holds a report, by design.

Not covered, and said so to the secretary: names, addresses, numbers in scanned pictures.
An enskild firma's organisationsnummer is its owner's personnummer and is found as one.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

Kind = Literal["certain", "possible"]

_CLOCK_YEARS = 8
"""A date this recent followed by 1300 is a meeting time rather than a child's number."""

_INVISIBLE = re.compile("[\u00ad\u034f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
"""Soft hyphens, zero-width spaces, direction marks and variation selectors, which would hide a number."""

_PILE = re.compile("([\u0300-\u036f]{30})[\u0300-\u036f]+")
"""Accents upon accents, beyond what any language writes (UAX #15, Stream-Safe Text Format).

Normalisation sorts them, in time that grows with the square of their number.
"""

_CANDIDATE = re.compile(
    r"""
    (?<!\d)
    (?=
      (?P<century>18|19|20)?
      (?P<year>\d\d)  (?P<between>[-‐‑‒–—−]?)
      (?P<month>0[1-9]|1[0-2])  (?P=between)
      (?P<day>0[1-9]|[12]\d|3[01]|6[1-9]|[78]\d|9[01])
      (?P<separator>\s{0,3}[-+‐‑‒–—−⁃]?\s{0,3})
      (?P<serial>\d{4})
      (?!\d)
      (?P<until>(?<=19\d\d|20\d\d)-\d\d-\d\d(?!\d))?
    )
    """,
    re.ASCII | re.VERBOSE,
)
"""Every repetition is bounded, so the search is linear in the text whatever the text is.

It looks ahead without consuming, so that a date before a number cannot swallow its first digits; it is
tried where a row of digits begins, since there is nowhere else that a number can.
"""


_LATIN_DIGITS = "0123456789²³¹¼½¾".encode("latin-1")
"""All of Latin-1 that becomes digits in NFKC; a number can have one digit of a fraction, for its slash."""

_MOST_DIGITS = 2
"""In a row, that one character outside Latin-1 becomes in NFKC: ⑩."""

_DIGITS = re.compile("[0-9]+")
_FEWEST_DIGITS = 10

_NOT_AS_READ = (
    bytes(byte for byte in range(256) if unicodedata.normalize("NFKC", chr(byte)) != chr(byte)) + b"\xad"
)
"""All of Latin-1 that is something else in NFKC, or invisible; nearly all texts have none of it."""


@dataclass(frozen=True, slots=True)
class PersonalNumber:
    """Where a number stands in the text that `readable` gives; never the digits themselves."""

    kind: Kind
    start: int
    end: int


def readable(text: str) -> str:
    """Give the text as a reader sees it: NFKC, and without invisible characters."""
    if text.isascii() or _is_as_read(text):
        return text
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", _PILE.sub(r"\1", text)))


def _is_as_read(text: str) -> bool:
    try:
        latin = text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return len(latin.translate(None, _NOT_AS_READ)) == len(latin)


def find(text: str, today: date) -> Iterator[PersonalNumber]:
    """Find every personal number in the text; `today` decides which dates lie in the future."""
    if not _may_hold_a_number(text):
        return
    seen = readable(text)
    if sum(map(len, _DIGITS.findall(seen))) < _FEWEST_DIGITS:
        return
    for run in _DIGITS.finditer(seen):
        match = _CANDIDATE.match(seen, run.start())
        if match and (kind := _kind(match, today)):
            yield PersonalNumber(kind, match.start(), match.end("serial"))


def masked(text: str, today: date) -> str:
    """Write `•` for the digits of certain numbers, in what is shown outside the held report."""
    if not _may_hold_a_number(text):
        return text
    certain = [hit for hit in find(text, today) if hit.kind == "certain"]
    seen = readable(text) if certain else text
    for hit in certain:
        seen = seen[: hit.start] + re.sub(r"\d", "•", seen[hit.start : hit.end]) + seen[hit.end :]
    return seen


def _may_hold_a_number(text: str) -> bool:
    """Whether there can be ten digits of one number; nearly all texts are told apart here, at little cost."""
    latin = text.encode("latin-1", "ignore")
    digits = len(latin) - len(latin.translate(None, _LATIN_DIGITS))
    return digits + _MOST_DIGITS * (len(text) - len(latin)) >= _FEWEST_DIGITS


def _kind(match: re.Match[str], today: date) -> Kind | None:
    born = _date_of_birth(match, today)
    if born is None:
        return None
    dashed = bool(match["separator"].strip())
    if not _luhn(match["year"] + match["month"] + match["day"] + match["serial"]):
        return "possible" if dashed else None
    if dashed:
        return "possible" if match["until"] else "certain"
    return "certain" if match["century"] and not _is_clock_time(match, born, today) else "possible"


def _date_of_birth(match: re.Match[str], today: date) -> date | None:
    """Give the latest date not in the future that the digits can mean, or None."""
    centuries = [match["century"]] if match["century"] else ["20", "19", "18"]
    days = (_day(century, match) for century in centuries)
    return next((day for day in days if day and day <= today), None)


def _day(century: str, match: re.Match[str]) -> date | None:
    """Give the day in that century; a samordningsnummer has 60 added to its day."""
    day = int(match["day"])
    in_calendar = day - 60 if day > 60 else day
    try:
        return date(int(century + match["year"]), int(match["month"]), in_calendar)
    except ValueError:
        return None


def _is_clock_time(match: re.Match[str], day: date, today: date) -> bool:
    hour, minute = int(match["serial"][:2]), int(match["serial"][2:])
    recent = day.year >= today.year - _CLOCK_YEARS
    return recent and hour < 24 and minute < 60 and int(match["day"]) <= 31


def _luhn(digits: str) -> bool:
    """Tell whether the last of ten digits is the check digit (Luhn, from the left 2-1-2-1-…)."""
    doubled = (int(digit) * (2 - index % 2) for index, digit in enumerate(digits))
    return sum(product // 10 + product % 10 for product in doubled) % 10 == 0


_NUMBER = re.compile(r"(?P<century>\d\d)?(?P<birth>\d{6})(?P<sign>[-+]?)(?P<last>\d{4})", re.ASCII)


class NoPersonalNumber(Exception):
    """The text is no personnummer or samordningsnummer."""


def hashed(number: str, key: str, today: date) -> str:
    """HMAC-SHA256 of the twelve digits, so that every spelling of a number has the same hash.

    Raises:
        NoPersonalNumber: it is no number of a person.
    """
    return hmac.new(key.encode(), twelve_digits(number, today).encode(), hashlib.sha256).hexdigest()


def twelve_digits(number: str, today: date) -> str:
    """The number with its century: as written, or the latest possible; `+` adds a hundred years of age."""
    match = _NUMBER.fullmatch(re.sub(r"[\s‐‑‒–—−]", _plain_separator, number.strip()))
    if match is None or not _luhn(match["birth"] + match["last"]):
        raise NoPersonalNumber
    return (
        (match["century"] or _century(match["birth"], match["sign"], today)) + match["birth"] + match["last"]
    )


def _plain_separator(match: re.Match[str]) -> str:
    return "" if match[0].isspace() else "-"


def _century(birth: str, sign: str, today: date) -> str:
    year = today.year - (today.year - int(birth[:2])) % 100
    return str((year - (100 if sign == "+" else 0)) // 100)
