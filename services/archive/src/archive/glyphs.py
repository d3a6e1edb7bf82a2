"""What the shipped fonts can print.

PDF/A-2a and PDF/UA-1 demand a glyph and a Unicode value for every character: a single emoji would stop the
report of a whole visit.
What the fonts lack is therefore written as its code point, `[U+1F600]`; the data keeps the character itself.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache, reduce
from itertools import groupby
from pathlib import Path

from fontTools.ttLib import TTFont

FONTS = Path(__file__).with_name("fonts")
"""The only fonts a report is set with, so that it has the same bytes on every machine."""

LATIN = "NotoSans"

MOST_MARKS = 4
"""On one letter: pointed Hebrew has three; a tower of hundreds would stand over the lines above."""

_LINE_BREAKS = str.maketrans({"\r": "\n", "\u2028": "\n", "\u2029": "\n\n", "\t": " "})
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_SEEN_BY_WHAT_THEY_DO = {LATIN: "\N{SOFT HYPHEN}", "NotoSansArabic": _JOINERS}
"""Characters without a shape that words are spelt with. Persian is wrong without its non-joiner, and as no
other letters join, it would elsewhere be invisible."""

Letters = frozenset[str]


def legible(text: str) -> str:
    """The text in NFC with every character the fonts lack written out; line breaks become line feeds."""
    plain = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).translate(_LINE_BREAKS)
    if _simple_letters().issuperset(plain):
        return plain
    return "".join(map(_printed, clusters(plain)))


def clusters(text: str) -> Iterator[str]:
    """Each character with the marks on it: they are set together, in one font."""
    begun = 0
    for place, character in enumerate(text[1:], 1):
        if text[place - 1] == "\n" or not _stands_on_another(character):
            yield text[begun:place]
            begun = place
    yield text[begun:]


def _printed(cluster: str) -> str:
    """As much of it as one font can print; the rest as code points, and so a mark that is on no letter."""
    lone_mark = bool(cluster) and _stands_on_another(cluster[0])
    kept = 0 if lone_mark else max(_length_printable(cluster, letters) for letters in fonts().values())
    return cluster[:kept] + "".join(map(_code_point, cluster[kept:]))


def _length_printable(cluster: str, letters: Letters) -> int:
    within = cluster[: MOST_MARKS + 1]
    return next((place for place, character in enumerate(within) if character not in letters), len(within))


@cache
def fonts() -> dict[str, Letters]:
    """The letters of each shipped font that all its styles have.

    Without those that only steer others: a zero width space or a change of direction would be invisible, and
    make a reader see another text than the one that was sent.
    """
    files = groupby(sorted(FONTS.glob("*.ttf")), lambda path: path.stem.partition("-")[0])
    return {font: _letters(font, list(styles)) for font, styles in files}


def _letters(font: str, styles: list[Path]) -> Letters:
    shared = reduce(set.intersection, (set(TTFont(path, lazy=True).getBestCmap()) for path in styles))
    visible = (character for character in map(chr, shared) if unicodedata.category(character)[0] != "C")
    line_feed = "\n" if font == LATIN else ""
    return frozenset({*visible, *_SEEN_BY_WHAT_THEY_DO.get(font, ""), *line_feed})


@cache
def _simple_letters() -> Letters:
    """What nearly every text is made of: letters of the first font that bear no marks."""
    return frozenset(letter for letter in fonts()[LATIN] if not _stands_on_another(letter))


def _stands_on_another(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character)[0] == "M"


def _code_point(character: str) -> str:
    return f"[U+{ord(character):04X}]"
