"""Where each file of a record lies in the package, and what it is called there."""

from collections.abc import Iterator
from dataclasses import dataclass

from archive.eark.record import File, Record, RegisteredReport

DATA = "representations/rep1/data"

_SUFFIXES = {
    "application/pdf": ".pdf",
    "application/json": ".json",
    "application/xml": ".xml",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "text/csv": ".csv",
}


@dataclass(frozen=True)
class Placed:
    """A file as it lies in the package: `path` from the root folder, `size` in bytes, `sha256` in hex.

    `original` is the name that people know it by.
    """

    path: str
    media_type: str
    size: int
    sha256: str
    original: str


@dataclass(frozen=True)
class PlacedReport:
    """A report and its files in the package; `running_number` is its place in the packet, from 1."""

    running_number: int
    report: RegisteredReport
    pdf: Placed
    source: Placed
    attachments: tuple[Placed, ...]

    @property
    def came(self) -> tuple[Placed, ...]:
        """What was sent to the committee, unlike the PDF, which was made of it."""
        return (self.source, *self.attachments)

    @property
    def files(self) -> tuple[Placed, ...]:
        return (self.pdf, *self.came)


@dataclass(frozen=True)
class PlacedRecord:
    """A record all of whose own files lie in the package."""

    record: Record
    packet: Placed
    contents: Placed
    reports: tuple[PlacedReport, ...]

    @property
    def files(self) -> Iterator[Placed]:
        yield from (self.packet, self.contents)
        for report in self.reports:
            yield from report.files


def path_of_report(running_number: int, stem: str, file: File) -> str:
    """`…/data/014/bilaga-02.pdf`: ASCII, and without what a sender may have put in a file's name."""
    return f"{DATA}/{running_number:03}/{stem}{_SUFFIXES.get(file.media_type, '.bin')}"
