"""What a packet holds, in plain data, and the files that say it: lists for a spreadsheet, words to paste."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import PurePosixPath
from typing import Any

from pydantic_core import to_json

from archive.calendar import day_in_words, moment_in_words, weekday_in_words
from archive.pdf import Report
from archive.spreadsheet import Cell, as_csv

_SLUG_LENGTH = 40
"""Of the unit in a file's name: sortable and short enough for every meeting system."""


@dataclass(frozen=True)
class Enclosure:
    """A file that came with a report; it goes along byte for byte, since a merged PDF loses its tags."""

    name: str
    media_type: str
    size: int
    sha256: str
    object: str


@dataclass(frozen=True)
class PacketReport:
    """A report in a packet; `oral` says that its author also reports in person."""

    report: Report
    unit: str
    day: date | None
    arrived_at: datetime
    registered_at: datetime | None = None
    oral: bool = False
    late: bool = False
    corrects: bool = False
    enclosures: tuple[Enclosure, ...] = ()

    @property
    def marks(self) -> tuple[str, ...]:
        """What is to be known of it before it is opened."""
        return (
            *(("Redovisas även muntligt",) if self.oral else ()),
            *(("Rättar en tidigare rapport",) if self.corrects else ()),
            *((_number_of_enclosures(len(self.enclosures)),) if self.enclosures else ()),
        )


