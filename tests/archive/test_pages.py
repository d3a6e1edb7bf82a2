"""The secretary's pages: what they say, and that they say it to everyone."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree.ElementTree import Element, TreeBuilder

import pytest

from archive.web.pages import (
    STATIC,
    committee_page,
    meeting_page,
    report_page,
    someone_was_first_page,
    start_page,
    year_page,
)
from archive.web.words import size_in_words
from support.gallery import (
    AFTER,
    COMMITTEE,
    DONE,
    EMPTY,
    FIRST,
    HELD_REPORT,
    KITCHEN,
    LINES,
    MEETING,
    PAGES,
    READ_ONLY,
    REPORT,
    SECRETARY,
    WITHOUT_REASON,
    YEAR,
)

every_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


class Reader(HTMLParser):
    """Builds a tree as strictly as XML: what is opened is closed, in order."""

    VOID = frozenset({"meta", "link", "br", "input"})

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


def by_id(root: Element, name: str) -> Element:
    (found,) = root.iterfind(f".//*[@id='{name}']")
    return found


def part(page: str, heading: str) -> Element:
    """The section that the heading of this id names."""
    (found,) = read(page).iterfind(f".//section[@aria-labelledby='{heading}']")
    return found


def reports_in(section: Element) -> list[str]:
    return [words_of(report) for report in section.iterfind(".//li[@class='report']")]


def buttons_of(root: Element) -> list[str]:
    return [words_of(button) for button in root.iter("button")]


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
    """A strict content security policy costs nothing: own style sheets, no script, no inline style."""
    root = read(page())
    assert {one.tag for one in root.iter()}.isdisjoint({"script", "style", "img", "iframe"})
    assert not any("style" in one.attrib for one in root.iter())
    assert not any(name.startswith("on") for one in root.iter() for name in one.attrib)
    assert all(link.attrib["href"].startswith("/static/") for link in root.iter("link"))
    loaded = [one.attrib.get("action", one.attrib.get("formaction", "/")) for one in root.iter()]
    assert all(address[0] == "/" and address[:2] != "//" for address in loaded)


@every_page
def test_a_control_has_a_name_of_its_own(page: Callable[[], str]) -> None:
    """Who hears the buttons and the folds one by one knows which report each is about."""
    root = read(page())
    for names in (buttons_of(root), [words_of(fold) for fold in root.iter("summary")]):
        assert len(set(names)) == len(names)


@every_page
def test_a_field_has_a_label_and_an_id_of_its_own(page: Callable[[], str]) -> None:
    """No two elements share an id, and every field that shows is named by a label."""
    root = read(page())
    ids = [one.attrib["id"] for one in root.iter() if "id" in one.attrib]
    assert len(set(ids)) == len(ids)
    named = {label.get("for") for label in root.iter("label")}
    fields = [one for one in root.iter() if one.tag in {"input", "textarea"} and one.get("type") != "hidden"]
    assert all(one.get("id") in named for one in fields)


@every_page
def test_a_form_that_changes_something_is_a_post_with_its_token(page: Callable[[], str]) -> None:
    """What changes something is no link, and no other site can send it; who only fetches needs no token."""
    for form in read(page()).iter("form"):
        fetches = form.attrib["action"].endswith(".csv") if "action" in form.attrib else False
        assert form.get("method") == ("get" if fetches else "post")
        assert fetches or form.find(".//input[@name='csrf']") is not None


def test_the_meeting_says_when_reports_must_be_in() -> None:
    """Date and deadline are in words, with the time left."""
    text = text_of(meeting_page(MEETING))
    assert "Onsdag 9 december 2026" in text
    assert "Manusstopp Om 4 dagar 27 november 2026 kl. 12.00" in text


def test_reports_are_numbered_and_the_held_ones_stand_apart() -> None:
    """The agenda is an ordered list, and what is held stands before it, with the reason."""
    page = meeting_page(MEETING, SECRETARY)
    filed, held = part(page, "reports"), part(page, "held")
    assert [one.tag for one in filed.iter() if one.get("class") == "reports"] == ["ol"]
    first, second = reports_in(filed)
    assert "Kost, Björkbackens kök" in first
    assert "Anna Öberg Datum 12 november 2026 Inkom 20 november 2026 kl. 14.03" in first
    assert "Upplysning: Besöket gjordes på eget initiativ. Besök 2 av 2 i år. Riktlinjer § 3" in first
    assert "Komvux, Lärcentrum" in second
    (waiting,) = reports_in(held)
    assert "Väntar på beslut. Hålls tillbaka: Det här är besök 3 i år. Riktlinjer § 3, Ersättning" in waiting


def test_a_report_has_buttons_for_what_may_be_done_with_it() -> None:
    """A filed one can be held, returned or moved, a held one released, a late one taken along."""
    page = meeting_page(MEETING, SECRETARY)
    about = "Kost, Björkbackens kök"
    assert buttons_of(by_id(read(page), "report-0193")) == [
        f"↓Flytta ned {about}",
        f"Flytta till 20 januari 2027 {about}",
        f"Håll tillbaka {about}",
        f"Återlämna {about}",
    ]
    assert buttons_of(part(page, "held")) == ["Släpp Turism, Turistbyrån", "Återlämna Turism, Turistbyrån"]
    assert buttons_of(part(page, "late")) == ["Ta med ändå Fritid, Simhallen"]
    assert buttons_of(part(page, "rejected")) == ["Ta emot ändå Kultur, Biblioteket"]


def test_the_page_begins_with_what_is_on_it() -> None:
    """Counts in words that fit them, each a link to its part."""
    (here,) = read(meeting_page(AFTER, SECRETARY)).iterfind(".//nav[@class='here']")
    assert words_of(here) == "2 i föredragningslistan 1 rättelse 1 avvisad Text att klistra in Paket"
    assert links_of(here) == ["#reports", "#late", "#rejected", "#paste", "#packets"]


def test_a_late_report_is_moved_to_this_very_meeting() -> None:
    """What is taken along names the meeting it goes to, since its own is the next one."""
    (to,) = part(meeting_page(MEETING, SECRETARY), "late").iterfind(".//input[@name='to']")
    assert to.get("value") == "2026-12-09"


def test_who_may_only_read_sees_no_button() -> None:
    """The chair reads the same page without a form on it, but the one to sign out."""
    assert buttons_of(next(read(meeting_page(READ_ONLY)).iter("main"))) == []
    assert buttons_of(next(read(report_page(replace(REPORT, acts=frozenset()))).iter("main"))) == []


def test_what_is_pasted_is_what_is_on_the_agenda() -> None:
    """The text lies in a field of its own, to be marked as a whole by keyboard or mouse."""
    pasted = [field.text or "" for field in part(meeting_page(MEETING), "paste").iter("textarea")]
    assert pasted == [paste.text for paste in MEETING.pastes]


def test_packets_tell_number_time_hash_and_where_to_fetch_them() -> None:
    """The hash of the downloaded file can be compared with the page."""
    page = meeting_page(AFTER, SECRETARY)
    number, frozen, count, sha, fetch = rows(page, 0)[1]
    assert number == "Paket 2 § 14 Kost, Björkbackens kök är rättad."
    assert (frozen, count) == ("30 november 2026 kl. 14.30", "2")
    assert sha == AFTER.packets[1].sha256
    assert fetch.startswith("PDF paket 2 för 9 december 2026 ZIP paket 2")
    address = "/v1/committees/valfard/meetings/2026-12-09/packets/2"
    assert links_of(part(page, "packets"))[3:] == [
        f"{address}/{file}" for file in ("packet.pdf", "packet.zip", "sip.zip")
    ]


def test_what_was_done_is_said_once_and_can_be_undone() -> None:
    """The title begins with it, so that it is the first that is heard."""
    root = read(meeting_page(MEETING, DONE))
    assert root.findtext("head/title", "").startswith("Klart: ")
    said = root.find(".//div[@role='status']")
    assert said is not None
    assert words_of(said) == (
        "Kost, Björkbackens kök Rapporten hålls tillbaka. Ångra åtgärden för Kost, Björkbackens kök"
    )


def test_a_missing_reason_is_said_above_and_at_the_field() -> None:
    """The summary links to the field, the field is marked, and its fold is open."""
    root = read(meeting_page(MEETING, WITHOUT_REASON))
    summary = root.find(".//div[@role='alert']")
    assert summary is not None
    assert links_of(summary) == ["#reason-0193"]
    field = by_id(root, "reason-0193")
    assert field.get("aria-invalid") == "true"
    assert words_of(by_id(root, "reason-0193-wrong")) == "Skriv varför du håller tillbaka rapporten."
    folds = [fold for fold in root.iter("details") if "open" in fold.attrib]
    assert [field in list(fold.iter()) for fold in folds] == [True]


def test_a_report_shows_all_that_is_decided_by() -> None:
    """Sections, findings with the person's position, compensation, files, and who did what and why."""
    text = text_of(report_page(REPORT, SECRETARY))
    assert "Sammanfattning Köket lagar 900 portioner" in text
    assert "Till avsändaren: kom inte fram" in text
    assert "Besök 2 av 2 i år. Riktlinjer § 3" in text
    assert "Sammanträdesarvode 1 Besök 2 av 2 i år. Riktlinjer § 3, Ersättning" in text
    assert "Förlorad arbetsinkomst 5,5" in text
    assert "matsedel vecka 47.pdf application/pdf, 340 kB" in text
    assert "Släppt 23 november 2026 kl. 09.12 · Nora Sekreterarsson Ordföranden har godkänt" in text


