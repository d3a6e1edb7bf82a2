"""What the archive answers in JSON, described: the shapes that `archive.views` and its neighbours make."""

from collections.abc import Mapping

from pydantic import TypeAdapter

from archive.committees import Norm
from archive.events import Attachment, Finding
from archive.statistics import PersonYear, UnitYear
from chassis.openapi import COUNT, TEXT, Schema, list_of, object_of, schema_of

YES_OR_NO: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "integer", "minimum": 1}
DAY: Schema = {"type": "string", "format": "date"}
MOMENT: Schema = {"type": "string", "format": "date-time", "description": "In UTC."}
TIME: Schema = {"type": "string", "pattern": r"^\d\d:\d\d$", "description": "In Swedish time."}
SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
ANYTHING: Schema = {"type": "object"}


def or_none(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def whole(title: str, fields: Mapping[str, Schema], about: str = "") -> Schema:
    """An object with all of these fields, which stands among the components of the document."""
    described = {"description": about} if about else {}
    told = {**object_of(fields), **described}
    return {"$ref": f"#/components/schemas/{title}", "$defs": {title: {"title": title, **told}}}


_PAID = object_of({"kind": TEXT, "quantity": {"type": "number"}})
_POSITION = object_of({"kind": TEXT, "message": TEXT, "source": or_none(TEXT)})
_ACT = object_of({"at": MOMENT, "event": TEXT, "by": TEXT, "reason": or_none(TEXT), "version": COUNT})
_STATUSES = ["filed", "held", "returned", "frozen", "reported", "rejected"]

_AS_IT_CAME: Mapping[str, Schema] = {
    "submission_id": TEXT,
    "revision": NUMBER,
    "version": NUMBER,
    "form": TEXT,
    "committee": TEXT,
    "status": {"enum": _STATUSES},
    "meeting": or_none(object_of({"date": DAY})),
    "received_at": MOMENT,
    "arrived_at": MOMENT,
    "reference": TEXT,
    "title": TEXT,
    "subject": TEXT,
    "unit": or_none(TEXT),
    "unit_name": or_none(TEXT),
    "submitter": object_of({"name": TEXT, "email": or_none(TEXT)}),
    "data": {**ANYTHING, "description": "What was answered, by the form's schema."},
    "findings": list_of(schema_of(Finding)),
    "attachments": list_of(schema_of(Attachment)),
}
REPORT = whole(
    "Report",
    {
        **_AS_IT_CAME,
        "late": YES_OR_NO,
        "diarienummer": or_none(TEXT),
        "registered_at": or_none(MOMENT),
        "masked": YES_OR_NO,
        "corrects": or_none(NUMBER),
        "paragraph": or_none(TEXT),
        "compensation": list_of(_PAID),
        "positions": list_of(_POSITION),
        "history": list_of(_ACT),
    },
    about="While it is held, returned or rejected, what may be a personnummer is masked.",
)
_ASIDE = whole(
    "RejectedRevision",
    _AS_IT_CAME,
    about="A rejected revision of a report that stands as an earlier one; `version` is that report's.",
)
REJECTED = whole("Rejected", {"rejected": list_of({"anyOf": [REPORT, _ASIDE]})})

_HOLDING = object_of({"submission_id": TEXT, "revision": NUMBER, "position": COUNT})
PACKET = whole(
    "Packet",
    {
        "number": NUMBER,
        "id": TEXT,
        "frozen_at": MOMENT,
        "frozen_by": TEXT,
        "sha256": {**SHA256, "description": "Of packet.pdf."},
        "reports": list_of(_HOLDING),
        "files": {"type": "object", "additionalProperties": object_of({"sha256": SHA256, "size": COUNT})},
        "agenda_number": or_none(TEXT),
        "diarienummer": or_none(TEXT),
        "left_out": list_of(TEXT),
        "changes": list_of(TEXT),
        "paragraph": or_none(TEXT),
        "removed_at": or_none(MOMENT),
    },
    about="The frozen papers of a meeting.",
)

_WHEN: Mapping[str, Schema] = {
    "date": DAY,
    "time": TIME,
    "place": TEXT,
    "deadline": MOMENT,
    "cancelled": YES_OR_NO,
}
MEETINGS = whole("Meetings", {"meetings": list_of(object_of({**_WHEN, "reports": COUNT, "held": COUNT}))})
MEETING = whole(
    "Meeting",
    {
        "committee": TEXT,
        **_WHEN,
        "reports": list_of(REPORT),
        "held": list_of(REPORT),
        "packets": list_of(PACKET),
    },
    about="A meeting with its reports in the order of the agenda, and those that are held apart.",
)

STATISTICS = whole(
    "Statistics",
    {
        "committee": TEXT,
        "year": NUMBER,
        "on": DAY,
        "norm": schema_of(Norm),
        "units": TypeAdapter(list[UnitYear]).json_schema(ref_template="#/components/schemas/{model}"),
        "not_visited": list_of(TEXT),
        "without_kontaktpolitiker": list_of(TEXT),
        "without_unit": COUNT,
        "people": TypeAdapter(list[PersonYear]).json_schema(ref_template="#/components/schemas/{model}"),
    },
    about="A year's visits. `on` is the day for which the register is asked.",
)
PERIOD = whole("Period", {"from": DAY, "to": DAY, "closed_at": MOMENT, "closed_by": TEXT})
PERIODS = whole("Periods", {"periods": list_of(PERIOD)})

_SIGNED = object_of({"at": MOMENT, "by": TEXT})
DISPOSAL = whole(
    "Disposal",
    {
        "number": NUMBER,
        "state": {"enum": ["proposed", "withdrawn", "carried-out"]},
        "rule": TEXT,
        "decision": TEXT,
        "packets": list_of(ANYTHING),
        "proposed": _SIGNED,
        "closed": or_none(_SIGNED),
        "removed_at": or_none(MOMENT),
    },
    about="A proposal of what to remove, and what became of it.",
)
DISPOSALS = whole("Disposals", {"disposals": list_of(DISPOSAL)})
