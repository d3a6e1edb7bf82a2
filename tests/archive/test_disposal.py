"""Disposal: in two steps, by the committee's decision, of nothing that has not been delivered."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import insert, select

from archive.committees import Committee
from archive.disposal_plan import DisposalPlan
from archive.events import SubmissionAccepted
from archive.packets.kept import packet_reports, packets
from archive.reports import change, known, originals, reports, set_aside
from chassis.objects import NoObject, Objects
from chassis.store import Transaction
from support.lone_service import LoneService
from support.still_clock import StillClock

MakeAccepted = Callable[..., SubmissionAccepted]
ChangeCommittee = Callable[..., None]

DECISION = "VSN 2026-02-11 § 9"
PLAN = {"reports": {"years": 2}, "decision": DECISION}
MEETING = date(2026, 12, 9)
DUE = datetime(2028, 12, 31, 23, 0, tzinfo=UTC)
"""New Year of 2029 in Sweden: two whole years after that of the meeting."""


@pytest.fixture(autouse=True)
def planned(change_committee: ChangeCommittee) -> None:
    change_committee(disposal=PLAN)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(f"file://{tmp_path / 'objects'}")


@pytest.fixture
async def archive(run_archive: Any, tmp_path: Path) -> Any:
    async with run_archive(objects=f"file://{tmp_path / 'objects'}") as archive:
        yield archive


async def freeze(
    archive: LoneService,
    files: Mapping[str, Any],
    ids: list[str],
    number: int = 1,
    paragraph: str | None = "§ 14",
    day: date = MEETING,
) -> None:
    """A packet of reports that have been filed, as freezing and the minutes leave it."""

    async def work(tx: Transaction) -> None:
        packet = {
            "committee": "valfard",
            "meeting_date": day,
            "number": number,
            "id": f"packet-{number}",
            "frozen_at": tx.clock(),
            "frozen_by": "nora",
            "sha256": "a" * 64,
            "meeting": {},
            "files": dict(files),
            "agenda_number": "14",
            "diarienummer": "",
            "left_out": [],
            "changes": ["Tillagd som nummer 1: Besök hos någon."],
            "paragraph": paragraph,
        }
        await tx.execute(insert(packets).values(**packet))
        for position, submission_id in enumerate(ids, 1):
            report = await known(tx, submission_id)
            assert report is not None
            changed = await change(tx, report, status="reported" if paragraph else "frozen")
            held = {"submission_id": submission_id, "revision": 1, "version": changed.version}
            row = {**held, "packet_id": f"packet-{number}", "position": position, "subject": "Besök"}
            await tx.execute(insert(packet_reports).values(**row))

    await archive.service.store.write(work)


async def kept(objects: Objects, *names: str) -> dict[str, Any]:
    """Files of a packet, as freezing keeps them."""
    files = {}
    for name in names:
        file = await objects.keep(name.encode())
        files[name] = {"object": file.object, "sha256": file.sha256, "size": file.size}
    return files


async def ask(archive: LoneService, path: str = "") -> tuple[int, Any]:
    url = f"/v1/committees/valfard/disposals{path}"
    async with archive.http.post(url, json={}) as answer:
        return answer.status, await answer.json(content_type=None)


async def told(archive: LoneService) -> Any:
    async with archive.http.get("/v1/committees/valfard/disposals") as answer:
        assert answer.status == 200
        return (await answer.json())["disposals"]


async def bytes_gone(archive: LoneService) -> None:
    """Until the errand has removed the files."""
    async with asyncio.timeout(10):
        while not (await told(archive))[0]["removed_at"]:
            await asyncio.sleep(0.01)


async def row_of(archive: LoneService, submission_id: str) -> Any:
    (row,) = await archive.rows(select(reports).where(reports.c.submission_id == submission_id))
    return row


def test_what_a_committee_has_not_decided_about_is_kept() -> None:
    """Nothing is removed because nobody wrote anything."""
    plan = DisposalPlan()
    assert plan.due_from(MEETING) is None
    assert plan.rule == "Rapporterna bevaras."


@pytest.mark.parametrize("decision", ["", "  "])
def test_a_plan_without_a_decision_is_refused(decision: str) -> None:
    """A public document is removed by a decision with a date and a paragraph, or not at all."""
    with pytest.raises(ValidationError, match="nämndens beslut"):
        DisposalPlan.model_validate({"reports": {"years": 5}, "decision": decision})


@pytest.mark.parametrize("reports", [{"years": 0}, {"year": 5}, {"years": True}, "never", {"years": "5"}])
def test_a_plan_that_cannot_be_meant_is_refused(reports: Any) -> None:
    """A slip of the pen must not become another number of years."""
    with pytest.raises(ValidationError):
        DisposalPlan.model_validate({"reports": reports, "decision": DECISION})


@pytest.mark.parametrize("meeting", [date(2026, 1, 1), date(2026, 12, 31)])
def test_years_are_counted_from_the_end_of_the_year_of_the_meeting(meeting: date) -> None:
    """As disposal plans count; a whole year goes at once."""
    plan = DisposalPlan.model_validate(PLAN)
    assert plan.due_from(meeting) == date(2029, 1, 1)


async def test_a_packet_is_proposed_and_then_removed(
    archive: LoneService, accepted: MakeAccepted, objects: Objects, clock: StillClock
) -> None:
    """Two steps at two moments, each with who and when; its bytes are gone and its hashes are not."""
    await archive.hear(accepted("a"))
    files = await kept(objects, "packet.pdf", "sip.zip")
    await freeze(archive, files, ["a"])
    clock.now = DUE
    status, proposal = await ask(archive)
    assert (status, proposal["state"], proposal["decision"]) == (201, "proposed", DECISION)
    assert await objects.read(files["packet.pdf"]["object"]) == b"packet.pdf"
    clock.pass_by(days=1)
    status, carried_out = await ask(archive, f"/{proposal['number']}/carry-out")
    assert (status, carried_out["state"]) == (200, "carried-out")
    assert carried_out["proposed"]["at"] < carried_out["closed"]["at"]
    await bytes_gone(archive)
    for file in files.values():
        with pytest.raises(NoObject):
            await objects.read(file["object"])
    (packet,) = await archive.rows(select(packets))
    assert packet.removed_at == clock.now
    assert packet.removal["decision"] == DECISION
    assert packet.files == files
    assert packet.changes == []


async def test_a_removed_report_keeps_its_row_and_nothing_that_anybody_wrote(
    archive: LoneService, accepted: MakeAccepted, objects: Objects, clock: StillClock
) -> None:
    """Statistics and the diary still add up; earlier revisions and masked originals are gone."""
    await archive.hear(accepted("a"), accepted("a", revision=2))
    await archive.service.store.write(_mask)
    await freeze(archive, await kept(objects, "packet.pdf"), ["a"])
    clock.now = DUE
    await ask(archive)
    await ask(archive, "/1/carry-out")
    row = await row_of(archive, "a")
    assert (row.data, row.findings, row.attachments, row.subject) == ({}, [], [], "Gallrad")
    assert row.submitter == {"name": "Gallrad", "email": None}
    assert (row.status, row.unit, row.compensation) == (
        "reported",
        "kost",
        [{"kind": "arvode", "quantity": 1.0}],
    )
    assert await archive.rows(select(set_aside)) == []
    assert await archive.rows(select(originals)) == []
    assert [row.subject for row in await archive.rows(select(packet_reports))] == ["Gallrad"]
    async with archive.http.get("/v1/reports/a") as answer:
        history = (await answer.json())["history"]
    assert (history[-1]["event"], history[-1]["reason"]) == ("report.disposed", DECISION)


async def _mask(tx: Transaction) -> None:
    sealed = {"submission_id": "a", "version": 2, "revision": 2, "sealed": b"x", "at": tx.clock()}
    await tx.execute(insert(originals).values(**sealed))


async def test_the_day_before_nothing_is_due(
    archive: LoneService, accepted: MakeAccepted, objects: Objects, clock: StillClock
) -> None:
    """The year ends in Sweden, an hour before it does in UTC."""
    await archive.hear(accepted("a"))
    await freeze(archive, await kept(objects, "packet.pdf"), ["a"])
    clock.now = DUE
    clock.pass_by(seconds=-1)
    status, problem = await ask(archive)
    assert (status, problem["type"]) == (409, "urn:problem-type:kansli:nothing-is-due")
    assert await told(archive) == []


async def test_a_packet_that_no_minutes_tell_of_is_never_removed(
    archive: LoneService, accepted: MakeAccepted, objects: Objects, clock: StillClock
) -> None:
    """It may never have come to the committee's table."""
    await archive.hear(accepted("a"))
    await freeze(archive, await kept(objects, "packet.pdf"), ["a"], paragraph=None)
    clock.now = DUE
    assert (await ask(archive))[0] == 409


