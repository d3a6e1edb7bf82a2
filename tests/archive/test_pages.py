"""The secretary's pages: what they say, and that they say it to everyone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree.ElementTree import Element, TreeBuilder

import pytest

from archive.pdf import Finding
from archive.web.pages import (
    STATIC,
    CommitteeLine,
    CommitteeView,
    MeetingLine,
    MeetingView,
    ReportLine,
    committee_page,
    meeting_page,
    not_found_page,
    start_page,
)

DEADLINE = datetime(2026, 11, 27, 11, tzinfo=UTC)
NOW = DEADLINE - timedelta(4)
NOTE = Finding("own-initiative", "note", "Besöket gjordes på eget initiativ.", "Riktlinjer § 3")
HOLD = Finding("yearly-visits", "hold", "Det här är besök 3 i år.", "Riktlinjer § 3, Ersättning")

KITCHEN = ReportLine(
    submission_id="0193",
    subject="Kost, Björkbackens kök",
    unit="Kost",
    visit_date=date(2026, 11, 12),
    sender="Anna Öberg",
    arrived_at=datetime(2026, 11, 20, 13, 3, tzinfo=UTC),
    findings=(NOTE,),
)
SCHOOL = replace(KITCHEN, submission_id="0194", subject="Komvux, Lärcentrum", findings=(), visit_date=None)
TOURISM = replace(
    KITCHEN, submission_id="0195", subject="Turism, Turistbyrån", findings=(HOLD,), reason="Väntar på beslut."
)
MEETING = MeetingView(
    committee_id="valfard",
    committee="Välfärd- och servicenämnden",
    date=date(2026, 12, 9),
    time=time(13),
    place="Stora salen",
    deadline=DEADLINE,
    now=NOW,
    agenda_item="Rapporter från kontaktpolitiker",
    proposal="Nämnden lägger rapporterna till handlingarna.",
    reports=(KITCHEN, SCHOOL),
    held=(TOURISM,),
)
EMPTY = replace(MEETING, reports=(), held=(), place="")
COMMITTEE = CommitteeView(
    id="valfard",
    name="Välfärd- och servicenämnden",
    now=NOW,
    coming=(
        MeetingLine(date(2026, 12, 9), DEADLINE, filed=2, held=1),
        MeetingLine(date(2027, 1, 20), DEADLINE + timedelta(40), filed=0, held=0, cancelled=True),
    ),
    past=(MeetingLine(date(2026, 10, 9), DEADLINE - timedelta(60), filed=7, held=0),),
    waiting=1,
)
LINES = (
    CommitteeLine("valfard", "Välfärd- och servicenämnden", date(2026, 12, 9)),
    CommitteeLine("social", "Socialnämnden", None),
)

PAGES: dict[str, Callable[[], str]] = {
    "start": lambda: start_page(LINES),
    "start-empty": lambda: start_page(()),
    "committee": lambda: committee_page(COMMITTEE),
    "committee-empty": lambda: committee_page(replace(COMMITTEE, coming=(), past=(), waiting=0)),
    "meeting": lambda: meeting_page(MEETING),
    "meeting-empty": lambda: meeting_page(EMPTY),
    "meeting-cancelled": lambda: meeting_page(replace(MEETING, cancelled=True)),
    "not-found": not_found_page,
}
every_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


class Reader(HTMLParser):
    """Builds a tree as strictly as XML: what is opened is closed, in order."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.builder, self.open = TreeBuilder(), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        self.open.append(tag)
        if tag in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.builder.end(tag)

    def handle_data(self, data: str) -> None:
        self.builder.data(data)


def read(page: str) -> Element:
    reader = Reader()
    reader.feed(page.removeprefix("<!doctype html>").strip())
    return reader.builder.close()


