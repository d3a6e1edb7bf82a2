"""What platforms may ask of validation: one table that is served, and is the OpenAPI document."""

from chassis.openapi import JSON, Answer, Operation, Schema, problems, schema_of
from validation.api import Api
from validation.envelope import Envelope
from validation.events import JudgedFinding

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


def operations(api: Api) -> list[Operation]:
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
            needs_key=True,
        )
    ]
