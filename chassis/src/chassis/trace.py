"""The thread that ties together what one submission causes, after W3C Trace Context."""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Followed:
    """What is worked on now, and what a line in the log should say of it."""

    traceparent: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


_NOTHING = Followed()
_current: ContextVar[Followed] = ContextVar("followed", default=_NOTHING)


def new_traceparent() -> str:
    drawn = secrets.token_hex(24)
    return f"00-{drawn[:32]}-{drawn[32:]}-01"


def current_traceparent() -> str:
    """The trace that is being worked on, or a new one."""
    return _current.get().traceparent or new_traceparent()


def facts_to_log() -> dict[str, str]:
    """The trace that is followed, and the facts named with it; made when there is a line to write."""
    followed = _current.get()
    if followed is _NOTHING:
        return {}
    return {"trace_id": followed.traceparent.split("-")[1], **followed.facts}


def trusted_traceparent(header: str | None) -> str:
    """A caller's traceparent if it is well formed, else a new one."""
    return header if header and _TRACEPARENT.fullmatch(header) else new_traceparent()


@contextmanager
def following(traceparent: str | None, **facts: str) -> Iterator[None]:
    """Within this block, logs carry the trace and the facts, and events said carry the trace on."""
    around = _current.get().facts
    token = _current.set(Followed(trusted_traceparent(traceparent), {**around, **facts}))
    try:
        yield
    finally:
        _current.reset(token)
