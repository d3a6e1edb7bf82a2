"""What a platform sends and nobody can read yet is kept sealed, and read as soon as it can be."""

import logging
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from chassis.sealing import Sealer
from chassis.store.tables import errands, parked
from intake.keeping import Keeper, sealed_documents
from intake.submissions import revisions, sealing_keys, submissions
from support.desk import BROKEN, DATA, counts, decide, desk_item, on_desk, replayed, send, send_file
from support.lone_service import LoneService
from support.platforms import KEY, OTHER_KEY, RunIntake, ask

PARKED = {
    "25-pa-jobbet.xml": ("open-e/194", "6857"),
    "anmal-franvaro.xml": ("open-e/195", "6846"),
    "external-person.xml": ("open-e/358", "225965"),
    "incomplete.xml": ("open-e/123", "234567"),
    "kontakt-lon-pension.xml": ("open-e/174", "6854"),
    "lamna-synpunkt-anonymous.xml": ("open-e/161", "4179"),
    "lamna-synpunkt.xml": ("open-e/161", "4164"),
    "ny-behorighet.xml": ("open-e/185", "6850"),
}
UNREADABLE = ["faulty-namespace.xml", "flow-instances-list.xml", "not-found.html"]


def keeper_of(intake: LoneService) -> Keeper:
    return Keeper(intake.service.store, Sealer(intake.service.store, sealing_keys, "intake", []))


async def count(intake: LoneService, table: Any) -> int:
    ((number,),) = await intake.rows(select(func.count()).select_from(table))
    return int(number)


@pytest.mark.parametrize("name", PARKED)
async def test_a_document_of_a_family_without_mapping_is_taken_and_parked(
    intake: LoneService, name: str
) -> None:
    """202 with the family as its form; the sender can ask, and the desk says why it waits."""
    label, reference = PARKED[name]
    answer = await send_file(intake, name)
    assert answer.status == 202, answer.content
    assert answer.told == {
        "id": answer.told["id"],
        "status": "parked",
        "form": label,
        "reference": reference,
        "received_at": "2026-11-20T12:00:00Z",
    }
    status = (await ask(intake, answer.headers["Location"], key=KEY)).told
    assert (status["status"], status["form"]) == ("parked", label)
    assert [step["event"] for step in status["history"]] == ["submission.parked"]
    (item,) = await on_desk(intake)
    assert (item["submission_id"], item["form"], item["caller"]) == (answer.told["id"], label, "e-tjanst")
    assert label.removeprefix("open-e/") in item["reason"]
    assert await intake.said("submission.received") == []


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_is_no_submission_is_refused_and_kept(intake: LoneService, name: str) -> None:
    """422 with what is wrong and the id under which a person finds it; no submission is counted."""
    answer = await send_file(intake, name)
    assert (answer.status, answer.is_problem) == (422, True), answer.content
    (item,) = await on_desk(intake)
    assert item["id"] == answer.told["parked_id"]
    assert answer.told["detail"] == item["reason"]
    assert (await counts(intake), await count(intake, submissions)) == ({}, 0)


async def test_where_a_document_breaks_is_said(intake: LoneService) -> None:
    """Line and column, counted from 1, for a machine and in the words for a person."""
    answer = await send(intake, BROKEN)
    assert (answer.status, answer.told["line"]) == (422, 3), answer.content
    assert answer.told["detail"].endswith(f" Felet finns på rad 3, kolumn {answer.told['column']}.")


async def test_a_stranger_leaves_nothing(intake: LoneService) -> None:
    """Only a caller's bytes are kept."""
    answer = await send(intake, BROKEN, key="ingen nyckel")
    assert (answer.status, await count(intake, sealed_documents)) == (401, 0)


async def test_the_same_document_again_is_the_same(intake: LoneService) -> None:
    """The receipt is the first one, and it lies on the desk once; even one without a time of its own."""
    for name in PARKED:
        first = await send_file(intake, name)
        intake.clock.pass_by(minutes=5)
        again = await send_file(intake, name)
        assert (again.status, again.told) == (202, first.told)
        assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await on_desk(intake)) == await count(intake, sealed_documents) == len(PARKED)


