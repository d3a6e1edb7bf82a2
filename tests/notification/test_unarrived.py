"""When a deadline is near, who is beside the secretary, and what the gauges show of letters."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from notification.recipients import Committee, PlannedMeeting, recipients_of_summary
from notification.unarrived import is_near

SECRETARY, COPY, OTHER = "nora@kommunen.example", "registrator@kommunen.example", "chef@kommunen.example"
SUBSTITUTE = "stina@kommunen.example"
NEXT = {"name": "Stina Ersättarsson", "email": SUBSTITUTE}
MEETING = {"date": "2026-12-09", "time": "13:00", "deadline": "2026-11-27T12:00:00"}


@pytest.mark.parametrize(
    ("now", "near"),
    [
        (datetime(2026, 11, 19, 22, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 19, 23, 0, tzinfo=UTC), True),
        (datetime(2026, 12, 9, 22, 59, tzinfo=UTC), True),
        (datetime(2026, 12, 9, 23, 0, tzinfo=UTC), False),
    ],
)
def test_a_deadline_is_near_from_five_workdays_before_it_until_the_meeting_has_been_held(
    now: datetime, near: bool
) -> None:
    """By the days in Sweden; that it is cancelled is news for as long."""
    assert is_near(PlannedMeeting.model_validate(MEETING), now) is near
    assert is_near(PlannedMeeting.model_validate(MEETING | {"cancelled": True}), now) is near


@pytest.mark.parametrize(
    ("beside", "unreached", "told"),
    [
        ({"copies": [COPY, OTHER], "substitute": NEXT}, [SECRETARY], [COPY, OTHER]),
        ({"copies": [COPY, OTHER], "substitute": NEXT}, [SECRETARY, COPY.upper()], [OTHER]),
        ({"copies": [COPY], "substitute": NEXT}, [COPY], [SUBSTITUTE]),
        ({"substitute": NEXT}, [SECRETARY], [SUBSTITUTE]),
        ({"substitute": NEXT}, [SUBSTITUTE], []),
        ({}, [SECRETARY], []),
    ],
)
def test_who_reads_beside_the_secretary_is_told_where_letters_arrive(
    beside: dict[str, Any], unreached: list[str], told: list[str]
) -> None:
    """The copies, without any the substitute; never at an address that letters do not reach."""
    secretary = {"name": "Nora Sekreterarsson", "email": SECRETARY} | beside
    committee = Committee.model_validate({"id": "valfard", "name": "Nämnden", "secretary": secretary})
    recipients = recipients_of_summary("unarrived", committee, date(2026, 11, 20), unreached)
    assert [recipient.address for recipient in recipients] == told
