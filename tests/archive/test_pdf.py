"""report.pdf: what it holds, that it is the same twice, and that its process may die."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive import pdf, typesetting
from archive.forms import Shown
from archive.pdf import CannotPrint, Compensation, Finding, Paper, Press, Report
from support.missing import skipping_if_missing
from support.pdf_words import words_of_pdf
from support.verapdf import broken_rules

HOLD = Finding("yearly-visits", "hold", "Det här är besök 3 i år.", "Riktlinjer § 3, Ersättning")
NOTE = Finding("own-initiative", "note", "Besöket gjordes på eget initiativ.", "Riktlinjer § 3")
PROSE = "Köket lagar mat till fyra förskolor.\nDärefter lunch.\n\nOch ett samtal med enhetschefen. " * 20

FILED = Report(
    submission_id="0193a2c4-7be1-7c3e-9a51-5f0d3b1f7a10",
    revision=1,
    committee="Välfärd- och servicenämnden",
    agenda_item="Rapporter från kontaktpolitiker",
    title="Rapport från kontaktpolitiker",
    subject="Kost, Björkbackens kök",
    status="filed",
    received_at=datetime(2026, 11, 20, 13, 3, tzinfo=UTC),
    submitter="Anna Öberg, ledamot",
    reference="190456",
    diarienummer="VSN 2026/00042",
    meeting=date(2026, 12, 9),
    sections=(
        Shown("Datum", "12 november 2026", line=True),
        Shown("Beslut av ordföranden", "Datum: 1 november 2026\nReferens: § 17", line=True),
        Shown("Sammanfattning", PROSE, line=False),
    ),
    findings=(NOTE,),
    compensation=(
        Compensation("Praktik, timmar", 5.5, "Praktik 5,5 av 8 h år 2026.", "Enhetschefens uppgift"),
        Compensation("Förrättning, hel dag", 0.0, "Redan rapporterat.", "Ersättning"),
    ),
    remark="Ett besök är ingen tillsyn eller kontroll.",
)
HELD = replace(
    FILED, status="held", meeting=None, reason="Väntar på ordförandens beslut.", findings=(HOLD, NOTE)
)
BARE = replace(FILED, sections=(), findings=(), compensation=(), reference="", diarienummer="", remark="")


@pytest.fixture
async def press() -> AsyncIterator[Press]:
    press = Press(documents_per_process=3)
    yield press
    await press.close()


def document(report: Report) -> bytes:
    return typesetting.printed(pdf.facts_of(report), report.received_at)


async def worker_of(press: Press) -> int:
    return await asyncio.get_running_loop().run_in_executor(press._child.pool, os.getpid)


def test_the_same_report_has_the_same_bytes() -> None:
    """A frozen packet can be held against its hash, whenever and wherever it is rendered anew."""
    assert document(HELD) == document(replace(HELD))
    assert document(HELD) != document(FILED)


def test_the_report_shows_what_a_committee_needs() -> None:
    """Committee, meeting, sender, sections, checks and compensation are on the page, in Swedish."""
    text = words_of_pdf(document(FILED))
    for words in (
        "Välfärd- och servicenämnden",
        "onsdag 9 december 2026",
        "VSN 2026/00042",
        "20 november 2026 kl. 14.03",
        "Anna Öberg, ledamot",
        "Referens: § 17",
        "Praktik, timmar 5,5 Praktik 5,5 av 8 h år 2026. Enhetschefens uppgift",
        "Förrättning, hel dag 0 Redan rapporterat. Ersättning",
        "Besöket gjordes på eget initiativ.",
        "Riktlinjer § 3 · regel own-initiative",
        "ingen tillsyn",
        "Sida 1 av 2",
        "Inlämning 0193a2c4-7be1-7c3e-9a51-5f0d3b1f7a10, revision 1",
    ):
        assert words in text


@pytest.mark.parametrize("status", ["held", "returned", "rejected"])
def test_a_report_kept_out_says_so_on_every_page(status: str) -> None:
    """A single printed page cannot be taken for one of the committee's papers."""
    report = replace(HELD, status=status)
    mark = pdf._KEPT_OUT[status]
    assert words_of_pdf(document(report)).count(mark) >= 1 + len(pages(document(report)))
    assert mark not in words_of_pdf(document(BARE))


def test_a_report_without_remarks_says_that_it_was_checked() -> None:
    """Silence could mean that nobody looked."""
    text = words_of_pdf(document(BARE))
    assert "Inga anmärkningar." in text
    assert "Ersättning" not in text
    assert "Referens" not in text


def test_the_sections_keep_the_order_of_the_form() -> None:
    """Facts after a text stay after it, under a heading of their own."""
    sections = (
        Shown("Dag", "7 november 2026", line=True),
        Shown("Vad som hände", "Alla fick låna skridskor.", line=False),
        Shown("Deltagare", "Barn: 40\nVuxna: 15", line=True),
        Shown("Lärdomar", "Fler hjälmar.", line=False),
    )
    text = words_of_pdf(document(replace(BARE, sections=sections)))
    shown = (
        "Uppgifter Dag 7 november 2026 Vad som hände Alla fick låna skridskor. "
        "Övriga uppgifter Deltagare Barn: 40 Vuxna: 15 Lärdomar Fler hjälmar."
    )
    assert shown in text


def test_a_form_without_a_remark_has_an_empty_foot() -> None:
    """What a report is not, the form says; a report of an event is no visit."""
    assert "ingen tillsyn" in words_of_pdf(document(FILED))
    assert "ingen tillsyn" not in words_of_pdf(document(replace(FILED, remark="")))


