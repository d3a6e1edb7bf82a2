"""PREMIS 3.0: the fixity of every file, and what happened to it before it came to the archive.

The representation tells of its files, the root of the packet as a whole.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import uuid5

from lxml.etree import _Element

from archive.eark.layout import Placed, PlacedRecord, PlacedReport
from archive.eark.markup import XSI, child, mark, moment, path_of_children, root, written
from archive.eark.record import Record

PREMIS = "http://www.loc.gov/premis/v3"


def premis_of_files(placed: PlacedRecord, registration: Placed) -> bytes:
    """The objects first, then the events and the agent, as the schema wants them."""
    top = _begun()
    for file in (*placed.files, registration):
        _object(top, placed.record, file)
    for report in placed.reports:
        _receipt(top, placed.record, report)
    _production(top, placed, registration)
    _software(top, placed.record)
    return written(top)


def premis_of_packet(record: Record) -> bytes:
    top = _begun()
    packet = child(top, "object", None, {"xsi:type": "representation"})
    _identifier(packet, "objectIdentifier", "UUID", str(record.packet_id))
    child(packet, "originalName", record.title)
    event = _event(top, record, "freezing", record.frozen_at, _frozen(record))
    _identifier(event, "linkingObjectIdentifier", "UUID", str(record.packet_id))
    _software(top, record)
    return written(top)


def _begun() -> _Element:
    top = root(PREMIS, "premis", {None: PREMIS, "xsi": XSI})
    mark(top, {"version": "3.0"})
    return top


def _object(top: _Element, record: Record, file: Placed) -> None:
    described = child(top, "object", None, {"xsi:type": "file"})
    _identifier(described, "objectIdentifier", "filepath", file.path)
    traits = child(described, "objectCharacteristics")
    fixity = child(traits, "fixity")
    child(fixity, "messageDigestAlgorithm", "SHA-256")
    child(fixity, "messageDigest", file.sha256)
    child(fixity, "messageDigestOriginator", f"Kansli {record.software}")
    child(traits, "size", str(file.size))
    child(path_of_children(traits, "format", "formatDesignation"), "formatName", file.media_type)
    child(described, "originalName", file.original)


def _receipt(top: _Element, record: Record, placed: PlacedReport) -> None:
    """When a report came; what the sender wrote is the source and its attachments."""
    report = placed.report
    name = f"{report.submission_id}, revision {report.revision}"
    event = _event(top, record, "ingestion", report.received_at, f"Inlämning {name} har tagits emot.")
    _about(event, placed.came)


def _production(top: _Element, placed: PlacedRecord, registration: Placed) -> None:
    record = placed.record
    event = _event(top, record, "creation", record.frozen_at, "Framställt ur det som har kommit in.")
    _about(event, [placed.packet, placed.contents, registration, *(it.pdf for it in placed.reports)])


def _event(top: _Element, record: Record, kind: str, at: datetime, detail: str) -> _Element:
    event = child(top, "event")
    _identifier(event, "eventIdentifier", "UUID", str(uuid5(record.packet_id, f"{kind} {detail}")))
    child(event, "eventType", kind)
    child(event, "eventDateTime", moment(at))
    child(child(event, "eventDetailInformation"), "eventDetail", detail)
    _identifier(event, "linkingAgentIdentifier", "software", _software_name(record))
    return event


def _about(event: _Element, files: Iterable[Placed]) -> None:
    for file in files:
        _identifier(event, "linkingObjectIdentifier", "filepath", file.path)


def _software(top: _Element, record: Record) -> None:
    agent = child(top, "agent")
    _identifier(agent, "agentIdentifier", "software", _software_name(record))
    child(agent, "agentName", "Kansli")
    child(agent, "agentType", "software")
    child(agent, "agentVersion", record.software)


def _identifier(parent: _Element, tag: str, kind: str, value: str) -> None:
    identifier = child(parent, tag)
    child(identifier, f"{tag}Type", kind)
    child(identifier, f"{tag}Value", value)


def _software_name(record: Record) -> str:
    return f"Kansli {record.software}"


def _frozen(record: Record) -> str:
    correction = f" Det ersätter paket {record.replaces}." if record.replaces else ""
    return f"Paket {record.number} till sammanträdet {record.meeting} har fastställts.{correction}"
