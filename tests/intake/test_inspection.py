"""A file is what it says, does nothing of its own, and keeps nothing hidden."""

import asyncio
import base64
import io
import zipfile
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from intake import inspector as inspecting
from intake.dialects import File
from intake.file_names import MAX_NAME, numbered, safe_name
from intake.inspection import inspect
from intake.inspector import Inspected, Inspector
from intake.refusals import Refused
from support.file_samples import harmless_pdf, jpeg, pdf_with, png
from support.inspections import dying, meeting, stumbling

TODAY = date(2026, 11, 20)
LOCATION = 0x8825
ORIENTATION = 0x0112


def inspected(content: bytes, name: str, media_type: str) -> Inspected:
    return inspect(File(name, media_type, content), TODAY)


def refusal(content: bytes, name: str = "bilaga.pdf", media_type: str = "application/pdf") -> str:
    with pytest.raises(Refused) as refused:
        inspected(content, name, media_type)
    return refused.value.detail


def test_a_pdf_is_kept_as_it_came() -> None:
    """To the byte: it may be signed, and it is the sender's."""
    assert inspected(harmless_pdf(), "Bilaga.PDF", "application/pdf").content == harmless_pdf()


@pytest.mark.parametrize(
    ("root", "word"),
    [
        ({"/OpenAction": {"/S": "/JavaScript", "/JS": "app.alert(1)"}}, "av sig själv|JavaScript"),
        ({"/OpenAction": {"/S": "/URI", "/URI": "https://exempel.example"}}, "av sig själv"),
        ({"/AA": {}}, "av sig själv"),
        ({"/Names": {"/JavaScript": {}}}, "JavaScript"),
        ({"/Names": {"/EmbeddedFiles": {}}}, "andra filer"),
        ({"/Next": {"/S": "/Launch", "/F": "cmd.exe"}}, "starta ett program"),
        ({"/Next": [{"/S": "/SubmitForm"}]}, "skicka uppgifter"),
        ({"/Annot": {"/Subtype": "/RichMedia"}}, "film"),
        ({"/AcroForm": {"/XFA": "x"}}, "formulär"),
        ({"/AcroForm": {}}, "formulär"),
    ],
)
def test_a_pdf_that_does_something_of_its_own_is_refused(root: dict[str, Any], word: str) -> None:
    """Each with the sentence that says what it is."""
    assert any(one in refusal(pdf_with(root)) for one in word.split("|"))


def test_where_a_pdf_begins_to_be_read_is_no_action() -> None:
    """Every document from LaTeX says so."""
    content = pdf_with({"/OpenAction": {"/S": "/GoTo", "/D": "forsta"}})
    assert inspected(content, "a.pdf", "application/pdf").content == content


def test_a_protected_pdf_is_refused() -> None:
    """Also when it opens without a password."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(harmless_pdf())) as pdf:
        pdf.save(out, encryption=pikepdf.Encryption(owner="hemligt", user=""))
    assert "lösenord" in refusal(out.getvalue())


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_half_a_file_is_refused(share: float) -> None:
    """PDF and pictures alike."""
    for content, name, kind in (
        (harmless_pdf(), "a.pdf", "application/pdf"),
        (jpeg(), "a.jpg", "image/jpeg"),
        (png(), "a.png", "image/png"),
    ):
        assert "skadad" in refusal(content[: int(len(content) * share)], name, kind)


def test_a_pdf_that_is_also_an_archive_is_refused() -> None:
    """What stands after its end is for another reader."""
    out = io.BytesIO(harmless_pdf())
    out.seek(0, io.SEEK_END)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("a.txt", "x")
    assert "efter sitt slut" in refusal(out.getvalue())


def test_what_is_hidden_in_a_picture_stays_behind() -> None:
    """Where it was taken, and what was written after its end."""
    exif = Image.Exif()
    exif[LOCATION] = {1: "N", 2: (57.0, 42.0, 0.0)}
    exif[ORIENTATION] = 6
    kept = inspected(jpeg(exif=exif) + b"<script>", "a.jpeg", "image/jpeg")
    picture = Image.open(io.BytesIO(kept.content))
    assert (picture.size, dict(picture.getexif())) == ((20, 40), {})
    assert b"script" not in kept.content
    assert kept.name == "a.jpg"


def test_a_picture_keeps_its_colours_and_its_form() -> None:
    """The profile of a PNG, which stays a PNG, without its texts."""
    kept = inspected(png(icc_profile=b"profile"), "a.png", "image/png")
    picture = Image.open(io.BytesIO(kept.content))
    assert (picture.format, picture.info) == ("PNG", {"icc_profile": b"profile"})


def test_a_picture_of_too_many_pixels_is_refused_by_its_header() -> None:
    """900 megapixels in some kilobytes are never unpacked."""
    out = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(out, "PNG")
    assert "bildpunkter" in refusal(out.getvalue(), "a.png", "image/png")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "tom"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"PK\x03\x04 [Content_Types].xml", "Office"),
        (b"\xd0\xcf\x11\xe0", "Office"),
        (b"PK\x03\x04", "zip"),
        (b'<?xml version="1.0"?><svg/>', "SVG"),
        (b"<!DOCTYPE html>", "webbsida"),
        (b"MZ", "Filtypen"),
    ],
)
def test_another_type_is_refused_by_name(content: bytes, word: str) -> None:
    """Whatever it says it is, and with what to send instead."""
    assert word in refusal(content)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.png", "image/jpeg"), ("a.jpg", "image/png"), ("a.pdf.exe", "image/jpeg"), ("a.html", "image/jpeg")],
)
def test_name_type_and_content_agree(name: str, media_type: str) -> None:
    """A JPEG that calls itself something else is refused."""
    assert "stämmer inte" in refusal(jpeg(), name, media_type)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("Brukaren 19121212-1212 var med", "certain"), ("1212121212", "possible"), ("Svinnet minskar", None)],
)
def test_a_personal_number_in_the_text_of_a_pdf_is_told_by_its_kind(text: str, kind: str | None) -> None:
    """And never by its digits."""
    assert inspected(harmless_pdf(text), "a.pdf", "application/pdf").personal_number == kind


def test_a_personal_number_in_a_path_is_told_though_the_path_goes() -> None:
    """The name that is kept cannot show it any more."""
    kept = inspected(jpeg(), "19121212-1212/bild.jpg", "image/jpeg")
    assert (kept.name, kept.personal_number) == ("bild.jpg", "certain")


@given(st.text(max_size=255))
def test_every_name_becomes_a_safe_one(name: str) -> None:
    """No path, no control, no leading stop, not too long, and safe names stay as they are."""
    safe = safe_name(name, "pdf")
    assert safe.endswith(".pdf")
    assert len(safe) <= MAX_NAME
    assert safe.isprintable()
    assert not set(safe) & set('/\\<>:"|?*\u202e\0')
    assert not safe.startswith((".", " "))
    assert safe_name(safe, "pdf") == safe


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd.pdf"),
        ("rad\u2028brytning\u2029.pdf", "radbrytning.pdf"),
        ("\u1680\u3000.pdf", "fil.pdf"),
        ("ett\u00a0namn.pdf", "ett namn.pdf"),
        ("CON.pdf", "fil CON.pdf"),
        ("..", "fil.pdf"),
        ("rapport\u202efdp.exe", "rapportfdp.pdf"),
        ("191212-1212.pdf", "191212-1212.pdf"),
        ("Mo\u0308te å.pdf", "Möte å.pdf"),
    ],
)
def test_names_that_mean_something_to_a_computer_lose_it(name: str, safe: str) -> None:
    """And people still know them."""
    assert safe_name(name, "pdf") == safe


def test_files_of_one_name_are_numbered() -> None:
    """Also when only capitals differ."""
    assert [*numbered(["a.jpg", "A.jpg", "a.jpg"])] == ["a.jpg", "A (2).jpg", "a (3).jpg"]


@pytest.fixture
async def inspector() -> AsyncIterator[Inspector]:
    inspector = Inspector(files_per_process=2)
    yield inspector
    await inspector.close()


async def test_a_process_that_dies_refuses_its_file_and_no_other(
    inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next file finds a new process, and so does the one after a worn-out one."""
    with monkeypatch.context() as hostile:
        hostile.setattr(inspecting, "_in_time", dying)
        with pytest.raises(Refused, match="rimlig tid"):
            await inspector.inspect(File("a.png", "image/png", png()), TODAY)
    for _ in range(4):
        assert (await inspector.inspect(File("a.png", "image/png", png()), TODAY)).name == "a.png"


