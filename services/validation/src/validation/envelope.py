"""The submission as a platform asks about it: the same JSON as intake takes, read for a judgement."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, from_json, to_json

from validation.texts import escaped

MAX_DATA_BYTES = 256 * 1024
"""As at intake: what is larger would not be taken there."""

MAX_DEPTH = 100

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"
_EMAIL = r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+$"

Line = Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_CONTROLS)]


def _moment(value: object) -> object:
    """A date and time as text, with or without a zone; when it was sent does not decide a judgement."""
    if not isinstance(value, str):
        raise ValueError("a moment is text")
    return datetime.fromisoformat(value)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Asker(_Strict):
    name: Line
    email: Annotated[str, Field(max_length=254, pattern=_EMAIL)] | None = None
    personal_number: Annotated[str, Field(max_length=30)] | None = None

    @model_validator(mode="after")
    def _someone(self) -> "Asker":
        if self.email is None and self.personal_number is None:
            raise ValueError("nobody")
        return self


class NamedFile(_Strict):
    """A file that would come along; its name is judged, its content is intake's business."""

    name: Annotated[str, Field(min_length=1, max_length=255, pattern=_NO_CONTROLS)]
    media_type: str | None = None
    content: str | None = None


class Envelope(_Strict):
    form: Line
    form_version: Annotated[int, Field(ge=1)] | None = None
    reference: Line
    submitted_at: Annotated[datetime, BeforeValidator(_moment)]
    submitter: Asker
    data: dict[str, Any]
    attachments: Annotated[list[NamedFile], Field(max_length=20)] = []


@dataclass(frozen=True)
class Fault:
    """What is wrong around the answers, where (JSON Pointer), and what to do, in Swedish."""

    pointer: str
    detail: str


class NotUnderstood(Exception):
    """The bytes are no JSON object, or one that nobody could judge."""


class DataTooLarge(Exception):
    """The answers are over `MAX_DATA_BYTES`."""


@dataclass
class EnvelopeInvalid(Exception):
    faults: Sequence[Fault]


def read_envelope(body: bytes) -> Envelope:
    """Read the body; raises `NotUnderstood`, `EnvelopeInvalid` or `DataTooLarge`."""
    content = _parsed(body)
    if not isinstance(content, dict):
        raise NotUnderstood
    try:
        envelope = Envelope.model_validate(content)
    except ValidationError as error:
        raise EnvelopeInvalid([_fault(detail) for detail in error.errors()]) from None
    if _size(envelope.data) > MAX_DATA_BYTES:
        raise DataTooLarge
    if not _is_sound(envelope.data, MAX_DEPTH):
        raise NotUnderstood
    return envelope


def _parsed(body: bytes) -> Any:
    """Half surrogate pairs become U+FFFD, as at intake, so that the judgement is the same."""
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        return _parsed_patiently(body)


def _parsed_patiently(body: bytes) -> Any:
    try:
        return _readable(json.loads(body.decode("utf-8"), parse_constant=_refused))
    except (ValueError, RecursionError):
        raise NotUnderstood from None


def _refused(constant: str) -> float:
    raise ValueError(constant)


def _readable(content: Any) -> Any:
    if isinstance(content, str):
        return _LONE_SURROGATE.sub("\ufffd", content)
    if isinstance(content, list):
        return [_readable(item) for item in content]
    if isinstance(content, dict):
        return {_readable(key): _readable(value) for key, value in content.items()}
    return content


def _size(data: dict[str, Any]) -> int:
    try:
        return len(to_json(data))
    except ValueError:
        raise NotUnderstood from None


def _is_sound(content: Any, levels: int) -> bool:
    """Whether it goes no deeper, and holds no number that became infinite when it was read."""
    if isinstance(content, dict | list):
        inside = content.values() if isinstance(content, dict) else content
        return levels > 0 and all(_is_sound(item, levels - 1) for item in inside)
    return not isinstance(content, float) or math.isfinite(content)


_DETAILS = {
    "missing": "Uppgiften saknas.",
    "extra_forbidden": "Uppgiften är okänd. Kontrollera stavningen eller ta bort den.",
    "string_type": "Uppgiften ska vara text.",
    "int_type": "Uppgiften ska vara ett heltal.",
    "string_too_short": "Uppgiften får inte vara tom.",
    "string_too_long": "Texten är för lång.",
    "too_long": "Det är för många.",
}
_DETAILS_BY_PLACE = {
    "submitted_at": "Tidpunkten ska skrivas som 2026-11-20T14:03:00+01:00.",
    "email": "Det är ingen e-postadress.",
    "submitter": "Ange e-postadress eller personnummer för den som skickar.",
}


def _fault(detail: ErrorDetails) -> Fault:
    """What is wrong and where, without what was written there."""
    pointer = "".join(f"/{escaped(str(step))}" for step in detail["loc"])
    last = str(detail["loc"][-1]) if detail["loc"] else ""
    if detail["type"] in {"value_error", "string_pattern_mismatch"}:
        return Fault(pointer, _DETAILS_BY_PLACE.get(last, "Uppgiften har fel form eller otillåtna tecken."))
    return Fault(pointer, _DETAILS.get(detail["type"], "Uppgiften har fel form."))
