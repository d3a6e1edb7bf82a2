"""packet.zip: all the papers of a packet in one file, the same bytes from the same papers."""

import io
from collections.abc import Mapping
from zipfile import ZIP_STORED, ZipFile, ZipInfo

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP can tell: one that never differs."""

_UNIX = 3
_READABLE = 0o100644


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files by their names, sorted.

    They are stored as they are: PDFs and pictures are packed already, and packing depends on the machine's
    version of zlib, which the bytes must not.
    """
    content = io.BytesIO()
    with ZipFile(content, "w", ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(_entry(name), files[name])
    return content.getvalue()


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, EARLIEST)
    entry.external_attr = _READABLE << 16
    entry.create_system = _UNIX
    return entry
