"""Events: what services say to each other, as CloudEvents 1.0.2 in JSON, one by one or in batches.

Each service has its own models of what it says and reads, with only the fields that it uses;
`schemas/events/` holds the one shape they all agree on.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    create_model,
)
from pydantic_core import from_json, to_json
from uuid_utils import uuid7

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""RabbitMQ 4 refuses messages over 16 MiB; a quarter leaves room for headers and for slow links."""

TYPE_PREFIX = "se.kansli."


class UnreadableMessage(Exception):
    """The bytes are no CloudEvent that this service understands."""


class OversizedEvent(Exception):
    """The event is larger than a message may be; large content travels as a reference."""


class Event(BaseModel):
    """Something that happened to a submission, named noun.participle.

    `heard_by` names the services that must hear of it: each has a queue of its own,
    and the event counts as said to a listener only when that queue holds it.
    Another version of an event names the one before as `former` and says in `lifted` what it makes of it;
    so it is read in both, and a chain of them in each.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    kind: ClassVar[str]
    schema_version: ClassVar[int] = 1
    heard_by: ClassVar[tuple[str, ...]] = ()
    former: ClassVar["Version | None"] = None

    submission_id: str

    @classmethod
    def type(cls) -> str:
        return f"{TYPE_PREFIX}{cls.kind}.v{cls.schema_version}"

    @classmethod
    def versions(cls) -> "list[Version]":
        """The models of the versions that can be read, newest first."""
        return [cls, *(cls.former.versions() if cls.former else ())]

    @classmethod
    def lifted(cls, former: Any) -> Self:
        """What an event of the version before is in this one: as it was, where nothing else is said.

        Raises:
            ValidationError: this version wants what that one did not have.
        """
        return cls.model_validate_json(to_json(former, by_alias=True))

    @classmethod
    def read(cls, envelope: "Envelope") -> Self:
        """The event in the envelope.

        Raises:
            UnreadableMessage: of another kind, of a version from the future, or not of the agreed shape.
        """
        try:
            if envelope.type == cls.type():
                return cls.model_validate_json(to_json(envelope.data))
            return cls.lifted(cls._of_former(envelope))
        except ValidationError as error:
            raise UnreadableMessage(_without_content(error)) from None

    @classmethod
    def _of_former(cls, envelope: "Envelope") -> "Event":
        known = [version.type() for version in cls.versions()]
        if cls.former is None or envelope.type not in known:
            raise UnreadableMessage(f"expected {' or '.join(known)}, got {envelope.type[:100]}")
        return cls.former.read(envelope)


Version: TypeAlias = type[Event]
"""A version of an event: the model of it."""


E = TypeVar("E", bound=Event)


def _without_content(error: ValidationError) -> str:
    """What is wrong and where, and nothing of what was written there."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'/'.join(map(str, detail['loc']))}: {detail['type']}" for detail in details)


NO_CONTROL_CHARACTERS = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""CloudEvents 1.0.2 disallows them in attributes, and PostgreSQL cannot store the first."""

Printable = Annotated[str, Field(pattern=NO_CONTROL_CHARACTERS)]
Key = Annotated[Printable, Field(min_length=1, max_length=200)]


def _no_number(value: Any) -> Any:
    """A time is written; a number of seconds is no time in a CloudEvent."""
    if isinstance(value, int | float):
        raise ValueError("a number")
    return value


class Attributes(BaseModel):
    """What a CloudEvent says of itself."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    specversion: Literal["1.0"]
    id: Key
    source: Key
    type: Printable
    subject: Printable
    time: Annotated[AwareDatetime, BeforeValidator(_no_number), Field(strict=False)]
    traceparent: str | None = None


class Envelope(Attributes):
    """A CloudEvent's attributes and its data, as they came."""

    data: dict[str, Any]


