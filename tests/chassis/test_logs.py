"""Logs tell operators what happened, and nobody what a person wrote."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from chassis.logs import place_of, write_logs
from chassis.trace import following

SECRET = "19121212-1212"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What is logged during the test; afterwards logging is as it was."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = io.StringIO()
    write_logs(stream, service="intake")
    yield stream
    root.handlers[:], level = before
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_a_line_names_the_trace_and_the_submission_that_are_followed(stream: io.StringIO) -> None:
    """What the line itself says of them stands."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with following(trace, submission_id="s-1", queue="archive.submission.accepted"):
        structlog.get_logger().info("report.filed", queue="its own")
    line = json.loads(stream.getvalue())
    told = (line["trace_id"], line["submission_id"], line["queue"])
    assert told == ("0af7651916cd43dd8448eb211c80319c", "s-1", "its own")


def test_an_event_is_one_line_of_json_with_its_facts(stream: io.StringIO) -> None:
    """Machines read the log, so a fact is a key and not a part of a sentence."""
    structlog.get_logger().info("letter.sent", letter_id="l-1")
    line = json.loads(stream.getvalue())
    assert tuple(line[key] for key in ("event", "letter_id", "level", "service")) == (
        "letter.sent",
        "l-1",
        "info",
        "intake",
    )


def test_an_exception_is_told_by_kind_and_place_and_not_by_its_text(stream: io.StringIO) -> None:
    """Its text may quote what a person wrote."""
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        structlog.get_logger().error("request.failed", exc_info=place_of(error))
    assert SECRET not in stream.getvalue()
    assert "test_logs.py" in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_a_library_cannot_quote_anybody(stream: io.StringIO) -> None:
    """Neither by what it fills in, nor by an exception, nor on a second line."""
    library = logging.getLogger("somebodys.library")
    library.warning("strange header %r", SECRET)
    library.warning("never retrieved\nfuture: <%s>" % SECRET)  # noqa: UP031
    try:
        raise KeyError(SECRET)
    except KeyError:
        library.exception("failed")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["strange header %r", "never retrieved", "failed"]
    assert SECRET not in stream.getvalue()


def test_a_librarys_chatter_is_left_out(stream: io.StringIO) -> None:
    """Below a warning it is about the library's own affairs."""
    logging.getLogger("somebodys.library").info("connected")
    assert stream.getvalue() == ""
