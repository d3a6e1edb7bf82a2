"""Files are on disk before anything is promised, once, and under no name of the sender's."""

import base64
import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.objects import Objects
from chassis.store import StoreUnavailable
from intake.attachments import keep
from intake.file_names import safe_name
from intake.inspector import Inspected
from support.file_samples import harmless_pdf
from support.lone_service import LoneService
from support.platforms import KEY, RunIntake, envelope, post

CONTENT = harmless_pdf()
SHA = hashlib.sha256(CONTENT).hexdigest()


def attachment(name: str = "bild.pdf", content: bytes = CONTENT) -> dict[str, Any]:
    return {"name": name, "media_type": "application/pdf", "content": base64.b64encode(content).decode()}


async def test_a_file_is_kept_and_travels_as_a_reference(intake: LoneService, tmp_path: Path) -> None:
    """The event holds name, size and hash; the bytes lie under the hash."""
    assert (await post(intake, envelope(attachments=[attachment()]), key=KEY)).status == 202
    (event,) = await intake.said("submission.received")
    assert event.data["attachments"] == [
        {
            "name": "bild.pdf",
            "media_type": "application/pdf",
            "size": len(CONTENT),
            "sha256": SHA,
            "object": f"{SHA[:2]}/{SHA}",
            "personal_number": None,
        }
    ]
    assert (tmp_path / "objects" / SHA[:2] / SHA).read_bytes() == CONTENT


async def test_the_same_bytes_are_kept_once(intake: LoneService, tmp_path: Path) -> None:
    """In two submissions, under two names, and when a submission is repeated."""
    for reference, name in (("1", "a.pdf"), ("1", "a.pdf"), ("2", "b.pdf")):
        files = [attachment(name), attachment("kopia av " + name)]
        answer = await post(intake, envelope(reference=reference, attachments=files), key=KEY)
        assert answer.status == 202
    assert [path.name for path in (tmp_path / "objects").rglob("*") if path.is_file()] == [SHA]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a" * 255, "CON", "..", "å/ä\\ö"])
async def test_a_files_name_decides_nothing(intake: LoneService, tmp_path: Path, name: str) -> None:
    """It is told without its path, and used for none."""
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert (await post(intake, envelope(attachments=[attachment(name)]), key=KEY)).status == 202
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert {path for path in new if "intake.db" not in path.name} == {tmp_path / "objects" / SHA[:2] / SHA}
    (event,) = await intake.said("submission.received")
    assert event.data["attachments"][0]["name"] == safe_name(name, "pdf")


async def test_file_and_folders_are_synced_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file survives loss of power only when its bytes and its name are on disk."""
    synced: list[str] = []
    real = os.fsync

    def noting(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    kept = await keep(Objects(tmp_path.as_uri()), Inspected("a.pdf", "application/pdf", CONTENT, None))
    assert {str(tmp_path / kept.object), str(tmp_path / SHA[:2]), str(tmp_path)} <= set(synced)


async def test_a_store_that_is_full_is_told_as_not_now(
    run_intake: RunIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and nothing is promised."""

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    async with run_intake() as intake:
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", full)
            answer = await post(intake, envelope(attachments=[attachment()]), key=KEY)
        assert (answer.status, answer.is_problem) == (503, True)
        assert "Retry-After" in answer.headers
        assert not await intake.said("submission.received")
        assert (await post(intake, envelope(attachments=[attachment()]), key=KEY)).status == 202


async def test_a_store_that_cannot_be_reached_is_not_now(tmp_path: Path) -> None:
    """A folder that is a file, an address where nobody answers."""
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(StoreUnavailable):
        await keep(
            Objects((tmp_path / "file").as_uri()), Inspected("a.pdf", "application/pdf", CONTENT, None)
        )


async def test_no_more_than_twenty_files_are_taken(intake: LoneService) -> None:
    """Who has more should send an archive another way."""
    answer = await post(intake, envelope(attachments=[attachment()] * 21), key=KEY)
    assert (answer.status, answer.pointers) == (422, ["/attachments"])


@settings(max_examples=30)
@given(contents=st.lists(st.binary(max_size=50), max_size=5))
async def test_what_is_kept_is_what_came(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    """Empty files and all."""
    folder = tmp_path_factory.mktemp("objects")
    objects = Objects(folder.as_uri())
    for content in contents:
        kept = await keep(objects, Inspected("a.pdf", "application/pdf", content, None))
        assert (folder / kept.object).read_bytes() == content
        assert (kept.size, kept.sha256) == (len(content), hashlib.sha256(content).hexdigest())
