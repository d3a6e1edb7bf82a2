"""The thread that ties together what one submission causes, after W3C Trace Context."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def new_traceparent() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def current_traceparent() -> str:
    """The trace that is being worked on, or a new one."""
    return _current.get() or new_traceparent()


def trusted_traceparent(header: str | None) -> str:
    """A caller's traceparent if it is well formed, else a new one."""
    return header if header and _TRACEPARENT.fullmatch(header) else new_traceparent()


@contextmanager
def following(traceparent: str | None, **facts: str) -> Iterator[None]:
    """Within this block, logs carry the trace and the facts, and events said carry the trace on."""
    trace = trusted_traceparent(traceparent)
    token = _current.set(trace)
    try:
        with structlog.contextvars.bound_contextvars(trace_id=trace.split("-")[1], **facts):
            yield
    finally:
        _current.reset(token)
