"""Bytes under their own hash: kept once, and gone when they are removed."""

import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from aiohttp import web
from pydantic import SecretStr

from chassis.objects import NoObject, Objects
from chassis.objects_key import id_and_secret
from chassis.store import StoreUnavailable
from support.ports import free_port

LARGE = b"paper, " * 1_000_000
"""More than goes into the store in one piece."""


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(f"file://{tmp_path / 'objects'}")


@pytest.fixture
async def object_store(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """A store elsewhere that has nothing, and with whose key it was asked."""
    asked: list[str] = []

    async def nothing(request: web.Request) -> web.Response:
        asked.append(request.headers["Authorization"].partition("Credential=")[2].partition("/")[0])
        return web.Response(status=404)

    app, port = web.Application(), free_port()
    app.add_routes([web.get("/{tail:.*}", nothing)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    told = {"ENDPOINT": f"http://127.0.0.1:{port}", "ALLOW_HTTP": "true", "REGION": "eu-north-1"}
    for name, value in {**told, "ACCESS_KEY_ID": "of-all", "SECRET_ACCESS_KEY": "x"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    yield asked
    await runner.cleanup()


@pytest.mark.parametrize(("key", "known_as"), [(SecretStr("own:hem:lig"), "own"), (None, "of-all")])
async def test_a_store_elsewhere_is_asked_with_the_service_s_own_key(
    object_store: list[str], key: SecretStr | None, known_as: str
) -> None:
    """Without one, with what the environment has; where the store is, the environment says in both cases."""
    with pytest.raises(NoObject):
        await Objects("s3://kansli", key).read("ab/abcd")
    assert set(object_store) == {known_as}


@pytest.mark.parametrize("key", ["", "id", "id:", ":secret"])
def test_half_a_key_is_refused_and_not_shown(key: str) -> None:
    """At start, and not when the first file comes."""
    with pytest.raises(ValueError, match=r"^write id:secret$"):
        id_and_secret(SecretStr(key))


async def test_what_is_removed_is_not_there_any_more(objects: Objects) -> None:
    """And it can be kept anew."""
    kept = await objects.keep(b"paper")
    await objects.remove(kept.object)
    with pytest.raises(NoObject):
        await objects.read(kept.object)
    assert await objects.keep(b"paper") == kept
    assert await objects.read(kept.object) == b"paper"


async def test_what_was_never_there_is_removed_without_trouble(objects: Objects) -> None:
    """Whoever removes may have died in the middle of it, and begins again."""
    await objects.remove("ab/abcd")


async def test_what_cannot_be_removed_is_told_as_unavailable(objects: Objects, tmp_path: Path) -> None:
    """It is tried again; it is not taken for removed."""
    kept = await objects.keep(b"paper")
    place = tmp_path / "objects" / kept.object
    place.unlink()
    (place / "in the way").mkdir(parents=True)
    with pytest.raises(StoreUnavailable):
        await objects.remove(kept.object)


@pytest.mark.parametrize("others", [b"", b"pap", b"pApers"])
async def test_other_bytes_under_the_name_are_handed_out_to_nobody(
    objects: Objects, tmp_path: Path, others: bytes
) -> None:
    """A disk or a person has changed them; who keeps the right ones again mends it."""
    kept = await objects.keep(b"papers")
    (tmp_path / "objects" / kept.object).write_bytes(others)
    with pytest.raises(NoObject):
        await objects.read(kept.object)
    await objects.keep(b"papers")
    assert await objects.read(kept.object) == b"papers"


@pytest.mark.parametrize("content", [b"", b"papers", LARGE], ids=["empty", "small", "large"])
async def test_a_file_is_kept_as_its_bytes_are(objects: Objects, tmp_path: Path, content: bytes) -> None:
    """Under the same name, once, and it is copied as it is read; nothing half-written lies beside it."""
    (tmp_path / "file").write_bytes(content)
    kept = await objects.keep_file(tmp_path / "file")
    assert await objects.keep(content) == await objects.keep_file(tmp_path / "file") == kept
    copy = io.BytesIO()
    await objects.copy(kept.object, copy)
    assert copy.getvalue() == await objects.read(kept.object) == content
    assert [path.name for path in (tmp_path / "objects").rglob("*") if path.is_file()] == [kept.sha256]


@pytest.mark.parametrize("others", [b"", LARGE[:-1], LARGE[:-1] + b"!", LARGE + b" "])
async def test_other_bytes_are_found_out_while_they_are_copied(
    objects: Objects, tmp_path: Path, others: bytes
) -> None:
    """However many there are; who keeps the right file again mends it."""
    (tmp_path / "file").write_bytes(LARGE)
    kept = await objects.keep_file(tmp_path / "file")
    (tmp_path / "objects" / kept.object).write_bytes(others)
    with pytest.raises(NoObject):
        await objects.copy(kept.object, io.BytesIO())
    await objects.keep_file(tmp_path / "file")
    assert await objects.read(kept.object) == LARGE


async def test_what_was_never_there_is_not_copied(objects: Objects) -> None:
    """And that is told before anything is written."""
    copy = io.BytesIO()
    with pytest.raises(NoObject):
        await objects.copy("ab/abcd", copy)
    assert not copy.getvalue()


@pytest.fixture
def full_disk() -> Iterator[BinaryIO]:
    with Path("/dev/full").open("r+b", buffering=0) as full:
        yield full


async def test_a_copy_that_finds_no_room_is_told_as_unavailable(
    objects: Objects, full_disk: BinaryIO
) -> None:
    """A full disk may have room again: nobody takes the object for lost."""
    kept = await objects.keep(LARGE)
    with pytest.raises(StoreUnavailable):
        await objects.copy(kept.object, full_disk)


async def test_a_file_that_cannot_be_read_or_kept_is_told_as_unavailable(
    objects: Objects, tmp_path: Path
) -> None:
    """Nothing is promised that does not lie on the disk."""
    with pytest.raises(StoreUnavailable):
        await objects.keep_file(tmp_path / "none")
    (tmp_path / "objects").write_text("in the way", "utf-8")
    (tmp_path / "file").write_bytes(LARGE)
    with pytest.raises(StoreUnavailable):
        await objects.keep_file(tmp_path / "file")
