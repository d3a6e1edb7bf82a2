"""Names of files: safe on every computer, and still what the sender would know them by."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

MAX_NAME = 120
"""Characters. Windows stops at 260 for a whole path, and a secretary's folders take their part of it."""

_EXTENSION = re.compile(r"\.([A-Za-z][A-Za-z0-9]{1,4})\s*$")
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)


def extension_of(name: str) -> str:
    """What stands after the last full stop, in small letters, or nothing where it is no extension."""
    found = _EXTENSION.search(name)
    return found[1].lower() if found else ""


def safe_name(name: str, extension: str) -> str:
    """The name without path, controls, direction marks and leading stops, with the extension of the content.

    Digits stay, so that a personal number in the name is found by the rules.
    """
    stem = _EXTENSION.sub("", _last_part(_visible(name)))
    stem = _FORBIDDEN.sub("_", stem)[: MAX_NAME - len(extension) - 1].strip(" .")
    if _RESERVED.fullmatch(stem) or not stem:
        stem = f"fil {stem}".strip()
    return f"{stem}.{extension}"


def numbered(names: Iterable[str]) -> Iterator[str]:
    """The same names, with a number where one has come before; capitals make no difference on Windows."""
    taken: set[str] = set()
    for name in names:
        free = next(other for other in _with_numbers(name) if other.casefold() not in taken)
        taken.add(free.casefold())
        yield free


def _with_numbers(name: str) -> Iterator[str]:
    yield name
    stem, extension = name.rsplit(".", 1)
    for number in range(2, 1000):
        ending = f" ({number}).{extension}"
        yield stem[: MAX_NAME - len(ending)] + ending


def _visible(name: str) -> str:
    """NFC, without controls, direction marks, surrogates, the unassigned, and what begins a new line.

    Every kind of blank becomes the common one, so that no name is of blanks alone.
    """
    shown = (mark for mark in unicodedata.normalize("NFC", name) if not _is_hidden(mark))
    return "".join(" " if unicodedata.category(mark) == "Zs" else mark for mark in shown)


def _is_hidden(mark: str) -> bool:
    category = unicodedata.category(mark)
    return category.startswith("C") or category in {"Zl", "Zp"}


def _last_part(name: str) -> str:
    return re.split(r"[/\\]", name)[-1]
