"""What became of the letters about a report is known where the report is."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import permutations
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.schema import CreateTable

from archive.events import (
    LetterEvent,
    NotificationBounced,
    NotificationFailed,
    NotificationSent,
    SubmissionAccepted,
)
from archive.letters import letters, letters_about, letters_by_state, note_letter
from chassis.store import open_store
from support.lone_service import LoneService
from support.still_clock import StillClock

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def heard(
    kind: type[LetterEvent], letter_id: str = "l1", submission_id: str = "a", minutes: int = 0
) -> LetterEvent:
    return kind(
        submission_id=submission_id,
        revision=1,
        letter="filed",
        letter_id=letter_id,
        happened_at=NOW + timedelta(minutes=minutes),
    )


async def state(archive: LoneService) -> str:
    ((known,),) = await archive.rows(select(letters.c.state))
    return str(known)


async def test_a_letter_is_known_by_its_state(archive: LoneService) -> None:
    """By submission, and counted."""
    await archive.hear(heard(NotificationSent), heard(NotificationFailed, "l2"))
    await archive.hear(heard(NotificationSent, "l3", "b"))
    async with archive.service.store.read() as connection:
        about = await letters_about(connection, "a")
        assert [(row.id, row.state) for row in about] == [("l1", "sent"), ("l2", "failed")]
        assert await letters_by_state(connection) == {"failed": 1, "sent": 2}


async def test_a_letter_that_failed_and_was_sent_again_is_sent(archive: LoneService) -> None:
    """A person mended the address; until then it is shown as failed."""
    await archive.hear(heard(NotificationFailed, minutes=1))
    assert await state(archive) == "failed"
    await archive.hear(heard(NotificationSent, minutes=9))
    assert await state(archive) == "sent"
    await archive.hear(heard(NotificationBounced, minutes=10))
    assert await state(archive) == "bounced"


async def test_an_event_without_a_time_is_of_when_it_is_heard(archive: LoneService) -> None:
    """As they were said before they had one; a row of then has none either."""
    without = heard(NotificationFailed).model_copy(update={"happened_at": None})
    await archive.hear(without)
    async with archive.service.store.read() as connection:
        (row,) = await letters_about(connection, "a")
    assert row.happened_at == archive.clock()
    await archive.service.store.write(lambda tx: tx.execute(update(letters).values(happened_at=None)))
    await archive.hear(heard(NotificationSent))
    assert await state(archive) == "sent"


happenings = st.tuples(
    st.sampled_from([NotificationSent, NotificationFailed, NotificationBounced]), st.integers(0, 2)
)


@settings(max_examples=30)
@given(story=st.lists(happenings, min_size=1, max_size=4))
def test_what_happened_last_holds_in_whatever_order_it_is_heard(
    story: list[tuple[type[LetterEvent], int]],
) -> None:
    """Events come by different queues; of two at the same time the worse holds."""
    *_, (at, _, last) = sorted((minutes, WORST.index(kind), kind) for kind, minutes in story)
    assert asyncio.run(_states_by_order(story)) == {
        (last.kind.rpartition(".")[2], NOW + timedelta(minutes=at))
    }


WORST = [NotificationSent, NotificationFailed, NotificationBounced]


async def _states_by_order(story: list[tuple[type[LetterEvent], int]]) -> set[tuple[str, datetime]]:
    with TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/archive.db", "archive", StillClock(NOW))
        await store.open()
        await store.write(lambda tx: tx.execute(CreateTable(letters)))
        for number, order in enumerate(permutations(story)):
            for kind, minutes in order:
                event = heard(kind, f"l{number}", minutes=minutes)
                await store.write(partial(note_letter, event))
        async with store.read() as connection:
            rows = (await connection.execute(select(letters))).all()
        await store.close()
    return {(row.state, row.happened_at) for row in rows}


MEETING = "/committees/valfard/meetings/2026-12-09"
ASTRAY = "kom inte fram."


async def notice(archive: LoneService, path: str = MEETING) -> str:
    """What the meeting's page says of letters that did not arrive; nothing when there are none."""
    async with archive.http.get(path) as answer:
        assert answer.status == 200
        page = await answer.text()
    _, found, rest = page.partition(ASTRAY)
    return rest.partition("</div>")[0] if found else ""


async def test_a_meetings_page_shows_letters_that_did_not_arrive_until_they_do(
    archive: LoneService, accepted: Callable[..., SubmissionAccepted]
) -> None:
    """Which letter, about which report and since when; one that was sent again is gone from there."""
    await archive.hear(accepted("a"), heard(NotificationSent, "l0"))
    assert await notice(archive) == ""
    await archive.hear(heard(NotificationFailed, "l1"), heard(NotificationBounced, "l2", minutes=5))
    shown = await notice(archive)
    assert shown.count("Ny rapport") == shown.count('href="/reports/a"') == 2
    assert [moment in shown for moment in ("13.00", "13.05", "Kontrollera adressen")] == [True] * 3
    assert "igen" not in shown
    await archive.hear(heard(NotificationSent, "l1", minutes=9))
    assert (await notice(archive)).count("<li>") == 1
    assert await notice(archive, "/committees/valfard/meetings/2027-01-20") == ""
    archive.clock.now = datetime(2026, 12, 9, 23, 0, tzinfo=UTC)
    assert await notice(archive) == ""


async def test_a_letter_about_the_meeting_itself_is_shown_there(archive: LoneService) -> None:
    """It bears the meeting's name where others have a report's, and there is no report to open."""
    about = {"submission_id": "valfard-2026-12-09", "revision": 0, "letter": "reminder"}
    await archive.hear(heard(NotificationFailed).model_copy(update=about))
    shown = await notice(archive)
    assert "Påminnelse inför manusstopp" in shown
    assert "/reports/" not in shown


async def test_a_letter_to_who_sent_a_report_is_shown_to_nobody(
    archive: LoneService, accepted: Callable[..., SubmissionAccepted]
) -> None:
    """Its address is not the committee's; what became of it stands on the report's page."""
    await archive.hear(accepted("a"))
    for kind in ("received", "returned", "rejected_submitter"):
        await archive.hear(heard(NotificationFailed, kind).model_copy(update={"letter": kind}))
    assert await notice(archive) == ""


async def test_a_long_list_of_letters_is_cut_short(
    archive: LoneService, accepted: Callable[..., SubmissionAccepted]
) -> None:
    """One wrong address loses them all, and the reports below are what the page is for."""
    await archive.hear(accepted("a"), *(heard(NotificationFailed, f"l{number}") for number in range(12)))
    shown = await notice(archive)
    assert shown.count("Ny rapport") == 10
    assert "och 2 till" in shown
