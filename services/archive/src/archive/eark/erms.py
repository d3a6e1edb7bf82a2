"""CITS ERMS: the register's account of the packet and its reports, as an archive's case system reads it.

Written so that both ERMS 2.1.2 (FGS Ärendehantering 2.0) and 3.0 accept it: https://citserms.dilcis.eu.
"""

from collections.abc import Iterable
from datetime import date, datetime, time
from uuid import uuid5

from lxml.etree import _Element

from archive.eark.layout import Placed, PlacedRecord, PlacedReport
from archive.eark.markup import child, moment, path_of_children, root, written
from archive.eark.record import ChairDecision, Record, RegisteredReport
from chassis.clock import STOCKHOLM

ERMS = "https://DILCIS.eu/XML/ERMS"

SECRECY = "5 kap. 5 § offentlighets- och sekretesslagen (2009:400)"
SECRECY_MEANS = "Sekretessmarkering: en varning, inget beslut. Prövas när någon begär ut handlingen."


def erms(placed: PlacedRecord) -> bytes:
    top = root(ERMS, "erms", {None: ERMS})
    _control(top, placed.record)
    record = placed.record
    case = child(
        child(top, "aggregations"),
        "aggregation",
        None,
        {"systemIdentifier": f"uuid-{record.packet_id}", "aggregationType": "caseFile"},
    )
    child(case, "objectId", _case(record))
    child(case, "title", record.title)
    child(case, "status", None, {"value": "closed"})
    if record.replaces:
        child(case, "relation", f"uuid-{record.replaces}", {"relationType": "replaces"})
    _packet(case, placed)
    for report in placed.reports:
        _report(case, record, report)
    return written(top)


def _control(top: _Element, record: Record) -> None:
    control = child(top, "control")
    child(control, "identification", _case(record), {"identificationType": record.committee_id})
    maintenance = child(control, "maintenanceInformation")
    child(maintenance, "maintenanceStatus", None, {"value": "new"})
    agency = child(maintenance, "maintenanceAgency")
    if record.organisation.number:
        child(agency, "otherAgencyCode", record.organisation.number, {"type": "organisationsnummer"})
    child(agency, "agencyName", f"{record.organisation.name}, {record.committee}")
    event = path_of_children(maintenance, "maintenanceHistory", "maintenanceEvent")
    child(event, "eventType", None, {"value": "created"})
    child(event, "eventDateTime", moment(record.frozen_at))
    _agent(event, "agent", f"Kansli {record.software}")


def _packet(case: _Element, placed: PlacedRecord) -> None:
    record = placed.record
    entry = _record(case, f"uuid-{uuid5(record.packet_id, 'packet')}", "packet")
    child(entry, "objectId", _case(record))
    child(entry, "title", record.title)
    child(entry, "direction", None, _DRAWN_UP)
    _dates(entry, "created", record.frozen_at)
    _appendices(entry, [placed.packet, placed.contents])


def _report(case: _Element, record: Record, placed: PlacedReport) -> None:
    """One registered document; the elements stand in the order of the schema."""
    report = placed.report
    entry = _record(case, f"uuid-{uuid5(record.packet_id, report.submission_id)}", report.form)
    child(entry, "objectId", report.diarienummer or report.submission_id)
    child(entry, "extraId", report.submission_id, {"extraIdType": "submission"})
    child(entry, "extraId", str(report.revision), {"extraIdType": "revision"})
    child(entry, "title", report.public_subject)
    child(entry, "subject", report.subject)
    child(entry, "runningNumber", str(placed.running_number))
    _restriction(entry, report)
    child(entry, "direction", None, _DRAWN_UP if report.drawn_up else {"directionDefinition": "incoming"})
    _agent(child(entry, "agents"), "sender", report.sender)
    _dates(entry, "received", report.received_at, report.registered_at)
    if report.chair_decision:
        _decision(entry, report.chair_decision)
    _appendices(entry, placed.files)


def _record(case: _Element, name: str, kind: str) -> _Element:
    return child(case, "record", None, {"systemIdentifier": name, "recordType": kind})


def _restriction(entry: _Element, report: RegisteredReport) -> None:
    if report.secret:
        restriction = child(entry, "restriction", None, {"restrictionType": "confidential"})
        child(restriction, "explanatoryText", SECRECY_MEANS)
        child(restriction, "regulation", SECRECY)


def _agent(parent: _Element, kind: str, name: str) -> None:
    child(child(parent, "agent", None, {"agentType": kind}), "name", name)


def _dates(entry: _Element, kind: str, at: datetime, registered_at: datetime | None = None) -> None:
    """A kind of date that ERMS has no word for is `other`, named beside."""
    dates = child(entry, "dates")
    child(dates, "date", moment(at), {"dateType": kind})
    if registered_at:
        named = {"dateType": "other", "otherDateType": "registered"}
        child(dates, "date", moment(registered_at), named)


def _decision(entry: _Element, decision: ChairDecision) -> None:
    action = child(entry, "action")
    child(action, "actionText", f"Ordförandebeslut {decision.reference}")
    child(action, "actionType", "chair_decision")
    child(child(action, "dates"), "actionDate", _day(decision.day), {"dateType": "decision_date"})


def _day(day: date) -> str:
    """ERMS knows no day without an hour: the moment when it began in Sweden."""
    return moment(datetime.combine(day, time(), STOCKHOLM))


def _appendices(entry: _Element, files: Iterable[Placed]) -> None:
    listed = child(entry, "additionalInformation")
    for file in files:
        named = {"name": file.original, "fileFormat": file.media_type, "path": file.path}
        child(listed, "appendix", None, named)


def _case(record: Record) -> str:
    """A packet whose item has no diarienummer goes by its own name."""
    return record.case or f"uuid-{record.packet_id}"


_DRAWN_UP = {"directionDefinition": "other", "otherDirectionDefinition": "upprättad"}
