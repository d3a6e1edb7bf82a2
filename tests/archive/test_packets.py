"""A frozen packet: its number, moment, bytes and hash never change; what follows is a new one."""

import asyncio
import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import yaml
from sqlalchemy import select

from archive.events import SubmissionAccepted
from archive.packets.kept import packets
from chassis.objects import Objects
from support.lone_service import LoneService
from support.pdf_words import words_of_pdf
from support.still_clock import StillClock

MakeAccepted = Callable[..., SubmissionAccepted]
ChangeCommittee = Callable[..., None]

MEETING = "/v1/committees/valfard/meetings/2026-12-09"
HELD = {"rule": "yearly-visits", "outcome": "hold", "message": "Besök 3.", "source": "§ 2", "pointer": None}


async def post(archive: LoneService, path: str, content: Any = None) -> tuple[int, Any]:
    async with archive.http.post(path, json=content or {}) as answer:
        return answer.status, await answer.json(content_type=None)


async def get(archive: LoneService, path: str = MEETING) -> Any:
    async with archive.http.get(path) as answer:
        assert answer.status == 200, path
        return await answer.json()


async def content_of(archive: LoneService, path: str) -> bytes:
    async with archive.http.get(path) as answer:
        assert answer.status == 200, path
        return await answer.read()


async def freeze(archive: LoneService, **wish: Any) -> Any:
    status, packet = await post(archive, f"{MEETING}/packets", wish)
    assert status == 201, packet
    return packet


