"""Which disks a service watches, and what is told of them."""

import shutil
from pathlib import Path

from prometheus_client import CollectorRegistry

from chassis.disks import Disks, places
from chassis.objects import Objects
from chassis.store import Store, open_store


async def test_the_room_is_told_of_each_folder_also_before_it_is_made(tmp_path: Path) -> None:
    """The folder of objects is made with the first file; until then the disk is that of the folder above."""
    registry = CollectorRegistry()
    await Disks({"objects": tmp_path / "not" / "yet"}, registry).look()
    size = registry.get_sample_value("kansli_disk_size_bytes", {"holds": "objects"})
    free = registry.get_sample_value("kansli_disk_free_bytes", {"holds": "objects"})
    assert size == shutil.disk_usage(tmp_path).total
    assert free is not None
    assert 0 < free <= size


def test_a_service_watches_where_it_keeps_what_it_keeps(sqlite_store: Store, tmp_path: Path) -> None:
    """Its SQLite file, its objects, and what is temporary."""
    kept = places(sqlite_store, Objects((tmp_path / "objects").as_uri()).folder)
    assert set(kept) == {"database", "objects", "temporary"}
    assert (kept["database"], kept["objects"]) == (tmp_path, tmp_path / "objects")


def test_disks_of_other_machines_are_for_their_own_watch() -> None:
    """PostgreSQL's and S3's are not seen from here."""
    store = open_store("postgresql://intake@database/intake", "intake")
    assert set(places(store, Objects("s3://bucket").folder)) == {"temporary"}
