"""Where a line may end and from where it is read, told to the typesetter by two characters.

They are characters that `legible` leaves in no text, so that nobody can send them; the templates take them
away again. Typst could find both by expressions of its own, but makes those anew for each document, which
takes longer than the whole report.
"""

import re
import unicodedata
from collections.abc import Iterator

from archive.glyphs import clusters

MAY_END = "\N{ZERO WIDTH SPACE}"
FROM_THE_RIGHT = "\N{RIGHT-TO-LEFT MARK}"

_WORD = re.compile(r"[^ \n]{32,}")
_LINE = 80
"""Letters of Thai in the narrowest line; it has no spaces, and typst finds its words, where it has any."""
_WIDEST = 2.5
"""Letters of Thai in the room of the widest other one."""
_NO_THAI = re.compile(r"[^\u0e00-\u0e7f]")
_WHOLE = re.compile(r"(?:\[U\+[0-9A-F]{4,6}\])+|[^\[]+|\[")
"""Lines end between code points by themselves, and not within one; what is between them may be divided."""
_PARAGRAPHS = re.compile(r"(\n\s*\n)")
_PIECE, _THAI_PIECE = 8, 24
"""Letters that stay together: a few, so that a line is filled, and more where a break may fall in a word."""


def set_out(text: str) -> str:
    """The text with the two characters where they belong."""
    return "".join(map(_directed, _PARAGRAPHS.split(_WORD.sub(_broken, text))))


def _broken(word: re.Match[str]) -> str:
    """The word with places where a line may end, if it may be longer than a line."""
    others = len(_NO_THAI.findall(word[0]))
    if len(word[0]) - others + _WIDEST * others < _LINE:
        return word[0]
    return MAY_END.join(piece for whole in _WHOLE.findall(word[0]) for piece in _pieces(whole))


def _pieces(whole: str) -> Iterator[str]:
    if whole.startswith("[U+"):
        yield whole
        return
    letters, size = list(clusters(whole)), _THAI_PIECE if _is_thai(whole) else _PIECE
    for place in range(0, len(letters), size):
        yield "".join(letters[place : place + size])


def _is_thai(word: str) -> bool:
    return "\u0e00" <= word[0] <= "\u0e7f"


def _directed(paragraph: str) -> str:
    """A paragraph is read from where its first letter is (Unicode Bidirectional Algorithm, P2)."""
    kinds = map(unicodedata.bidirectional, paragraph)
    first = next((kind for kind in kinds if kind in {"L", "R", "AL"}), "L")
    return paragraph if first == "L" else FROM_THE_RIGHT + paragraph
