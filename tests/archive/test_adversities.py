"""What goes wrong around a meeting, on purpose: no report is lost, shown or printed other than decided."""

import asyncio
import hashlib
import io
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from archive.events import SubmissionAccepted, SubmissionDocumented
from archive.packets.kept import packet_reports, packets
from archive.refiling import Refiling
from archive.reports import acts, reports
from chassis.objects import Objects
from chassis.store import Transaction
from support.lone_service import LoneService
from support.pdf_words import words_of_pdf
from support.still_clock import StillClock

MakeAccepted = Callable[..., SubmissionAccepted]
MakeRejected = Callable[..., SubmissionDocumented]
ChangeCommittee = Callable[..., None]

DECEMBER, JANUARY = "2026-12-09", "2027-01-20"
MEETINGS = "/v1/committees/valfard/meetings"
HELD = {"rule": "yearly-visits", "outcome": "hold", "message": "Besök 3.", "source": "§ 2", "pointer": None}
FEBRUARY = {"date": "2027-02-17", "time": "13:00", "place": "", "deadline": "2027-02-05T12:00:00"}
WHY = "Därför."


async def post(archive: LoneService, path: str, **content: Any) -> tuple[int, Any]:
    async with archive.http.post(path, json=content) as answer:
        return answer.status, await answer.json(content_type=None)


async def done(archive: LoneService, submission_id: str, deed: str, **more: Any) -> Any:
    """Do it with the version that stands now; it must be possible."""
    status, report = await try_to(archive, submission_id, deed, **more)
    assert status == 200, report
    return report


async def try_to(archive: LoneService, submission_id: str, deed: str, **more: Any) -> tuple[int, Any]:
    version = (await report_of(archive, submission_id))["version"]
    asked = {"version": version, "reason": WHY, **more}
    return await post(archive, f"/v1/reports/{submission_id}/{deed}", **asked)


async def report_of(archive: LoneService, submission_id: str = "a") -> Any:
    async with archive.http.get(f"/v1/reports/{submission_id}") as answer:
        assert answer.status == 200
        return await answer.json()


async def where(archive: LoneService, submission_id: str = "a") -> str | None:
    meeting = (await report_of(archive, submission_id))["meeting"]
    return meeting["date"] if meeting else None


async def freeze(archive: LoneService, day: str = DECEMBER, **wish: Any) -> Any:
    status, packet = await post(archive, f"{MEETINGS}/{day}/packets", leave_out_held=True, **wish)
    assert status == 201, packet
    return packet


async def content_of(archive: LoneService, path: str) -> bytes:
    async with archive.http.get(path) as answer:
        assert answer.status == 200, path
        return await answer.read()


async def words_of(archive: LoneService, path: str) -> str:
    return words_of_pdf(await content_of(archive, path))


async def refiled(archive: LoneService) -> None:
    """Have every report looked at once, as happens after each change and every ten minutes."""
    refiling = next(duty.__self__ for duty in archive.service.background if hasattr(duty, "__self__"))
    assert isinstance(refiling, Refiling)
    for committee in refiling.registry.committees.current.values():
        await refiling.refile(committee)


def saying(text: str) -> dict[str, Any]:
    return {"verksamhet": "kost", "sammanfattning": text}


async def test_what_is_taken_back_too_late_does_not_fall_to_a_meeting_that_is_over(
    archive: LoneService, accepted: MakeAccepted, clock: StillClock
) -> None:
    """There nobody would ever have seen it; where it is now it still will be."""
    await archive.hear(accepted("a"))
    await done(archive, "a", "move")
    clock.pass_by(days=25)
    status, _ = await try_to(archive, "a", "undo")
    assert (status, await where(archive)) == (409, JANUARY)


async def test_what_is_taken_back_does_not_fall_to_a_meeting_that_was_cancelled(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee
) -> None:
    """Nor to one that is in the calendar no more."""
    await archive.hear(accepted("a"))
    await done(archive, "a", "move", meeting=JANUARY)
    change_committee(archive, meetings=[FEBRUARY | {"date": JANUARY, "deadline": "2027-01-08T12:00:00"}])
    status, _ = await try_to(archive, "a", "undo")
    assert (status, await where(archive)) == (409, JANUARY)


