"""What may be asked of validation: one table that is served, and is the OpenAPI document."""

from typing import get_args

from chassis.admin import FOR_OPERATORS
from chassis.loopback import Handler
from chassis.openapi import CALLER_KEYS, JSON, Answer, Operation, Schema, problems, schema_of
from validation.api import Api
from validation.envelope import Envelope
from validation.events import JudgedFinding
from validation.history import Result, Visits

ABOUT = "Judges submissions by their form's schema and the committee's guideline, and names the rule."

_LINE: Schema = {
    "type": "object",
    "required": ["kind", "quantity"],
    "properties": {"kind": {"type": "string"}, "quantity": {"type": "number"}},
}
_POSITION: Schema = {
    "type": "object",
    "description": "Where the person stands with a kind of compensation, in Swedish.",
    "required": ["kind", "message", "source"],
    "properties": {
        "kind": {"type": "string"},
        "message": {"type": "string"},
        "source": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
}
_JUDGEMENT: Schema = {
    "title": "Judgement",
    "type": "object",
    "required": ["outcome", "findings", "facts", "compensation", "positions"],
    "properties": {
        "outcome": {"enum": ["accepted", "held", "rejected"]},
        "findings": {"type": "array", "items": schema_of(JudgedFinding)},
        "facts": {"type": "object", "additionalProperties": {"type": "number"}},
        "compensation": {"type": "array", "items": _LINE},
        "positions": {"type": "array", "items": _POSITION},
    },
}

_PROBLEMS = problems(400, 401, 403, 404, 408, 413, 415, 422) | problems(
    429, 503, Retry_After="Seconds to wait before the next try."
)

_LINES: Schema = {
    "title": "Lines",
    "type": "object",
    "required": ["rows"],
    "properties": {
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["line", "result", "detail"],
                "properties": {
                    "line": {"type": "integer"},
                    "result": {"enum": list(get_args(Result))},
                    "detail": {"type": "string"},
                },
            },
        }
    },
}


def operations(api: Api, past: Handler) -> list[Operation]:
    """The table; its order is the document's."""
    return [
        Operation(
            method="POST",
            path="/v1/check",
            handler=api.check,
            id="check",
            summary="Ask what a submission would become, without sending it.",
            description="The same content as intake takes. It is judged by what stands just now, and "
            "nothing is stored; sent later, it may be judged by what has come between.",
            bodies={JSON: schema_of(Envelope)},
            answers={200: Answer(description="The judgement.", content={JSON: _JUDGEMENT}), **_PROBLEMS},
            keys=CALLER_KEYS,
        ),
        Operation(
            method="POST",
            path="/admin/history",
            handler=past,
            id="import-history",
            summary="Take visits from before go-live, so that they count among a person's.",
            description="All lines, or none while one cannot be taken. The same again changes nothing.",
            bodies={JSON: schema_of(Visits)},
            answers={
                200: Answer(description="What became of each line.", content={JSON: _LINES}),
                **problems(403, 404, 413, 415, 422),
            },
            **FOR_OPERATORS,
        ),
    ]