async def test_files_are_inspected_side_by_side(
    inspector: Inspector, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each of the two sees that the other is there, and each answers for its own file."""
    monkeypatch.setattr(inspecting, "_in_time", meeting)
    files = [File(str(tmp_path / name), "", str(tmp_path / other).encode()) for name, other in ("ab", "ba")]
    async with asyncio.timeout(60):
        met = await asyncio.gather(*(inspector.inspect(file, TODAY) for file in files))
    assert [file.name for file in met] == [file.name for file in files]


ODD_EXIF = base64.b64decode(
    "/9j/7gAOQWRvYmUAZAAAAAAA/+EAikV4aWYAAE1NACoAAAAIAAQBDgACAAAABQAAAD4BEgADAAAAAQAGAAABGgABAAAAAQAAAESI"
    "JQAEAAAAAQAAAEwAAAAAZGVzYwAAAAAASAAAAAEAAgABAAIAAAACTgAAAAACAAUAAAADAAUAAAADAAAAagAAAAAAagAAAAAAAAAB"
    "AAAAAQAAAAIAAAABAAAAAwAAAAH/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAx"
    "NDQ0Hyc5PTgyPC4zNDL/wAAUCAAQABgEQxEATREAWREASxEA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAA"
    "AgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RF"
    "RkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT"
    "1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oADgRDAE0AWQBLAAA/APCa9Irx2vf6KKKKKKKKKKKKKKKKKKKK/9k="
)
"""A whole picture whose EXIF says how it is turned, and has a fraction over nothing."""


def test_a_picture_with_odd_exif_is_a_picture() -> None:
    """What cannot be read of it is thrown away with the rest."""
    kept = inspected(ODD_EXIF, "a.jpg", "image/jpeg")
    assert dict(Image.open(io.BytesIO(kept.content)).getexif()) == {}


async def test_what_a_library_fails_with_is_the_file_s_fault(
    inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A platform that is told to try again would do so for ever."""
    monkeypatch.setattr(inspecting, "_in_time", stumbling)
    with pytest.raises(Refused, match="gick inte att läsa"):
        await inspector.inspect(File("a.png", "image/png", png()), TODAY)


def test_a_number_beside_the_pages_is_found() -> None:
    """In a comment, a bookmark or the title, where a reader sees it and a page's text does not."""
    note = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot,
        Subtype=pikepdf.Name.Text,
        Rect=[0, 0, 20, 20],
        Contents=pikepdf.String("Se 19121212-1212"),
    )
    with pikepdf.open(io.BytesIO(harmless_pdf())) as pdf:
        pdf.pages[0].obj.Annots = pikepdf.Array([note])
        out = io.BytesIO()
        pdf.save(out)
    assert inspected(out.getvalue(), "a.pdf", "application/pdf").personal_number == "certain"