async def test_a_held_report_that_was_moved_to_a_meeting_goes_on_when_it_is_left_out_there(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """As one does that nobody has moved."""
    await archive.hear(accepted("a"), accepted("b", outcome="held", findings=[HELD]))
    await done(archive, "b", "move", meeting=JANUARY)
    await done(archive, "b", "move", meeting=DECEMBER)
    await freeze(archive)
    await refiled(archive)
    assert await where(archive, "b") == JANUARY


async def test_a_correction_goes_only_into_the_packets_of_the_meeting_that_it_corrects(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee
) -> None:
    """Another meeting whose packet is out has never seen what it corrects."""
    change_committee(archive, meetings=[*_both(), FEBRUARY])
    await archive.hear(accepted("a"), accepted("b"))
    await done(archive, "b", "move")
    await freeze(archive, DECEMBER)
    await freeze(archive, JANUARY)
    await archive.hear(accepted("a", revision=2))
    assert await where(archive) == "2027-02-17"
    assert (await try_to(archive, "a", "move", meeting=JANUARY))[0] == 409
    assert (await try_to(archive, "a", "move", meeting=DECEMBER))[0] == 200
    await refiled(archive)
    assert await where(archive) == DECEMBER


def _both() -> list[dict[str, Any]]:
    return [
        FEBRUARY | {"date": DECEMBER, "deadline": "2026-11-27T12:00:00"},
        FEBRUARY | {"date": JANUARY, "deadline": "2027-01-08T12:00:00"},
    ]


async def test_a_correction_that_no_packet_took_goes_on_when_its_meeting_is_over(
    archive: LoneService, accepted: MakeAccepted, clock: StillClock
) -> None:
    """It was on no table there: the meeting had its papers without it."""
    await archive.hear(accepted("a"))
    await freeze(archive)
    await archive.hear(accepted("a", revision=2))
    await done(archive, "a", "move", meeting=DECEMBER)
    clock.pass_by(days=25)
    await refiled(archive)
    assert await where(archive) == JANUARY


async def test_a_rejected_correction_that_is_accepted_corrects_the_packet(
    archive: LoneService, accepted: MakeAccepted, rejected: MakeRejected, clock: StillClock
) -> None:
    """As one does that was not rejected; what the minutes said is said of what they were about."""
    await archive.hear(accepted("a"))
    await freeze(archive)
    clock.pass_by(days=19)
    await post(archive, f"{MEETINGS}/{DECEMBER}/minutes", paragraph="§ 14")
    await archive.hear(rejected("a", revision=2))
    report = await done(archive, "a", "accept")
    assert (report["status"], report["corrects"], report["paragraph"]) == ("filed", 1, None)


async def test_a_correction_after_the_meeting_stands_under_no_paragraph_yet(
    archive: LoneService, accepted: MakeAccepted, clock: StillClock
) -> None:
    """The minutes are about what was on the table."""
    await archive.hear(accepted("a"))
    await freeze(archive)
    clock.pass_by(days=19)
    await post(archive, f"{MEETINGS}/{DECEMBER}/minutes", paragraph="§ 14")
    await archive.hear(accepted("a", revision=2))
    assert (await report_of(archive))["paragraph"] is None


async def test_a_revision_that_was_first_rejected_stays_once_in_the_packets_to_come(
    archive: LoneService, accepted: MakeAccepted, rejected: MakeRejected
) -> None:
    """It was set aside twice, as rejected and as frozen: only the frozen one is a paper."""
    await archive.hear(accepted("a"), accepted("b"), rejected("a", revision=2, data=saying("Andra.")))
    await done(archive, "a", "accept")
    await freeze(archive)
    await archive.hear(accepted("a", revision=3), accepted("b", revision=2))
    await done(archive, "b", "move", meeting=DECEMBER)
    packet = await freeze(archive)
    held = sorted((one["submission_id"], one["revision"]) for one in packet["reports"])
    assert held == [("a", 2), ("b", 2)]
    assert "Andra." in await words_of(archive, f"{MEETINGS}/{DECEMBER}/packets/2/packet.pdf")


async def test_a_report_on_paper_is_the_revision_that_stands_and_not_one_from_a_later_packet(
    archive: LoneService, accepted: MakeAccepted, clock: StillClock
) -> None:
    """An earlier meeting's packet may be made anew after the correction was frozen for the next one."""
    await archive.hear(accepted("a", data=saying("Första.")), accepted("b"))
    await freeze(archive, DECEMBER)
    await archive.hear(accepted("a", revision=2, data=saying("Andra.")))
    await freeze(archive, JANUARY)
    clock.pass_by(hours=1)
    await archive.hear(accepted("b", revision=2))
    await done(archive, "b", "move", meeting=DECEMBER)
    assert len((await freeze(archive, DECEMBER))["reports"]) == 2
    assert "Andra." in await words_of(archive, "/v1/reports/a/report.pdf")
    await archive.hear(accepted("a", revision=3))
    assert (await try_to(archive, "a", "move", meeting=JANUARY))[0] == 200


async def test_a_held_correction_that_is_left_out_takes_nothing_out_of_the_packet(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """What it would correct stays as it was, until the correction is let go."""
    await archive.hear(accepted("a", data=saying("Första.")), accepted("b"))
    await freeze(archive)
    await archive.hear(accepted("a", revision=2, outcome="held", findings=[HELD]), accepted("b", revision=2))
    await done(archive, "a", "move", meeting=DECEMBER)
    await done(archive, "b", "move", meeting=DECEMBER)
    packet = await freeze(archive)
    held = sorted((one["submission_id"], one["revision"]) for one in packet["reports"])
    assert held == [("a", 1), ("b", 2)]
    assert not any("Ingår inte längre" in change for change in packet["changes"])


async def test_what_was_masked_stays_masked_when_the_chair_has_decided(
    decides: None, archive: LoneService, accepted: MakeAccepted
) -> None:
    """The judgement comes with the words as they were sent; the decision is all that it adds."""
    subject, secret = "Besök: Kalle Påhitt", "Vi träffade Kalle Påhitt."
    await archive.hear(accepted("a", outcome="held", findings=[HELD], subject=subject, data=saying(secret)))
    await done(archive, "a", "mask", passages=["Kalle Påhitt"])
    decision = {"datum": "2026-11-19", "referens": "Ordförandebeslut 12"}
    report = await done(archive, "a", "release", chair_decision=decision)
    judged = {**saying(secret), "ordforandebeslut": decision}
    await archive.hear(accepted("a", answers=report["version"], data=judged, subject=subject))
    report = await report_of(archive)
    assert (report["status"], report["masked"]) == ("filed", True)
    assert report["data"]["ordforandebeslut"] == decision
    assert "Påhitt" not in json.dumps(report, ensure_ascii=False)


async def test_masked_words_do_not_make_up_for_a_number_in_a_file(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """The file goes along as it is: somebody must say why it may."""
    number = {**HELD, "rule": "personal-number", "pointer": "/sammanfattning"}
    file = {"name": "a.pdf", "media_type": "application/pdf", "size": 1, "sha256": "ab", "object": "ab/ab"}
    data = saying("Om Kalle Påhitt, 19121212-1212.")
    await archive.hear(accepted("a", outcome="held", findings=[number], data=data, attachments=[file]))
    await done(archive, "a", "mask", passages=["Kalle Påhitt"])
    status, problem = await try_to(archive, "a", "release", reason="")
    assert (status, problem["type"]) == (422, "urn:problem-type:kansli:reason-missing")


async def test_bytes_that_are_not_those_that_were_kept_are_served_to_nobody(
    archive: LoneService, accepted: MakeAccepted, tmp_path: Path
) -> None:
    """A packet never has other bytes: a disk or a person that changed them is found out."""
    await archive.hear(accepted("a"))
    packet = await freeze(archive)
    kept = tmp_path / "objects" / packet["sha256"][:2] / packet["sha256"]
    kept.write_bytes(kept.read_bytes().replace(b"Kost", b"Kist"))
    kept.write_bytes(kept.read_bytes() + b"\n")
    async with archive.http.get(f"{MEETINGS}/{DECEMBER}/packets/1/packet.pdf") as answer:
        assert answer.status == 500
        assert (await answer.json())["type"] == "urn:problem-type:kansli:file-gone"


async def test_frozen_papers_are_there_when_their_meeting_has_left_the_calendar(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee, clock: StillClock
) -> None:
    """Each year the calendar is written anew; the papers are for ever, and so is what the minutes say."""
    await archive.hear(accepted("a"))
    packet = await freeze(archive)
    clock.pass_by(days=60)
    change_committee(archive, meetings=[FEBRUARY])
    content = await content_of(archive, f"{MEETINGS}/{DECEMBER}/packets/1/packet.pdf")
    assert hashlib.sha256(content).hexdigest() == packet["sha256"]
    status, meeting = await post(archive, f"{MEETINGS}/{DECEMBER}/minutes", paragraph="§ 14")
    assert (status, [report["status"] for report in meeting["reports"]]) == (200, ["reported"])
    assert [one["number"] for one in meeting["packets"]] == [1]


async def test_a_new_years_calendar_brings_nothing_back_that_was_on_the_table(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee, clock: StillClock
) -> None:
    """A committee that freezes nothing would have every report of the old year on its next agenda."""
    await archive.hear(accepted("a"), accepted("b", outcome="held"))
    clock.pass_by(days=60)
    change_committee(archive, meetings=[FEBRUARY])
    await refiled(archive)
    assert (await where(archive, "a"), await where(archive, "b")) == (DECEMBER, "2027-02-17")


async def test_a_typed_number_is_given_to_nothing_else(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee
) -> None:
    """A committee that begins to number itself within a year goes on after what was typed."""
    await archive.hear(accepted("a"), accepted("b"))
    await done(archive, "a", "diarienummer", diarienummer="VSN 2026/1")
    await done(archive, "b", "diarienummer", diarienummer="VSN 2026/2")
    change_committee(archive, diary={"template": "VSN {year}/{number}", "registered": "on-receipt"})
    await archive.hear(accepted("c"))
    assert (await report_of(archive, "c"))["diarienummer"] == "VSN 2026/3"


async def test_a_template_without_a_year_goes_on_counting(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee, clock: StillClock
) -> None:
    """The new year would give the old year's numbers again."""
    change_committee(archive, diary={"template": "VSN {number}", "registered": "on-receipt"})
    await archive.hear(accepted("a"))
    clock.pass_by(days=60)
    await archive.hear(accepted("b"))
    assert (await report_of(archive, "b"))["diarienummer"] == "VSN 2"


async def test_a_number_that_we_gave_is_not_written_over(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee
) -> None:
    """It would be missing in the diary, and nobody could tell where it went."""
    change_committee(archive, diary={"template": "VSN {year}/{number}", "registered": "on-receipt"})
    await archive.hear(accepted("a"))
    assert (await try_to(archive, "a", "diarienummer", diarienummer="X 1"))[0] == 409
    assert (await report_of(archive))["diarienummer"] == "VSN 2026/1"


async def test_a_number_that_is_typed_anew_leaves_the_former_in_the_history(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Who looks for a paper by the former number finds what became of it."""
    await archive.hear(accepted("a"))
    await done(archive, "a", "diarienummer", diarienummer="VSN 2026/1", reason="")
    await done(archive, "a", "diarienummer", diarienummer="VSN 2026/2", reason="")
    rows = await archive.rows(select(acts.c.before).where(acts.c.event == "report.numbered"))
    assert [row.before for row in rows] == [{"diarienummer": None}, {"diarienummer": "VSN 2026/1"}]
    assert (await try_to(archive, "a", "undo"))[0] == 409


@pytest.mark.parametrize(
    "words",
    [
        "REPLACE INTO acts (id, submission_id, version, at, event, by) VALUES (1, 'a', 1, 0, 'x', 'y')",
        "UPDATE packets SET sha256 = 'x'",
        "UPDATE packets SET files = '{}'",
        "UPDATE packets SET number = 7",
        "DELETE FROM packet_reports",
        "UPDATE packet_reports SET revision = 2",
        "DELETE FROM packets",
        "INSERT OR REPLACE INTO packets SELECT * FROM packets",
    ],
)
async def test_neither_history_nor_packets_are_forged_by_a_side_door(
    archive: LoneService, accepted: MakeAccepted, words: str
) -> None:
    """The database itself refuses, also what puts a row in the place of another."""
    await archive.hear(accepted("a"))
    await freeze(archive)
    before = await _everything(archive)

    async def forge(tx: Transaction) -> None:
        await tx.execute(sa.text(words))

    with pytest.raises(DBAPIError):
        await archive.service.store.write(forge)
    assert await _everything(archive) == before


async def _everything(archive: LoneService) -> list[Any]:
    tables = ("acts", "packets", "packet_reports")
    return [await archive.rows(sa.text(f"SELECT * FROM {table}")) for table in tables]


@pytest.mark.parametrize(
    "data",
    [
        {"verksamhet": ["kost"]},
        {"verksamhet": {"kost": 1}},
        {"sammanfattning": 10**400},
        {"sammanfattning": "\u0000\u001b[31m \u202e \ufffe"},
        {"sammanfattning": [[{"a": None}], None, 1.5e300, ""]},
        {"sammanfattning": {"": {"": [{}]}}},
    ],
    ids=["list", "object", "huge", "controls", "nested", "empty"],
)
async def test_a_rejected_submission_can_be_read_accepted_and_printed_whatever_it_holds(
    archive: LoneService, rejected: MakeRejected, forms: Path, data: dict[str, Any]
) -> None:
    """One odd paper must not keep a whole meeting from having its packet."""
    pointers = [{"pointer": f"/{name}", "heading": name} for name in ("verksamhet", "sammanfattning")]
    form = json.loads(json.dumps({"sections": pointers}))
    text = (forms / "prov" / "form.yaml").read_text("utf-8")
    (forms / "prov" / "form.yaml").write_text(yaml.safe_dump({**yaml.safe_load(text), **form}), "utf-8")
    archive.reread_folders()
    await archive.hear(rejected("a", data=data))
    assert not await archive.due()
    await content_of(archive, "/v1/committees/valfard/rejected")
    await content_of(archive, "/v1/reports/a/report.pdf")
    await done(archive, "a", "accept")
    await freeze(archive)


async def test_frozen_papers_of_a_cancelled_meeting_can_go_to_another(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee
) -> None:
    """Nobody has read them there; the packet stays as it is, and they are papers of the next one too."""
    await archive.hear(accepted("a"))
    await freeze(archive)
    assert (await try_to(archive, "a", "move"))[0] == 409
    change_committee(archive, meetings=[{**_both()[0], "cancelled": True}, _both()[1]])
    report = await done(archive, "a", "move")
    assert (report["status"], report["meeting"]) == ("filed", {"date": JANUARY})
    assert (await try_to(archive, "a", "undo"))[0] == 409
    assert (await freeze(archive, JANUARY))["number"] == 1
    assert len(await archive.rows(select(packet_reports))) == 2


@pytest.mark.parametrize("name", ["a.", "...", "CON", "日本.日本", ".pdf", "x" * 300 + ".pdf", "a/../b.p/f"])
async def test_a_file_has_a_name_that_every_system_takes(
    archive: LoneService, accepted: MakeAccepted, tmp_path: Path, name: str
) -> None:
    """ASCII, no folder but ours, no dot at the end, short."""
    kept = await Objects((tmp_path / "objects").as_uri()).keep(b"%PDF-1.7")
    file = {"name": name, "media_type": "application/pdf", **vars(kept)}
    await archive.hear(accepted("a", attachments=[file]))
    await freeze(archive)
    content = await content_of(archive, f"{MEETINGS}/{DECEMBER}/packets/1/packet.zip")
    (found,) = [one for one in zipfile.ZipFile(io.BytesIO(content)).namelist() if one.startswith("bilagor/")]
    assert found.isascii()
    assert found.count("/") == 1
    assert not found.endswith((".", " ", "-"))
    assert len(found) < 100


async def test_what_is_filed_while_the_meeting_is_frozen_ends_in_a_packet_or_goes_on(
    run_archive: Any, postgres_url: str, accepted: MakeAccepted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At two replicas: what saw the meeting open is seen by the freezing, or sees that it is closed."""
    async with run_archive(postgres_url) as one, run_archive(postgres_url) as other:
        await one.hear(accepted("first"))
        frozen = asyncio.create_task(freeze(one))
        filing = [asyncio.create_task(other.hear(accepted(f"r{number:03}"))) for number in range(60)]
        try:
            packet = await frozen
        except AssertionError:
            packet = None
        await asyncio.gather(*filing)
        await refiled(one)
        rows = await one.rows(select(reports).where(reports.c.status == "filed"))
        if packet is not None:
            assert {row.meeting_date.isoformat() for row in rows} <= {JANUARY}


@pytest.mark.parametrize("text", ["\u0000\u001b[31m", "\u202e\ufffe\uffff", "́"], ids=ascii)
async def test_odd_characters_in_every_field_keep_no_meeting_from_its_packet(
    archive: LoneService, rejected: MakeRejected, tmp_path: Path, text: str
) -> None:
    """The subject, the sender, the place and the name of a file stand in lists and in the record too."""
    kept = await Objects((tmp_path / "objects").as_uri()).keep(b"%PDF-1.7")
    file = {"name": f"{text}.pdf", "media_type": "application/pdf", **vars(kept)}
    odd = {"subject": text, "unit": text, "unit_name": None, "reference": text}
    told = {**odd, "submitter": {"name": text, "email": None}, "attachments": [file], "data": saying(text)}
    await archive.hear(rejected("a", **told))
    assert not await archive.due()
    await content_of(archive, "/v1/committees/valfard/rejected")
    await done(archive, "a", "accept")
    await freeze(archive)


async def test_postgresql_too_lets_no_packet_be_changed(
    run_archive: Any, postgres_url: str, accepted: MakeAccepted
) -> None:
    """Neither changed nor taken away nor emptied."""
    async with run_archive(postgres_url) as archive:
        await archive.hear(accepted("a"))
        await freeze(archive)
        before = await _everything(archive)
        for words in (
            "UPDATE packets SET sha256 = 'x'",
            "UPDATE packet_reports SET revision = 2",
            "DELETE FROM packet_reports",
            "TRUNCATE packets CASCADE",
        ):

            async def forge(tx: Transaction, words: str = words) -> None:
                await tx.execute(sa.text(words))

            with pytest.raises(DBAPIError, match="never changed"):
                await archive.service.store.write(forge)
        assert await _everything(archive) == before


async def test_whatever_is_done_at_once_a_packet_holds_what_is_frozen_and_nothing_held(
    run_archive: Any, postgres_url: str, accepted: MakeAccepted
) -> None:
    """Two replicas, all acts at once, completions in between: 409 for some, and nothing half done."""
    ids = [f"r{number}" for number in range(8)]
    async with run_archive(postgres_url) as one, run_archive(postgres_url) as other:
        await one.hear(*(accepted(name) for name in ids))
        chance = random.Random(4)
        for revision in range(2, 6):
            deeds = [_deed(chance, chance.choice([one, other]), chance.choice(ids)) for _ in range(40)]
            freezing = [
                post(house, f"{MEETINGS}/{day}/packets", leave_out_held=True)
                for house, day in ((one, DECEMBER), (other, DECEMBER), (other, JANUARY))
            ]
            told = [accepted(name, revision=revision) for name in chance.sample(ids, 3)]
            answers, _ = await asyncio.gather(asyncio.gather(*deeds, *freezing), other.hear(*told))
            assert {status for status, _ in answers} <= {200, 201, 409, 422}, answers
            await refiled(one)
            await _adds_up(one)


async def _deed(chance: random.Random, archive: LoneService, submission_id: str) -> tuple[int, Any]:
    deed = chance.choice(["hold", "release", "move", "move", "mask", "undo", "undo"])
    more = {"passages": ["Köket"]} if deed == "mask" else {}
    return await try_to(archive, submission_id, deed, **more)


async def _adds_up(archive: LoneService) -> None:
    """What is frozen lies in a packet of its meeting, as it is; what waits lies in none, as it is."""
    lying = {
        (row.submission_id, row.revision, row.meeting_date)
        for row in await archive.rows(
            select(packet_reports, packets.c.meeting_date).join(
                packets, packets.c.id == packet_reports.c.packet_id
            )
        )
    }
    for row in await archive.rows(select(reports)):
        is_there = (row.submission_id, row.revision, row.meeting_date) in lying
        assert is_there == (row.status == "frozen"), row
    rows = await archive.rows(select(acts.c.submission_id, acts.c.version))
    assert len(rows) == len(set(rows))
