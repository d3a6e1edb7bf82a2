"""report.pdf and packet.pdf: PDF/A-2a and PDF/UA-1 in one file, the same bytes from the same data.

Typst sets it in a process of its own: typst keeps what it has set in a cache that only grows (about 450 MiB
after twenty long documents), and a fault in it must not take the service along.
"""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from itertools import groupby
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import typst

from archive.calendar import moment_in_words, weekday_in_words
from archive.forms import Shown, number_in_words
from archive.glyphs import FONTS, legible
from archive.lines import set_out

Mask = Callable[[str], str]
"""Takes a text and gives it back without what may not be shown, such as a personnummer."""

TEMPLATES = Path(__file__).with_name("templates")
STANDARDS = ["a-2a", "ua-1"]
"""For keeping and for screen readers; the oldest profile that archives accept and that has both."""

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


def unmasked(text: str) -> str:
    return text


class Press:
    """Prints reports in a process of its own, which is replaced when it has printed much or has died.

    The pool's own `max_tasks_per_child` is left alone: with work waiting it can hang for ever after it
    has replaced the process (python/cpython#115634).
    """

    def __init__(self, documents_per_process: int = DOCUMENTS_PER_PROCESS) -> None:
        self._documents_per_process = documents_per_process
        self._pool = _new_pool()
        self._printed = 0

    async def render(self, report: Report, mask: Mask = unmasked) -> bytes:
        """The bytes of report.pdf, every text of it through `mask`.

        Raises `CannotPrint`; a process that dies is replaced once, after that `BrokenProcessPool` is raised.
        """
        return await self._print("report.typ", _all_texts(facts_of(report), mask), report.received_at)

    async def render_many(self, template: str, facts: dict[str, Any], moment: datetime) -> bytes:
        """A document of several reports, such as a packet; raises as `render` does."""
        return await self._print(template, facts, moment)

    async def _print(self, template: str, facts: dict[str, Any], moment: datetime) -> bytes:
        pool = self._next_pool()
        try:
            return await _print_in(pool, template, facts, moment)
        except BrokenProcessPool:
            self._replace(pool)
            return await _print_in(self._pool, template, facts, moment)

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    def _next_pool(self) -> ProcessPoolExecutor:
        if self._printed >= self._documents_per_process:
            self._replace(self._pool)
        self._printed += 1
        return self._pool

    def _replace(self, worn_out: ProcessPoolExecutor) -> None:
        """Several reports can fall with one process; only the first of them brings a new one."""
        if self._pool is worn_out:
            self._pool, self._printed = _new_pool(), 0
            worn_out.shutdown(wait=False)


def _new_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_follow_the_service)


def _follow_the_service() -> None:
    """The service decides when to stop: Ctrl-C is its to answer, and when it is killed nobody prints on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_leave_with_the_service, daemon=True).start()


def _leave_with_the_service() -> None:
    if service := parent_process():
        service.join()
    os._exit(0)


async def _print_in(
    pool: ProcessPoolExecutor, template: str, facts: dict[str, Any], moment: datetime
) -> bytes:
    return await asyncio.get_running_loop().run_in_executor(pool, printed, facts, moment, template)


def printed(facts: dict[str, Any], moment: datetime, template: str = "report.typ") -> bytes:
    """Set the document in this process; typst's own errors cannot travel to another and are made anew."""
    try:
        return _set(template, json.dumps(_all_texts(facts, _set_out), sort_keys=True), moment)
    except typst.TypstError as trouble:
        raise CannotPrint(str(trouble)) from None


def _set_out(text: str) -> str:
    return set_out(legible(text))


def _set(template: str, data: str, moment: datetime) -> bytes:
    document: bytes = _compiler(template).compile(
        format="pdf",
        sys_inputs={"data": data},
        pdf_standards=STANDARDS,
        timestamp=int(moment.timestamp()),
    )
    return document


@cache
def _compiler(template: str) -> Any:
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
    return typst.Compiler(TEMPLATES / template, root=TEMPLATES, font_paths=fonts)


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


def _all_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Change every text of nested lists and objects: none is forgotten, whatever a template comes to show."""
    match value:
        case str():
            return change(value)
        case dict():
            return {key: _all_texts(member, change) for key, member in value.items()}
        case list() | tuple():
            return [_all_texts(item, change) for item in value]
        case _:
            return value
