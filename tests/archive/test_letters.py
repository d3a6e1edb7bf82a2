"""What became of the letters about a report is known where the report is."""

import pytest
from sqlalchemy import select

from archive.events import LetterEvent, NotificationBounced, NotificationFailed, NotificationSent
from archive.letters import letters, letters_about, letters_by_state
from support.lone_service import LoneService


def heard(kind: type[LetterEvent], letter_id: str = "l1", submission_id: str = "a") -> LetterEvent:
    return kind(submission_id=submission_id, revision=1, letter="report.filed", letter_id=letter_id)


async def test_a_letter_is_known_by_its_state(archive: LoneService) -> None:
    """By submission, and counted."""
    await archive.hear(heard(NotificationSent), heard(NotificationFailed, "l2"))
    await archive.hear(heard(NotificationSent, "l3", "b"))
    async with archive.service.store.read() as connection:
        about = await letters_about(connection, "a")
        assert [(row.id, row.state) for row in about] == [("l1", "sent"), ("l2", "failed")]
        assert await letters_by_state(connection) == {"failed": 1, "sent": 2}


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0)])
async def test_a_failure_stands_in_whatever_order_it_is_heard(
    archive: LoneService, order: tuple[int, ...]
) -> None:
    """The two come by different queues."""
    kinds = (NotificationSent, NotificationFailed)
    for which in order:
        await archive.hear(heard(kinds[which]))
    ((state,),) = await archive.rows(select(letters.c.state))
    assert state == "failed"


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0)])
async def test_a_letter_that_bounced_did_not_arrive(archive: LoneService, order: tuple[int, ...]) -> None:
    """The relay had taken it, whatever is heard last."""
    kinds = (NotificationSent, NotificationBounced)
    for which in order:
        await archive.hear(heard(kinds[which]))
    ((state,),) = await archive.rows(select(letters.c.state))
    assert state == "bounced"
