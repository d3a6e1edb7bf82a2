"""What a letter says, to whom, and what it never says."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from notification.letters import Letter, Occasion, compose
from notification.recipients import Committee, LetterKind, Recipient
from support.letter_words import words_of_html, words_of_text

KINDS: tuple[LetterKind, ...] = get_args(LetterKind)
CREATED_AT = datetime(2026, 11, 20, 13, 3, 5, tzinfo=UTC)
COMMITTEE = Committee.model_validate(
    {
        "id": "valfard",
        "name": "Välfärd- och servicenämnden",
        "secretary": {"name": "Åsa Ek", "email": "asa@exempel.se"},
    }
)
FACTS: dict[str, Any] = {
    "event_id": "0198f4a2-7000-7000-8000-000000000001",
    "submission_id": "0198f4a2-6c1e-7d3b-9a55-0c9d2f1b7e44",
    "revision": 1,
    "title": "Rapport från kontaktpolitiker",
    "event_date": "2026-11-12",
    "unit": "Kost",
    "reference": "190456",
    "arrived_at": "2026-11-20T13:03:00Z",
    "meeting": {
        "date": "2026-12-09",
        "time": "13:00",
        "place": "Sessionssalen",
        "deadline": "2026-11-27T12:00:00",
    },
    "findings": [
        {"outcome": "reject", "message": "Besöksdatumet är i framtiden.", "source": "Riktlinjer § 3"},
        {"outcome": "hold", "message": "Det här är besök 3 i år.", "source": "Riktlinjer § 3, Ersättning"},
        {"outcome": "note", "message": "Eget initiativ.", "source": "Riktlinjer § 3"},
    ],
    "reason": "Skriv om stycket om köket.",
    "page_url": "https://kansli.exempel.se/namnder/valfard/2026-12-09?a=1&b=2",
}


def write(kind: LetterKind, is_copy: bool = False, **changes: Any) -> Letter:
    occasion = Occasion.model_validate(FACTS | changes)
    recipient = Recipient(kind, "bo@exempel.se", "Bo Al", is_copy)
    return compose(occasion, COMMITTEE, recipient, domain="exempel.se", created_at=CREATED_AT)


@pytest.mark.parametrize(
    ("kind", "subject", "first"),
    [
        (
            "filed",
            "Rapport att granska till Välfärd- och servicenämnden 9 december",
            "Granska rapporten senast fredag 27 november klockan 12.00.",
        ),
        (
            "held",
            "Rapport hålls tillbaka inför Välfärd- och servicenämnden 9 december",
            "Ta ställning till rapporten senast fredag 27 november klockan 12.00.",
        ),
        (
            "received",
            "Din rapport ska tas upp i Välfärd- och servicenämnden 9 december",
            "Du behöver inte göra något nu.",
        ),
        (
            "rejected_secretary",
            "Rapport till Välfärd- och servicenämnden togs inte emot",
            "Du behöver inte göra något nu.",
        ),
        (
            "rejected_submitter",
            "Din rapport till Välfärd- och servicenämnden behöver rättas",
            "Rätta rapporten i e-tjänsten och skicka in den igen.",
        ),
        (
            "returned",
            "Din rapport till Välfärd- och servicenämnden kommer tillbaka till dig",
            "Läs motiveringen, rätta rapporten i e-tjänsten och skicka in den igen.",
        ),
    ],
)
def test_a_letter_begins_with_what_to_do_and_by_when(kind: LetterKind, subject: str, first: str) -> None:
    """The subject says what and for which meeting, the first line what is asked of the reader."""
    letter = write(kind)
    assert (subject, first) == (letter.subject, letter.text.splitlines()[0])


@pytest.mark.parametrize("kind", KINDS)
def test_every_letter_says_how_to_find_the_report(kind: LetterKind) -> None:
    """Both numbers, the day that it is about and the time it came, in Swedish time."""
    text = write(kind).text
    assert "Nummer i Kansli: 0198f4a2-6c1e-7d3b-9a55-0c9d2f1b7e44\n" in text
    assert "Nummer i e-tjänsten: 190456\n" in text
    assert "Datum: torsdag 12 november\n" in text
    assert "Kom in: fredag 20 november klockan 14.03\n" in text
    assert "Du får det här mejlet för att" in text


def situations() -> Iterator[dict[str, Any]]:
    yield {}
    yield {"meeting": None, "page_url": None, "reference": None, "unit": None, "reason": None, "findings": []}
    yield {"is_held": True, "findings": []}
    yield {"late": True, "meeting": {"date": "2027-01-13", "deadline": "2026-12-30T12:00:00"}}
    yield {"submitter_told": False, "is_copy": True}
    yield {"unit": "<b>A & B</b>", "reason": 'x < y > "z"', "title": "</td><script>"}


@pytest.mark.parametrize("changes", list(situations()))
@pytest.mark.parametrize("kind", KINDS)
def test_html_and_text_say_the_same(kind: LetterKind, changes: dict[str, Any]) -> None:
    """Nobody learns less for the shape they read, and nothing from outside becomes markup."""
    letter = write(kind, **changes)
    assert words_of_text(letter.text) == words_of_html(letter.html)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_event_gives_the_same_letter(kind: LetterKind) -> None:
    """An event that is told twice is one letter, byte for byte."""
    assert write(kind) == write(kind)


def test_each_recipient_event_and_revision_has_its_own_letter_id() -> None:
    """A report that is held again after release is told again."""
    ids = {
        write("held").id,
        write("filed").id,
        write("held", revision=2).id,
        write("held", event_id="another").id,
        compose(
            Occasion.model_validate(FACTS),
            COMMITTEE,
            Recipient("held", "cecilia@exempel.se"),
            domain="exempel.se",
            created_at=CREATED_AT,
        ).id,
    }
    assert len(ids) == 5


def test_a_letter_id_tells_no_address() -> None:
    """It stands in logs, in file names and in the Message-ID."""
    letter = write("returned")
    assert f"<{letter.id}@exempel.se>" == letter.message_id
    assert re.fullmatch(r"0198f4a2-6c1e-7d3b-9a55-0c9d2f1b7e44\.1\.returned\.[0-9a-f]{16}", letter.id)


@pytest.mark.parametrize("field", ["unit", "reason", "finding"])
@pytest.mark.parametrize(
    "number", ["19900101-1239", "900101-1239", "199001011239", "900101+1239", "900101 1239"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_personnummer_is_never_mailed(kind: LetterKind, number: str, field: str) -> None:
    """A report held for one may have it in the very line that names the report."""
    words = f"Besök hos {number}."
    finding = {"outcome": "hold", "message": words, "source": "Riktlinjer § 3"}
    letter = write(kind, **({"findings": [finding]} if field == "finding" else {field: words}))
    assert not re.search(r"0101.?1239", letter.subject + letter.text + letter.html)


def test_a_number_of_the_platform_is_no_personnummer() -> None:
    """The reference is what the person looks it up by."""
    assert "Nummer i e-tjänsten: 2026010112" in write("filed", reference="2026010112").text


@pytest.mark.parametrize("kind", KINDS)
@given(words=st.text(st.characters(codec="utf-8")), is_held=st.booleans(), late=st.booleans())
def test_what_comes_from_outside_stays_on_its_line(
    kind: LetterKind, words: str, is_held: bool, late: bool
) -> None:
    """No text of a form breaks a line, brings a control character, or is one thing here and another there."""
    findings = [
        {"outcome": one, "message": words, "source": words} for one in ("reject", "hold", "note", "note")
    ]
    told: dict[str, Any] = dict.fromkeys(("unit", "title", "reason", "reference"), words)
    letter = write(kind, findings=findings, is_held=is_held, late=late, **told)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", letter.text + letter.subject)
    assert words_of_text(letter.text) == words_of_html(letter.html)


@pytest.mark.parametrize("kind", KINDS)
def test_an_inbox_shows_what_to_do_beside_the_subject(kind: LetterKind) -> None:
    """It shows the first words of the body: nothing, hidden or not, stands before the lead."""
    letter = write(kind)
    up_to_lead = re.findall(r"(?s)<body.*?</h1>", letter.html)[0]
    lead = re.sub(r"<[^>]*>", " ", up_to_lead).split()
    assert lead
    assert words_of_text(letter.text)[: len(lead)] == lead


@pytest.mark.parametrize("kind", KINDS)
def test_styles_stand_where_they_apply(kind: LetterKind) -> None:
    """A reader that drops the head's styles shows the same letter; what follows eyes or window stays."""
    html = write(kind).html
    styled = re.findall(r"<[a-z0-9]+ [^>]*class=[^>]*>", html)
    assert styled
    assert all("style=" in element for element in styled)
    assert re.findall(r"@media \([a-z-]+", html) == ["@media (prefers-color-scheme", "@media (max-width"]
    assert "http" not in html.replace("https://kansli.exempel.se/", "")


