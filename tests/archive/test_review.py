"""What a secretary does with a report: each act has its effect once, says why, and can be accounted for."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from archive.events import SubmissionAccepted, SubmissionDocumented
from archive.reports import acts, originals, reports, set_aside
from chassis.store import Transaction
from support.lone_service import LoneService
from support.still_clock import StillClock

MakeAccepted = Callable[..., SubmissionAccepted]
MakeRejected = Callable[..., SubmissionDocumented]

NUMBER = "19121212-1212"
PERSONAL = {
    "rule": "personal-number",
    "outcome": "hold",
    "message": "Rapporten innehåller ett personnummer.",
    "source": "§ 3",
    "pointer": "/sammanfattning",
}
THIRD_VISIT = PERSONAL | {"rule": "yearly-visits", "message": "Det här är besök 3."}
WHY = {"version": 1, "reason": "Ordföranden vill det."}


async def act(archive: LoneService, path: str, content: Any) -> tuple[int, Any]:
    async with archive.http.post(f"/v1/reports/{path}", json=content) as answer:
        return answer.status, await answer.json(content_type=None)


async def told(archive: LoneService, path: str = "reports/a") -> Any:
    async with archive.http.get(f"/v1/{path}") as answer:
        assert answer.status == 200
        return await answer.json()


async def history(archive: LoneService, submission_id: str = "a") -> list[tuple[str, str, str | None]]:
    steps = (await told(archive, f"reports/{submission_id}"))["history"]
    return [(step["event"], step["by"], step["reason"]) for step in steps]


async def ids_at(archive: LoneService, day: str) -> list[str]:
    meeting = await told(archive, f"committees/valfard/meetings/{day}")
    return [report["submission_id"] for report in meeting["reports"]]


async def test_a_filed_report_can_be_held(archive: LoneService, accepted: MakeAccepted) -> None:
    """It leaves the agenda, keeps its meeting, and intake is told; nobody gets a letter of her own act."""
    await archive.hear(accepted("a"))
    status, report = await act(archive, "a/hold", WHY)
    assert (status, report["status"], report["version"]) == (200, "held", 2)
    assert report["meeting"] == {"date": "2026-12-09"}
    assert await ids_at(archive, "2026-12-09") == []
    (held,) = await archive.said("report.held", "intake")
    assert (held.data["reason"], held.data["version"]) == (WHY["reason"], 2)


@pytest.mark.parametrize("deed", ["hold", "return", "mask"])
async def test_an_act_that_must_be_explained_needs_a_reason(
    archive: LoneService, accepted: MakeAccepted, deed: str
) -> None:
    """422 at the field, and nothing happens."""
    await archive.hear(accepted("a"))
    status, problem = await act(archive, f"a/{deed}", {"version": 1, "reason": " \n"})
    assert (status, problem["errors"][0]["pointer"]) == (422, "/reason")
    assert (await told(archive))["version"] == 1


async def test_a_report_is_moved_to_the_next_meeting(archive: LoneService, accepted: MakeAccepted) -> None:
    """Without a date it is the one after."""
    await archive.hear(accepted("a"))
    status, report = await act(archive, "a/move", {"version": 1, "reason": ""})
    assert (status, report["meeting"]) == (200, {"date": "2027-01-20"})
    (moved,) = await archive.said("report.moved")
    assert moved.data["moved_from"] == "2026-12-09"
    assert moved.data["meeting"]["date"] == "2027-01-20"


async def test_a_late_report_is_taken_along_all_the_same(
    archive: LoneService, accepted: MakeAccepted, clock: StillClock
) -> None:
    """To the meeting that it was too late for, as long as that has no packet."""
    clock.pass_by(days=10)
    await archive.hear(accepted("a", arrived_at=clock().isoformat()))
    assert (await told(archive))["meeting"] == {"date": "2027-01-20"}
    status, report = await act(archive, "a/move", {"version": 1, "meeting": "2026-12-09"})
    assert (status, report["meeting"], report["late"]) == (200, {"date": "2026-12-09"}, True)


@pytest.mark.parametrize("day", ["2026-10-14", "2026-12-10", "2026-12-09"])
async def test_a_report_is_moved_to_no_meeting_that_cannot_take_it(
    archive: LoneService, accepted: MakeAccepted, day: str
) -> None:
    """One that is over, one that is not there, the one where it is."""
    await archive.hear(accepted("a"))
    status, problem = await act(archive, "a/move", {"version": 1, "meeting": day})
    assert (status, problem["type"]) == (409, "urn:problem-type:kansli:no-such-meeting")


async def test_reports_are_put_in_the_order_of_the_agenda(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """What comes later comes last; an order that leaves one out is refused."""
    await archive.hear(*(accepted(one) for one in "abc"))
    order = "/v1/committees/valfard/meetings/2026-12-09/order"
    async with archive.http.post(order, json={"order": ["c", "a", "b"]}) as answer:
        assert answer.status == 200
    await archive.hear(accepted("d"))
    assert await ids_at(archive, "2026-12-09") == ["c", "a", "b", "d"]
    async with archive.http.post(order, json={"order": ["a", "b", "c"]}) as answer:
        assert answer.status == 409
    async with archive.http.post(order, json={"order": ["a", "b", "c", "d", "d"]}) as answer:
        assert answer.status == 409
    assert ("report.ordered", "loopback", None) in await history(archive, "c")


async def test_a_masked_report_hides_the_number_and_keeps_the_original_sealed(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Nothing readable is left in the database, and it can then be released without a reason."""
    data = {"verksamhet": "kost", "sammanfattning": f"Vi träffade {NUMBER} och Kalle Påhitt."}
    await archive.hear(accepted("a", outcome="held", findings=[PERSONAL], data=data))
    status, report = await act(
        archive, "a/mask", {"version": 1, "reason": "En enskild.", "passages": ["Kalle Påhitt"]}
    )
    assert (status, report["masked"], report["status"]) == (200, True, "held")
    assert report["data"]["sammanfattning"] == "Vi träffade ••••••-•••• och [maskerat]."
    (original,) = await archive.rows(select(originals))
    assert b"121212" not in original.sealed
    (row,) = await archive.rows(select(reports))
    assert "121212" not in json.dumps(row.data)
    status, report = await act(archive, "a/release", {"version": 2})
    assert (status, report["data"]["sammanfattning"]) == (200, "Vi träffade ••••••-•••• och [maskerat].")


