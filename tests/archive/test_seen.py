"""That a secretary has seen a report: who counts, when it counts, and that reading stays reading."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select, text

from archive.events import SubmissionAccepted, SubmissionDocumented
from archive.packets.kept import packets
from archive.seen import seen
from chassis.store import Transaction
from support.lone_service import LoneService
from support.ports import free_port
from support.sign_in import OidcProvider, Visit, settings_for
from support.still_clock import StillClock

RunArchive = Callable[..., AbstractAsyncContextManager[LoneService]]
MakeAccepted = Callable[..., SubmissionAccepted]
MakeRejected = Callable[..., SubmissionDocumented]
ChangeCommittee = Callable[..., None]

PAGE, PDF = "/reports/a", "/v1/reports/a/report.pdf"
MEETING = "/committees/valfard/meetings/2026-12-09"
UNSEEN = "Inte öppnad än"


async def get(archive: LoneService, path: str = PAGE, **headers: str) -> str:
    async with archive.http.get(path, headers=headers) as answer:
        assert answer.status == 200, path
        return await answer.text() if "html" in answer.content_type else ""


async def seen_in(archive: LoneService) -> list[tuple[str, int, str]]:
    return [(row.submission_id, row.revision, row.by) for row in await archive.rows(select(seen))]


async def said(archive: LoneService) -> list[Any]:
    return [one.data for one in await archive.said("report.seen", "notification")]


@pytest.mark.parametrize("path", [PAGE, PDF])
async def test_a_signed_in_secretary_who_opens_a_report_has_seen_it(
    run_archive: RunArchive, accepted: MakeAccepted, oidc: OidcProvider, clock: StillClock, path: str
) -> None:
    """On its page or as a PDF; the record has her signature, others hear no more than that it was seen."""
    clock.now, listen = datetime.now(UTC), f"127.0.0.1:{free_port()}"
    async with run_archive(**settings_for(oidc.issuer, listen)) as archive:
        await archive.hear(accepted("a"))
        nora = Visit(archive.url, archive.http)
        await nora.sign_in("nora")
        assert (await nora.get(path)).status == 200
        ((_, revision, by),) = await seen_in(archive)
        assert (revision, by.startswith("Nora Sekreterarsson (")) == (1, True)
        assert await said(archive) == [{"submission_id": "a", "revision": 1}]
        assert "Nora Sekreterarsson" in (await nora.get(PAGE)).text.partition("<dt>Öppnad</dt>")[2]


@pytest.mark.parametrize(("person", "status"), [("olof", 200), ("doris", 403), ("sixten", 404)])
async def test_nobody_but_its_secretary_sees_a_report_for_her(
    run_archive: RunArchive,
    accepted: MakeAccepted,
    oidc: OidcProvider,
    clock: StillClock,
    person: str,
    status: int,
) -> None:
    """A chair may read it; an operator and another committee's secretary may not even that."""
    clock.now, listen = datetime.now(UTC), f"127.0.0.1:{free_port()}"
    async with run_archive(**settings_for(oidc.issuer, listen)) as archive:
        await archive.hear(accepted("a"))
        visit = Visit(archive.url, archive.http)
        await visit.sign_in(person)
        assert {(await visit.get(path)).status for path in (PAGE, PDF)} == {status}
        assert await seen_in(archive) == []
        assert await said(archive) == []


async def test_who_holds_the_operators_key_opens_nothing(
    run_archive: RunArchive, accepted: MakeAccepted
) -> None:
    """It is a program's key: what a program fetches no person has read."""
    async with run_archive(admin_token="hemligt-hemligt-hemligt") as archive:
        await archive.hear(accepted("a"))
        for path in (PAGE, PDF):
            await get(archive, path, Authorization="Bearer hemligt-hemligt-hemligt")
        assert await seen_in(archive) == []


async def test_the_first_opening_counts_and_is_told_once(
    archive: LoneService, accepted: MakeAccepted, clock: StillClock
) -> None:
    """Also when two come at once, or again a day later."""
    await archive.hear(accepted("a"))
    at = clock()
    await asyncio.gather(*(get(archive) for _ in range(5)))
    clock.pass_by(days=1)
    await get(archive, PDF)
    ((found),) = await archive.rows(select(seen))
    assert found.at == at
    assert len(await said(archive)) == 1


@pytest.mark.parametrize(
    "headers", [{"Sec-Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}]
)
async def test_what_a_browser_fetches_ahead_is_not_opened(
    archive: LoneService, accepted: MakeAccepted, headers: dict[str, str]
) -> None:
    """Nobody has looked at it."""
    await archive.hear(accepted("a"))
    await get(archive, **headers)
    assert await seen_in(archive) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("HEAD", PAGE), ("HEAD", PDF), ("GET", MEETING), ("GET", "/v1/reports/a"), ("GET", f"/v1{MEETING}")],
)
async def test_what_shows_no_report_to_a_person_opens_none(
    archive: LoneService, accepted: MakeAccepted, method: str, path: str
) -> None:
    """A HEAD has no body, the meeting's page tells that the report is there, JSON is for programs."""
    await archive.hear(accepted("a"))
    async with archive.http.request(method, path) as answer:
        assert answer.status == 200
    assert await seen_in(archive) == []


