"""How a stored report is shown: as JSON, and as a printed page.

Until a person has released it, a held report is shown with everything masked that may be a personnummer.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.engine import Row

from archive.calendar import Meeting
from archive.committees import Committee
from archive.forms import Form
from archive.pdf import Compensation, Finding, Report
from chassis.masking import masked_throughout


def is_masked(report: Row[Any]) -> bool:
    return report.status in {"held", "returned", "rejected"}


def report_in_json(report: Row[Any], acts: Sequence[Row[Any]]) -> dict[str, Any]:
    """A report as contracts give it; dates are ISO 8601, moments in UTC."""
    shown = masked_throughout if is_masked(report) else _as_it_is
    return {
        "submission_id": report.submission_id,
        "revision": report.revision,
        "version": report.version,
        "form": report.form,
        "committee": report.committee,
        "status": report.status,
        "meeting": {"date": report.meeting_date} if report.meeting_date else None,
        "received_at": report.received_at,
        "arrived_at": report.arrived_at,
        "late": report.late,
        "reference": report.reference,
        "diarienummer": report.diarienummer,
        "registered_at": report.registered_at,
        "masked": report.masked,
        "corrects": report.corrects,
        "paragraph": report.paragraph,
        "title": report.title,
        "subject": shown(report.subject),
        "unit": shown(report.unit),
        "unit_name": shown(report.unit_name),
        "submitter": shown(report.submitter),
        "data": shown(report.data),
        "findings": report.findings,
        "compensation": [{name: line[name] for name in _PAID} for line in report.compensation],
        "positions": [shown(_position(line)) for line in report.compensation if line.get("message")],
        "attachments": shown(report.attachments),
        "history": [
            {
                "at": act.at,
                "event": act.event,
                "by": act.by,
                "reason": shown(act.reason),
                "version": act.version,
            }
            for act in acts
        ],
    }


def rejected_in_json(aside: Row[Any]) -> dict[str, Any]:
    """A rejected revision of a report that stands as an earlier one; `version` is that report's."""
    told = {name: aside.report[name] for name in _TOLD_ASIDE}
    shown: dict[str, Any] = masked_throughout(told)
    return {**shown, "version": aside.version, "status": "rejected", "meeting": None}


_TOLD_ASIDE = (
    "submission_id",
    "revision",
    "form",
    "committee",
    "received_at",
    "arrived_at",
    "reference",
    "title",
    "subject",
    "unit",
    "unit_name",
    "submitter",
    "data",
    "findings",
    "attachments",
)
_PAID = ("kind", "quantity")


def _position(line: dict[str, Any]) -> dict[str, Any]:
    """Where the person stands with a kind of compensation, beside what others read as paid."""
    return {"kind": line["kind"], "message": line["message"], "source": line.get("source")}


def _as_it_is(content: Any) -> Any:
    return content


def meeting_in_json(
    committee: str,
    meeting: Meeting,
    reports: Iterable[dict[str, Any]],
    held: Iterable[dict[str, Any]],
    packets: Iterable[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "committee": committee,
        "date": meeting.date,
        "time": f"{meeting.time:%H:%M}",
        "place": meeting.place,
        "deadline": meeting.deadline,
        "cancelled": meeting.cancelled,
        "reports": list(reports),
        "held": list(held),
        "packets": list(packets),
    }


def packet_in_json(packet: Row[Any], holdings: Sequence[Row[Any]]) -> dict[str, Any]:
    """A frozen packet; `sha256` is of packet.pdf, and of each other file beside it."""
    return {
        "number": packet.number,
        "id": packet.id,
        "frozen_at": packet.frozen_at,
        "frozen_by": packet.frozen_by,
        "sha256": packet.sha256,
        "reports": [
            {"submission_id": one.submission_id, "revision": one.revision, "position": one.position}
            for one in holdings
        ],
        "files": {
            name: {"sha256": file["sha256"], "size": file["size"]} for name, file in packet.files.items()
        },
        "agenda_number": packet.agenda_number or None,
        "diarienummer": packet.diarienummer or None,
        "left_out": packet.left_out,
        "changes": packet.changes,
        "paragraph": packet.paragraph,
        "removed_at": packet.removed_at,
    }


def report_to_print(report: Row[Any], committee: Committee, form: Form | None, reason: str) -> Report:
    """What report.pdf shows; a form that is gone leaves the report with its findings only."""
    shown = form.shown(report.form_version, report.data, committee.unit_names) if form else ()
    titled = form.compensation_title if form else str
    return Report(
        submission_id=report.submission_id,
        revision=report.revision,
        committee=committee.name,
        agenda_item=committee.agenda_item,
        title=report.title,
        subject=report.subject,
        status=report.status,
        received_at=report.received_at,
        submitter=report.submitter["name"],
        reference=report.reference,
        diarienummer=report.diarienummer or "",
        meeting=report.meeting_date,
        reason=reason,
        sections=shown,
        findings=findings_of(report),
        compensation=tuple(_paid(line, titled(line["kind"])) for line in report.compensation),
        remark=form.remark if form else "",
    )


def _paid(line: dict[str, Any], title: str) -> Compensation:
    return Compensation(title, line["quantity"], line.get("message", ""), line.get("source", ""))


def findings_of(report: Row[Any]) -> tuple[Finding, ...]:
    return tuple(
        Finding(one["rule"], one["outcome"], one["message"], one["source"]) for one in report.findings
    )