async def test_a_packet_goes_with_the_one_that_replaced_it(
    archive: LoneService, accepted: MakeAccepted, objects: Objects, clock: StillClock
) -> None:
    """Minutes are of the last packet of a meeting; the first has no paragraph and is not left for ever."""
    await archive.hear(accepted("a"))
    await freeze(archive, await kept(objects, "first.pdf"), ["a"], paragraph=None)
    await freeze(archive, await kept(objects, "second.pdf"), ["a"], number=2)
    clock.now = DUE
    _, proposal = await ask(archive)
    assert [packet["number"] for packet in proposal["packets"]] == [1, 2]


async def test_what_waits_for_a_meeting_is_never_touched(
    archive: LoneService, accepted: MakeAccepted, objects: Objects, clock: StillClock
) -> None:
    """Filed, held and returned reports stand whole, however old."""
    await archive.hear(accepted("a"), accepted("waiting"), accepted("held", outcome="held"))
    before = [await row_of(archive, name) for name in ("waiting", "held")]
    await freeze(archive, await kept(objects, "packet.pdf"), ["a"])
    clock.now = DUE
    await ask(archive)
    await ask(archive, "/1/carry-out")
    after = [await row_of(archive, name) for name in ("waiting", "held")]
    assert [row.data for row in after] == [row.data for row in before]


