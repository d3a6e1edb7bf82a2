"""What a file is, whether it does harm, and what it shows.

Not covered, and said so to the secretary: what is written in scanned pages and in pictures.
"""

from dataclasses import dataclass
from datetime import date

from chassis.personal_numbers import Kind, find
from intake import documents, pictures
from intake.dialects import File
from intake.file_names import extension_of, safe_name
from intake.inspector import Inspected
from intake.refusals import Refused

_ALLOWED = "Skicka PDF, JPEG eller PNG."
_DISAGREES = "Filens innehåll stämmer inte med filändelsen eller den angivna typen. Rätta namnet eller typen."
_HEIC = "Filen är en HEIC-bild. Spara den som JPEG och skicka den igen."
_OFFICE = "Filen är ett Office-dokument. Spara det som PDF och skicka den i stället."
_ZIP = "Filen är ett zip-arkiv. Packa upp det och skicka filerna var för sig, som PDF, JPEG eller PNG."
_SVG = "Filen är en SVG-bild. Spara den som PNG eller PDF och skicka den i stället."
_HTML = "Filen är en webbsida. Skriv ut den som PDF och skicka den i stället."
_EMPTY = "Filen är tom. Kontrollera den och skicka den igen."


@dataclass(frozen=True)
class FileType:
    """A type that is taken: its own name, its form in Pillow, and what else it may be called."""

    media_type: str
    form: str
    extensions: tuple[str, ...]
    aliases: tuple[str, ...] = ()

    def agrees(self, file: File) -> bool:
        declared = file.media_type.partition(";")[0].strip().lower()
        named = extension_of(file.name)
        return declared in (self.media_type, *self.aliases) and named in ("", *self.extensions)


_TAKEN = {
    b"%PDF-": FileType("application/pdf", "PDF", ("pdf",), ("application/x-pdf",)),
    b"\xff\xd8\xff": FileType("image/jpeg", "JPEG", ("jpg", "jpeg"), ("image/jpg", "image/pjpeg")),
    b"\x89PNG\r\n\x1a\n": FileType("image/png", "PNG", ("png",)),
}


def inspect(file: File, today: date) -> Inspected:
    """Look the file through, in this process.

    Raises:
        Refused: it is none of the types taken, not what it says it is, broken, or does something of its own.
    """
    file_type = _recognised(file)
    name = safe_name(file.name, file_type.extensions[0])
    text = documents.text_of(file.content) if file_type.form == "PDF" else ""
    content = file.content if file_type.form == "PDF" else pictures.redrawn(file.content, file_type.form)
    return Inspected(
        name, file_type.media_type, content, _surest(text + _lost(file.name, name, today), today)
    )


def _recognised(file: File) -> FileType:
    file_type = next((known for start, known in _TAKEN.items() if file.content.startswith(start)), None)
    if file_type is None:
        raise Refused(_why_not(file.content[:4096]))
    if not file_type.agrees(file):
        raise Refused(f"{_DISAGREES} {_ALLOWED}")
    return file_type


def _why_not(start: bytes) -> str:
    """The sentence for a type that is known by its beginning, and what to send instead."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    known = {
        _EMPTY: not start,
        _HEIC: start[4:8] == b"ftyp" and start[8:12] in {b"heic", b"heix", b"hevc", b"mif1", b"msf1"},
        _OFFICE: start.startswith(b"\xd0\xcf\x11\xe0") or b"[Content_Types].xml" in start,
        _ZIP: start.startswith(b"PK"),
        _SVG: b"<svg" in text,
        _HTML: text.startswith((b"<!doctype html", b"<html")) or b"<html" in text,
    }
    return next(
        (sentence for sentence, is_it in known.items() if is_it), f"Filtypen tas inte emot. {_ALLOWED}"
    )


def _surest(text: str, today: date) -> Kind | None:
    return min((number.kind for number in find(text, today)), default=None)


def _lost(old_name: str, new_name: str, today: date) -> str:
    """The old name, if a number in it went with what was taken away; else nothing."""
    before, after = (len(list(find(name, today))) for name in (old_name, new_name))
    return f"\n{old_name}" if after < before else ""