@dataclass(frozen=True)
class Packet:
    """The papers of a meeting under one agenda item, as they are frozen.

    `agenda_number` is the item's number ("14" of "Bilaga 14.1"), empty while nobody knows it.
    `left_out` names the held reports that were knowingly left out; `changes` is what this packet changes
    of the one before.
    """

    id: str
    number: int
    committee_id: str
    committee: str
    agenda_item: str
    proposal: str
    date: date
    time: time
    place: str
    frozen_at: datetime
    agenda_number: str = ""
    diarienummer: str = ""
    reports: tuple[PacketReport, ...] = ()
    left_out: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def item(self) -> str:
        """`14. Rapporter från kontaktpolitiker`."""
        return f"{self.agenda_number}. {self.agenda_item}" if self.agenda_number else self.agenda_item

    @property
    def title(self) -> str:
        """The agenda line: `14. Rapporter från kontaktpolitiker (dnr VSN 2026/123)`."""
        return f"{self.item} (dnr {self.diarienummer})" if self.diarienummer else self.item

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know about the packet before reading it."""
        return (*self._about_changes(), *self._about_left_out(), *self._about_reports())

    def appendix(self, position: int) -> str:
        """`Bilaga 14.1`, or `Bilaga 1` while the item has no number."""
        return f"Bilaga {self.agenda_number}.{position}" if self.agenda_number else f"Bilaga {position}"

    def as_appendix(self, position: int) -> dict[str, Any]:
        """How a report goes by its number in the combined papers, where each has a heading of its own."""
        entry = self.reports[position - 1]
        return {
            "number": self.appendix(position),
            "heading": entry.report.subject,
            "under": entry.report.title,
            "marks": entry.marks,
        }

    def file_name(self, position: int) -> str:
        """`2026-12-09_valfard_01_kost_2026-11-12.pdf`: ASCII, in the order of the agenda."""
        report = self.reports[position - 1]
        parts = [self.date.isoformat(), _slug(self.committee_id), f"{position:0{self._digits}}"]
        parts += [_slug(report.unit), report.day.isoformat() if report.day else ""]
        return f"{'_'.join(filter(None, parts))}.pdf"

    @property
    def combined_name(self) -> str:
        return f"{self.date.isoformat()}_{_slug(self.committee_id)}_{0:0{self._digits}}_samtliga.pdf"

    @property
    def _digits(self) -> int:
        return max(2, len(str(len(self.reports))))

    def _about_changes(self) -> Iterator[str]:
        if self.number > 1:
            yield f"Paket {self.number} ersätter paket {self.number - 1}."
        yield from self.changes

    def _about_left_out(self) -> Iterator[str]:
        if self.left_out:
            one = len(self.left_out) == 1
            count = "En rapport" if one else f"{len(self.left_out)} rapporter"
            which = ", ".join(self.left_out)
            yield f"{count} hålls tillbaka och ingår inte: {which}."

    def _about_reports(self) -> Iterator[str]:
        if not self.reports:
            yield "Inga rapporter har kommit in till sammanträdet."
        oral = [self.appendix(position) for position, entry in enumerate(self.reports, 1) if entry.oral]
        if oral:
            yield f"Redovisas även muntligt på sammanträdet: {', '.join(oral)}."


def _number_of_enclosures(count: int) -> str:
    return "1 bifogad fil" if count == 1 else f"{count} bifogade filer"


def innehall_csv(packet: Packet, hashes: Mapping[str, str]) -> bytes:
    """The list of the reports, a line each, for Swedish Excel.

    `hashes` are SHA-256 in hex by the name of the file.
    """
    return as_csv(_HEADINGS, [_row(packet, position, hashes) for position in _positions(packet)])


_HEADINGS = (
    "Bilaga",
    "Ärendemening",
    "Verksamhet",
    "Datum",
    "Avsändare",
    "Inkom",
    "Registrerad",
    "Diarienummer",
    "Redovisas muntligt",
    "Bifogade filer",
    "Fil",
    "SHA-256",
)


def _row(packet: Packet, position: int, hashes: Mapping[str, str]) -> Sequence[Cell]:
    entry, file = packet.reports[position - 1], packet.file_name(position)
    return (
        packet.appendix(position),
        entry.report.subject,
        entry.unit,
        entry.day,
        entry.report.submitter,
        moment_in_words(entry.arrived_at),
        moment_in_words(entry.registered_at) if entry.registered_at else "",
        entry.report.diarienummer,
        "Ja" if entry.oral else "Nej",
        str(len(entry.enclosures)),
        file,
        hashes[file],
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def innehall_json(packet: Packet, hashes: Mapping[str, str]) -> bytes:
    """The same list for machines; moments in UTC, hashes of the files beside it."""
    return bytes(to_json(_in_json(packet, hashes), indent=2)) + b"\n"


def _in_json(packet: Packet, hashes: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": packet.id,
        "number": packet.number,
        "committee": {"id": packet.committee_id, "name": packet.committee},
        "meeting": {"date": packet.date, "time": f"{packet.time:%H:%M}", "place": packet.place},
        "agenda_item": packet.agenda_item,
        "agenda_number": packet.agenda_number or None,
        "diarienummer": packet.diarienummer or None,
        "proposal": packet.proposal,
        "frozen_at": packet.frozen_at,
        "file": packet.combined_name,
        "sha256": hashes[packet.combined_name],
        "left_out": packet.left_out,
        "changes": packet.changes,
        "reports": [_entry_in_json(packet, position, hashes) for position in _positions(packet)],
    }


def _entry_in_json(packet: Packet, position: int, hashes: Mapping[str, str]) -> dict[str, Any]:
    entry, file = packet.reports[position - 1], packet.file_name(position)
    return {
        "appendix": packet.appendix(position),
        "submission_id": entry.report.submission_id,
        "revision": entry.report.revision,
        "diarienummer": entry.report.diarienummer or None,
        "reference": entry.report.reference,
        "subject": entry.report.subject,
        "unit": entry.unit or None,
        "day": entry.day,
        "submitter": entry.report.submitter,
        "arrived_at": entry.arrived_at,
        "registered_at": entry.registered_at,
        "oral": entry.oral,
        "late": entry.late,
        "file": file,
        "sha256": hashes[file],
        "enclosures": [
            {
                "file": enclosure_name(packet, position, number),
                "name": enclosure.name,
                "media_type": enclosure.media_type,
                "size": enclosure.size,
                "sha256": enclosure.sha256,
            }
            for number, enclosure in enumerate(entry.enclosures, 1)
        ],
    }


def enclosure_name(packet: Packet, position: int, number: int) -> str:
    """Where an enclosure lies in the ZIP: `bilagor/01_1_ritning.pdf`, whatever its sender called it.

    The numbers make it another name than any other, also where case does not count, and none that Windows
    keeps to itself, such as `con.pdf`.
    """
    enclosures = packet.reports[position - 1].enclosures
    name = PurePosixPath(enclosures[number - 1].name.replace("\\", "/"))
    safe = ".".join(filter(None, (_slug(name.stem) or "fil", _slug(name.suffix))))
    return f"bilagor/{position:0{packet._digits}}_{number:0{len(str(len(enclosures)))}}_{safe}"


def paste_text(packet: Packet) -> str:
    """What the secretary pastes: the agenda line, the proposal, the appendices, and words for the minutes."""
    appendices = [
        f"{packet.appendix(position)}. {_one_line(packet.reports[position - 1].report.subject)}"
        for position in _positions(packet)
    ]
    count = len(packet.reports)
    return "\n".join(
        [
            packet.title,
            "",
            "Förslag till beslut",
            packet.proposal,
            "",
            "Bilagor",
            *appendices,
            "",
            "Till protokollet",
            f"Till sammanträdet {day_in_words(packet.date)} har {count} "
            f"{'rapport' if count == 1 else 'rapporter'} kommit in.",
            packet.proposal,
            "",
        ]
    )


def front_page(packet: Packet) -> dict[str, Any]:
    """The words of the first page."""
    facts = [
        ("Sammanträde", f"{weekday_in_words(packet.date)} kl. {packet.time:%H.%M}"),
        ("Plats", packet.place),
        ("Diarienummer", packet.diarienummer),
        ("Antal rapporter", str(len(packet.reports))),
        ("Paket", f"Nummer {packet.number}, fryst {moment_in_words(packet.frozen_at)}"),
        ("Förslag till beslut", packet.proposal),
    ]
    return {
        "committee": packet.committee,
        "title": packet.item,
        "document_title": f"{packet.title}, {packet.committee} {packet.date.isoformat()}",
        "facts": [(name, value) for name, value in facts if value],
        "notes": packet.notes,
        "foot": f"{packet.committee} {packet.date.isoformat()} · Paket {packet.number}",
    }


def _positions(packet: Packet) -> range:
    return range(1, len(packet.reports) + 1)


def _slug(text: str) -> str:
    """Lower-case ASCII letters, digits and hyphens: `Vård & omsorg` is `vard-omsorg`."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")[:_SLUG_LENGTH].strip("-")
