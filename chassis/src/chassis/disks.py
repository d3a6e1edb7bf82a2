"""How much room is left where a service keeps what it keeps."""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from chassis.store import Store

LOOK_EVERY_S = 60.0


def places(store: Store, objects: Path | None) -> Mapping[str, Path]:
    """The folders of a service that lie on a disk of this machine, by what they hold.

    `objects` is the folder and not the store of them, whose library not every service has installed.
    `temporary` is where packets are made and uploads looked through.
    """
    kept = {
        "database": Path(str(store.url.database)).parent if store.is_sqlite else None,
        "objects": objects,
        "temporary": Path(tempfile.gettempdir()),
    }
    return {name: folder for name, folder in kept.items() if folder is not None}


class Disks:
    """The duty of looking how full they are."""

    def __init__(self, folders: Mapping[str, Path], registry: CollectorRegistry) -> None:
        self._folders = folders
        self._free = Gauge(
            "kansli_disk_free_bytes", "Room left on the disk that holds it", ["holds"], registry=registry
        )
        self._size = Gauge(
            "kansli_disk_size_bytes", "Size of the disk that holds it", ["holds"], registry=registry
        )

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """On a thread: a disk in the network may take its time."""
        for name, folder in self._folders.items():
            usage = await asyncio.to_thread(shutil.disk_usage, await asyncio.to_thread(_there, folder))
            self._free.labels(name).set(usage.free)
            self._size.labels(name).set(usage.total)


def _there(folder: Path) -> Path:
    """The folder, or while it is not made yet the nearest one above it."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
