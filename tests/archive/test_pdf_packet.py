"""packet.pdf: what stands on it, that it is the same twice, and that every reader can read it."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.packets.contents import Enclosure, Packet
from archive.pdf import Report, facts_of
from archive.typesetting import printed
from support.missing import skipping_if_missing
from support.pdf_words import words_of_pdf
from support.printed_reports import (
    REPORT,
    WRITINGS,
    in_packet,
    packet_of,
    printed_packet,
    printed_prose,
    report_with,
    sent_texts,
)
from support.verapdf import broken_rules

DRAWING = Enclosure("ritning.pdf", "application/pdf", 10, "ab" * 32, "ab/ab")
SECOND = replace(REPORT, subject="Besök hos Åsa", submission_id="b")
TWO = packet_of(in_packet(REPORT, oral=True), in_packet(SECOND, enclosures=(DRAWING, DRAWING)))
CORRECTED = replace(
    TWO,
    number=2,
    left_out=("E-17", "VSN 2026/00044"),
    changes=("Rättad som nummer 2: Besök hos Åsa.", "Ingår inte längre: Besök i Lunden."),
)


def pages_of(content: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(content)
    try:
        return [" ".join(page.get_textpage().get_text_bounded().split()) for page in document]
    finally:
        document.close()


def test_the_same_packet_has_the_same_bytes() -> None:
    """Its hash can be held against it wherever it is printed anew."""
    assert printed_packet(CORRECTED) == printed_packet(replace(CORRECTED))
    assert printed_packet(CORRECTED) != printed_packet(TWO)


def test_the_front_page_says_what_the_papers_are() -> None:
    """The item, the meeting, the proposal, and that a report is also told in person."""
    front = pages_of(printed_packet(TWO))[0]
    for words in (
        "14. Rapporter från kontaktpolitiker",
        "onsdag 9 december 2026 kl. 13.00",
        "Kommunhuset, Lilla salen",
        "Diarienummer VSN 2026/123",
        "Nummer 1, fryst 1 december 2026 kl. 10.12",
        "Nämnden lägger rapporterna till handlingarna.",
        "Redovisas även muntligt på sammanträdet: Bilaga 14.1.",
    ):
        assert words in front
    assert "ersätter" not in front


def test_the_front_page_says_what_has_changed_and_what_is_left_out() -> None:
    """A reader of the first papers need not compare; a held report is named and not told."""
    front = pages_of(printed_packet(CORRECTED))[0]
    for words in (
        "Paket 2 ersätter paket 1.",
        "Rättad som nummer 2: Besök hos Åsa.",
        "Ingår inte längre: Besök i Lunden.",
        "2 rapporter hålls tillbaka och ingår inte: E-17, VSN 2026/00044.",
    ):
        assert words in front


def test_the_list_tells_where_each_report_begins() -> None:
    """On a page of its own, with its marks in the list."""
    front, *others = pages_of(printed_packet(TWO))
    begins = {number: page for page, words in enumerate(others, 2) for number in heads(words)}
    assert set(begins) == {"Bilaga 14.1", "Bilaga 14.2"}
    assert f"{REPORT.subject} Redovisas även muntligt {begins['Bilaga 14.1']}" in front
    assert f"Besök hos Åsa 2 bifogade filer {begins['Bilaga 14.2']}" in front


def heads(page: str) -> list[str]:
    return [number for number in ("Bilaga 14.1", "Bilaga 14.2") if f"{number}. " in page]


def test_every_page_says_which_report_it_is_of_and_how_many_there_are() -> None:
    """For who has torn the papers apart."""
    long = replace(REPORT, sections=(replace(REPORT.sections[0], text="Köket lagar mat.\n" * 150),))
    front, *others = pages_of(printed_packet(packet_of(in_packet(long), in_packet(SECOND))))
    count = len(others) + 1
    assert "Bilaga 14.2 Rapporter" not in front
    for place, page in enumerate(others[:-1], 2):
        assert page.startswith("14. Rapporter från kontaktpolitiker Bilaga 14.1")
        assert page.endswith(f"Paket 1 Sida {place} av {count}")
    assert others[-1].startswith("14. Rapporter från kontaktpolitiker Bilaga 14.2")


def test_a_packet_without_reports_says_so() -> None:
    """An empty list could be a fault."""
    (page,) = pages_of(printed_packet(packet_of()))
    assert "Inga rapporter har kommit in till sammanträdet." in page
    assert "Innehåll" not in page


def test_an_item_without_a_number_has_appendices_all_the_same() -> None:
    """The number is often set after the papers are sent."""
    words = words_of_pdf(printed_packet(replace(TWO, agenda_number="")))
    assert "Bilaga 1. " in words
    assert "Bilaga 14" not in words


def test_bookmarks_lead_to_each_report_and_its_parts() -> None:
    """In the order of the papers; what is long can be skipped."""
    with pikepdf.open(io.BytesIO(printed_packet(TWO))) as document, document.open_outline() as outline:
        titles = {item.title: [part.title for part in item.children] for item in outline.root}
    assert list(titles) == [
        "14. Rapporter från kontaktpolitiker",
        f"Bilaga 14.1. {REPORT.subject}",
        "Bilaga 14.2. Besök hos Åsa",
    ]
    parts = list(titles.values())
    assert parts[0] == ["Att veta om handlingarna", "Innehåll"]
    assert parts[1] == ["Sammanfattning", "Ersättning", "Kontroller"]


def test_a_screen_reader_finds_headings_lists_and_the_table() -> None:
    """With a row of headings in the table, a link in every row of it, and Swedish as the language."""
    with pikepdf.open(io.BytesIO(printed_packet(TWO))) as document:
        kinds = list(tags(document.Root.StructTreeRoot.K))
        assert str(document.Root.Lang) == "sv-SE"
    assert kinds.count("/H1") == 3
    assert kinds.count("/THead") == 1
    assert kinds.count("/TH") == 3
    assert kinds.count("/TR") == 3
    assert kinds.count("/Link") == 2


def tags(element: Any) -> list[str]:
    if isinstance(element, pikepdf.Array):
        return [kind for child in element for kind in tags(child)]
    if isinstance(element, pikepdf.Dictionary) and "/S" in element:
        return [str(element.S), *tags(element.get("/K", pikepdf.Array()))]
    return []


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(sent_texts(), max_size=4))
def test_any_texts_can_be_put_together(texts: list[str]) -> None:
    """Whatever people wrote, their papers go to the committee, and with the same bytes."""
    packet = packet_with(texts)
    assert printed_packet(packet) == printed_packet(packet)


def packet_with(texts: list[str]) -> Packet:
    reports = [in_packet(replace(report_with(text), status="filed")) for text in texts]
    line = " ".join(texts)[:100].replace("\n", " ")
    return packet_of(*reports, changes=tuple(texts), left_out=tuple(texts), place=line, agenda_number=line)


HARD_TEXTS = (*WRITINGS, "", "x" * 400, "م" * 400, "ก" * 400, "a" + "\u0301" * 400, "雪" * 100)


@pytest.mark.java
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_paper_is_pdf_a_2a_and_pdf_ua_1_whatever_is_written_in_it(tmp_path: Path) -> None:
    """veraPDF finds no rule broken, in any writing, in reports and in packets."""
    papers = [
        printed_prose("x" * 10_000),
        printed_packet(packet_with(list(HARD_TEXTS))),
        printed_packet(CORRECTED),
        printed_packet(packet_of()),
        *(printed_report(report_with(text)) for text in HARD_TEXTS),
        *_made_up_papers(),
    ]
    with skipping_if_missing():
        assert broken_rules(list(_saved(papers, tmp_path))) == []


def _made_up_papers() -> list[bytes]:
    papers: list[bytes] = []

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(sent_texts(), min_size=1, max_size=2))
    def print_them(texts: list[str]) -> None:
        papers.append(printed_report(report_with(texts[0])))
        papers.append(printed_packet(packet_with(texts)))

    print_them()
    return papers


def _saved(papers: list[bytes], folder: Path) -> Iterator[Path]:
    for number, paper in enumerate(papers):
        path = folder / f"{number}.pdf"
        path.write_bytes(paper)
        yield path


def printed_report(report: Report) -> bytes:
    return printed(facts_of(report), report.received_at)
