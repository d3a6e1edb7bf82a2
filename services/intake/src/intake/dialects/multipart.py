"""multipart/form-data (RFC 7578): the JSON dialect in the part `submission`, and files as they are."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from email.message import Message

from aiohttp import content_disposition_filename, parse_content_disposition

from intake.dialects import Draft, EnvelopeInvalid, Fault, File, NotUnderstood
from intake.dialects.json_dialect import MAX_FILES, read_json

_BROKEN = "Delarna gick inte att skilja åt. Kontrollera gränsen (boundary) och att allt kom med."
_ONE_SUBMISSION = "Det ska finnas en del med namnet submission, och bara en."
_NO_NAME = "Filen saknar filnamn eller innehållstyp (filename och Content-Type)."


@dataclass(frozen=True)
class _Part:
    name: str
    filename: str | None
    media_type: str | None
    content: bytes


def read_multipart(content_type: str, body: bytes) -> Draft:
    """The submission in the parts of a form; its files come after those that its JSON holds itself.

    Raises:
        NotUnderstood, EnvelopeInvalid, DataTooLarge: as for JSON, and for parts that are missing or broken.
    """
    parts = list(_parts(content_type, body))
    submissions = [part.content for part in parts if part.name == "submission"]
    if len(submissions) != 1:
        raise NotUnderstood(_ONE_SUBMISSION)
    draft = read_json(submissions[0])
    sent = [part for part in parts if part.name != "submission"]
    files = [_file(part, index) for index, part in enumerate(sent, len(draft.files))]
    if len(draft.files) + len(files) > MAX_FILES:
        raise EnvelopeInvalid([Fault("/attachments", f"Det får vara högst {MAX_FILES} filer.")])
    return replace(draft, files=[*draft.files, *files])


def _file(part: _Part, index: int) -> File:
    if not part.filename or not part.media_type or len(part.filename) > 255 or len(part.media_type) > 100:
        raise EnvelopeInvalid([Fault(f"/attachments/{index}", _NO_NAME)])
    return File(part.filename, part.media_type, part.content)


def _parts(content_type: str, body: bytes) -> Iterator[_Part]:
    """The parts between the boundaries; a few more than may be are enough to know that they are too many."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + _boundary(content_type), 2 * MAX_FILES)
    if len(pieces) < 2 or not any(piece.startswith(b"--") for piece in pieces[1:]):
        raise NotUnderstood(_BROKEN)
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return
        yield _part(piece)


def _boundary(content_type: str) -> bytes:
    header = Message()
    try:
        header["Content-Type"] = content_type
        boundary = header.get_boundary()
    except (TypeError, ValueError):
        raise NotUnderstood(_BROKEN) from None
    if not boundary or not boundary.isascii() or len(boundary) > 70:
        raise NotUnderstood(_BROKEN)
    return boundary.encode()


def _part(piece: bytes) -> _Part:
    head, end, content = piece.partition(b"\r\n\r\n")
    if not end or head.partition(b"\r\n")[0].strip(b" \t"):
        raise NotUnderstood(_BROKEN)
    headers = _headers(head)
    told, filename = _disposition(headers.get("content-disposition"))
    return _Part(told.get("name", ""), filename, headers.get("content-type"), content)


def _disposition(header: str | None) -> tuple[Mapping[str, str], str | None]:
    """The parameters and the file's name; the library warns of odd ones by quoting them, which nobody may."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _, told = parse_content_disposition(header)
            return told, content_disposition_filename(told)
        except (LookupError, ValueError):
            raise NotUnderstood(_BROKEN) from None


def _headers(head: bytes) -> dict[str, str]:
    try:
        lines = head.decode("utf-8").split("\r\n")[1:]
    except UnicodeDecodeError:
        raise NotUnderstood(_BROKEN) from None
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