def opened(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


async def test_freezing_fixes_the_papers(archive: LoneService, accepted: MakeAccepted) -> None:
    """The packet is told with the hash of its bytes; its reports are frozen, and intake hears of it."""
    await archive.hear(accepted("a"), accepted("b"))
    packet = await freeze(archive, agenda_number="14", diarienummer="VSN 2026/7")
    assert (packet["number"], packet["agenda_number"], packet["diarienummer"]) == (1, "14", "VSN 2026/7")
    pdf = await content_of(archive, f"{MEETING}/packets/1/packet.pdf")
    assert hashlib.sha256(pdf).hexdigest() == packet["sha256"]
    meeting = await get(archive)
    assert [report["status"] for report in meeting["reports"]] == ["frozen", "frozen"]
    assert [one["sha256"] for one in meeting["packets"]] == [packet["sha256"]]
    (told,) = await archive.said("packet.frozen", "intake")
    assert told.data["sha256"] == packet["sha256"]
    assert told.data["pdf"] == {
        "name": "2026-12-09_valfard_00_samtliga.pdf",
        **packet["files"]["packet.pdf"],
        "object": f"{packet['sha256'][:2]}/{packet['sha256']}",
    }
    assert [one["submission_id"] for one in told.data["reports"]] == ["a", "b"]
    words = words_of_pdf(pdf)
    assert "14. Rapporter från kontaktpolitiker" in words
    assert "Diarienummer VSN 2026/7" in words
    assert "Bilaga 14.2" in words


async def test_every_file_of_a_packet_has_the_hash_that_it_was_frozen_with(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Whenever it is fetched, also after a restart of everything around it."""
    await archive.hear(accepted("a"))
    packet = await freeze(archive)
    for name in ("packet.pdf", "packet.zip", "text.txt"):
        content = await content_of(archive, f"{MEETING}/packets/1/{name}")
        assert hashlib.sha256(content).hexdigest() == packet["files"][name]["sha256"]
    single = await content_of(archive, "/v1/reports/a/report.pdf")
    assert hashlib.sha256(single).hexdigest() == packet["files"]["reports/a.pdf"]["sha256"]


async def test_the_zip_holds_each_paper_the_lists_and_the_words(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Under names that sort as the agenda does; Excel opens the list, and no cell is a formula."""
    await archive.hear(accepted("a", subject="=HYPERLINK(1)"), accepted("b", unit_name="Övrigt & café"))
    await freeze(archive)
    zipped = opened(await content_of(archive, f"{MEETING}/packets/1/packet.zip"))
    assert zipped.namelist() == [
        "2026-12-09_valfard_00_samtliga.pdf",
        "2026-12-09_valfard_01_kost_2026-11-12.pdf",
        "2026-12-09_valfard_02_ovrigt-cafe_2026-11-12.pdf",
        "innehall.csv",
        "innehall.json",
        "text.txt",
    ]
    sheet = zipped.read("innehall.csv")
    assert sheet.startswith(b"\xef\xbb\xbfBilaga;")
    rows = list(csv.DictReader(io.StringIO(sheet.decode("utf-8-sig")), delimiter=";"))
    assert [row["Ärendemening"] for row in rows] == ["'=HYPERLINK(1)", "Besök 2026-11-12: Kost"]
    for row in rows:
        assert hashlib.sha256(zipped.read(row["Fil"])).hexdigest() == row["SHA-256"]
    told = json.loads(zipped.read("innehall.json"))
    assert [one["file"] for one in told["reports"]] == [row["Fil"] for row in rows]
    words = zipped.read("text.txt").decode()
    assert "Förslag till beslut\nNämnden lägger rapporterna till handlingarna." in words


async def test_what_came_with_a_report_goes_along_byte_for_byte(
    archive: LoneService, accepted: MakeAccepted, tmp_path: Path
) -> None:
    """Whatever its name; one that is gone from the store stops the freezing, and is told."""
    kept = await Objects((tmp_path / "objects").as_uri()).keep(b"%PDF-1.7 ritning")
    attachment = {
        "name": "../../Ritning över köket.PDF",
        "media_type": "application/pdf",
        "size": kept.size,
        "sha256": kept.sha256,
        "object": kept.object,
    }
    await archive.hear(accepted("a", attachments=[attachment]))
    await freeze(archive)
    zipped = opened(await content_of(archive, f"{MEETING}/packets/1/packet.zip"))
    assert zipped.read("bilagor/01_1_ritning-over-koket.pdf") == b"%PDF-1.7 ritning"
    assert await content_of(archive, "/v1/reports/a/attachments/1") == b"%PDF-1.7 ritning"
    async with archive.http.get("/v1/reports/a/attachments/1") as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")
    for number in ("0", "2", "x", "²"):
        async with archive.http.get(f"/v1/reports/a/attachments/{number}") as answer:
            assert answer.status == 404


async def test_a_file_that_is_gone_stops_the_freezing(archive: LoneService, accepted: MakeAccepted) -> None:
    """Papers that would lack something are never frozen as if they were whole."""
    gone = {"name": "a.pdf", "media_type": "application/pdf", "size": 1, "sha256": "ab", "object": "ab/ab"}
    await archive.hear(accepted("a", attachments=[gone]))
    status, problem = await post(archive, f"{MEETING}/packets")
    assert (status, problem["type"]) == (409, "urn:problem-type:kansli:file-gone")
    assert (await get(archive))["packets"] == []


async def test_held_reports_are_left_out_knowingly_or_not_at_all(
    archive: LoneService, accepted: MakeAccepted, clock: StillClock
) -> None:
    """The packet says that something is left out, and not what it said; it goes on to the next meeting."""
    await archive.hear(
        accepted("a"), accepted("b", outcome="held", findings=[HELD], subject="Hemligt", reference="E-17")
    )
    status, problem = await post(archive, f"{MEETING}/packets")
    assert (status, problem["type"]) == (409, "urn:problem-type:kansli:held-unresolved")
    packet = await freeze(archive, leave_out_held=True)
    assert [one["submission_id"] for one in packet["reports"]] == ["a"]
    assert packet["left_out"] == ["E-17"]
    words = words_of_pdf(await content_of(archive, f"{MEETING}/packets/1/packet.pdf"))
    assert "En rapport hålls tillbaka och ingår inte: E-17." in words
    assert "Hemligt" not in words
    while (await get(archive, "/v1/reports/b"))["meeting"] != {"date": "2027-01-20"}:
        await asyncio.sleep(0.01)


async def test_what_comes_after_freezing_goes_to_the_next_meeting(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Though its deadline has not passed: the papers are out of the house."""
    await archive.hear(accepted("a"))
    await freeze(archive)
    await archive.hear(accepted("b"))
    assert (await get(archive, "/v1/reports/b"))["meeting"] == {"date": "2027-01-20"}
    status, problem = await post(archive, "/v1/reports/b/move", {"version": 1, "meeting": "2026-12-09"})
    assert (status, problem["type"]) == (409, "urn:problem-type:kansli:no-such-meeting")


@pytest.mark.parametrize("deed", ["hold", "return", "move", "mask", "undo", "release"])
async def test_a_frozen_report_is_changed_by_nobody(
    archive: LoneService, accepted: MakeAccepted, deed: str
) -> None:
    """409, whatever is asked."""
    await archive.hear(accepted("a"))
    await freeze(archive)
    status, _ = await post(archive, f"/v1/reports/a/{deed}", {"version": 2, "reason": "x"})
    assert status == 409


@pytest.mark.parametrize("reports", [0, 1])
async def test_there_is_no_packet_of_nothing_new(
    archive: LoneService, accepted: MakeAccepted, reports: int
) -> None:
    """Neither of an empty meeting nor of one that is frozen already."""
    for _ in range(reports):
        await archive.hear(accepted("a"))
        await freeze(archive)
    status, problem = await post(archive, f"{MEETING}/packets")
    assert (status, problem["type"]) == (409, "urn:problem-type:kansli:nothing-to-freeze")
    assert len((await get(archive))["packets"]) == reports


async def test_a_correction_goes_to_the_next_meeting_or_into_the_next_packet(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """The first packet stays as it is; the second says what it changes, in the places of the first."""
    await archive.hear(accepted("a"), accepted("b"), accepted("c"))
    first = await freeze(archive, agenda_number="9")
    before = await content_of(archive, f"{MEETING}/packets/1/packet.pdf")
    rewritten = {"verksamhet": "kost", "sammanfattning": "Rättat."}
    await archive.hear(accepted("a", revision=2, data=rewritten), accepted("b", revision=2, data=rewritten))
    report = await get(archive, "/v1/reports/b")
    assert (report["status"], report["meeting"], report["corrects"]) == ("filed", {"date": "2027-01-20"}, 1)
    version = report["version"]
    status, _ = await post(archive, "/v1/reports/b/move", {"version": version, "meeting": "2026-12-09"})
    assert status == 200
    second = await freeze(archive)
    assert (second["number"], second["agenda_number"]) == (2, "9")
    assert second["changes"] == ["Rättad som nummer 2: Besök 2026-11-12: Kost."]
    assert [(one["submission_id"], one["revision"]) for one in second["reports"]] == [
        ("a", 1),
        ("b", 2),
        ("c", 1),
    ]
    words = words_of_pdf(await content_of(archive, f"{MEETING}/packets/2/packet.pdf"))
    assert "Paket 2 ersätter paket 1." in words
    assert "Köket lagar 900 portioner." in words
    assert await content_of(archive, f"{MEETING}/packets/1/packet.pdf") == before
    assert first["sha256"] != second["sha256"]
    assert (await get(archive, "/v1/reports/a"))["meeting"] == {"date": "2027-01-20"}


async def test_a_report_that_changes_while_the_papers_are_printed_is_not_frozen_unseen(
    archive: LoneService, accepted: MakeAccepted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """409, and no packet: the papers would not be what lies in the archive."""
    await archive.hear(accepted("a"))
    keep_file = Objects.keep_file

    async def meanwhile(self: Objects, path: Path) -> Any:
        await archive.hear(accepted("a", revision=2))
        return await keep_file(self, path)

    monkeypatch.setattr(Objects, "keep_file", meanwhile)
    status, problem = await post(archive, f"{MEETING}/packets")
    assert (status, problem["type"]) == (409, "urn:problem-type:kansli:someone-was-first")
    assert not await archive.rows(select(packets))


async def test_two_who_freeze_at_once_make_one_packet(
    run_archive: Any, postgres_url: str, accepted: MakeAccepted
) -> None:
    """At two replicas on one database."""
    async with run_archive(postgres_url) as one, run_archive(postgres_url) as other:
        await one.hear(accepted("a"))
        answers = await asyncio.gather(
            *(post(replica, f"{MEETING}/packets") for replica in (one, other) for _ in range(3))
        )
        assert sorted(status for status, _ in answers) == [201] + [409] * 5
        assert len(await one.rows(select(packets))) == 1


async def test_after_the_meeting_the_reports_are_reported(
    archive: LoneService, accepted: MakeAccepted, clock: StillClock
) -> None:
    """Under the paragraph of the minutes; not before it has begun, and not without a packet."""
    await archive.hear(accepted("a"), accepted("b", outcome="held"))
    assert (await post(archive, f"{MEETING}/minutes", {"paragraph": "§ 14"}))[0] == 409
    await freeze(archive, leave_out_held=True)
    clock.pass_by(days=19)
    status, meeting = await post(archive, f"{MEETING}/minutes", {"paragraph": "§ 14"})
    assert (status, [report["status"] for report in meeting["reports"]]) == (200, ["reported"])
    assert meeting["reports"][0]["paragraph"] == meeting["packets"][0]["paragraph"] == "§ 14"
    async with archive.http.get("/admin/tally") as answer:
        assert (await answer.json())["forms"]["prov"]["frozen"] == 1


async def test_a_cancelled_meeting_has_no_papers(
    archive: LoneService, accepted: MakeAccepted, committee_file: Path
) -> None:
    """There is nobody to read them."""
    await archive.hear(accepted("a"))
    content = yaml.safe_load(committee_file.read_text("utf-8"))
    content["meetings"][1]["cancelled"] = True
    committee_file.write_text(yaml.safe_dump(content), "utf-8")
    archive.reread_folders()
    assert (await post(archive, f"{MEETING}/packets"))[0] == 409


async def test_the_papers_are_tagged_named_and_outlined(archive: LoneService, accepted: MakeAccepted) -> None:
    """A bookmark for the front page and for each report, and a Swedish title."""
    await archive.hear(accepted("a"), accepted("b", subject="Besök hos Åsa"))
    await freeze(archive)
    content = await content_of(archive, f"{MEETING}/packets/1/packet.pdf")
    with pikepdf.open(io.BytesIO(content)) as document:
        with document.open_outline() as outline:
            titles = [item.title for item in outline.root]
        assert document.Root.MarkInfo.Marked
        assert str(document.Root.Lang) == "sv-SE"
    assert titles == [
        "Rapporter från kontaktpolitiker",
        "Bilaga 1. Besök 2026-11-12: Kost",
        "Bilaga 2. Besök hos Åsa",
    ]
