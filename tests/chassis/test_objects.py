"""Bytes under their own hash: kept once, and gone when they are removed."""

from pathlib import Path

import pytest

from chassis.objects import NoObject, Objects
from chassis.store import StoreUnavailable


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(f"file://{tmp_path / 'objects'}")


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