def words_of(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def text_of(page: str) -> str:
    return words_of(next(read(page).iter("body")))


def links_of(root: Element) -> list[str]:
    return [link.attrib["href"] for link in root.iter("a")]


def rows(page: str, table: int) -> list[list[str]]:
    """Cells of a table's body, as text with single spaces."""
    body = list(read(page).iter("tbody"))[table]
    return [[words_of(cell) for cell in row] for row in body]


@every_page
def test_a_page_can_be_read_without_eyes_or_mouse(page: Callable[[], str]) -> None:
    """Language, title, one main heading, a way past the header, and a caption and scopes for every table."""
    root = read(page())
    assert root.get("lang") == "sv"
    assert root.findtext("head/title", "").endswith(" – Kansli")
    assert len(list(root.iter("h1"))) == 1
    assert root.findall("body/*")[0].get("href") == "#content"
    assert root.find("body/main[@id='content']") is not None
    assert all(table.findtext("caption") for table in root.iter("table"))
    assert all(heading.get("scope") for heading in root.iter("th"))


@every_page
def test_headings_never_skip_a_level(page: Callable[[], str]) -> None:
    """A reader who walks by headings misses none."""
    levels = [int(one.tag[1]) for one in read(page()).iter() if one.tag in {"h1", "h2", "h3"}]
    assert all(after - before <= 1 for before, after in pairwise(levels))


@every_page
def test_a_page_needs_no_script_and_no_stranger(page: Callable[[], str]) -> None:
    """A strict content security policy costs nothing: one own style sheet, no script, no inline style."""
    root = read(page())
    assert {one.tag for one in root.iter()}.isdisjoint({"script", "style", "img", "iframe"})
    assert not any("style" in one.attrib for one in root.iter())
    assert [link.get("href") for link in root.iter("link")] == ["/static/kansli.css"]
    assert all(address[0] in "/#" and address[:2] != "//" for address in links_of(root))


def test_the_meeting_says_when_reports_must_be_in() -> None:
    """Committee, date and deadline are in words, with the time left."""
    text = text_of(meeting_page(MEETING))
    assert "Välfärd- och servicenämnden onsdag 9 december 2026" in text
    assert "27 november 2026 kl. 12.00 om 4 dagar" in text


def test_reports_are_numbered_and_the_held_ones_stand_apart() -> None:
    """The numbers are those of the agenda, and a held report has none but a reason."""
    page = meeting_page(MEETING)
    filed, held = rows(page, 0), rows(page, 1)
    assert [row[0] for row in filed] == ["1", "2"]
    assert filed[0][2:5] == ["12 november 2026", "Anna Öberg", "20 november 2026 kl. 14.03"]
    assert "Upplysning: Besöket gjordes på eget initiativ. Riktlinjer § 3" in filed[0][5]
    assert [filed[1][2], filed[1][5]] == ["–", "Inga anmärkningar"]
    assert (
        held[0][4] == "Väntar på beslut. Hålls tillbaka: Det här är besök 3 i år. Riktlinjer § 3, Ersättning"
    )


def test_a_held_report_is_not_in_the_text_for_the_agenda() -> None:
    """What is copied to the agenda is what the committee gets."""
    paste = " ".join(
        words_of(part) for part in read(meeting_page(MEETING)).iterfind(".//div[@class='paste']")
    )
    assert "Förslag till beslut: Nämnden lägger rapporterna till handlingarna." in paste
    assert "Komvux, Lärcentrum" in paste
    assert "Turistbyrån" not in paste


def test_every_report_links_to_its_paper_by_name() -> None:
    """Links that only say PDF sound all alike, so each has the report's subject in its name."""
    cell = read(meeting_page(MEETING)).findall(".//tbody//th")[0]
    assert links_of(cell) == ["/v1/reports/0193/report.pdf"]
    assert "Kost, Björkbackens kök (PDF)" in words_of(cell)


def test_a_meeting_without_reports_says_so() -> None:
    """An empty table would look like a fault."""
    page = meeting_page(EMPTY)
    assert "Inga rapporter har kommit in till det här sammanträdet ännu." in text_of(page)
    assert not list(read(page).iter("table"))


def test_a_cancelled_meeting_says_where_its_reports_go() -> None:
    """Nobody is left wondering about the reports."""
    assert "Sammanträdet är inställt." in text_of(meeting_page(replace(MEETING, cancelled=True)))


def test_a_committee_shows_its_meetings_and_what_waits_for_one() -> None:
    """Coming meetings tell the time left; a cancelled one does not."""
    page = committee_page(COMMITTEE)
    assert rows(page, 0) == [
        ["onsdag 9 december 2026", "27 november 2026 kl. 12.00 om 4 dagar", "2", "1"],
        ["onsdag 20 januari 2027 Inställt", "6 januari 2027 kl. 12.00", "0", "0"],
    ]
    assert "1 rapport väntar på ett sammanträde." in text_of(page)
    assert links_of(read(page))[2] == "/committees/valfard/meetings/2026-12-09"


def test_the_start_page_leads_to_every_committee() -> None:
    """A committee without a coming meeting is there too, and says so."""
    page = start_page(LINES)
    assert links_of(read(page))[2:] == ["/committees/valfard", "/committees/social"]
    assert "Socialnämnden Inget kommande sammanträde i kalendern" in text_of(page)


def test_what_a_sender_typed_is_never_markup() -> None:
    """A name with angle brackets is shown as it is and runs nothing."""
    evil = "<script>alert(1)</script>"
    page = meeting_page(replace(MEETING, reports=(replace(KITCHEN, sender=evil, subject=f'"{evil}'),)))
    assert evil in text_of(page)
    assert not list(read(page).iter("script"))


def test_the_style_sheet_fetches_nothing_and_minds_dark_and_paper() -> None:
    """The readers' own fonts, their own colours, and a print without ink for links."""
    style = (STATIC / "kansli.css").read_text("utf-8")
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style