async def test_a_report_whose_later_revision_lies_in_a_standing_packet_stays(
    archive: LoneService, accepted: MakeAccepted, objects: Objects, clock: StillClock
) -> None:
    """The packet goes; the report is the later packet's now."""
    await archive.hear(accepted("a"))
    await freeze(archive, await kept(objects, "packet.pdf"), ["a"])
    await freeze(archive, await kept(objects, "later.pdf"), ["a"], number=2, day=date(2027, 1, 20))
    clock.now = DUE
    await ask(archive)
    await ask(archive, "/1/carry-out")
    assert (await row_of(archive, "a")).data != {}


async def test_a_file_that_a_standing_packet_uses_too_stays(
    archive: LoneService, accepted: MakeAccepted, objects: Objects, clock: StillClock
) -> None:
    """The same bytes are kept once, whoever keeps them."""
    await archive.hear(accepted("a"), accepted("b"))
    shared = await kept(objects, "same.pdf")
    await freeze(archive, {**shared, **await kept(objects, "own.pdf")}, ["a"])
    await freeze(archive, shared, ["b"], number=2, day=date(2027, 1, 20))
    clock.now = DUE
    await ask(archive)
    await ask(archive, "/1/carry-out")
    await bytes_gone(archive)
    assert await objects.read(shared["same.pdf"]["object"]) == b"same.pdf"


async def test_a_proposal_that_is_withdrawn_removes_nothing(
    archive: LoneService, accepted: MakeAccepted, objects: Objects, clock: StillClock
) -> None:
    """It stays in the list as withdrawn, and another may be made."""
    await archive.hear(accepted("a"))
    await freeze(archive, await kept(objects, "packet.pdf"), ["a"])
    clock.now = DUE
    await ask(archive)
    assert (await ask(archive))[0] == 409
    assert (await ask(archive, "/1/withdraw"))[1]["state"] == "withdrawn"
    assert (await ask(archive, "/1/carry-out"))[0] == 404
    assert (await ask(archive))[0] == 201
    assert (await row_of(archive, "a")).data != {}


async def test_a_proposal_is_not_carried_out_when_the_decision_has_changed(
    archive: LoneService,
    accepted: MakeAccepted,
    objects: Objects,
    clock: StillClock,
    change_committee: ChangeCommittee,
) -> None:
    """What was proposed by one decision is not removed by another, nor by none."""
    await archive.hear(accepted("a"))
    await freeze(archive, await kept(objects, "packet.pdf"), ["a"])
    clock.now = DUE
    await ask(archive)
    for plan in ({**PLAN, "decision": "VSN 2028-11-01 § 3"}, {"reports": "keep"}):
        change_committee(archive, disposal=plan)
        status, problem = await ask(archive, "/1/carry-out")
        assert (status, problem["type"]) == (409, "urn:problem-type:kansli:no-longer-due")
    assert (await row_of(archive, "a")).data != {}


