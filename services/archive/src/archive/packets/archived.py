"""sip.zip: the record of a packet, made of the very files that are frozen and of the rows behind them."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from archive.committees import Archiving
from archive.eark.package import build_sip
from archive.eark.record import ChairDecision, File, Organisation, Record, RegisteredReport
from archive.forms import Forms
from archive.packets.contents import Enclosure, Packet, PacketReport, innehall_json
from archive.packets.drafting import Draft
from archive.packets.files import PACKET, report_file
from chassis.metrics import service_version
from chassis.objects import Objects

Read = Callable[[str], bytes]
"""Reads an object; called from another thread, one file at a time."""


async def sip_of(
    draft: Draft, archiving: Archiving, forms: Forms, files: Mapping[str, bytes], objects: Objects
) -> bytes:
    """The package of the packet whose `files` have been printed.

    Raises:
        NoObject, StoreUnavailable: what came with a report cannot be read.
    """
    loop = asyncio.get_running_loop()

    def read(name: str) -> bytes:
        return asyncio.run_coroutine_threadsafe(objects.read(name), loop).result()

    record = Recording(draft, archiving, forms, files, read).record()
    return await asyncio.to_thread(build_sip, record)


@dataclass(frozen=True)
class Recording:
    """Tells a packet as a record: what an archive asks of it, and where the bytes are."""

    draft: Draft
    archiving: Archiving
    forms: Forms
    files: Mapping[str, bytes]
    read: Read

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
            packet=File.of(packet.combined_name, "application/pdf", self.files[PACKET]),
            contents=File.of("innehall.json", "application/json", self._contents()),
            reports=tuple(map(self._report, packet.reports, self.draft.entries)),
            software=service_version(),
            case=packet.diarienummer or None,
            agreement=self.archiving.agreement or None,
            replaces=UUID(former.id) if former else None,
        )

    def _contents(self) -> bytes:
        return innehall_json(self.draft.packet, _hashes(self.draft.packet, self.files))

    def _report(self, entry: PacketReport, row: Any) -> RegisteredReport:
        printed = self.files[report_file(row.submission_id)]
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
            pdf=File.of(f"{row.submission_id}.pdf", "application/pdf", printed),
            source=File.of(f"{row.submission_id}.json", "application/json", _source(row)),
            attachments=tuple(map(self._attachment, entry.enclosures)),
            drawn_up=self.archiving.own_reports == "drawn-up",
            chair_decision=self._decision(row),
        )

    def _attachment(self, enclosure: Enclosure) -> File:
        return File(enclosure.name, enclosure.media_type, lambda: self.read(enclosure.object))

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


def _hashes(packet: Packet, files: Mapping[str, bytes]) -> dict[str, str]:
    """By the names that the list has for them, as in packet.zip."""
    named = {packet.combined_name: files[PACKET]}
    for position, entry in enumerate(packet.reports, 1):
        named[packet.file_name(position)] = files[report_file(entry.report.submission_id)]
    return {name: hashlib.sha256(content).hexdigest() for name, content in named.items()}