def test_the_file_names_itself_in_swedish() -> None:
    """A screen reader gets title and language, and the file's time is the report's."""
    with pikepdf.open(io.BytesIO(document(FILED))) as opened:
        assert opened.Root.Lang == "sv-SE"
        assert opened.docinfo["/Title"] == "Rapport från kontaktpolitiker: Kost, Björkbackens kök"
        assert opened.docinfo["/CreationDate"] == "D:20261120130300Z"


def pages(content: bytes) -> list[Any]:
    with pikepdf.open(io.BytesIO(content)) as opened:
        return list(opened.pages)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=60), st.text(max_size=200))
def test_any_text_can_be_printed(line: str, prose: str) -> None:
    """No character, and no typst markup, that a person may type stops a report."""
    sections = (Shown("Enhet", line, line=True), Shown("Sammanfattning", prose, line=False))
    report = replace(FILED, subject=line, submitter=line, sections=sections, reason=prose, status="held")
    assert document(report).startswith(b"%PDF")


def test_markup_in_a_text_stays_text() -> None:
    """What a sender types is data to the typesetter and never program."""
    report = replace(FILED, subject='#panic("x") *fet* $x$ \\ <a> @b')
    assert '#panic("x") *fet* $x$ \\ <a> @b' in words_of_pdf(document(report))


async def test_every_text_goes_through_the_mask(press: Press) -> None:
    """A personnummer in any field, the title in the metadata included, is nowhere in the file."""
    number = "19121212-1212"
    report = replace(
        HELD,
        subject=number,
        reason=number,
        submitter=number,
        findings=(replace(HOLD, message=number, source=number),),
        sections=(Shown("Sammanfattning", number, line=False),),
    )
    content = await press.render(report, lambda text: text.replace(number, "••••••••-••••"))
    assert number not in words_of_pdf(content)
    with pikepdf.open(io.BytesIO(content)) as opened:
        assert number not in str(opened.docinfo["/Title"])


async def test_the_process_is_replaced_after_its_share(press: Press) -> None:
    """The typesetter's memory is given back, and the reports look the same."""
    first, rendered = await worker_of(press), [await press.render(FILED) for _ in range(4)]
    assert await worker_of(press) != first
    assert len(set(rendered)) == 1


async def test_reports_asked_for_together_are_all_rendered(press: Press) -> None:
    """More at once than a process may print lose none when it is replaced."""
    reports = [replace(BARE, reference=str(number)) for number in range(10)]
    rendered = await asyncio.gather(*(press.render(report) for report in reports))
    assert rendered == [document(report) for report in reports]


async def test_papers_printed_side_by_side_are_those_printed_alone(press: Press, tmp_path: Path) -> None:
    """A frozen packet has the same bytes, whichever of its papers was set beside which."""
    reports = [replace(FILED, reference=str(number)) for number in range(6)]
    papers = [
        Paper(tmp_path / report.reference, "report.typ", pdf.facts_of(report), report.received_at)
        for report in reports
    ]
    await press.print_papers(papers)
    assert [paper.path.read_bytes() for paper in papers] == list(map(document, reports))


async def test_a_paper_that_cannot_be_set_is_told_of(press: Press, tmp_path: Path) -> None:
    """It is no crash of the typesetter, which goes on with others."""
    unknown = Paper(tmp_path / "a.pdf", "nowhere.typ", {}, FILED.received_at)
    with pytest.raises(CannotPrint):
        await press.print_papers([unknown])
    assert await press.render(FILED) == document(FILED)


async def test_a_dead_process_costs_no_report(press: Press) -> None:
    """A crash of the typesetter is survived by a new one."""
    os.kill(await worker_of(press), signal.SIGKILL)
    assert await press.render(FILED) == document(FILED)


async def test_a_process_that_dies_again_is_not_tried_for_ever(
    press: Press, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that kills every process is an error and no endless loop."""
    monkeypatch.setattr(pdf, "_printed_there", die)
    with pytest.raises(BrokenProcessPool):
        await press.render(FILED)
    monkeypatch.undo()
    assert await press.render(FILED) == document(FILED)


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_process_ends_with_the_service_however_that_ends(tmp_path: Path) -> None:
    """A killed service leaves no typesetter behind."""
    script = tmp_path / "service.py"
    script.write_text(SERVICE, "utf-8")
    service = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert service.stdout is not None
    worker = int(service.stdout.readline())
    service.kill()
    assert service.stdout.read() == ""
    service.wait()
    assert not Path(f"/proc/{worker}").exists() or "Z" in Path(f"/proc/{worker}/stat").read_text("utf-8")


SERVICE = textwrap.dedent("""
    import asyncio, os
    from archive.pdf import Press

    async def main():
        print(await asyncio.get_running_loop().run_in_executor(Press()._child.pool, os.getpid), flush=True)
        await asyncio.sleep(3600)

    if __name__ == "__main__":
        asyncio.run(main())
""")


@pytest.mark.java
def test_reports_are_pdf_a_2a_and_pdf_ua_1(tmp_path: Path) -> None:
    """The reference checker finds no rule broken, in a filed, a held, an empty and an odd report."""
    odd = replace(
        FILED, subject="😀 雪 \u202e", sections=(Shown("\u0301", "e\u0301\u00ad—" * 400, line=False),)
    )
    files = [
        saved(tmp_path / f"{name}.pdf", document(report))
        for name, report in {"filed": FILED, "held": HELD, "bare": BARE, "odd": odd}.items()
    ]
    with skipping_if_missing():
        assert broken_rules(files) == []


@pytest.mark.java
def test_the_checker_sees_a_file_that_is_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checker that never complains would prove nothing."""
    monkeypatch.setattr(typesetting, "STANDARDS", [])
    with skipping_if_missing():
        broken = broken_rules([saved(tmp_path / "plain.pdf", document(FILED))])
    assert {line.split("\t")[1] for line in broken} == {"2a", "ua1"}


def saved(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
