"""The secretary's pages, from plain views to HTML.

Pure: a page is a function of its view, which holds what may be shown and nothing else (personnummer are
masked before they come here), and of the frame around it.
The pages need no script, and no file but their style sheets.
"""

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from archive.calendar import day_in_words, moment_in_words, time_left, weekday_in_words
from archive.forms import number_in_words
from archive.web.frame import NOBODY, Frame
from archive.web.meetings import CommitteeLine, CommitteeView, MeetingView, PacketsView
from archive.web.operations import OperationsView
from archive.web.review import FirstView, ReportView
from archive.web.words import reports_in_words, size_in_words
from archive.web.year import YearView

STATIC = Path(__file__).with_name("static")
"""Served under `/static/`."""


@dataclass(frozen=True)
class Contact:
    """Whom a reader tells of something that they cannot use; `publisher` answers for the pages by law."""

    publisher: str
    name: str
    email: str = ""


def start_page(committees: tuple[CommitteeLine, ...], frame: Frame = NOBODY) -> str:
    return _page("start.html", frame, committees=committees)


def committee_page(view: CommitteeView, frame: Frame = NOBODY) -> str:
    return _page("committee.html", frame, committee=view)


def meeting_page(view: MeetingView, frame: Frame = NOBODY) -> str:
    return _page("meeting.html", frame, meeting=view)


def report_page(view: ReportView, frame: Frame = NOBODY) -> str:
    return _page("report.html", frame, report=view)


def packets_page(view: PacketsView, frame: Frame = NOBODY) -> str:
    return _page("packets.html", frame, committee=view)


def year_page(view: YearView, frame: Frame = NOBODY) -> str:
    return _page("year.html", frame, year=view)


def operations_page(view: OperationsView, frame: Frame = NOBODY) -> str:
    return _page("operations.html", frame, operations=view)


def accessibility_page(contacts: tuple[Contact, ...], frame: Frame = NOBODY) -> str:
    return _page("accessibility.html", frame, contacts=contacts)


def someone_was_first_page(view: FirstView, frame: Frame = NOBODY) -> str:
    return _page("someone_was_first.html", frame, first=view)


def signed_out_page(frame: Frame = NOBODY) -> str:
    return _page("signed_out.html", frame)


def not_found_page(frame: Frame = NOBODY) -> str:
    return _page("not_found.html", frame)


def problem_page(status: int, title: str, detail: str, frame: Frame = NOBODY) -> str:
    """What went wrong and what to do; for 404, that what is asked for may have another address."""
    if status == HTTPStatus.NOT_FOUND:
        return not_found_page(frame)
    return _page("problem.html", frame, status=status, title=title, detail=detail)


def _page(template: str, frame: Frame, **view: Any) -> str:
    return _ENVIRONMENT.get_template(template).render(view, frame=frame)


def _environment() -> Environment:
    """Everything is escaped, and a name a template misspells is an error and no gap.

    A template that is given no frame has nobody's.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "day": day_in_words,
        "weekday": weekday_in_words,
        "moment": moment_in_words,
        "number": number_in_words,
        "reports": reports_in_words,
        "size": size_in_words,
    }
    environment.globals |= {"time_left": time_left, "frame": NOBODY}
    return environment


_ENVIRONMENT = _environment()