async def test_of_two_who_carry_out_at_once_one_does(
    archive: LoneService, accepted: MakeAccepted, objects: Objects, clock: StillClock
) -> None:
    """The second finds the proposal closed."""
    await archive.hear(accepted("a"))
    await freeze(archive, await kept(objects, "packet.pdf"), ["a"])
    clock.now = DUE
    await ask(archive)
    answers = await asyncio.gather(*(ask(archive, "/1/carry-out") for _ in range(2)))
    assert sorted(status for status, _ in answers) == [200, 404]


async def test_the_proof_tells_what_when_who_and_by_what_right(
    archive: LoneService, accepted: MakeAccepted, objects: Objects, clock: StillClock
) -> None:
    """And nothing that anybody wrote; before the removal there is no proof."""
    await archive.hear(accepted("a", subject="Besök hos Björn Exempelsson"))
    files = await kept(objects, "packet.pdf")
    await freeze(archive, files, ["a"])
    clock.now = DUE
    await ask(archive)
    url = "/v1/committees/valfard/disposals/1/gallringsbevis.txt"
    async with archive.http.get(url) as answer:
        assert answer.status == 404
    await ask(archive, "/1/carry-out")
    await bytes_gone(archive)
    async with archive.http.get(url) as answer:
        text = await answer.text()
    assert f"Beslut: {DECISION}" in text
    assert "Rapporterna gallras 2 år efter utgången av sammanträdets kalenderår." in text
    assert f"packet.pdf  SHA-256 {files['packet.pdf']['sha256']}" in text
    assert "inlämning a, revision 1" in text
    assert "Exempelsson" not in text


@pytest.mark.parametrize("path", ["/2/carry-out", "/x/withdraw", "/99999999999/carry-out"])
async def test_a_proposal_that_nobody_made_is_not_there(archive: LoneService, path: str) -> None:
    """By whatever number it is asked for."""
    assert (await ask(archive, path))[0] == 404


async def test_files_that_are_gone_already_are_no_trouble(
    archive: LoneService, accepted: MakeAccepted, objects: Objects, clock: StillClock
) -> None:
    """A process that died in the middle of it goes on where it was."""
    await archive.hear(accepted("a"))
    files = await kept(objects, "packet.pdf", "packet.zip")
    await freeze(archive, files, ["a"])
    await objects.remove(files["packet.zip"]["object"])
    clock.now = DUE
    await ask(archive)
    await ask(archive, "/1/carry-out")
    await bytes_gone(archive)


async def test_a_committee_sees_its_own_disposals_only(
    archive: LoneService, accepted: MakeAccepted, objects: Objects, clock: StillClock, config: Path
) -> None:
    """Nor can it carry out another's."""
    other = (config / "committees" / "valfard.yaml").read_text("utf-8").replace("id: valfard", "id: social")
    (config / "committees" / "social.yaml").write_text(other, "utf-8")
    archive.reread_folders()
    await archive.hear(accepted("a"))
    await freeze(archive, await kept(objects, "packet.pdf"), ["a"])
    clock.now = DUE
    await ask(archive)
    async with archive.http.get("/v1/committees/social/disposals") as answer:
        assert (await answer.json())["disposals"] == []
    async with archive.http.post("/v1/committees/social/disposals/1/carry-out", json={}) as answer:
        assert answer.status == 404


def test_a_committees_file_may_leave_disposal_and_archiving_out() -> None:
    """A small municipality begins with neither."""
    committee = Committee.model_validate(
        {
            "id": "valfard",
            "name": "Välfärdsnämnden",
            "secretary": {"name": "Nora Sekreterarsson"},
            "agenda_item": "Rapporter",
            "proposal": "Läggs till handlingarna.",
        }
    )
    assert committee.disposal.reports == "keep"
    assert committee.archiving.own_reports == "incoming"


async def test_it_is_the_same_on_postgresql(
    run_archive: Any,
    accepted: MakeAccepted,
    objects: Objects,
    clock: StillClock,
    postgres_url: str,
    tmp_path: Path,
) -> None:
    """The database that larger municipalities have."""
    async with run_archive(postgres_url, objects=f"file://{tmp_path / 'objects'}") as archive:
        await archive.hear(accepted("a"))
        await freeze(archive, await kept(objects, "packet.pdf"), ["a"])
        clock.now = DUE
        assert (await ask(archive))[0] == 201
        assert (await ask(archive, "/1/carry-out"))[0] == 200
        await bytes_gone(archive)
        assert (await row_of(archive, "a")).data == {}