@pytest.mark.parametrize("kind", ["received", "rejected_submitter", "returned"])
def test_a_sender_is_told_whom_to_ask_and_sees_no_page_of_the_secretarys(kind: LetterKind) -> None:
    """A page behind another's sign-in helps nobody."""
    text = write(kind).text
    assert "Fråga nämndsekreteraren Åsa Ek, asa@exempel.se." in text
    assert "https://" not in text


@pytest.mark.parametrize("kind", ["rejected_secretary", "rejected_submitter", "returned"])
def test_a_report_on_no_agenda_names_no_meeting(kind: LetterKind) -> None:
    """What was returned no longer lies on the meeting it is told with."""
    assert "Sessionssalen" not in write(kind).text


@pytest.mark.parametrize(
    ("kind", "shown", "hidden"),
    [
        ("filed", ["Eget initiativ"], ["besök 3 i år", "framtiden", "Skriv om"]),
        ("held", ["besök 3 i år", "Eget initiativ", "§ 3, Ersättning"], ["framtiden"]),
        ("received", [], ["besök 3 i år", "Eget initiativ", "framtiden", "Skriv om"]),
        ("rejected_secretary", ["framtiden"], ["besök 3 i år", "Skriv om"]),
        ("rejected_submitter", ["framtiden", "Riktlinjer § 3"], ["besök 3 i år", "Skriv om"]),
        ("returned", ["Skriv om stycket om köket."], ["framtiden", "besök 3 i år"]),
    ],
)
def test_a_letter_gives_the_findings_that_explain_it(
    kind: LetterKind, shown: list[str], hidden: list[str]
) -> None:
    """The rule and its source, and no more than bears on the outcome."""
    text = write(kind).text
    assert shown == [words for words in shown if words in text]
    assert not [words for words in hidden if words in text]


