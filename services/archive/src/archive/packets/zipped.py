"""packet.zip: all the papers of a packet in one file, the same bytes from the same papers."""

import io
from collections.abc import Mapping
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The first moment that a ZIP can tell: one that never differs."""

_PACKED_ALREADY = (".pdf", ".jpg", ".jpeg", ".png", ".zip")


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files by their names, sorted."""
    content = io.BytesIO()
    with ZipFile(content, "w") as archive:
        for name in sorted(files):
            archive.writestr(_entry(name), files[name])
    return content.getvalue()


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, EARLIEST)
    entry.compress_type = ZIP_STORED if name.endswith(_PACKED_ALREADY) else ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    entry.create_system = 3
    return entry
