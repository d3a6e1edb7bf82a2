"""The JSON dialect: Kansli's own, for platforms that can choose."""

import base64
import binascii
import json
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, from_json, to_json

from chassis.clock import STOCKHOLM
from intake.dialects import DataTooLarge, Draft, EnvelopeInvalid, Fault, File, NotUnderstood, whole_characters

MAX_DATA_BYTES = 256 * 1024
"""A form of ten texts of ten thousand characters fits twice; more is a file."""

MAX_FILES = 20
"""Files of one submission; who has more should gather them in a PDF."""

MAX_DEPTH = 100
"""Levels of lists and objects in `data`; forms have five, and parsers of JSON give up at 200."""

_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"
_EMAIL = r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+$"

Line = Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_CONTROLS)]


def _moment(value: object) -> datetime:
    """A date and time as text, in UTC; without a zone it is Swedish time."""
    if not isinstance(value, str):
        raise ValueError("a moment is text")
    moment = datetime.fromisoformat(value)
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=STOCKHOLM)).astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the calendar") from None


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


_SOMEONE: dict[str, Any] = {
    "anyOf": [
        {"type": "object", "required": [name], "properties": {name: {"type": "string"}}}
        for name in ("email", "personal_number")
    ]
}
"""What `_Submitter._someone` asks for, as the schema says it."""


class _Submitter(_Strict):
    model_config = ConfigDict(json_schema_extra=_SOMEONE)

    name: Line
    email: Annotated[str, Field(max_length=254, pattern=_EMAIL)] | None = None
    personal_number: Annotated[str, Field(max_length=30)] | None = None

    @model_validator(mode="after")
    def _someone(self) -> "_Submitter":
        if self.email is None and self.personal_number is None:
            raise ValueError("nobody")
        return self


class _Attachment(_Strict):
    name: Annotated[str, Field(min_length=1, max_length=255, pattern=_NO_CONTROLS)]
    media_type: Annotated[str, Field(min_length=1, max_length=100, pattern=_NO_CONTROLS)]
    content: str


class Envelope(_Strict):
    """What stands around `data`; what `data` must hold, the form's own schema says."""

    form: Line
    form_version: Annotated[int, Field(ge=1)] | None = None
    reference: Line
    submitted_at: Annotated[datetime, BeforeValidator(_moment)]
    submitter: _Submitter
    data: dict[str, Any]
    attachments: Annotated[list[_Attachment], Field(max_length=MAX_FILES)] = []


def read_json(body: bytes) -> Draft:
    """The submission in a JSON body.

    Raises:
        NotUnderstood: it is not JSON, or not an object, or not to be read by whoever comes after us.
        EnvelopeInvalid: something is missing or wrong around `data`.
        DataTooLarge: `data` is over its limit.
    """
    content = _parse(body)
    if not isinstance(content, dict):
        raise NotUnderstood("Innehållet ska vara ett JSON-objekt.")
    try:
        envelope = Envelope.model_validate(content)
    except ValidationError as error:
        raise EnvelopeInvalid([_fault(detail) for detail in error.errors()]) from None
    if _size(envelope.data) > MAX_DATA_BYTES:
        raise DataTooLarge
    if not _is_sound(envelope.data, MAX_DEPTH):
        raise NotUnderstood(_UNSOUND)
    return _draft(envelope)


_UNSOUND = "Svaren har för många nivåer, eller tal som är för stora."


def _size(data: dict[str, Any]) -> int:
    try:
        return len(to_json(data))
    except ValueError:
        raise NotUnderstood(_UNSOUND) from None


def _is_sound(content: dict[str, Any] | list[Any], levels: int) -> bool:
    """Whether it goes no deeper than that, and has no number that became infinite when it was read."""
    if levels == 0:
        return False
    for item in content.values() if isinstance(content, dict) else content:
        if isinstance(item, float) and not math.isfinite(item):
            return False
        if isinstance(item, _NESTED) and not _is_sound(item, levels - 1):
            return False
    return True


