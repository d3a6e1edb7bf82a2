"""The secretary's pages, from plain views to HTML.

Pure: a page is a function of its view, which holds what may be shown and nothing else: personnummer are
masked before they come here.
The pages need no script, and no file but their style sheet.
"""

from dataclasses import dataclass
from datetime import date, datetime, time
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from archive.calendar import day_in_words, moment_in_words, time_left, weekday_in_words
from archive.pdf import Finding

STATIC = Path(__file__).with_name("static")
"""Served under `/static/`."""


@dataclass(frozen=True)
class CommitteeLine:
    """A committee on the start page; `next_meeting` is None when its calendar holds no coming one."""

    id: str
    name: str
    next_meeting: date | None


@dataclass(frozen=True)
class MeetingLine:
    """A meeting in the list of a committee; `filed` and `held` are counts of reports."""

    date: date
    deadline: datetime
    filed: int
    held: int
    cancelled: bool = False


@dataclass(frozen=True)
class CommitteeView:
    """`waiting` counts reports that wait for a meeting to be put in the calendar."""

    id: str
    name: str
    now: datetime
    coming: tuple[MeetingLine, ...]
    past: tuple[MeetingLine, ...] = ()
    waiting: int = 0


@dataclass(frozen=True)
class ReportLine:
    """A report in the table of a meeting; `reason` is why a person or a rule holds it."""

    submission_id: str
    subject: str
    unit: str
    visit_date: date | None
    sender: str
    arrived_at: datetime
    findings: tuple[Finding, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class MeetingView:
    """A meeting with its reports in the order of the agenda, and the held ones apart."""

    committee_id: str
    committee: str
    date: date
    time: time
    place: str
    deadline: datetime
    now: datetime
    agenda_item: str
    proposal: str
    reports: tuple[ReportLine, ...] = ()
    held: tuple[ReportLine, ...] = ()
    cancelled: bool = False


def start_page(committees: tuple[CommitteeLine, ...]) -> str:
    return _page("start.html", committees=committees)


def committee_page(view: CommitteeView) -> str:
    return _page("committee.html", committee=view)


def meeting_page(view: MeetingView) -> str:
    return _page("meeting.html", meeting=view)


def not_found_page() -> str:
    return _page("not_found.html")


def problem_page(status: int, title: str, detail: str) -> str:
    """What went wrong and what to do; for 404, that what is asked for may have another address."""
    if status == HTTPStatus.NOT_FOUND:
        return not_found_page()
    return _page("problem.html", status=status, title=title, detail=detail)


def signed_out_page() -> str:
    return _page("signed_out.html")


def _page(template: str, **view: Any) -> str:
    return _ENVIRONMENT.get_template(template).render(view)


def _environment() -> Environment:
    """Everything is escaped, and a name a template misspells is an error and no gap."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"day": day_in_words, "weekday": weekday_in_words, "moment": moment_in_words}
    environment.globals["time_left"] = time_left
    return environment


_ENVIRONMENT = _environment()
