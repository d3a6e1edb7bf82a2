"""report.pdf and packet.pdf: PDF/A-2a and PDF/UA-1 in one file, the same bytes from the same data.

Typst sets it in a process of its own: typst keeps what it has set in a cache that only grows (about 450 MiB
after twenty long documents), and a fault in it must not take the service along.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from archive.calendar import moment_in_words, weekday_in_words
from archive.forms import Shown, number_in_words
from chassis.child import Child
from chassis.stopping import end_with_the_parent

T = TypeVar("T")

Mask = Callable[[str], str]
"""Takes a text and gives it back without what may not be shown, such as a personnummer."""

DOCUMENTS_PER_PROCESS = 500
"""A process starts in half a second and a report takes ten milliseconds: the start costs a tenth at most,
and the cache of 500 reports stays under a hundred MiB."""

_KEPT_OUT = {
    "held": "Hålls tillbaka",
    "returned": "Återlämnad till avsändaren",
    "rejected": "Avvisad",
}
_VERDICTS = {"reject": "Avvisas", "hold": "Hålls tillbaka", "note": "Upplysning"}


class CannotPrint(Exception):
    """The document cannot be set as a PDF, however often it is tried."""


@dataclass(frozen=True)
class Finding:
    """What a rule said: `message` holds the person's position ("besök 2 i år"), `source` the paragraph."""

    rule: str
    outcome: str
    message: str
    source: str

    @property
    def verdict(self) -> str:
        return _VERDICTS.get(self.outcome, self.outcome)

    @property
    def grave(self) -> bool:
        """Whether it keeps the report from the committee's table."""
        return self.outcome in {"reject", "hold"}


@dataclass(frozen=True)
class Compensation:
    """What is paid: `kind` by its title, `message` the person's position, `source` the paragraph."""

    kind: str
    quantity: float
    message: str = ""
    source: str = ""

    @property
    def account(self) -> str:
        lines = (number_in_words(self.quantity), self.message, self.source)
        return "\n".join(filter(None, lines))


@dataclass(frozen=True)
class Report:
    """What report.pdf shows.

    `received_at` is also the time of the file, whose bytes then never depend on when it is made.
    `status` is one of `filed`, `frozen`, `held`, `returned`, `rejected`; `reason` is why it is kept out.
    """

    submission_id: str
    revision: int
    committee: str
    agenda_item: str
    title: str
    subject: str
    status: str
    received_at: datetime
    submitter: str
    reference: str = ""
    diarienummer: str = ""
    meeting: date | None = None
    reason: str = ""
    sections: tuple[Shown, ...] = ()
    findings: tuple[Finding, ...] = ()
    compensation: tuple[Compensation, ...] = ()
    remark: str = ""


@dataclass(frozen=True)
class Paper:
    """A document that is to be printed, and the file that it goes into."""

    path: Path
    template: str
    facts: dict[str, Any]
    moment: datetime


def unmasked(text: str) -> str:
    return text


class Press:
    """Prints reports in a process of its own, which is replaced when it has printed much or has died."""

    def __init__(self, documents_per_process: int = DOCUMENTS_PER_PROCESS) -> None:
        self._child = Child(documents_per_process, _follow_the_service)

    async def render(self, report: Report, mask: Mask = unmasked) -> bytes:
        """The bytes of report.pdf, every text of it through `mask`.

        Raises `CannotPrint`; a process that dies is replaced once, after that `BrokenProcessPool` is raised.
        """
        facts = every_text(facts_of(report), mask)
        return await self._do(partial(_printed_there, facts, report.received_at), 1)

    async def print_papers(self, papers: Sequence[Paper]) -> None:
        """Print many, each into its file, several at the same time.

        Raises as `render` does, and `OSError` for a file that cannot be written.
        """
        await self._do(partial(_print_papers_there, papers), len(papers))

    async def _do(self, work: Callable[[], T], documents: int) -> T:
        loop, pool = asyncio.get_running_loop(), self._child.for_more(documents)
        try:
            return await loop.run_in_executor(pool, work)
        except BrokenProcessPool:
            self._child.replace(pool)
            return await loop.run_in_executor(self._child.pool, work)

    async def close(self) -> None:
        await self._child.close()


def _follow_the_service() -> None:
    """The service decides when to stop: Ctrl-C is its to answer, and when it is killed nobody prints on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_the_parent()


def _printed_there(facts: dict[str, Any], moment: datetime) -> bytes:
    """Typst and the fonts are loaded where they print: 8 MB that the service is without."""
    from archive.typesetting import printed  # noqa: PLC0415

    return printed(facts, moment)


def _print_papers_there(papers: Sequence[Paper]) -> None:
    from archive.typesetting import print_papers  # noqa: PLC0415

    print_papers(papers)


def facts_of(report: Report) -> dict[str, Any]:
    """The report in words, as the template wants it."""
    return {
        "number": "",
        "heading": report.title,
        "under": report.subject,
        "committee": report.committee,
        "agenda_item": report.agenda_item,
        "title": report.title,
        "subject": report.subject,
        "document_title": f"{report.title}: {report.subject}",
        "foot": _foot(report),
        "notice": _notice(report),
        "facts": [(name, value) for name, value in _particulars(report) if value],
        "sections": [_run(shown) for _, shown in groupby(report.sections, lambda one: one.line)],
        "findings": [_finding(finding) for finding in report.findings],
        "compensation": [(line.kind, line.account) for line in report.compensation],
        "remark": report.remark,
    }


def _run(shown: Iterator[Shown]) -> list[dict[str, Any]]:
    """Facts that follow each other share a list; the order is the form's."""
    return [vars(one) for one in shown]


def _particulars(report: Report) -> list[tuple[str, str]]:
    return [
        ("Sammanträde", weekday_in_words(report.meeting) if report.meeting else "Inget sammanträde ännu"),
        ("Diarienummer", report.diarienummer),
        ("Referens", report.reference),
        ("Inkom", moment_in_words(report.received_at)),
        ("Inlämnad av", report.submitter),
    ]


def _foot(report: Report) -> str:
    """Names the report on every page, and says there too when it is none of the committee's papers."""
    mark = _KEPT_OUT.get(report.status)
    name = f"Inlämning {report.submission_id}, revision {report.revision}"
    return f"{name} · {mark}" if mark else name


def _notice(report: Report) -> dict[str, str] | None:
    mark = _KEPT_OUT.get(report.status)
    return {"label": f"{mark} – ingår inte i handlingarna", "reason": report.reason} if mark else None


def _finding(finding: Finding) -> dict[str, Any]:
    return {**vars(finding), "verdict": finding.verdict, "grave": finding.grave}


def every_text(value: Any, change: Callable[[str], str]) -> Any:
    """Change every text of nested lists and objects: none is forgotten, whatever a template comes to show."""
    match value:
        case str():
            return change(value)
        case dict():
            return {key: every_text(member, change) for key, member in value.items()}
        case list() | tuple():
            return [every_text(item, change) for item in value]
        case _:
            return value
