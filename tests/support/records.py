"""Records of made-up packets, and packages with something wrong in them."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zipfile import ZIP_STORED, ZipFile

from archive.eark.record import ChairDecision, File, Organisation, Record, RegisteredReport

FROZEN_AT = datetime(2026, 11, 27, 12, 5, tzinfo=UTC)
PACKET = UUID("0193a2c4-7be1-7c3e-9a51-5f0d3b1f7a10")
ROOT = f"uuid-{PACKET}"
DATA = f"{ROOT}/representations/rep1/data"


def registered(number: int = 1, **changed: Any) -> RegisteredReport:
    report = RegisteredReport(
        submission_id=f"0193a2c4-7be1-7c3e-9a51-{number:012}",
        revision=1,
        form="kontaktpolitiker-valfard",
        diarienummer=f"VSN 2026/{number:05}",
        received_at=FROZEN_AT - timedelta(days=7),
        registered_at=FROZEN_AT - timedelta(days=6),
        sender="Anna Exempelsson",
        subject=f"Besök på Kost, Björkbackens kök, den {number} november",
        public_subject="Rapport från kontaktpolitiker, Kost",
        pdf=File.of("rapport.pdf", "application/pdf", b"%PDF-1.7 " + bytes([number % 256]) * 2000),
        source=File.of("rapport.json", "application/json", b'{"besoksdatum": "2026-11-12"}'),
    )
    return replace(report, **changed)


def record(*reports: RegisteredReport, **changed: Any) -> Record:
    frozen = Record(
        packet_id=PACKET,
        organisation=Organisation("Exempelkommun", "212000-0000"),
        committee_id="valfard",
        committee="Välfärd- och servicenämnden",
        meeting=date(2026, 12, 9),
        number=1,
        frozen_at=FROZEN_AT,
        packet=File.of("Handlingar 2026-12-09.pdf", "application/pdf", b"%PDF-1.7 alla"),
        contents=File.of("innehall.json", "application/json", b'{"reports": []}'),
        reports=reports or (registered(),),
        software="0.1.0",
        case="VSN 2026/00007",
        agreement="Leveransöverenskommelse 2026:3",
    )
    return replace(frozen, **changed)


def variety() -> dict[str, Record]:
    """One record of each kind that an archive may be sent."""
    picture = File.of("bild från köket.jpg", "image/jpeg", b"\xff\xd8\xff picture")
    survey = File.of("تقرير.pdf", "application/pdf", b"%PDF-1.7 survey")
    decided = ChairDecision(date(2026, 11, 1), "§ 17")
    return {
        "one": record(),
        "many": record(*(registered(number) for number in range(1, 41))),
        "none": record(reports=()),
        "attachments": record(registered(attachments=(picture, survey, picture))),
        "unnumbered": record(
            registered(diarienummer=None, registered_at=None),
            case=None,
            agreement=None,
            organisation=Organisation("Exempelkommun"),
        ),
        "arabic": record(registered(sender="ليلى مثال", subject='زيارة <المطبخ> & "مدرسة" ]]>')),
        "decided": record(registered(secret=True, drawn_up=True, chair_decision=decided)),
        "correction": record(number=2, replaces=PACKET, packet_id=UUID(int=PACKET.int + 1)),
    }


Change = Callable[[dict[str, bytes]], dict[str, bytes]]
"""Makes something of the files of a package that the package does not say of itself."""


def mutations() -> dict[str, Change]:
    """Ways in which a package can be wrong; each takes the files by name, and gives them back changed."""
    pdf = f"{DATA}/001/rapport.pdf"
    inner = f"{ROOT}/representations/rep1/METS.xml"
    return {
        "a byte is another": _with(pdf, lambda content: content[:-1] + b"!"),
        "a file is longer": _with(pdf, lambda content: content + b"!"),
        "a file is gone": _without(pdf),
        "a file is there that nobody lists": lambda files: {**files, f"{DATA}/001/mer.pdf": b"%PDF"},
        "the register says another number": _with(
            f"{DATA}/erms.xml", lambda content: content.replace(b"VSN 2026/00001", b"VSN 2026/00009")
        ),
        "the inner METS tells another size": _with(inner, lambda text: text.replace(b'SIZE="2', b'SIZE="3')),
        "the PREMIS is another": _with(
            f"{ROOT}/metadata/preservation/premis.xml", lambda text: text.replace(b"freezing", b"thawing")
        ),
        "the root METS tells another checksum": _with(f"{ROOT}/METS.xml", _other_checksum),
        "the documentation is gone": _without(f"{ROOT}/documentation/LASMIG.txt"),
        "the root folder has another name": lambda files: {
            name.replace(ROOT, "uuid-another", 1): content for name, content in files.items()
        },
        "there are two root folders": lambda files: {**files, "another/METS.xml": files[f"{ROOT}/METS.xml"]},
        "the root METS is gone": _without(f"{ROOT}/METS.xml"),
        "the root METS is cut off": _with(f"{ROOT}/METS.xml", lambda text: text[: len(text) // 2]),
        "the header does not say what kind of package": _with(
            f"{ROOT}/METS.xml", lambda text: text.replace(b' csip:OAISPACKAGETYPE="SIP"', b"")
        ),
        "the root METS points at nothing": _with(
            f"{ROOT}/METS.xml", lambda text: text.replace(b"rep1/METS.xml", b"rep2/METS.xml")
        ),
    }


def mutated(package: bytes, change: Change) -> bytes:
    """The package anew, with the files as they were changed."""
    target = io.BytesIO()
    with ZipFile(target, "w", ZIP_STORED) as archive:
        for name, content in change(dict(files_of(package))).items():
            archive.writestr(name, content)
    return target.getvalue()


def files_of(package: bytes) -> Iterator[tuple[str, bytes]]:
    with ZipFile(io.BytesIO(package)) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def _with(name: str, change: Callable[[bytes], bytes]) -> Change:
    def changed(files: dict[str, bytes]) -> dict[str, bytes]:
        after = change(files[name])
        assert after != files[name]
        return {**files, name: after}

    return changed


def _without(name: str) -> Change:
    return lambda files: {kept: content for kept, content in files.items() if kept != name}


def _other_checksum(text: bytes) -> bytes:
    before, key, after = text.partition(b'CHECKSUM="')
    return before + key + (b"0" if after[:1] != b"0" else b"1") + after[1:]