_NESTED = (dict, list)


def _parse(body: bytes) -> Any:
    """Lone surrogates, which no text can hold, become U+FFFD for validation to reject as unreadable."""
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        return _parse_patiently(body)


def _parse_patiently(body: bytes) -> Any:
    try:
        return _readable(json.loads(body.decode("utf-8"), parse_constant=_refuse, parse_float=_finite))
    except (ValueError, RecursionError):
        raise NotUnderstood("Innehållet är inte giltig JSON i UTF-8.") from None


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _readable(content: Any) -> Any:
    if isinstance(content, str):
        return whole_characters(content)
    if isinstance(content, list):
        return [_readable(item) for item in content]
    if isinstance(content, dict):
        return {_readable(key): _readable(value) for key, value in content.items()}
    return content


def _draft(envelope: Envelope) -> Draft:
    return Draft(
        form=envelope.form,
        form_version=envelope.form_version,
        reference=envelope.reference,
        submitted_at=envelope.submitted_at,
        name=envelope.submitter.name,
        email=envelope.submitter.email,
        personal_number=envelope.submitter.personal_number,
        data=envelope.data,
        files=_files(envelope.attachments),
    )


def _files(attachments: Sequence[_Attachment]) -> list[File]:
    return [
        File(
            attachment.name,
            attachment.media_type,
            _decoded(attachment.content, f"/attachments/{index}/content"),
        )
        for index, attachment in enumerate(attachments)
    ]


def _decoded(content: str, pointer: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise EnvelopeInvalid([Fault(pointer, "Filens innehåll ska vara kodat med base64.")]) from None


_DETAILS = {
    "missing": "Uppgiften saknas.",
    "extra_forbidden": "Uppgiften är okänd. Kontrollera stavningen eller ta bort den.",
    "string_type": "Uppgiften ska vara text.",
    "int_type": "Uppgiften ska vara ett heltal.",
    "dict_type": "Uppgiften ska vara ett JSON-objekt.",
    "model_type": "Uppgiften ska vara ett JSON-objekt.",
    "list_type": "Uppgiften ska vara en lista.",
    "string_too_short": "Uppgiften får inte vara tom.",
    "string_too_long": "Texten är för lång.",
    "too_long": "Det är för många.",
    "greater_than_equal": "Talet är för litet.",
}
_DETAILS_BY_PLACE = {
    "submitted_at": "Tidpunkten ska skrivas som 2026-11-20T14:03:00+01:00.",
    "email": "Det är ingen e-postadress.",
    "submitter": "Ange e-postadress eller personnummer för den som skickar.",
}
_BY_PLACE_KINDS = {"value_error", "string_pattern_mismatch"}


def _fault(detail: ErrorDetails) -> Fault:
    """What is wrong and where, without what was written there."""
    named = detail["loc"] if _is_plain(detail["loc"][-1:]) else detail["loc"][:-1]
    pointer = "".join(f"/{_escaped(str(part))}" for part in named)
    last = str(detail["loc"][-1]) if detail["loc"] else ""
    if detail["type"] in _BY_PLACE_KINDS:
        return Fault(pointer, _DETAILS_BY_PLACE.get(last, "Uppgiften har fel form eller otillåtna tecken."))
    return Fault(pointer, _DETAILS.get(detail["type"], "Uppgiften har fel form."))


def _is_plain(last: tuple[int | str, ...]) -> bool:
    """A key that the sender chose is repeated only when it is plainly a name."""
    return all(isinstance(one, int) or _PLAIN_NAME.fullmatch(one) for one in last)


_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z_/~-]{0,59}\d{0,2}")


def _escaped(part: str) -> str:
    """A key as a JSON pointer writes it (RFC 6901)."""
    return part.replace("~", "~0").replace("/", "~1")
