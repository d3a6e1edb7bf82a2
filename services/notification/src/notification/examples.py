"""What a letter of each kind may tell: plainly made-up facts around one meeting, always of the same day.

Whoever adds a kind of letter adds it here; then it is previewed, looked at and tried with the rest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, TypeAlias

from chassis.clock import STOCKHOLM
from notification.letters import Meeting, Occasion
from notification.meeting_files import calendar_file, meeting_event
from notification.recipients import Committee, LetterKind, PlannedMeeting, SummaryKind
from notification.summaries import (
    FormOfWeek,
    Frozen,
    Gathered,
    GuidelineEnds,
    Moved,
    Reminder,
    Summary,
    WeeklyTally,
)
from notification.unarrived import Astray, Unarrived
from notification.unseen import Unseen

WRITTEN_AT = datetime(2026, 11, 20, 13, 3, 5, tzinfo=UTC)
PLACE = "Kommunhuset, Lilla salen"
DEADLINE = datetime(2026, 11, 27, 12, tzinfo=STOCKHOLM)
PLANNED = PlannedMeeting(date=date(2026, 12, 9), time=time(13), place=PLACE, deadline=DEADLINE)
MEETING = Meeting(date=PLANNED.date, time="13:00", place=PLACE, deadline=DEADLINE)

GUIDELINE = "Riktlinjer 2024-01-17 § 3"
OWN_INITIATIVE = {
    "outcome": "note",
    "message": "Besöket skedde på eget initiativ. Verksamheten ansvarar för att bjuda in kontaktpolitikern.",
    "source": f"{GUIDELINE}, Verksamhetsbesök",
}
THIRD_VISIT = {
    "outcome": "hold",
    "message": "Det här är besök 3 i år. Riktlinjerna säger ett till två besök.",
    "source": f"{GUIDELINE}, Omfattning",
}
NOT_YET = {
    "outcome": "reject",
    "message": "Besöksdatumet 2026-11-25 har inte varit än. Skicka rapporten efter besöket.",
    "source": f"{GUIDELINE}, Rapportering",
}


def report(**changed: Any) -> Occasion:
    facts = {
        "event_id": "0198f4a2-7000-7000-8000-000000000001",
        "submission_id": "0198f4a2-6c1e-7d3b-9a55-0c9d2f1b7e44",
        "revision": 1,
        "title": "Rapport från kontaktpolitiker",
        "event_date": date(2026, 11, 12),
        "unit": "Kost",
        "reference": "190402",
        "arrived_at": WRITTEN_AT,
        "meeting": MEETING,
    }
    return Occasion.model_validate(facts | changed)


REJECTED = report(unit="Komvux", reference="190440", event_date=date(2026, 11, 25), findings=[NOT_YET])


def moved(committee: Committee) -> Moved:
    """To a later day, with its reports, and a file for the secretary's own calendar."""
    return Moved(
        moved_from=date(2026, 12, 2),
        new_date=PLANNED.date,
        cancelled=False,
        meeting=PLANNED,
        landings=[(MEETING, 3)],
        homeless=0,
        calendar=calendar_file([meeting_event(committee, PLANNED, 1)]),
    )


@dataclass(frozen=True, slots=True)
class Example:
    when: str
    """When such a letter is written, for the gallery."""
    told: Occasion | Callable[[Committee], Summary]
    to_sender: bool = False
    """Whether it goes to who sent the report, and not to the secretary."""


Kind: TypeAlias = LetterKind | SummaryKind

EXAMPLES: Mapping[Kind, Example] = {
    "filed": Example("A report is on the list of a meeting.", report(findings=[OWN_INITIATIVE])),
    "held": Example(
        "A report is held back until the secretary has decided.",
        report(findings=[THIRD_VISIT, OWN_INITIATIVE], is_held=True),
    ),
    "received": Example("The report of who reads this has come in.", report(), to_sender=True),
    "rejected_secretary": Example(
        "A report breaks a rule and is not taken in; the sender is told why.", REJECTED
    ),
    "rejected_submitter": Example("The report of who reads this breaks a rule.", REJECTED, to_sender=True),
    "returned": Example(
        "The secretary has sent the report back, with the reason.",
        report(reason="Skriv om stycket om köket, så att ingen enskild kan kännas igen."),
        to_sender=True,
    ),
    "gathered": Example(
        "Reports have come in that the secretary wants to hear of together.",
        lambda _: Gathered(
            [
                report(findings=[OWN_INITIATIVE]),
                report(unit="Kultur", reference="190417", event_date=date(2026, 11, 16)),
                report(unit="Turism", reference="190431", event_date=date(2026, 11, 18)),
            ],
            [REJECTED],
        ),
    ),
    "reminder": Example(
        "A deadline is near, and reports are still held or not opened.", lambda _: Reminder(PLANNED, 2, 1)
    ),
    "unseen": Example(
        "The secretary has been asked to open reports, and has not: told to who is next.",
        lambda _: Unseen(PLANNED, 2, datetime(2026, 11, 26, 7, tzinfo=STOCKHOLM)),
    ),
    "unarrived": Example(
        "Letters about a meeting did not arrive, and its deadline is near: told to who reads beside.",
        lambda committee: Unarrived(
            PLANNED,
            [
                Astray(
                    f"Ny rapport till {committee.name} 9 december: Kost, 12 november",
                    "nämndsekreteraren",
                    committee.secretary.email,
                    datetime(2026, 11, 23, 9, 14, tzinfo=STOCKHOLM),
                )
            ],
            [committee.secretary.email],
        ),
    ),
    "frozen": Example("The packet of a meeting is done.", lambda _: Frozen(MEETING, 1, 12)),
    "moved": Example("A meeting has another day, hour or place.", moved),
    "tally": Example(
        "Every Monday: what came in, what was written, and what became of it.",
        lambda _: WeeklyTally(
            since=date(2026, 11, 9),
            until=date(2026, 11, 15),
            forms=[
                FormOfWeek("Rapport från kontaktpolitiker", 7, on_meeting=5, held=1, returned=0, rejected=1)
            ],
            uncounted=[],
            sent=14,
            failed=0,
            on_the_way=0,
            delivered=14,
            bounced=0,
        ),
    ),
    "guideline": Example(
        "A guideline that reports are judged by is about to stop applying.",
        lambda committee: GuidelineEnds(
            title=f"Riktlinjer för kontaktpolitiker i {committee.name}",
            reference=f"{committee.name} 2024-01-17 § 3",
            owner="förvaltningschefen",
            last_day=date(2026, 12, 31),
            forms=["Rapport från kontaktpolitiker"],
            is_over=False,
        ),
    ),
}
