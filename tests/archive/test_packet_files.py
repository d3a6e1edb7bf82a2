"""The files of a packet pass through the archive a piece at a time, and leave nothing behind."""

import random
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import pytest

from archive.eark.fixity import verify
from archive.events import SubmissionAccepted
from archive.packets import freezing
from chassis.objects import Objects
from support.large_packets import FILES, PACKETS, cost_of
from support.lone_service import LoneService
from support.still_clock import StillClock

MakeAccepted = Callable[..., SubmissionAccepted]

MB = 1_000_000


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects((tmp_path / "objects").as_uri())


@pytest.fixture
def passing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for what passes through."""
    folder = tmp_path / "passing"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


async def enclosed(objects: Objects, *sizes: int) -> list[dict[str, Any]]:
    """Files that came along, with no two bytes in common."""
    kept = [await objects.keep(random.Random(seed).randbytes(size)) for seed, size in enumerate(sizes)]
    return [{"name": "ritning.pdf", "media_type": "application/pdf", **asdict(one)} for one in kept]


@pytest.mark.slow
async def test_ten_large_enclosures_cost_the_archive_little_memory(
    objects: Objects, accepted: MakeAccepted, config: Path, forms: Path, clock: StillClock, tmp_path: Path
) -> None:
    """200 MB that are frozen and fetched: the peak rises by less than 120, and every byte is there."""
    attachments = await enclosed(objects, *[20 * MB] * 10)
    cost = cost_of(tmp_path, accepted("a", attachments=attachments), clock)
    assert cost.megabytes < 120
    told = cost.packet["files"]
    assert [cost.fetched[f"{PACKETS}/1/{name}"] for name in FILES] == [told[name]["sha256"] for name in FILES]
    sent = {one["sha256"] for one in attachments}
    assert sent == {cost.fetched[f"/v1/reports/a/attachments/{n}"] for n in range(1, 11)}
    verify(tmp_path / "objects" / told["sip.zip"]["sha256"][:2] / told["sip.zip"]["sha256"])
    with zipfile.ZipFile(
        tmp_path / "objects" / told["packet.zip"]["sha256"][:2] / told["packet.zip"]["sha256"]
    ) as packet:
        assert packet.testzip() is None
        assert sum(name.startswith("bilagor/") for name in packet.namelist()) == 10


async def test_nothing_is_left_of_a_packet_that_was_frozen_and_fetched(
    archive: LoneService, objects: Objects, accepted: MakeAccepted, passing: Path
) -> None:
    """Its files are in the store and nowhere else."""
    await archive.hear(accepted("a", attachments=await enclosed(objects, 6 * MB)))
    async with archive.http.post(PACKETS, json={}) as answer:
        assert answer.status == 201
    async with archive.http.get(f"{PACKETS}/1/sip.zip") as answer:
        assert len(await answer.read()) == int(answer.headers["Content-Length"]) > 6 * MB
    assert list(passing.iterdir()) == []


async def test_nothing_is_left_of_a_packet_that_was_not_made(
    archive: LoneService, objects: Objects, accepted: MakeAccepted, passing: Path, tmp_path: Path
) -> None:
    """An enclosure turns out to be another when the last of it is copied."""
    attachments = await enclosed(objects, 6 * MB, 6 * MB)
    await archive.hear(accepted("a", attachments=attachments))
    last = tmp_path / "objects" / attachments[1]["object"]
    last.write_bytes(last.read_bytes()[:-1] + b"?")
    async with archive.http.post(PACKETS, json={}) as answer:
        assert (answer.status, (await answer.json())["type"]) == (409, "urn:problem-type:kansli:file-gone")
    assert list(passing.iterdir()) == []


async def test_a_large_file_with_one_other_byte_is_sent_to_nobody(
    archive: LoneService, objects: Objects, accepted: MakeAccepted, passing: Path, tmp_path: Path
) -> None:
    """Not even its beginning, though the other byte is its last."""
    attachments = await enclosed(objects, 6 * MB)
    await archive.hear(accepted("a", attachments=attachments))
    kept = tmp_path / "objects" / attachments[0]["object"]
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    async with archive.http.get("/v1/reports/a/attachments/1") as answer:
        assert (answer.status, (await answer.json())["type"]) == (500, "urn:problem-type:kansli:file-gone")
    assert list(passing.iterdir()) == []


async def test_only_the_head_of_a_file_tells_its_length(
    archive: LoneService, objects: Objects, accepted: MakeAccepted
) -> None:
    """As whoever asks how large it is expects."""
    await archive.hear(accepted("a", attachments=await enclosed(objects, 6 * MB)))
    async with archive.http.head("/v1/reports/a/attachments/1") as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, str(6 * MB))
        assert await answer.read() == b""


async def test_a_full_disk_stops_the_freezing_until_it_has_room(
    archive: LoneService, accepted: MakeAccepted, monkeypatch: pytest.MonkeyPatch, passing: Path
) -> None:
    """503, no packet, nothing left; and the next try makes it."""

    async def full(*_given: Any) -> NoReturn:
        raise OSError(28, "No space left on device")

    await archive.hear(accepted("a"))
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(freezing, "write_record", full)
        async with archive.http.post(PACKETS, json={}) as answer:
            assert answer.status == 503
    assert list(passing.iterdir()) == []
    async with archive.http.post(PACKETS, json={}) as answer:
        assert (answer.status, (await answer.json())["number"]) == (201, 1)


async def test_a_folder_that_is_gone_is_told_as_unavailable(
    archive: LoneService, objects: Objects, accepted: MakeAccepted, passing: Path
) -> None:
    """Neither frozen nor fetched before operations have mended it."""
    await archive.hear(accepted("a", attachments=await enclosed(objects, 1)))
    shutil.rmtree(passing)
    async with archive.http.post(PACKETS, json={}) as answer:
        assert answer.status == 503
    async with archive.http.get("/v1/reports/a/attachments/1") as answer:
        assert answer.status == 503
