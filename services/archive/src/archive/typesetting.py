"""Typst, and the letters that its fonts have: loaded by the process that prints, and by no other."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from threading import local
from typing import Any

import typst

from archive.glyphs import FONTS, legible
from archive.lines import set_out
from archive.pdf import CannotPrint, Paper, every_text

TEMPLATES = Path(__file__).with_name("templates")
STANDARDS = ["a-2a", "ua-1"]
"""For keeping and for screen readers; the oldest profile that archives accept and that has both."""

PAPERS_AT_ONCE = 2
"""Of a packet; more would need more memory, and leave nothing of a small machine to others."""


def printed(facts: dict[str, Any], moment: datetime, template: str = "report.typ") -> bytes:
    """Set the document in this process; typst's own errors cannot travel to another and are made anew."""
    try:
        return _set(template, json.dumps(every_text(facts, _set_out), sort_keys=True), moment)
    except typst.TypstError as trouble:
        raise CannotPrint(str(trouble)) from None


def _set_out(text: str) -> str:
    return set_out(legible(text))


def print_papers(papers: Sequence[Paper]) -> None:
    """Set the documents in this process; typst leaves Python's lock to others while it works."""
    with ThreadPoolExecutor(PAPERS_AT_ONCE) as threads:
        for _ in threads.map(_print_paper, papers):
            pass


def _print_paper(paper: Paper) -> None:
    paper.path.write_bytes(printed(paper.facts, paper.moment, paper.template))


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
