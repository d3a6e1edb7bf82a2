"""What platforms may ask of intake: one table that is served, and is the OpenAPI document."""

from chassis.openapi import CALLER_KEYS, JSON, Answer, Operation, Parameter, Schema, problems, schema_of
from intake.api import MULTIPART_TYPE, PLATFORM_ID, Api
from intake.dialects.json_dialect import Envelope
from intake.events import Finding, Meeting
from intake.platform_documents import XML_TYPES

ABOUT = "Takes submissions from e-tjänst platforms, durably and once, and tells what became of them."

STATUSES = ["received", "rejected", "held", "filed", "returned", "frozen", "parked"]

_RECEIPT: Schema = {
    "title": "Receipt",
    "type": "object",
    "required": ["id", "status", "form", "reference", "received_at"],
    "properties": {
        "id": {"type": "string", "description": "What the submission is called from now on."},
        "status": {"enum": ["received", "parked"]},
        "form": {"type": "string"},
        "reference": {"type": "string"},
        "received_at": {"type": "string", "format": "date-time"},
    },
}

_HAND_BACK: Schema = {
    "title": "HandBack",
    "description": "How the platform was told of the latest change, if it wants to be told.",
    "type": "object",
    "required": ["state", "attempts", "at", "reason"],
    "properties": {
        "state": {"enum": ["none", "pending", "done", "failed"]},
        "attempts": {"type": "integer", "minimum": 0},
        "at": {
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}],
            "description": "Since when it is pending, or when it was done or given up.",
        },
        "reason": {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "Why not, in Swedish."},
    },
}

_STATUS: Schema = {
    "title": "Status",
    "type": "object",
    "required": [
        "id",
        "form",
        "reference",
        "status",
        "revision",
        "received_at",
        "findings",
        "meeting",
        "history",
        "hand_back",
    ],
    "properties": {
        "id": {"type": "string"},
        "form": {"type": "string"},
        "reference": {"type": "string"},
        "status": {"enum": STATUSES},
        "revision": {"type": "integer", "minimum": 1},
        "received_at": {"type": "string", "format": "date-time"},
        "findings": {"type": "array", "items": schema_of(Finding)},
        "meeting": {"anyOf": [schema_of(Meeting), {"type": "null"}]},
        "history": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["at", "event"],
                "properties": {
                    "at": {"type": "string", "format": "date-time"},
                    "event": {"type": "string"},
                },
            },
        },
        "hand_back": {"$ref": "#/components/schemas/HandBack"},
    },
    "$defs": {"HandBack": _HAND_BACK},
}

_LINE: Schema = {"type": "string", "minLength": 1, "maxLength": 200}

_RECEIVE_PROBLEMS = problems(400, 401, 403, 404, 408, 413, 415, 422) | problems(
    429, 503, Retry_After="Seconds to wait before the next try."
)


_PARTS: Schema = {
    "type": "object",
    "required": ["submission"],
    "description": "The part `submission` is the JSON; every other part is a file: PDF, JPEG or PNG.",
    "properties": {"submission": {"type": "object"}},
    "additionalProperties": {"type": "string", "format": "binary"},
}


def operations(api: Api) -> list[Operation]:
    """The table; its order is the document's."""
    return [
        Operation(
            method="POST",
            path="/v1/submissions",
            handler=api.receive,
            id="receive",
            summary="Hand over a submission.",
            description="After a 202 it cannot be lost and will have its effect once. The same again gets "
            "the same receipt; the same reference with a later `submitted_at` is a completion. "
            "Open ePlatform's documents are taken as XML, or as JSON with `FlowInstance` on top. One "
            "of a family that no form maps yet is `parked`, with `open-e/` and the family's number as its "
            "form: kept sealed, and read when a mapping arrives. One that is damaged is refused with 422, "
            "and kept for 30 days under the `parked_id` of the answer.",
            parameters=[_IDEMPOTENCY_KEY, _PLATFORM],
            bodies={
                JSON: {**schema_of(Envelope), "examples": [_EXAMPLE]},
                MULTIPART_TYPE: _PARTS,
                **dict.fromkeys(sorted(XML_TYPES), _FLOW_INSTANCE),
            },
            answers={202: _TAKEN, **_RECEIVE_PROBLEMS},
            keys=CALLER_KEYS,
        ),
        Operation(
            method="GET",
            path="/v1/submissions",
            handler=api.by_reference,
            id="find",
            summary="Ask what became of a submission, by the platform's own reference.",
            parameters=[_REFERENCE],
            answers={200: _STANDS, **problems(401, 404)},
            keys=CALLER_KEYS,
        ),
        Operation(
            method="GET",
            path="/v1/submissions/{id}",
            handler=api.by_id,
            id="status",
            summary="Ask what became of a submission, by the id of its receipt.",
            parameters=[_ID],
            answers={200: _STANDS, **problems(401, 404)},
            keys=CALLER_KEYS,
        ),
    ]


_EXAMPLE = {
    "form": "kontaktpolitiker-valfard",
    "form_version": 1,
    "reference": "190456",
    "submitted_at": "2026-11-20T14:03:00+01:00",
    "submitter": {"name": "Anna Exempelsson", "email": "anna.exempelsson@valfard.example"},
    "data": {"besoksdatum": "2026-11-12", "verksamhet": "kost", "enhet": "Centralköket"},
}
_IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    place="header",
    description="The platform's own key of this request; with the same content it is answered as before.",
    schema={**_LINE, "pattern": "^[!-~]+$"},
)
_PLATFORM = Parameter(
    name="platform",
    place="query",
    description="The platform of an Open ePlatform document, if it is not the caller itself; "
    "its references are then written `platform/reference`.",
    schema={"type": "string", "pattern": f"^{PLATFORM_ID.pattern}$"},
)
_FLOW_INSTANCE: Schema = {
    "type": "string",
    "description": "A FlowInstance as Open ePlatform exports it; the document says its own encoding.",
}
_REFERENCE = Parameter(
    name="reference",
    place="query",
    description="As it was sent.",
    schema=_LINE,
    required=True,
)
_ID = Parameter(name="id", place="path", description="As the receipt had it.", schema=_LINE)
_STANDS = Answer(description="What became of it so far.", content={JSON: _STATUS})
_TAKEN = Answer(
    description="It is durable.",
    content={JSON: _RECEIPT},
    headers={
        "Location": "Where to ask what became of it.",
        "Idempotency-Replayed": "`true` when it had been taken before.",
    },
    links={
        "status": {"id": "$response.body#/id"},
        "find": {"reference": "$response.body#/reference"},
    },
)