async def test_a_completion_of_a_masked_report_is_read_by_a_person_first(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """The name may be there again: it is held, and says why; what follows its release is as always."""
    await archive.hear(accepted("a"))
    await act(archive, "a/mask", {**WHY, "passages": ["Köket"]})
    await archive.hear(accepted("a", revision=2))
    report = await told(archive)
    assert (report["status"], report["revision"], report["masked"]) == ("held", 2, False)
    assert [finding["rule"] for finding in report["findings"]] == ["masked-before"]
    status, report = await act(archive, "a/release", {"version": 3})
    assert (status, report["status"]) == (200, "filed")
    await archive.hear(accepted("a", revision=3))
    assert (await told(archive))["status"] == "filed"


@pytest.mark.parametrize("passages", [[], ["finns inte"], ["Köket", "finns inte"]])
async def test_what_is_not_there_cannot_be_masked(
    archive: LoneService, accepted: MakeAccepted, passages: list[str]
) -> None:
    """She is told, so that she does not believe that something is hidden."""
    await archive.hear(accepted("a"))
    status, problem = await act(archive, "a/mask", {**WHY, "passages": passages})
    assert (status, problem["type"]) == (422, "urn:problem-type:kansli:nothing-to-mask")
    assert not await archive.rows(select(originals))


async def test_a_masked_report_can_be_unmasked(archive: LoneService, accepted: MakeAccepted) -> None:
    """The original comes back to the letter, and the history tells of both."""
    data = {"verksamhet": "kost", "sammanfattning": "Köket lagar 🍲 åt Kalle."}
    await archive.hear(accepted("a", data=data))
    await act(archive, "a/mask", {**WHY, "passages": ["Kalle"]})
    status, report = await act(archive, "a/undo", {"version": 2})
    assert (status, report["data"], report["masked"]) == (200, data, False)
    assert [event for event, _, _ in await history(archive)] == [
        "report.filed",
        "report.masked",
        "report.undone",
    ]


@pytest.mark.parametrize(
    ("judged", "deed", "after", "said"),
    [
        ("accepted", "hold", "filed", "report.released"),
        ("held", "release", "held", "report.held"),
        ("accepted", "move", "filed", "report.moved"),
    ],
)
async def test_an_act_is_taken_back(
    archive: LoneService, accepted: MakeAccepted, judged: str, deed: str, after: str, said: str
) -> None:
    """The report is where it was, and the others hear of it."""
    await archive.hear(accepted("a", outcome=judged, findings=[THIRD_VISIT]))
    before = await told(archive)
    await act(archive, f"a/{deed}", WHY)
    status, report = await act(archive, "a/undo", {"version": 2})
    assert (status, report["status"], report["meeting"]) == (200, after, before["meeting"])
    *_, last = await archive.said(said)
    assert (last.data["version"], last.data["reason"]) == (3, "Ångrat.")


@pytest.mark.parametrize("deeds", [[], ["hold", "undo"], ["diarienummer"]])
async def test_what_no_person_did_or_what_is_taken_back_already_is_not_taken_back(
    archive: LoneService, accepted: MakeAccepted, deeds: list[str]
) -> None:
    """One step, and only of a person's."""
    await archive.hear(accepted("a"))
    for version, deed in enumerate(deeds, 1):
        more = {"diarienummer": "X 1"} if deed == "diarienummer" else {}
        assert (await act(archive, f"a/{deed}", {**WHY, **more, "version": version}))[0] == 200
    status, problem = await act(archive, "a/undo", {"version": len(deeds) + 1})
    assert (status, problem["type"]) == (409, "urn:problem-type:kansli:nothing-to-undo")


async def test_a_return_is_not_taken_back(archive: LoneService, accepted: MakeAccepted) -> None:
    """Its sender has been told."""
    await archive.hear(accepted("a"))
    await act(archive, "a/return", WHY)
    assert (await act(archive, "a/undo", {"version": 2}))[0] == 409


async def test_a_decision_of_the_chair_has_the_report_judged_anew(
    decides: None, archive: LoneService, accepted: MakeAccepted
) -> None:
    """It is held until the answer comes; the answer to an older question changes nothing."""
    await archive.hear(accepted("a", outcome="held", findings=[THIRD_VISIT]))
    decision = {"datum": "2026-11-19", "referens": "Ordförandebeslut 12"}
    status, report = await act(archive, "a/release", {"version": 1, "chair_decision": decision})
    assert (status, report["status"], report["version"]) == (200, "held", 2)
    (decided,) = await archive.said("report.decided", "validation")
    assert (decided.data["pointer"], decided.data["decision"]) == ("/ordforandebeslut", decision)
    data = {"verksamhet": "kost", "ordforandebeslut": decision}
    await archive.hear(accepted("a", answers=1, data=data))
    assert (await told(archive))["version"] == 2
    await archive.hear(accepted("a", answers=decided.data["version"], data=data))
    report = await told(archive)
    assert (report["status"], report["version"], report["data"]) == ("filed", 3, data)
    assert not await archive.rows(select(set_aside))


async def test_a_form_without_decisions_says_so(archive: LoneService, accepted: MakeAccepted) -> None:
    """422, and the report is held as before."""
    await archive.hear(accepted("a", outcome="held", findings=[THIRD_VISIT]))
    decision = {"datum": "2026-11-19", "referens": "Ordförandebeslut 12"}
    status, problem = await act(archive, "a/release", {"version": 1, "chair_decision": decision})
    assert (status, problem["type"]) == (422, "urn:problem-type:kansli:no-chair-decision-here")
    assert (await told(archive))["version"] == 1


async def test_a_rejected_submission_is_an_incoming_document(
    archive: LoneService, rejected: MakeRejected
) -> None:
    """Listed apart, masked, at no meeting, and nothing is said of it."""
    data = {"sammanfattning": f"Om {NUMBER}"}
    await archive.hear(rejected("a", data=data))
    report = await told(archive)
    assert (report["status"], report["meeting"]) == ("rejected", None)
    assert NUMBER not in json.dumps(report)
    listed = await told(archive, "committees/valfard/rejected")
    assert [one["submission_id"] for one in listed["rejected"]] == ["a"]
    assert await ids_at(archive, "2026-12-09") == []
    assert not await archive.said("report.filed")


async def test_a_rejected_submission_is_accepted_with_a_reason(
    archive: LoneService, rejected: MakeRejected
) -> None:
    """It goes to the meeting that it was in time for; validation hears what counts from now on."""
    await archive.hear(rejected("a"))
    assert (await act(archive, "a/accept", {"version": 1}))[0] == 422
    status, report = await act(archive, "a/accept", WHY)
    assert (status, report["status"], report["meeting"]) == (200, "filed", {"date": "2026-12-09"})
    (admitted,) = await archive.said("report.admitted", "validation")
    assert admitted.data["data"] == report["data"]
    for listener in ("intake", "notification"):
        (released,) = await archive.said("report.released", listener)
        assert "data" not in released.data
    assert (await told(archive, "committees/valfard/rejected"))["rejected"] == []


async def test_a_rejected_revision_leaves_the_former_standing_and_can_take_its_place(
    archive: LoneService, accepted: MakeAccepted, rejected: MakeRejected
) -> None:
    """It is listed as long as it is newer than what stands; what it replaced is kept."""
    later = {"verksamhet": "kost", "sammanfattning": "Rättat."}
    await archive.hear(accepted("a"))
    await archive.hear(rejected("a", revision=2, data=later))
    assert ((await told(archive))["status"], (await told(archive))["revision"]) == ("filed", 1)
    listed = await told(archive, "committees/valfard/rejected")
    assert [(one["submission_id"], one["revision"]) for one in listed["rejected"]] == [("a", 2)]
    status, report = await act(archive, "a/accept", WHY)
    assert (status, report["revision"], report["data"]) == (200, 2, later)
    assert (await told(archive, "committees/valfard/rejected"))["rejected"] == []
    kept = await archive.rows(select(set_aside.c.revision, set_aside.c.status))
    assert (1, "filed") in kept


async def test_rejection_and_acceptance_that_overtake_each_other_come_to_the_same(
    archive: LoneService, accepted: MakeAccepted, rejected: MakeRejected
) -> None:
    """The two come by different queues: the accepted revision stands, whichever is heard first."""
    await archive.hear(rejected("a", revision=2))
    await archive.hear(accepted("a"))
    report = await told(archive)
    assert (report["status"], report["revision"]) == ("filed", 1)
    listed = await told(archive, "committees/valfard/rejected")
    assert [one["revision"] for one in listed["rejected"]] == [2]


async def test_a_completion_takes_the_place_of_what_was_rejected(
    archive: LoneService, accepted: MakeAccepted, rejected: MakeRejected
) -> None:
    """Nothing is left to be decided, and what came first is kept."""
    await archive.hear(rejected("a"))
    await archive.hear(accepted("a", revision=2))
    assert (await told(archive))["status"] == "filed"
    assert (await told(archive, "committees/valfard/rejected"))["rejected"] == []
    assert await archive.rows(select(set_aside.c.revision, set_aside.c.status)) == [(1, "rejected")]


async def test_what_was_done_cannot_be_changed_or_taken_away(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """The database itself refuses."""
    await archive.hear(accepted("a"))
    await _the_history_is_kept(archive)


async def test_postgresql_too_lets_no_history_be_changed(
    run_archive: Any, postgres_url: str, accepted: MakeAccepted
) -> None:
    """Neither changed nor taken away nor emptied."""
    async with run_archive(postgres_url) as archive:
        await archive.hear(accepted("a"))
        await _the_history_is_kept(archive, "TRUNCATE acts")


async def _the_history_is_kept(archive: LoneService, *more: str) -> None:
    for words in ("UPDATE acts SET reason = 'x'", "DELETE FROM acts", *more):

        async def forge(tx: Transaction, words: str = words) -> None:
            await tx.execute(sa.text(words))

        with pytest.raises(DBAPIError, match="only ever added"):
            await archive.service.store.write(forge)
    assert len(await archive.rows(select(acts))) == 1


async def test_two_secretaries_at_two_replicas_do_one_act(
    run_archive: Any, postgres_url: str, accepted: MakeAccepted
) -> None:
    """On one database: one is first, all others are told."""
    async with run_archive(postgres_url) as one, run_archive(postgres_url) as other:
        await one.hear(accepted("a"))
        deeds = ("hold", "return", "move") * 4
        answers = await asyncio.gather(
            *(act(replica, f"a/{deed}", WHY) for replica in (one, other) for deed in deeds)
        )
        assert sorted(status for status, _ in answers) == [200] + [409] * 23
        assert len(await one.rows(select(acts))) == 2


async def test_a_typed_diarienummer_is_kept_as_it_was_typed(
    archive: LoneService, accepted: MakeAccepted, clock: StillClock
) -> None:
    """With the moment of the registration, through later revisions."""
    await archive.hear(accepted("a"))
    clock.pass_by(hours=3)
    status, report = await act(archive, "a/diarienummer", {"version": 1, "diarienummer": "VSN 2026–17/4:2"})
    assert (status, report["diarienummer"]) == (200, "VSN 2026–17/4:2")
    assert report["registered_at"] == clock().isoformat().replace("+00:00", "Z")
    clock.pass_by(hours=1)
    await archive.hear(accepted("a", revision=2))
    report = await told(archive)
    assert (report["revision"], report["diarienummer"]) == (2, "VSN 2026–17/4:2")
    assert report["registered_at"] == (clock() - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
