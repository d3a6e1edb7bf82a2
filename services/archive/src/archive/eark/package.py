"""The package itself: a zip with one root folder, the same bytes for the same record.

Nothing in it is compressed: PDFs and pictures are so already, a damaged byte damages one file, and no
library's way of compressing can change the bytes. Read in this order: record, layout, mets, fixity.
"""

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from archive.eark.description import documentation, dublin_core
from archive.eark.erms import erms
from archive.eark.fixity import verify
from archive.eark.layout import DATA, Placed, PlacedRecord, PlacedReport, path_of_report
from archive.eark.mets import (
    REPRESENTATION_FOLDER,
    Described,
    object_id,
    representation_mets,
    root_mets,
)
from archive.eark.premis import premis_of_files, premis_of_packet
from archive.eark.record import File, Record, RegisteredReport
from archive.eark.schemas import SCHEMAS
from chassis.clock import in_stockholm

PRESERVATION = "metadata/preservation/premis.xml"
XML = "application/xml"
_PIECE = 1 << 20
"""Bytes of a file that are in memory at once."""


def build_sip(record: Record) -> bytes:
    """The package of a record, verified; see `write_sip`."""
    target = io.BytesIO()
    write_sip(record, target)
    return target.getvalue()


def write_sip(record: Record, target: BinaryIO) -> None:
    """Write the package and verify what was written; `target` must be readable and seekable.

    Takes seconds for hundreds of reports: not for the event loop.

    Raises:
        NotIntact: what was written is not what the package says of itself.
    """
    with ZipFile(target, "w", ZIP_STORED) as archive:
        _fill(_Folder(archive, record), record)
    verify(target)


class _Folder:
    """The root folder, being filled; every file has the time at which the packet was frozen."""

    def __init__(self, archive: ZipFile, record: Record) -> None:
        self._archive = archive
        self._root = object_id(record)
        local = in_stockholm(record.frozen_at)
        self._time = (local.year, local.month, local.day, local.hour, local.minute, local.second)

    def put(self, path: str, media_type: str, content: bytes) -> Placed:
        return self.take(path, File.of(Path(path).name, media_type, content))

    def take(self, path: str, file: File) -> Placed:
        with file.open() as source:
            size = source.seek(0, os.SEEK_END)
            source.seek(0)
            digest = self._write(self._entry(path, size), source)
        return Placed(path, file.media_type, size, digest, file.name or Path(path).name)

    def _entry(self, path: str, size: int) -> ZipInfo:
        entry = ZipInfo(f"{self._root}/{path}", self._time)
        entry.create_system = 3
        entry.external_attr = 0o644 << 16
        entry.file_size = size
        return entry

    def _write(self, entry: ZipInfo, source: BinaryIO) -> str:
        """Answers with the SHA-256 of what was written, in hex."""
        digest = hashlib.sha256()
        with self._archive.open(entry, "w") as place:
            while piece := source.read(_PIECE):
                digest.update(piece)
                place.write(piece)
        return digest.hexdigest()


def _fill(folder: _Folder, record: Record) -> None:
    """What a METS lists must lie there before the METS is written."""
    placed = _placed(folder, record)
    registration = folder.put(f"{DATA}/erms.xml", XML, erms(placed))
    told = folder.put(f"{REPRESENTATION_FOLDER}/{PRESERVATION}", XML, premis_of_files(placed, registration))
    listed = representation_mets(record, [*placed.files, registration], told)
    described = Described(
        descriptive=folder.put("metadata/descriptive/dc.xml", XML, dublin_core(record)),
        preservation=folder.put(PRESERVATION, XML, premis_of_packet(record)),
        documentation=[folder.put("documentation/LASMIG.txt", "text/plain", documentation(record))],
        schemas=list(_schemas(folder)),
        representation=folder.put(f"{REPRESENTATION_FOLDER}/METS.xml", XML, listed),
    )
    folder.put("METS.xml", XML, root_mets(record, described))


def _placed(folder: _Folder, record: Record) -> PlacedRecord:
    return PlacedRecord(
        record=record,
        packet=folder.take(f"{DATA}/handlingar.pdf", record.packet),
        contents=folder.take(f"{DATA}/innehall.json", record.contents),
        reports=tuple(_placed_report(folder, number, it) for number, it in enumerate(record.reports, 1)),
    )


def _placed_report(folder: _Folder, number: int, report: RegisteredReport) -> PlacedReport:
    def take(stem: str, file: File) -> Placed:
        return folder.take(path_of_report(number, stem, file), file)

    return PlacedReport(
        running_number=number,
        report=report,
        pdf=take("rapport", report.pdf),
        source=take("rapport", report.source),
        attachments=tuple(take(f"bilaga-{at:02}", file) for at, file in enumerate(report.attachments, 1)),
    )


def _schemas(folder: _Folder) -> Iterator[Placed]:
    for file in sorted(SCHEMAS.glob("*.xsd")):
        yield folder.put(f"schemas/{file.name}", XML, file.read_bytes())
