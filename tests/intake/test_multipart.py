"""A form with parts: the submission as JSON, and files as they are."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic_core import to_json

from support.file_samples import harmless_pdf, jpeg, pdf_with
from support.lone_service import LoneService
from support.platforms import KEY, Answer, envelope, post

BOUNDARY = "gransen"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
MIB = 1024 * 1024


def part(name: str, content: bytes, filename: str | None = None, media_type: str | None = None) -> bytes:
    told = f'; filename="{filename}"' if filename else ""
    kind = f"\r\nContent-Type: {media_type}" if media_type else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{told}{kind}\r\n\r\n'
    return head.encode() + content + b"\r\n"


def submission(**changes: Any) -> bytes:
    return part("submission", to_json(envelope(**changes)), media_type="application/json")


def a_file(content: bytes = b"", name: str = "bilaga å.pdf", media_type: str = "application/pdf") -> bytes:
    return part("fil", content or harmless_pdf(), name, media_type)


END = f"--{BOUNDARY}--\r\n".encode()


async def posted(intake: LoneService, *parts: bytes, content_type: str = TYPE) -> Answer:
    return await post(intake, b"".join(parts), key=KEY, content_type=content_type)


async def test_files_come_as_parts(intake: LoneService) -> None:
    """In their order, whatever the parts are called, with names in UTF-8."""
    answer = await posted(intake, a_file(), submission(), a_file(jpeg(), "b.jpg", "image/jpeg"), END)
    assert answer.status == 202
    (event,) = await intake.said("submission.received")
    assert [kept["name"] for kept in event.data["attachments"]] == ["bilaga å.pdf", "b.jpg"]
    assert event.data["attachments"][0]["size"] == len(harmless_pdf())


async def test_a_form_that_is_sent_again_is_a_replay(intake: LoneService) -> None:
    """Files count as they were sent, not as they were made anew."""
    parts = (submission(), a_file(jpeg(), "b.jpg", "image/jpeg"), END)
    first, second = await posted(intake, *parts), await posted(intake, *parts)
    assert (first.content, first.status, second.status) == (second.content, 202, 202)
    assert len(await intake.said("submission.received")) == 1


async def test_another_file_is_another_content(intake: LoneService) -> None:
    """422, as for other answers."""
    assert (await posted(intake, submission(), a_file(), END)).status == 202
    assert (await posted(intake, submission(), a_file(harmless_pdf("Annat")), END)).status == 422


@pytest.mark.parametrize(
    "parts",
    [
        [a_file(), END],
        [submission(), submission(), END],
        [submission()],
        [submission(), END.replace(b"gransen", b"annat")],
        [b"--gransen\r\ninga rubriker", END],
        [],
    ],
)
async def test_parts_that_make_no_submission_are_not_understood(
    intake: LoneService, parts: list[bytes]
) -> None:
    """None, two, no end, another boundary, no headers, nothing."""
    answer = await posted(intake, *parts)
    assert (answer.status, answer.is_problem) == (400, True)


async def test_a_form_without_boundary_is_not_understood(intake: LoneService) -> None:
    """Nobody can tell its parts."""
    assert (await posted(intake, submission(), END, content_type="multipart/form-data")).status == 400


@pytest.mark.parametrize(
    "told", [{"filename": "a.pdf"}, {"media_type": "application/pdf"}, {"filename": "a" * 256 + ".pdf"}]
)
async def test_a_file_has_a_name_and_a_type(intake: LoneService, told: Mapping[str, str]) -> None:
    """The pointer says which has not."""
    answer = await posted(intake, submission(), a_file(), part("fil", harmless_pdf(), **told), END)
    assert (answer.status, answer.pointers) == (422, ["/attachments/1"])


async def test_every_file_that_is_not_taken_is_named(intake: LoneService) -> None:
    """And nothing is stored, of those that would have been taken either."""
    bad = a_file(pdf_with({"/Names": {"/JavaScript": {}}}))
    answer = await posted(intake, submission(), bad, a_file(), a_file(b"MZ"), END)
    assert (answer.status, answer.pointers) == (422, ["/attachments/0", "/attachments/2"])
    assert not await intake.said("submission.received")


async def test_no_more_than_twenty_parts_are_taken(intake: LoneService) -> None:
    """As in JSON."""
    answer = await posted(intake, submission(), *[a_file()] * 21, END)
    assert (answer.status, answer.pointers) == (422, ["/attachments"])


async def test_a_form_holds_no_more_than_its_limit(intake: LoneService) -> None:
    """25 MiB with files, 10 MiB without."""
    assert (await posted(intake, submission(), a_file(b"%PDF-" + b" " * 25 * MIB), END)).status == 413
    assert (await post(intake, to_json(envelope()) + b" " * 11 * MIB, key=KEY)).status == 413
    allowed = a_file(b"%PDF-" + b" " * 11 * MIB)
    assert (await posted(intake, submission(), allowed, END)).pointers == ["/attachments/0"]


@pytest.mark.parametrize(
    "disposition",
    [
        'form-data; filename="19121212-1212.pdf; 19121212-1212=3=4; name=f',
        "form-data; name=f; filename=åäö.pdf",
        "form-data; name=f; filename*=undefined''b%aa.pdf",
    ],
)
async def test_an_odd_header_is_refused_and_not_repeated(
    intake: LoneService, capfd: pytest.CaptureFixture[str], disposition: str
) -> None:
    """Neither in the answer nor by a library's warning."""
    odd = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\nContent-Type: application/pdf\r\n\r\n"
    answer = await posted(intake, submission(), odd.encode() + harmless_pdf() + b"\r\n", END)
    assert answer.status in {400, 422}
    told = capfd.readouterr()
    assert "1212" not in told.out + told.err + answer.content
    assert "åäö" not in told.err


async def test_an_odd_boundary_is_not_understood(intake: LoneService) -> None:
    """Two spellings of it at once."""
    odd = "multipart/form-data; boundary*=utf-8''XbX; boundary*0=b"
    assert (await posted(intake, submission(), END, content_type=odd)).status == 400
