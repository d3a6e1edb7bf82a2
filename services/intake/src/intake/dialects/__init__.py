"""What platforms send, each in its own way; here it is translated once into what Kansli means."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from intake.events import Finding

DRIFT = "form-drift"
"""The rule of the finding that the platform's form has changed since it was mapped."""


@dataclass(frozen=True)
class File:
    """A file as it came: its name is the sender's and is not trusted with anything."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Draft:
    """A submission as a platform sent it, before anything was promised.

    `personal_number` is in clear here and nowhere else.
    """

    form: str
    form_version: int | None
    reference: str
    submitted_at: datetime | None
    """None where the platform does not say; the time of receipt stands in for it."""
    name: str
    email: str | None
    personal_number: str | None
    data: Mapping[str, Any]
    files: Sequence[File] = ()
    may_lose_files: bool = False
    """Whether a file that is not taken is left out with a word, instead of refusing all that came with it.

    So for a platform's own document: whoever filled it in is not there to choose another file.
    """
    findings: Sequence[Finding] = ()
    """What the dialect noticed and a person should know, such as a form that has changed."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a submission, where (JSON pointer), and what to do, in Swedish."""

    pointer: str
    detail: str


@dataclass
class NotUnderstood(Exception):
    """The bytes are not of the dialect at all."""

    detail: str


@dataclass
class EnvelopeInvalid(Exception):
    """The dialect was understood, but the envelope is not complete or not right."""

    faults: Sequence[Fault] = field(default_factory=list)


@dataclass
class DataTooLarge(Exception):
    """The answers alone are larger than a form's may be."""


@dataclass
class Unreadable(Exception):
    """A platform's document that cannot be read; `line` and `column` count from 1 where they are known.

    The platform mostly cannot send another, so what came is kept for a person to look at.
    """

    detail: str
    line: int | None = None
    column: int | None = None


@dataclass
class NoMapping(Exception):
    """A whole document of a family that no form says how to read; it waits until one does."""

    family: str
    version: str | None
    reference: str
    submitted_at: datetime | None


@dataclass
class Drifted(Exception):
    """The family is mapped, but elements that its form requires are gone in a newer version of it."""

    family: str
    version: str | None
    reference: str
    submitted_at: datetime | None
    missing: Sequence[str] = ()


_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def whole_characters(text: str) -> str:
    """The text with U+FFFD for each half of a character, which JSON can hold and no text can.

    What stands in its place is for validation to reject.
    """
    return _LONE_SURROGATE.sub("\ufffd", text)