@dataclass(frozen=True)
class Received:
    """One event of a message: what it came as, and the envelope, or why there is none."""

    envelope: Envelope | None
    reason: str = ""
    alone: bytes | None = None
    """Its bytes, when it is all of its message."""
    among_others: Any = None
    """What it says, when it is one of several."""

    @cached_property
    def raw(self) -> bytes:
        """The event's own bytes, made when they must be kept: that is seldom."""
        if self.alone is not None:
            return self.alone
        return json.dumps(self.among_others, ensure_ascii=False, separators=(",", ":")).encode()


def new_id() -> str:
    """A UUIDv7 (RFC 9562): unique, and in the order of time, which keeps indexes small."""
    return str(uuid7())


def queue_name(listener: str, kind: str) -> str:
    return f"{listener}.{kind}"


def encode(event: Event, event_id: str, source: str, time: datetime, traceparent: str) -> bytes:
    """The event as one structured CloudEvent.

    Raises:
        OversizedEvent: it is larger than a message may be.
    """
    body = to_json(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": source,
            "type": event.type(),
            "subject": event.submission_id,
            "time": time,
            "datacontenttype": "application/json",
            "traceparent": traceparent,
            "data": event,
        },
        by_alias=True,
    )
    if len(body) > MAX_MESSAGE_BYTES:
        raise OversizedEvent(f"{event.kind}: {len(body)} bytes")
    return body


def pack(bodies: Sequence[bytes]) -> tuple[bytes, str]:
    """One message of one or several structured events, and its content type."""
    if len(bodies) == 1:
        return bodies[0], STRUCTURED
    return b"[" + b",".join(bodies) + b"]", BATCH


def read_together(kind: type[E], body: bytes, content_type: str) -> Sequence[tuple[Attributes, E]] | None:
    """The events of a message in one pass; None when anything is not as agreed: then each is read alone."""
    if any(word in body for word in _NO_JSON_NUMBERS):
        return None
    one, several = _agreed(kind)
    try:
        letters = several.validate_json(body) if _is_batch(content_type) else [one.validate_json(body)]
    except ValidationError:
        return None
    as_agreed = all(letter.type == kind.type() for letter in letters)
    return [(letter, letter.data) for letter in letters] if as_agreed else None


_NO_JSON_NUMBERS = (b"NaN", b"Infinity")
"""Which the parser would let pass; words that hold them are read the longer way."""


@cache
def _agreed(kind: type[Event]) -> tuple[TypeAdapter[Any], TypeAdapter[list[Any]]]:
    """What one event, and a batch of them, are when nothing is wrong with them."""
    letter: Any = create_model(kind.__name__, __base__=Attributes, data=(kind, ...))
    return TypeAdapter(letter), TypeAdapter(list[letter])


def _is_batch(content_type: str) -> bool:
    return content_type.split(";", maxsplit=1)[0].strip() == BATCH


def unpack(body: bytes, content_type: str) -> list[Received]:
    """The events of a message, each with its own bytes, so that a broken one harms no other."""
    try:
        content = from_json(body, allow_inf_nan=False)
    except ValueError:
        return [Received(None, "not JSON", alone=body)]
    if _is_batch(content_type):
        return _unpack_batch(body, content)
    return [Received(*_opened(content), alone=body)]


def _unpack_batch(body: bytes, content: Any) -> list[Received]:
    if not isinstance(content, list):
        return [Received(None, "a batch that is no list", alone=body)]
    return [Received(*_opened(element), among_others=element) for element in content]


def _opened(content: Any) -> tuple[Envelope | None, str]:
    """The envelope, or why there is none."""
    try:
        return Envelope.model_validate(content), ""
    except ValidationError as error:
        return None, f"no CloudEvent: {_without_content(error)}"


def fitting(bodies: Iterable[bytes], most: int) -> int:
    """How many of the bodies, from the first on, fit together in one message."""
    size = count = 0
    for body in bodies:
        size += len(body) + 1
        if count == most or (count and size + 1 > MAX_MESSAGE_BYTES):
            break
        count += 1
    return count
