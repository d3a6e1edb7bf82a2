"""How texts from people are read, compared and shown."""

import re
import unicodedata
from functools import lru_cache
from typing import Any

from pydantic_core import to_json

Json = Any
"""A JSON value as `json.loads` gives it."""

DEEPEST = 16
"""Levels of lists and objects in a report; a deeper one is meant to exhaust the stack."""

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffd]")
"""C0 and C1 controls other than TAB, LF and CR, and lone surrogates, which intake has turned into U+FFFD."""


_LATIN_UNPRINTABLE = bytes({*range(0x20), *range(0x7F, 0xA0)} - {*b"\t\n\r"})
"""The same of Latin-1: bytes are looked through ten times as fast as characters."""


def is_printable(text: str) -> bool:
    latin = in_latin(text)
    if latin is None:
        return not _UNPRINTABLE.search(text)
    return len(latin.translate(None, _LATIN_UNPRINTABLE)) == len(latin)


def in_latin(text: str) -> bytes | None:
    """The text in Latin-1, as most texts here can be written."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


def printable(text: str) -> str:
    """Write U+FFFD where something cannot be printed, in what has to be shown all the same."""
    return _UNPRINTABLE.sub("\ufffd", text)


def on_one_line(text: str) -> str:
    return " ".join(printable(text).split())


def folded(text: str) -> str:
    """Give the form in which texts are compared: NFC, case folded, white space collapsed."""
    return _kept_folded(text) if len(text) <= _SHORT else _folded(text)


_SHORT = 100
"""Addresses and names of places come again and again; long texts never do."""


def _folded(text: str) -> str:
    return " ".join(folded_spaced(text).split())


_kept_folded = lru_cache(maxsize=2048)(_folded)


def folded_spaced(text: str) -> str:
    """The same with its white space as it was; texts in Latin-1 by a table, in a tenth of the time.

    Two letters of Latin-1 are folded to what lies outside it: ß is two letters, and µ a Greek one.
    """
    latin = in_latin(text)
    if latin is None or b"\xdf" in latin or b"\xb5" in latin:
        return unicodedata.normalize("NFC", text.casefold())
    return latin.translate(_FOLDED).decode("latin-1")


_FOLDED = bytes(ord(chr(byte).casefold()) if byte not in b"\xdf\xb5" else byte for byte in range(256))


def composed(value: Json) -> Json:
    """Give the value with every text in NFC: é is one character whatever machine wrote it.

    Levels below `DEEPEST` are left as they came: they are refused anyway. Most values need no work, and
    their whole text tells it: every part of a text in NFC is in NFC (UAX #15 § 7).
    """
    return value if _is_composed(value) else _composed(value, DEEPEST)


def _is_composed(value: Json) -> bool:
    """All of Latin-1 is in NFC (UAX #15 § 9.1), and is told so much faster."""
    try:
        text = to_json(value).decode()
    except ValueError:
        return False
    return in_latin(text) is not None or unicodedata.is_normalized("NFC", text)


def _composed(value: Json, levels: int) -> Json:
    if isinstance(value, str):
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if isinstance(value, dict) and levels:
        return {key: _composed(item, levels - 1) for key, item in value.items()}
    if isinstance(value, list) and levels:
        return [_composed(item, levels - 1) for item in value]
    return value


def values_in(value: Json) -> list[Json]:
    """Find every value that holds no others; the too deep comes whole."""
    found: list[Json] = []
    _collect(value, DEEPEST, found)
    return found


def texts_in(value: Json) -> list[str]:
    return [one for one in values_in(value) if type(one) is str]


_HOLDERS = frozenset({dict, list})


def _collect(value: Json, levels: int, found: list[Json]) -> None:
    if not levels or type(value) not in _HOLDERS:
        found.append(value)
        return
    for item in value.values() if isinstance(value, dict) else value:
        if type(item) in _HOLDERS:
            _collect(item, levels - 1, found)
        else:
            found.append(item)


def leaves(value: Json, pointer: str = "") -> list[tuple[str, Json]]:
    """Find every value that holds no others, with its JSON Pointer; the too deep comes whole."""
    found: list[tuple[str, Json]] = []
    _gather(value, pointer, DEEPEST, found)
    return found


def _gather(value: Json, pointer: str, levels: int, found: list[tuple[str, Json]]) -> None:
    """Into a list, since generators inside generators cost twice as much."""
    if isinstance(value, dict) and levels:
        for key, item in value.items():
            _gather(item, f"{pointer}/{escaped(key)}", levels - 1, found)
    elif isinstance(value, list) and levels:
        for index, item in enumerate(value):
            _gather(item, f"{pointer}/{index}", levels - 1, found)
    else:
        found.append((pointer, value))


def escaped(key: str) -> str:
    """Write a key as a reference token of a JSON Pointer (RFC 6901 § 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def swedish(value: Json) -> str:
    """Write a value as a Swede does in a sentence: 5,5 and 8, ja and nej, a list with commas."""
    if isinstance(value, str):
        return value
    match value:
        case bool():
            return "ja" if value else "nej"
        case float():
            return f"{round(value, 2):.12g}".replace(".", ",")
        case list():
            return ", ".join(swedish(item) for item in value)
        case None:
            return ""
        case _:
            return str(value)
