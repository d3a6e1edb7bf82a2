"""A secretary opens a report, on its page or as a PDF: with that she has seen it."""

from functools import partial
from typing import Any

import structlog
from aiohttp import web
from sqlalchemy.engine import Row
from sqlalchemy.exc import SQLAlchemyError

from archive.access import HOLDER, person_of
from archive.committees import Committee
from archive.seen import first_seen, note_seen
from chassis.store import Store, StoreUnavailable

log = structlog.get_logger()

_FETCHED_AHEAD = "prefetch"


async def note_opening(
    store: Store, request: web.Request, committee: Committee | None, report: Row[Any]
) -> None:
    """Note that the report is seen, if it is a secretary who has opened it; called when the answer is made.

    Reading is never refused for what could not be noted: then the report counts as unseen, and at worst a
    letter too many is written. What the meeting has taken needs no reader any more, and what was disposed
    of gets no new trace.
    """
    if committee is None or not committee.notify.unseen or report.status == "reported":
        return
    if not _is_opened(request) or not _is_by_secretary(request, committee):
        return
    try:
        await _note(store, report, person_of(request).signature)
    except (StoreUnavailable, SQLAlchemyError) as error:
        log.warning("opening.unnoted", submission_id=report.submission_id, error=type(error).__name__)


async def _note(store: Store, report: Row[Any], by: str) -> None:
    """Write only what is not there, so that reading again costs no write."""
    async with store.read() as connection:
        if await first_seen(connection, report) is not None:
            return
    await store.write(partial(note_seen, report=report, by=by))


def _is_opened(request: web.Request) -> bool:
    """Whether somebody looks at the answer: not for HEAD, nor for what a browser fetches ahead.

    `Sec-Purpose` is the Fetch standard's; `Purpose` is what browsers before it sent.
    """
    purposes = (request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose"))
    return request.method == "GET" and not any(_FETCHED_AHEAD in purpose for purpose in purposes)


def _is_by_secretary(request: web.Request, committee: Committee) -> bool:
    """A chair's reading does not relieve the secretary; who holds the operators' key is a program.

    Without sign-in, whoever is at the machine has all roles, the secretary's too.
    """
    person = person_of(request)
    return person is not HOLDER and person.may("secretary", committee.id)