def test_a_held_report_says_what_is_hidden_on_the_page() -> None:
    """Nobody takes a masked number for what the sender wrote."""
    assert "Det som kan vara ett personnummer är dolt" in text_of(report_page(HELD_REPORT, SECRETARY))
    assert "är dolt" not in text_of(report_page(REPORT, SECRETARY))


def test_the_second_of_two_is_told_what_the_first_did() -> None:
    """What happened, how it stands, what was typed, and where to go on."""
    page = someone_was_first_page(FIRST, SECRETARY)
    text = text_of(page)
    assert "Återlämnad till avsändaren av Nisse Vikariesson, 23 november 2026 kl. 10.12." in text
    assert "Det här skrev du Ordföranden har godkänt besöket." in text
    assert "/reports/0195" in links_of(read(page))


def test_the_year_is_a_chart_and_the_same_numbers_in_a_table() -> None:
    """Units in the file's order, never persons; the norm is a line with words."""
    page = year_page(YEAR)
    (chart,) = read(page).iterfind(".//svg[@role='img']")
    assert "Besök 2026 per verksamhet" in (chart.findtext("title") or "")
    assert "Streckat: riktlinjens 1–2 besök" in words_of(chart)
    assert [row[:3] for row in rows(page, 0)][:3] == [
        ["Kost", "2", "1"],
        ["Arbetsmarknad", "1", "1"],
        ["Komvux", "4", "1"],
    ]
    assert [row[3] for row in rows(page, 0)][1:4] == ["Inom riktlinjen", "Fler än 2", "Färre än 1"]
    assert words_of(part(page, "not-visited")) == "Inte besökta i år Turism Fritid"


