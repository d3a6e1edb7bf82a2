"""What the letters about several reports say, and that each shape of them says the same."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from chassis.clock import in_stockholm
from notification.attached_packets import Unattached
from notification.headers import Sender, as_bytes
from notification.letters import AttachedPacket, Letter, Meeting, Occasion
from notification.recipients import Committee, PlannedMeeting, Recipient, SummaryKind
from notification.summaries import (
    FormOfWeek,
    Frozen,
    Gathered,
    GuidelineEnds,
    Moved,
    Origin,
    Reminder,
    Summary,
    WeeklyTally,
    sum_up,
)
from notification.unarrived import Astray, Unarrived
from notification.unseen import Unseen
from support.letter_words import words_of_html, words_of_text

NOW = datetime(2026, 11, 20, 13, 3, 5, tzinfo=UTC)
COMMITTEE = Committee.model_validate(
    {
        "id": "valfard",
        "name": "Välfärd- och servicenämnden",
        "secretary": {"name": "Åsa Ek", "email": "asa@exempel.se"},
    }
)
FACTS = {"date": "2026-12-09", "time": "13:00", "place": "<Salen> & mer", "deadline": "2026-11-27T12:00:00"}
MEETING = Meeting.model_validate(FACTS)
PLANNED = PlannedMeeting.model_validate(FACTS)


def occasion(**changed: Any) -> Occasion:
    facts = {
        "event_id": "e",
        "submission_id": "s-1",
        "revision": 1,
        "title": "<b>Rapport</b>",
        "event_date": "2026-11-12",
        "unit": "Kost",
        "reference": "190456",
        "arrived_at": "2026-11-20T13:03:00Z",
        "meeting": FACTS,
        "findings": [{"outcome": "note", "message": "Eget initiativ.", "source": "§ 3"}],
    }
    return Occasion.model_validate_json(json.dumps(facts | changed))


def tally(forms: list[FormOfWeek], uncounted: list[str], **letters: int) -> WeeklyTally:
    none = {"sent": 0, "failed": 0, "on_the_way": 0, "delivered": 0, "bounced": 0}
    return WeeklyTally(date(2026, 11, 16), date(2026, 11, 22), forms, uncounted, **none | letters)


ASTRAY = Astray(
    "En <rapport> hålls tillbaka & väntar", "nämndsekreteraren", "asa@exempel.se", in_stockholm(NOW)
)

SUMMARIES: dict[SummaryKind, list[Summary]] = {
    "gathered": [
        Gathered([occasion()], []),
        Gathered([occasion(), occasion(meeting=None, unit=None)], [occasion(submitter_told=False)]),
        Gathered([occasion(meeting=None)], []),
        Gathered([], [occasion()]),
        Gathered([], [occasion(submitter_told=False, event_date=None, reference=None)]),
    ],
    "moved": [
        Moved(date(2026, 12, 2), date(2026, 12, 9), False, PLANNED, [(MEETING, 30)], 0, b"BEGIN:VCALENDAR"),
        Moved(date(2026, 12, 2), date(2026, 12, 9), False, PLANNED, [], 0, b"BEGIN:VCALENDAR\r\n"),
        Moved(date(2026, 12, 9), None, False, PLANNED, [(MEETING, 1)], 0, b"BEGIN:VCALENDAR\r\n"),
        Moved(date(2026, 12, 2), None, True, None, [], 1, b"BEGIN:VCALENDAR\r\n"),
        Moved(date(2026, 12, 2), None, True, None, [], 0, b"BEGIN:VCALENDAR\r\n"),
        Moved(None, None, False, None, [(MEETING, 1)], 0, None),
        Moved(date(2026, 12, 9), None, False, PLANNED, [], 0, b"BEGIN:VCALENDAR\r\n", resumed=True),
        Moved(date(2026, 12, 2), date(2026, 12, 9), False, PLANNED, [(MEETING, 2)], 1, None, resumed=True),
    ],
    "frozen": [
        Frozen(MEETING, 1, 12),
        Frozen(MEETING, 2, 1),
        Frozen(MEETING, 1, 12, AttachedPacket("2026-12-09_valfard_00_samtliga.pdf", b"%PDF-1.7")),
        *(Frozen(MEETING, 2, 1, reason) for reason in Unattached),
    ],
    "reminder": [
        Reminder(PLANNED, held, unseen) for held, unseen in ((1, 0), (2, 0), (0, 1), (0, 2), (1, 1), (2, 2))
    ],
    "unseen": [Unseen(PLANNED, 1, in_stockholm(NOW)), Unseen(PLANNED, 2, in_stockholm(NOW))],
    "unarrived": [
        Unarrived(PLANNED, [ASTRAY], [ASTRAY.address]),
        Unarrived(PLANNED, [ASTRAY] * 11, [ASTRAY.address]),
        Unarrived(PLANNED.model_copy(update={"cancelled": True}), [ASTRAY], [ASTRAY.address]),
    ],
    "guideline": [
        GuidelineEnds(
            "Riktlinjer <1>", "Nämnden § 3", "förvaltningen", date(2026, 12, 31), ["A", "B"], False
        ),
        GuidelineEnds("Riktlinjer", "", "", date(2026, 10, 31), ["Rapport"], True),
    ],
    "tally": [
        tally([], [], sent=4),
        tally([FormOfWeek("Rapport <1>", 12, 9, 1, 1, 1)], [], sent=3, on_the_way=1),
        tally([FormOfWeek("Rapport", 3, 1, 0, 0, 0), FormOfWeek("Annan", 0, 0, 0, 0, 0)], [], sent=2),
        tally([], ["Rapport"], sent=2, failed=1, delivered=1, bounced=1),
    ],
}


def write(kind: SummaryKind, told: Summary, **of_recipient: Any) -> Letter:
    origin = Origin("valfard-2026-12-09", "https://kansli.exempel.se/a?b=1&c=2", [SimpleNamespace(id="e")])  # type: ignore[list-item]
    recipient = Recipient(kind, "bo@exempel.se", "Bo Al", **of_recipient)
    return sum_up(told, origin, COMMITTEE, recipient, domain="exempel.se", created_at=NOW)


def letters() -> Iterator[tuple[SummaryKind, Summary]]:
    yield from ((kind, told) for kind, all_told in SUMMARIES.items() for told in all_told)


def test_every_kind_is_written() -> None:
    """Whoever adds one adds it here."""
    assert set(get_args(SummaryKind)) == SUMMARIES.keys()


@pytest.mark.parametrize(("kind", "told"), list(letters()))
@pytest.mark.parametrize("of_recipient", [{}, {"is_copy": True}, {"is_substitute": True}])
def test_html_and_text_of_a_summary_say_the_same(
    kind: SummaryKind, told: Summary, of_recipient: dict[str, Any]
) -> None:
    """Nobody learns less for the shape they read, and nothing from outside becomes markup."""
    letter = write(kind, told, **of_recipient)
    assert words_of_text(letter.text) == words_of_html(letter.html)
    assert letter.subject == " ".join(letter.subject.split())
    assert not [line for line in letter.text.splitlines() if len(line) > 72 and "https://" not in line]
    assert letter.text.count("https://") == 1
    as_bytes(letter, Sender("Kansli", "kansli@exempel.se"))


def test_a_personnummer_in_a_line_is_masked() -> None:
    """The line names the report by what a person wrote."""
    letter = write("gathered", Gathered([occasion(unit="Hos 19121212-1212")], []))
    assert "1212-1212" not in letter.text + letter.html + letter.subject


def test_a_substitute_is_told_why_the_letter_came() -> None:
    """It is true for the one who reads it."""
    text = write("reminder", Reminder(PLANNED, 1), is_substitute=True).text
    assert "är borta och du är ersättare." in " ".join(text.split())


def test_one_report_that_moved_is_not_told_as_several() -> None:
    """The number is in the letter, and the words follow it."""
    one, several = (
        " ".join(write("moved", Moved(None, None, False, None, [(MEETING, count)], 0, None)).text.split())
        for count in (1, 2)
    )
    assert "Rapporten har följt med." in one
    assert "Hit går rapporten: - 1 rapport" in one
    assert "Rapporterna har följt med." in several
    assert "Hit går rapporterna: - 2 rapporter" in several


@pytest.mark.parametrize(("unreached", "whom"), [(1, "avsändaren"), (2, "avsändarna")])
def test_the_secretary_is_asked_to_tell_the_senders_whom_no_letter_reaches(unreached: int, whom: str) -> None:
    """Who has an address is told by a letter of their own."""
    several = [occasion(submitter_told=False)] * unreached
    text = write("gathered", Gathered([], [occasion(), *several])).text
    assert text.startswith(f"Berätta för {whom} vad som behöver rättas.")
