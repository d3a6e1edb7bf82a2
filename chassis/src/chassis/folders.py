"""Folders that people edit while the house runs: configuration and forms."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import structlog
from pydantic import ValidationError

log = structlog.get_logger()

Content = TypeVar("Content")
Fingerprint = frozenset[tuple[str, int, int]]

WATCH_INTERVAL_S = 1.0
"""Soon enough for a person who saves a file and looks; a few dozen `stat` calls a second at most."""


class BrokenFolder(Exception):
    """A file in the folder cannot be used; the message names the file and what to mend."""


def complaints(error: ValidationError) -> str:
    """What is wrong and where, and never what was written there: it may be a key, a name or an address."""
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in faults)


class WatchedFolder(Generic[Content]):
    """What a folder holds, read at start and again whenever a file in it changes.

    A broken change is refused loudly and the former content stays in use:
    a typing error in a committee's file must not stop the reports of another.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        load: Callable[[Sequence[Path]], Content],
        interval: float = WATCH_INTERVAL_S,
    ) -> None:
        self._paths = paths
        self._load = load
        self._interval = interval
        self._seen = self._fingerprint()
        self._current = load(paths)
        self.broken: str | None = None

    @property
    def current(self) -> Content:
        return self._current

    async def watch(self) -> None:
        """Look for changes until cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            self.refresh()

    def refresh(self) -> None:
        """Read the folder anew if any file was added, changed or removed."""
        seen = self._fingerprint()
        if seen != self._seen:
            self._seen = seen
            self._reload()

    def _reload(self) -> None:
        try:
            self._current = self._load(self._paths)
        except BrokenFolder as broken:
            self.broken = str(broken)
            log.error("folder.refused", reason=str(broken))
        else:
            self.broken = None
            log.info("folder.read", folders=[str(path) for path in self._paths])

    def _fingerprint(self) -> Fingerprint:
        return frozenset(_stamps(self._paths))


def _stamps(paths: Sequence[Path]) -> Iterator[tuple[str, int, int]]:
    for path in paths:
        for file in path.rglob("*"):
            if file.is_file():
                stat = file.stat()
                yield str(file), stat.st_mtime_ns, stat.st_size
