"""PDF files: opened whole, refused if they do or carry anything of their own, and read for their text."""

import io
from collections.abc import Iterator
from typing import Any

import pikepdf
import pypdfium2

from intake.refusals import Refused

MAX_PAGES = 200
"""An appendix of more pages is none that a committee reads; text of this many is drawn in a second or two."""

MAX_OBJECTS = 50_000
"""A long report has a few thousand; each is looked at, some ten microseconds."""

MAX_CHARACTERS = 1_000_000
"""Two hundred pages of dense text are half of it; searching it takes a third of a second."""

_SAVE_ANEW = "Spara eller skriv ut dokumentet som en ny PDF och skicka den."
_BROKEN = f"PDF-filen är skadad eller inte hel. {_SAVE_ANEW}"
_ENCRYPTED = "PDF-filen är skyddad med lösenord eller kryptering. Ta bort skyddet och skicka den igen."
_TOO_LONG = f"PDF-filen är för stor att läsa. Den får ha högst {MAX_PAGES} sidor. Dela upp den."
_MORE_AFTER = f"PDF-filen har annat innehåll efter sitt slut. {_SAVE_ANEW}"
_SCRIPT = f"PDF-filen innehåller JavaScript. {_SAVE_ANEW}"
_FILES_INSIDE = "PDF-filen innehåller andra filer. Skicka dem var för sig."
_BY_ITSELF = f"PDF-filen gör något av sig själv när den öppnas. {_SAVE_ANEW}"
_LAUNCHES = f"PDF-filen kan starta ett program eller öppna en annan fil. {_SAVE_ANEW}"
_SENDS = f"PDF-filen kan skicka uppgifter vidare. {_SAVE_ANEW}"
_MEDIA = f"PDF-filen innehåller film, ljud eller 3D. {_SAVE_ANEW}"
_FIELDS = f"PDF-filen är ett formulär med fält att fylla i. {_SAVE_ANEW}"

_BY_KEY = {
    "/JS": _SCRIPT,
    "/JavaScript": _SCRIPT,
    "/EmbeddedFiles": _FILES_INSIDE,
    "/EF": _FILES_INSIDE,
    "/AA": _BY_ITSELF,
    "/XFA": _FIELDS,
    "/AcroForm": _FIELDS,
    "/RichMediaContent": _MEDIA,
}
_BY_ACTION = {
    "/JavaScript": _SCRIPT,
    "/Launch": _LAUNCHES,
    "/GoToE": _LAUNCHES,
    "/GoToR": _LAUNCHES,
    "/SubmitForm": _SENDS,
    "/ImportData": _SENDS,
    "/Rendition": _MEDIA,
    "/Movie": _MEDIA,
    "/Sound": _MEDIA,
    "/RichMediaExecute": _MEDIA,
}
_BY_SUBTYPE = {
    "/FileAttachment": _FILES_INSIDE,
    "/RichMedia": _MEDIA,
    "/Screen": _MEDIA,
    "/Movie": _MEDIA,
    "/Sound": _MEDIA,
    "/3D": _MEDIA,
}
_WRITTEN = frozenset({"/Contents", "/RC", "/Title", "/Subject", "/Keywords", "/Author", "/URI", "/Alt"})
"""Where texts stand beside the pages (ISO 32000-1: 12.3.3, 12.5.2, 14.3.3, 14.9.3)."""

_HYPHENS_AT_LINE_END = str.maketrans({"\ufffe": "-", "\x02": "-"})
"""What PDFium writes for a hyphen that ends a line, as in 191212-⏎1212."""


def text_of(content: bytes) -> str:
    """The text of a harmless PDF.

    Raises:
        Refused: it cannot be opened, is too long, or does or carries something of its own.
    """
    written = _see_to_it_that_it_is_only_read(content)
    try:
        return f"{_drawn(content)}\n{written}"
    except pypdfium2.PdfiumError:
        raise Refused(_BROKEN) from None


def _see_to_it_that_it_is_only_read(content: bytes) -> str:
    """Gives what is written beside the pages: comments, bookmarks, title and links."""
    if not content.rstrip(b"\r\n\t \x00").endswith(b"%%EOF"):
        raise Refused(_MORE_AFTER if b"%%EOF" in content else _BROKEN)
    try:
        with pikepdf.open(io.BytesIO(content), attempt_recovery=False, suppress_warnings=True) as pdf:
            return _judged(pdf)
    except pikepdf.PasswordError:
        raise Refused(_ENCRYPTED) from None
    except (pikepdf.PdfError, ValueError, TypeError, RecursionError):
        raise Refused(_BROKEN) from None


def _judged(pdf: pikepdf.Pdf) -> str:
    if pdf.is_encrypted:
        raise Refused(_ENCRYPTED)
    if len(pdf.objects) > MAX_OBJECTS or len(pdf.pages) > MAX_PAGES:
        raise Refused(_TOO_LONG)
    written: list[str] = []
    for known in pdf.objects:
        for key, value in _entries(known):
            if reason := _reason(key, value):
                raise Refused(reason)
            if key in _WRITTEN and isinstance(value, pikepdf.String):
                written.append(str(value))
    return "\n".join(written)[:MAX_CHARACTERS]


def _entries(known: Any) -> Iterator[tuple[str, Any]]:
    """Every key and value in an object, in what is written inside it too, but not in what it refers to."""
    waiting = [known]
    while waiting:
        current = waiting.pop()
        if isinstance(current, pikepdf.Dictionary | pikepdf.Stream):
            for key, value in current.items():
                yield key, value
                waiting += _written_inside(value)
        elif isinstance(current, pikepdf.Array):
            waiting += [inside for value in current for inside in _written_inside(value)]


def _written_inside(value: Any) -> list[Any]:
    return [value] if isinstance(value, pikepdf.Object) and not value.is_indirect else []


def _reason(key: str, value: Any) -> str | None:
    """Why this entry makes the file unfit; where to begin reading is no action (ISO 32000-1, 12.3.2)."""
    if key == "/OpenAction":
        return None if _only_shows_a_page(value) else _BY_ITSELF
    if key == "/S":
        return _BY_ACTION.get(str(value))
    return _BY_SUBTYPE.get(str(value)) if key == "/Subtype" else _BY_KEY.get(key)


def _only_shows_a_page(value: Any) -> bool:
    if isinstance(value, pikepdf.Dictionary):
        return str(value.get("/S")) == "/GoTo" and "/Next" not in value
    return isinstance(value, pikepdf.Array | pikepdf.Name | pikepdf.String)


def _drawn(content: bytes) -> str:
    texts: list[str] = []
    with pypdfium2.PdfDocument(content) as pdf:
        for page in pdf:
            texts.append(page.get_textpage().get_text_range())
            if sum(map(len, texts)) > MAX_CHARACTERS:
                raise Refused(_TOO_LONG)
    return "\n".join(texts).translate(_HYPHENS_AT_LINE_END)
