"""report.pdf and packet.pdf: PDF/A-2a and PDF/UA-1 in one file, the same bytes from the same data.

Typst sets it in a process of its own: typst keeps what it has set in a cache that only grows (about 450 MiB
after twenty long documents), and a fault in it must not take the service along.
"""

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property, partial
from itertools import groupby
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread, local
from typing import Any, TypeVar

import typst

from archive.calendar import moment_in_words, weekday_in_words
from archive.forms import Shown, number_in_words
from archive.glyphs import FONTS, legible
from archive.lines import set_out

T = TypeVar("T")

Mask = Callable[[str], str]
"""Takes a text and gives it back without what may not be shown, such as a personnummer."""

TEMPLATES = Path(__file__).with_name("templates")
STANDARDS = ["a-2a", "ua-1"]
"""For keeping and for screen readers; the oldest profile that archives accept and that has both."""

DOCUMENTS_PER_PROCESS = 500
"""A process starts in half a second and a report takes ten milliseconds: the start costs a tenth at most,
and the cache of 500 reports stays under a hundred MiB."""

PAPERS_AT_ONCE = 2
"""Of a packet; more would need more memory, and leave nothing of a small machine to others."""

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
        facts = _all_texts(facts_of(report), mask)
        return await self._do(partial(printed, facts, report.received_at), 1)

    async def print_papers(self, papers: Sequence[Paper]) -> None:
        """Print many, each into its file, several at the same time.

        Raises as `render` does, and `OSError` for a file that cannot be written.
        """
        await self._do(partial(print_papers, papers), len(papers))

    async def _do(self, work: Callable[[], T], documents: int) -> T:
        loop, pool = asyncio.get_running_loop(), self._next_pool(documents)
        try:
            return await loop.run_in_executor(pool, work)
        except BrokenProcessPool:
            self._replace(pool)
            return await loop.run_in_executor(self._pool, work)

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    def _next_pool(self, documents: int) -> ProcessPoolExecutor:
        if self._printed >= self._documents_per_process:
            self._replace(self._pool)
        self._printed += documents
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


def printed(facts: dict[str, Any], moment: datetime, template: str = "report.typ") -> bytes:
    """Set the document in this process; typst's own errors cannot travel to another and are made anew."""
    try:
        return _set(template, json.dumps(_all_texts(facts, _set_out), sort_keys=True), moment)
    except typst.TypstError as trouble:
        raise CannotPrint(str(trouble)) from None


def print_papers(papers: Sequence[Paper]) -> None:
    """Set the documents in this process; typst leaves Python's lock to others while it works."""
    with ThreadPoolExecutor(PAPERS_AT_ONCE) as threads:
        for _ in threads.map(_print_paper, papers):
            pass


def _print_paper(paper: Paper) -> None:
    paper.path.write_bytes(printed(paper.facts, paper.moment, paper.template))


def _set_out(text: str) -> str:
    return set_out(legible(text))


def _set(template: str, data: str, moment: datetime) -> bytes:
    document: bytes = _of_thread.compiler.compile(
        input=_source(template, data),
        format="pdf",
        pdf_standards=STANDARDS,
        timestamp=int(moment.timestamp()),
    )
    return document


def _source(template: str, data: str) -> bytes:
    """All that differs between two documents: whatever else typst reads, it then knows from the one before.

    Of text in typst, only quotes and backslashes could be read as anything else than the text.
    """
    text = data.replace("\\", "\\\\").replace('"', '\\"')
    return f'#import "{template}": paper\n#paper(json(bytes("{text}")))'.encode()


class _OfThread(local):
    """A compiler sets one document at a time, so each thread has its own; the fonts are the same."""

    @cached_property
    def compiler(self) -> Any:
        return typst.Compiler(root=TEMPLATES, font_paths=_fonts())


_of_thread = _OfThread()


@cache
def _fonts() -> Any:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])


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
