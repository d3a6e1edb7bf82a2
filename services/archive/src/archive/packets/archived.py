"""sip.zip: the record of a packet, made of the very files that are frozen and of the rows behind them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from archive.committees import Archiving
from archive.eark.record import ChairDecision, File, Organisation, Record, RegisteredReport
from archive.forms import Forms
from archive.packets.contents import enclosure_name
from archive.packets.drafting import Draft
from archive.packets.files import CONTENTS, SIP
from archive.packets.workroom import off_the_loop
from chassis.metrics import service_version


async def write_record(draft: Draft, archiving: Archiving, forms: Forms, folder: Path) -> Path:
    """The package of the packet whose files have been printed into the folder.

    Raises:
        OSError: the folder cannot be written.
    """
    record, path = Recording(draft, archiving, forms, folder).record(), folder / SIP
    await off_the_loop(partial(_write, record, path))
    return path


def _write(record: Record, path: Path) -> None:
    """In a thread, where lxml is loaded with the first record: 4 MB that few processes ever need."""
    from archive.eark.package import write_sip  # noqa: PLC0415

    with path.open("x+b") as target:
        write_sip(record, target)


@dataclass(frozen=True)
class Recording:
    """Tells a packet as a record: what an archive asks of it, and where in the folder the bytes are."""

    draft: Draft
    archiving: Archiving
    forms: Forms
    folder: Path

    def record(self) -> Record:
        packet, former = self.draft.packet, self.draft.table.former
        owner = self.archiving.organisation or packet.committee
        return Record(
            packet_id=UUID(packet.id),
            organisation=Organisation(owner, self.archiving.organisation_number or None),
            committee_id=packet.committee_id,
            committee=packet.committee,
            meeting=packet.date,
            number=packet.number,
            frozen_at=packet.frozen_at,
            packet=self._paper(packet.combined_name, packet.combined_name),
            contents=File.at(CONTENTS, "application/json", self.folder / CONTENTS),
            reports=tuple(map(self._report, count(1), self.draft.entries)),
            software=service_version("archive"),
            case=packet.diarienummer or None,
            agreement=self.archiving.agreement or None,
            replaces=UUID(former.id) if former else None,
        )

    def _report(self, position: int, row: Any) -> RegisteredReport:
        packet = self.draft.packet
        entry = packet.reports[position - 1]
        return RegisteredReport(
            submission_id=row.submission_id,
            revision=row.revision,
            form=row.form,
            diarienummer=row.diarienummer,
            received_at=row.arrived_at,
            registered_at=row.registered_at,
            sender=row.submitter["name"],
            subject=row.subject,
            public_subject=", ".join(filter(None, [row.title, entry.unit])),
            pdf=self._paper(f"{row.submission_id}.pdf", packet.file_name(position)),
            source=File.of(f"{row.submission_id}.json", "application/json", _source(row)),
            attachments=tuple(self._attachments(position)),
            drawn_up=self.archiving.own_reports == "drawn-up",
            chair_decision=self._decision(row),
        )

    def _paper(self, name: str, printed: str) -> File:
        return File.at(name, "application/pdf", self.folder / printed)

    def _attachments(self, position: int) -> Iterator[File]:
        packet = self.draft.packet
        for number, enclosure in enumerate(packet.reports[position - 1].enclosures, 1):
            path = self.folder / enclosure_name(packet, position, number)
            yield File.at(enclosure.name, enclosure.media_type, path)

    def _decision(self, row: Any) -> ChairDecision | None:
        form = self.forms.get(row.form)
        decided = form.decision_in(row.data) if form else None
        return ChairDecision(decided.datum, decided.referens) if decided else None


_SOURCE = (
    "submission_id",
    "revision",
    "form",
    "form_version",
    "reference",
    "received_at",
    "arrived_at",
    "submitter",
    "data",
    "findings",
    "compensation",
)


def _source(row: Any) -> bytes:
    """What was submitted and what the rules said of it; of a masked report, as it is masked.

    A half of a character, which only an accepted rejection can hold, is written as JSON escapes it.
    """
    told = {name: getattr(row, name) for name in _SOURCE}
    text = json.dumps(told, indent=2, ensure_ascii=False, default=datetime.isoformat)
    return f"{text}\n".encode("utf-8", "backslashreplace")