async def test_the_same_unreadable_bytes_have_the_same_parked_id(intake: LoneService) -> None:
    """From the same caller and while nobody has decided; another's are another's."""
    first = (await send(intake, BROKEN)).told["parked_id"]
    assert (await send(intake, BROKEN)).told["parked_id"] == first
    assert (await send(intake, BROKEN, key=OTHER_KEY)).told["parked_id"] != first
    await decide(intake, first, "drop")
    assert (await send(intake, BROKEN)).told["parked_id"] != first
    assert len(await on_desk(intake)) == 2


async def test_other_bytes_of_the_same_event_are_a_conflict(intake: LoneService) -> None:
    """The same reference and time with other content, as for any submission."""
    body = (DATA / "external-person.xml").read_bytes()
    await send(intake, body)
    answer = await send(intake, body.replace(b"Klart", b"Nytt"))
    assert (answer.status, answer.told["type"]) == (422, "urn:problem-type:kansli:key-reused")


async def test_a_completion_of_a_parked_one_waits_too(intake: LoneService) -> None:
    """A later one is a new revision of the same submission, and lies beside the first."""
    body = (DATA / "lamna-synpunkt.xml").read_bytes()
    first = await send(intake, body)
    later = await send(intake, body.replace(b"<LastSubmitted>2024", b"<LastSubmitted>2025"))
    assert (later.status, later.told["id"]) == (202, first.told["id"])
    assert await count(intake, revisions) == len(await on_desk(intake)) == 2
    assert await counts(intake) == {"open-e/161": {"parked": 1}}


async def test_two_platforms_behind_one_caller_do_not_collide(intake: LoneService) -> None:
    """The address names the platform, and the reference is its own."""
    own = await send_file(intake, "external-person.xml", "?platform=e-tjanst")
    one = await send_file(intake, "external-person.xml", "?platform=norr")
    other = await send_file(intake, "external-person.xml", "?platform=soder")
    assert [answer.told["reference"] for answer in (own, one, other)] == [
        "225965",
        "norr/225965",
        "soder/225965",
    ]
    assert len({answer.told["id"] for answer in (own, one, other)}) == 3
    found = await ask(intake, "/v1/submissions?reference=norr/225965", key=KEY)
    assert found.told["id"] == one.told["id"]
    refused = await send_file(intake, "external-person.xml", "?platform=Norr%0A")
    assert (refused.status, refused.is_problem) == (400, True)


async def test_what_is_parked_is_there_after_a_restart(run_intake: RunIntake) -> None:
    """The same key opens it, although nobody gave one."""
    async with run_intake() as intake:
        told = (await send_file(intake, "external-person.xml")).told
        unreadable = (await send(intake, BROKEN)).told["parked_id"]
    async with run_intake() as again:
        assert (await ask(again, f"/v1/submissions/{told['id']}", key=KEY)).told["status"] == "parked"
        assert {item["id"] for item in await on_desk(again)} >= {unreadable}
        assert "<Header></Headr>" in (await desk_item(again, unreadable))["body"]


async def test_the_desk_shows_the_document_masked(intake: LoneService) -> None:
    """What the person wrote, and neither a personnummer nor what only the key can read."""
    body = (DATA / "lamna-synpunkt.xml").read_bytes()
    await send(intake, body.replace(b"</FlowInstanceID>", b"</FlowInstanceID><!-- 19121212-1212 -->"))
    (item,) = await on_desk(intake)
    shown = (await desk_item(intake, item["id"]))["body"]
    assert "<FamilyID>161</FamilyID>" in shown
    assert "<!-- ••••••-•••• -->" in shown


@pytest.mark.parametrize("damage", ["", "</Header>"], ids=["unmapped", "unreadable"])
async def test_nothing_of_a_parked_document_is_stored_or_logged_in_clear(
    intake: LoneService,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    """Not in a table, not in the file's free pages or journal, not in the log, not in the answer."""
    caplog.set_level(logging.DEBUG)
    body = (DATA / "external-person.xml").read_bytes()
    body = body.replace(b"</FlowInstanceID>", f"</FlowInstanceID><!-- 19121212-1212 -->{damage}".encode())
    answer = await send(intake, body)
    assert answer.status == (422 if damage else 202)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("intake.db*"))
    told = capfd.readouterr().out + caplog.text + answer.content
    for trace in ("19121212", "121212-1212", "Kalle", "Anka"):
        assert trace.encode() not in kept
        assert trace not in told


