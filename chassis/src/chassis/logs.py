"""Logs: one JSON object a line, facts as keys, never a body, an answer, an address or a personnummer."""

import logging
import sys
import warnings
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from chassis.trace import facts_to_log


def write_logs(stream: TextIO = sys.stdout, service: str | None = None) -> None:
    """Send all logs of the process to a stream, libraries' warnings included."""
    shared: list[Any] = [
        _with_what_is_followed,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"aiohttp\.multipart")
    if service is not None:
        structlog.contextvars.bind_contextvars(service=service)
    _route_library_logs(stream, shared)


def _with_what_is_followed(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The line with the trace and the facts; what it says itself stands."""
    return {**facts_to_log(), **event}


def place_of(error: BaseException) -> tuple[type[BaseException], BaseException, Any]:
    """The traceback for a log, with the error's kind in place of its text, which may quote a person."""
    return RuntimeError, RuntimeError(type(error).__name__), error.__traceback__


def _route_library_logs(stream: TextIO, shared: list[Any]) -> None:
    """Libraries log in their own words, so only from warnings up, and only what cannot quote anybody."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_without_quotations, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def _without_quotations(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A library's record as its first line without what was filled in, and the place of its exception.

    The values, and the text of an exception, may be what a person or a platform has sent.
    """
    record: logging.LogRecord = event["_record"]
    error = record.exc_info[1] if record.exc_info else None
    plain = {"event": str(record.msg).split("\n", 1)[0], "logger": record.name}
    event.update(plain, exc_info=place_of(error) if error else None)
    return event
