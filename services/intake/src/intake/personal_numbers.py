"""A sender's personnummer is turned into a keyed hash at the door, and goes no further."""

import hashlib
import hmac
import re
from datetime import date

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


def _luhn(ten_digits: str) -> bool:
    products = (int(digit) * (2 - index % 2) for index, digit in enumerate(ten_digits))
    return sum(product // 10 + product % 10 for product in products) % 10 == 0