async def test_the_meetings_page_says_in_words_what_is_not_opened(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Until it is; a completion is unopened anew, while what a meeting has taken needs no reader."""
    await archive.hear(accepted("a"), accepted("b", outcome="held"))
    assert (await get(archive, MEETING)).count(UNSEEN) == 2
    await get(archive)
    await get(archive, "/reports/b")
    assert UNSEEN not in await get(archive, MEETING)
    assert "<dt>Öppnad</dt>" in await get(archive)
    await archive.hear(accepted("a", revision=2))
    assert (await get(archive, MEETING)).count(UNSEEN) == 1
    assert "<dt>Öppnad</dt>" not in await get(archive)
    assert [one["revision"] for one in await said(archive)] == [1, 1, 2]


async def test_reading_makes_no_open_form_old(archive: LoneService, accepted: MakeAccepted) -> None:
    """What stands in another window can still be sent with the version that it shows."""
    await archive.hear(accepted("a"))
    await get(archive)
    held = {"version": 1, "reason": "Ordföranden vill det."}
    async with archive.http.post("/v1/reports/a/hold", json=held) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("deed", "more"),
    [("hold", {}), ("return", {}), ("move", {}), ("mask", {"passages": ["Köket"]})],
)
async def test_who_has_done_something_with_a_report_has_seen_it(
    archive: LoneService, accepted: MakeAccepted, deed: str, more: dict[str, Any]
) -> None:
    """From the meeting's page she needs not open it first."""
    await archive.hear(accepted("a"))
    asked = {"version": 1, "reason": "Ordföranden vill det.", **more}
    async with archive.http.post(f"/v1/reports/a/{deed}", json=asked) as answer:
        assert answer.status == 200, await answer.text()
    assert await seen_in(archive) == [("a", 1, "loopback")]
    assert len(await said(archive)) == 1


async def test_a_rejected_revision_that_is_taken_after_all_is_seen(
    archive: LoneService, accepted: MakeAccepted, rejected: MakeRejected
) -> None:
    """It is the one that she took, and not the one that stood before it."""
    await archive.hear(accepted("a"), rejected("a", revision=2))
    async with archive.http.post("/v1/reports/a/accept", json={"version": 1, "reason": "Rätt."}) as answer:
        assert answer.status == 200
    assert await seen_in(archive) == [("a", 2, "loopback")]


async def test_where_nobody_uses_the_pages_nothing_is_noted_or_shown(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee
) -> None:
    """`notify.unseen: false` is for the whole committee: no row, no event, and no mark on a page."""
    change_committee(archive, notify={"unseen": False})
    await archive.hear(accepted("a"))
    await get(archive)
    async with archive.http.post("/v1/reports/a/hold", json={"version": 1, "reason": "Vänta."}) as answer:
        assert answer.status == 200
    assert UNSEEN not in await get(archive, MEETING)
    assert await seen_in(archive) == []
    assert await said(archive) == []


async def test_a_report_is_shown_also_when_its_opening_cannot_be_noted(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """The reader gets her page and her PDF, and the report counts as unseen."""
    refuse = "CREATE TRIGGER full BEFORE INSERT ON seen BEGIN SELECT RAISE(ABORT, 'full'); END"

    async def break_it(tx: Transaction) -> None:
        await tx.execute(text(refuse))

    await archive.hear(accepted("a"))
    await archive.service.store.write(break_it)
    for path in (PAGE, PDF):
        await get(archive, path)
    assert UNSEEN in await get(archive, MEETING)


async def test_what_is_disposed_of_keeps_no_trace_of_its_reader(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee, clock: StillClock
) -> None:
    """And gets none when what is left of it is looked at."""
    change_committee(archive, disposal={"reports": {"years": 2}, "decision": "VSN 2026-02-11 § 9"})
    await archive.hear(accepted("a"))
    await get(archive)
    await _freeze_and_note(archive, clock)
    clock.now = datetime(2029, 1, 2, 12, 0, tzinfo=UTC)
    for path in ("", "/1/carry-out"):
        url = f"/v1/committees/valfard/disposals{path}"
        async with archive.http.post(url, json={}) as answer:
            assert answer.status < 300, await answer.text()
    await get(archive)
    assert await seen_in(archive) == []


async def _freeze_and_note(archive: LoneService, clock: StillClock) -> None:
    async with archive.http.post(f"/v1{MEETING}/packets", json={}) as answer:
        assert answer.status == 201
    clock.now = datetime(2026, 12, 10, 12, 0, tzinfo=UTC)
    async with archive.http.post(f"/v1{MEETING}/minutes", json={"paragraph": "§ 14"}) as answer:
        assert answer.status < 300
    assert len(await archive.rows(select(packets.c.id))) == 1