def test_a_meeting_without_reports_says_so() -> None:
    """An empty list would look like a fault."""
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
        ["onsdag 9 december 2026", "27 november 2026 kl. 12.00 om 4 dagar", "2", "1", "–"],
        ["onsdag 20 januari 2027 Inställt", "6 januari 2027 kl. 12.00", "0", "0", "–"],
    ]
    assert "1 rapport väntar på ett sammanträde." in text_of(page)
    assert "/committees/valfard/meetings/2026-12-09" in links_of(read(page))


def test_the_start_page_leads_to_every_committee() -> None:
    """A committee without a coming meeting is there too, and says so."""
    page = start_page(LINES)
    assert links_of(next(read(page).iter("main"))) == ["/committees/valfard", "/committees/social"]
    assert "1 rapport att ta ställning till Socialnämnden Inget kommande sammanträde" in text_of(page)


def test_what_a_sender_typed_is_never_markup() -> None:
    """A name with angle brackets is shown as it is and runs nothing."""
    evil = "<script>alert(1)</script>"
    page = meeting_page(replace(MEETING, reports=(replace(KITCHEN, sender=evil, subject=f'"{evil}'),)))
    assert evil in text_of(page)
    assert not list(read(page).iter("script"))


@pytest.mark.parametrize(
    ("size", "words"), [(1, "1 kB"), (348_000, "340 kB"), (1_300_000, "1,2 MB"), (1_048_576, "1,0 MB")]
)
def test_sizes_are_in_words(size: int, words: str) -> None:
    """Rounded up, with a decimal comma."""
    assert size_in_words(size) == words


def test_our_style_sheet_fetches_nothing_and_minds_dark_and_paper() -> None:
    """The readers' own fonts, their own colours, and a print without ink for links."""
    style = (STATIC / "kansli.css").read_text("utf-8")
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme: dark" in style
    assert "@media print" in style


@pytest.mark.parametrize("name", ["designsystemet.css", "theme.css"])
def test_the_design_system_is_the_one_that_its_readme_tells(name: str) -> None:
    """Unchanged as it came, and it fetches nothing either."""
    folder = STATIC / "designsystemet"
    sheet = (folder / name).read_bytes()
    assert sha256(sheet).hexdigest() in (folder / "README.md").read_text("utf-8")
    assert b"@import" not in sheet
    assert sheet.count(b"url(") == sheet.count(b'url("data:') + sheet.count(b"url('data:")