def test_the_year_is_written_when_it_is_another() -> None:
    """A deadline after New Year is not taken for one in the past."""
    meeting = {"date": "2027-01-13", "deadline": "2026-12-30T23:30:00Z"}
    text = write("filed", meeting=meeting).text
    assert text.startswith("Granska rapporten senast torsdag 31 december klockan 00.30.")
    assert "onsdag 13 januari 2027" in text


def test_a_report_without_a_meeting_asks_for_one() -> None:
    """It waits, and the secretary is told what it waits for."""
    letter = write("filed", meeting=None)
    assert letter.subject == "Rapport väntar på nästa sammanträde i Välfärd- och servicenämnden"
    assert letter.text.startswith("Lägg in nästa sammanträde i kalendern.")


def test_a_report_that_came_late_says_why_it_is_on_a_later_meeting() -> None:
    """Otherwise it looks like a mistake."""
    assert "efter ett manusstopp" in write("filed", late=True).text
    assert "efter ett manusstopp" not in write("filed").text


def test_a_receipt_promises_no_meeting_to_what_is_held() -> None:
    """Whether it goes there is the secretary's to decide."""
    letter = write("received", is_held=True)
    assert letter.subject == "Din rapport till Välfärd- och servicenämnden har kommit in"
    assert "9 december" not in letter.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Sammanträdet kan flyttas eller ställas in, och då får du inget nytt mejl."),
        ({"is_held": True}, "Du får ett mejl om den skickas tillbaka till dig, men inget när den tas upp."),
        ({"meeting": None}, "Du får inget nytt mejl när dagen är bestämd."),
    ],
)
def test_a_receipt_says_what_no_other_letter_will_tell_and_who_knows_it(
    changes: dict[str, Any], said: str
) -> None:
    """The day that it names is the plan; no letter tells the sender that the plan has changed."""
    text = " ".join(write("received", **changes).text.split())
    assert f"{said} Nämndsekreteraren vet vilken dag som gäller." in text
    assert "asa@exempel.se" in text


def test_a_secretary_hears_when_nobody_told_the_sender() -> None:
    """A rejected report whose sender has no address is hers to answer."""
    text = write("rejected_secretary", submitter_told=False).text
    assert text.startswith("Berätta för avsändaren vad som behöver rättas.")


def test_who_gets_a_copy_is_told_so() -> None:
    """Why one gets a mail is true for the one who reads it."""
    assert "för att du får kopior" in write("filed", is_copy=True).text


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_part_fits_a_narrow_window(kind: LetterKind) -> None:
    """72 characters, but for an address of a page, which is never broken."""
    lines = write(kind).text.splitlines()
    assert not [line for line in lines if len(line) > 72 and "https://" not in line]


def test_a_submission_id_that_could_be_a_path_is_no_occasion() -> None:
    """It becomes part of a file's name."""
    with pytest.raises(ValidationError):
        write("filed", submission_id="../../etc")


def test_a_letter_is_a_value() -> None:
    """Two letters with the same facts are equal, and another recipient's is another."""
    letter = write("filed")
    assert letter != replace(letter, recipient_address="annan@exempel.se")
