"""What the shipped font can print.

PDF/A-2a and PDF/UA-1 demand a glyph and a Unicode value for every character: a single emoji would stop the
report of a whole visit.
What the font lacks is therefore written as its code point, `[U+1F600]`; the data keeps the character itself.
"""

import unicodedata
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont

FONTS = Path(__file__).with_name("fonts")
"""The only fonts a report is set with, so that it has the same bytes on every machine."""

_LINE_BREAKS = str.maketrans({"\r": "\n", "\u2028": "\n", "\u2029": "\n\n", "\t": " "})
_SOFT_HYPHEN = "\N{SOFT HYPHEN}"


def legible(text: str) -> str:
    """The text in NFC with every character the font lacks written out; line breaks become line feeds."""
    plain = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).translate(_LINE_BREAKS)
    return "".join(character if _has_glyph(character) else _code_point(character) for character in plain)


@cache
def _printable() -> frozenset[str]:
    """Characters that every shipped style has, without those that only steer others.

    A zero width joiner or a change of direction would be invisible, and make a reader see another text than
    the one that was sent.
    """
    styles = [TTFont(path, lazy=True).getBestCmap() for path in sorted(FONTS.glob("*.ttf"))]
    shared = set.intersection(*(set(style) for style in styles))
    return frozenset(character for character in map(chr, shared) if _stands_for_itself(character)) | {"\n"}


def _stands_for_itself(character: str) -> bool:
    return character == _SOFT_HYPHEN or unicodedata.category(character)[0] != "C"


def _has_glyph(character: str) -> bool:
    return character in _printable()


def _code_point(character: str) -> str:
    return f"[U+{ord(character):04X}]"
