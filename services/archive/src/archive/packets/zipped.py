"""packet.zip: all the papers of a packet in one file, the same bytes from the same papers."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP can tell: one that never differs."""

_UNIX = 3
_READABLE = 0o100644
_PIECE = 1 << 20
"""Bytes of a file that are in memory at once."""


def write_zip(target: Path, files: Mapping[str, Path]) -> None:
    """Write the files by their names in the ZIP, sorted.

    They are stored as they are: PDFs and pictures are packed already, and packing depends on the machine's
    version of zlib, which the bytes must not.
    """
    with ZipFile(target, "w", ZIP_STORED) as archive:
        for name in sorted(files):
            _add(archive, name, files[name])


def _add(archive: ZipFile, name: str, path: Path) -> None:
    with path.open("rb") as source, archive.open(_entry(name, path), "w") as place:
        shutil.copyfileobj(source, place, _PIECE)


def _entry(name: str, path: Path) -> ZipInfo:
    entry = ZipInfo(name, EARLIEST)
    entry.external_attr = _READABLE << 16
    entry.create_system = _UNIX
    entry.file_size = path.stat().st_size
    return entry
