"""Folders that people edit while the house runs: configuration and forms."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

import structlog
from pydantic import ValidationError

log = structlog.get_logger()

Content = TypeVar("Content")
Fingerprint = frozenset[tuple[str, int, int]]

WATCH_INTERVAL_S = 1.0
"""Soon enough for a person who saves a file and looks; a few dozen `stat` calls a second at most."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to mend: the file, the line where it is known, and what is wrong there."""

    file: Path
    line: int | None
    words: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.words}"


class BrokenFolder(Exception):
    """A file in the folder cannot be used; the message names the file and what to mend."""

    problems: Sequence[Problem] = ()

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> "BrokenFolder":
        """A refusal for all these reasons, a line of the message for each."""
        broken = cls("\n".join(map(str, problems)))
        broken.problems = problems
        return broken


def complaints(error: ValidationError) -> str:
    """What is wrong and where, and never what was written there: it may be a key, a name or an address."""
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in faults)


Load = Callable[[Sequence[Path]], Content]
"""Reads the whole content; raises `BrokenFolder`, and then nothing of it is used."""

Part = TypeVar("Part")
Parts: TypeAlias = Mapping[str, Part]


@dataclass(frozen=True)
class Reading(Generic[Content]):
    """What could be read, and what was refused: a line for each file that is to be mended."""

    content: Content
    refused: Sequence[str] = ()


Read = Callable[[Sequence[Path], Content | None], Reading[Content]]
"""Reads the content anew; what is refused keeps what it was in the former content, if there is one."""


def whole(load: Load[Content]) -> Read[Content]:
    """All or nothing, as for one file: a broken one keeps the former, and at start there is none."""

    def read(paths: Sequence[Path], former: Content | None) -> Reading[Content]:
        try:
            return Reading(load(paths))
        except BrokenFolder as broken:
            if former is None:
                raise
            return Reading(former, [str(broken)])

    return read


def each(
    find: Callable[[Sequence[Path]], Mapping[str, Path]], load: Callable[[Path], Part]
) -> Read[Parts[Part]]:
    """Each part by itself, as for forms and committees: a broken one hides no other, also at start.

    `find` names the parts that there are; raises `BrokenFolder` when there can be none.
    """

    def read(paths: Sequence[Path], former: Parts[Part] | None) -> Reading[Parts[Part]]:
        parts: dict[str, Part] = {}
        refused = []
        for name, path in find(paths).items():
            try:
                parts[name] = load(path)
            except BrokenFolder as broken:
                refused.append(str(broken))
                parts |= {name: former[name]} if former and name in former else {}
        return Reading(parts, refused)

    return read


def folders_with(file: str) -> Callable[[Sequence[Path]], Mapping[str, Path]]:
    """Find the folders that hold the file, by name; one in a later path replaces its namesake.

    A path that is not there raises `BrokenFolder`.
    """

    def find(paths: Sequence[Path]) -> Mapping[str, Path]:
        for path in paths:
            if not path.is_dir():
                raise BrokenFolder(f"{path}: there is no such folder")
        found = (one.parent for path in paths for one in sorted(path.glob(f"*/{file}")))
        return {folder.name: folder for folder in found}

    return find


def files_in(folder: str, ending: str) -> Callable[[Sequence[Path]], Mapping[str, Path]]:
    """Find the files of a folder by their name without the ending."""
    return lambda paths: {
        file.stem: file for path in paths for file in sorted((path / folder).glob(f"*{ending}"))
    }


class WatchedFolder(Generic[Content]):
    """What a folder holds, read at start and again whenever a file in it changes.

    A broken change is refused loudly and the former content stays in use:
    a typing error in a committee's file must not stop the reports of another.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        read: Read[Content],
        interval: float = WATCH_INTERVAL_S,
    ) -> None:
        self._paths = paths
        self._read = read
        self._interval = interval
        self._seen = self._fingerprint()
        self._reading = self._read(paths, None)
        self._listeners: list[Callable[[], None]] = []
        self._tell_refused()

    @property
    def current(self) -> Content:
        return self._reading.content

    @property
    def refused(self) -> Sequence[str]:
        """What stands in the folder and is not used, each with what to mend."""
        return self._reading.refused

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call it whenever the folder was read anew; it is called on the event loop."""
        self._listeners.append(listener)

    async def watch(self) -> None:
        """Look for changes until cancelled; files are read beside the event loop."""
        while True:
            await asyncio.sleep(self._interval)
            if await asyncio.to_thread(self._look):
                self._tell()

    def refresh(self) -> None:
        """Read the folder anew if any file was added, changed or removed."""
        if self._look():
            self._tell()

    def _look(self) -> bool:
        """Tells whether anything had changed and was read."""
        seen = self._fingerprint()
        if seen == self._seen:
            return False
        self._seen = seen
        self._reading = self._read_anew()
        return True

    def _read_anew(self) -> Reading[Content]:
        try:
            return self._read(self._paths, self.current)
        except BrokenFolder as broken:
            return Reading(self.current, [str(broken)])

    def _tell(self) -> None:
        self._tell_refused()
        if not self.refused:
            log.info("folder.read", folders=[str(path) for path in self._paths])
        for listener in self._listeners:
            listener()

    def _tell_refused(self) -> None:
        for reason in self.refused:
            log.error("folder.refused", reason=reason)

    def _fingerprint(self) -> Fingerprint:
        return frozenset(_stamps(self._paths))


def _stamps(paths: Sequence[Path]) -> Iterator[tuple[str, int, int]]:
    """A file that is gone between being seen and being looked at is a change of the next look."""
    for path in paths:
        for file in path.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                if file.is_file():
                    stat = file.stat()
                    yield str(file), stat.st_mtime_ns, stat.st_size