async def test_an_unreadable_body_is_removed_after_thirty_days(run_intake: RunIntake) -> None:
    """With its place on the desk and its errand; a submission that only waits for its mapping stays."""
    async with run_intake() as intake:
        await send(intake, BROKEN)
        await send_file(intake, "external-person.xml")
        intake.clock.pass_by(days=29)
        assert await keeper_of(intake).forget_expired(30) == 0
        intake.clock.pass_by(days=1, minutes=1)
        assert await keeper_of(intake).forget_expired(30) == 1
        assert [item["form"] for item in await on_desk(intake)] == ["open-e/358"]
        assert [await count(intake, table) for table in (sealed_documents, errands, parked)] == [1, 1, 1]


async def test_one_that_comes_again_is_kept_anew(intake: LoneService) -> None:
    """Its thirty days begin again, so that the id just given holds."""
    await send(intake, BROKEN)
    intake.clock.pass_by(days=29)
    await send(intake, BROKEN)
    intake.clock.pass_by(days=2)
    assert await keeper_of(intake).forget_expired(30) == 0


async def test_what_a_person_drops_is_told_to_the_sender(intake: LoneService) -> None:
    """As rejected, with a finding that says why; intake counts it as dropped."""
    told = (await send_file(intake, "external-person.xml")).told
    (item,) = await on_desk(intake)
    await decide(intake, item["id"], "drop")
    status = (await ask(intake, f"/v1/submissions/{told['id']}", key=KEY)).told
    assert (status["status"], status["findings"][0]["rule"]) == ("rejected", "unreadable-form")
    assert [step["event"] for step in status["history"]] == ["submission.parked", "submission.dropped"]
    assert await counts(intake) == {"open-e/358": {"dropped": 1}}


async def test_what_still_cannot_be_read_is_parked_again(intake: LoneService) -> None:
    """With the reason that there is now, and still whole."""
    await send_file(intake, "external-person.xml")
    (item,) = await on_desk(intake)
    again = await replayed(intake, item["id"])
    assert (again["id"] != item["id"], again["reason"]) == (True, item["reason"])
    assert "<FamilyID>358" in (await desk_item(intake, again["id"]))["body"]


async def test_a_new_key_seals_and_the_old_one_still_opens(run_intake: RunIntake) -> None:
    """Rotation: newest first; one that the service made itself goes on opening too."""
    ids = []
    for number, setting in enumerate([None, "gammal", "ny, gammal"]):
        async with run_intake(sealing_key=setting) as intake:
            ids.append((await send(intake, BROKEN + b" " * number)).told["parked_id"])
            for parked_id in ids:
                assert "<Header></Headr>" in (await desk_item(intake, parked_id))["body"]


async def test_with_the_wrong_key_it_is_shown_as_sealed_and_never_lost(run_intake: RunIntake) -> None:
    """It goes on lying there; with its key it is read again."""
    async with run_intake(sealing_key="rätt") as intake:
        parked_id = (await send(intake, BROKEN)).told["parked_id"]
    async with run_intake(sealing_key="fel") as intake:
        assert "INTAKE_SEALING_KEY" in (await desk_item(intake, parked_id))["body"]
        again = await replayed(intake, parked_id)
        assert "INTAKE_SEALING_KEY" in again["reason"]
    async with run_intake(sealing_key="rätt") as intake:
        assert "<Header></Headr>" in (await desk_item(intake, again["id"]))["body"]


@pytest.mark.parametrize("setting", [None, "nyckel"])
async def test_a_key_beside_what_it_seals_is_warned_of_once(
    run_intake: RunIntake, capfd: pytest.CaptureFixture[str], setting: str | None
) -> None:
    """At the start, and only when no key was given."""
    async with run_intake(sealing_key=setting) as intake:
        await send(intake, BROKEN)
        await send_file(intake, "external-person.xml")
    assert capfd.readouterr().out.count("sealing_key.beside") == (setting is None)
