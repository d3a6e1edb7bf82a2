"""sip.zip of a frozen packet, and what is answered when it has been disposed of."""

import asyncio
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from archive.eark.fixity import verify
from archive.events import SubmissionAccepted, SubmissionDocumented
from chassis.objects import Objects
from support.commons_ip import faults_found
from support.lone_service import LoneService
from support.missing import skipping_if_missing
from support.still_clock import StillClock

MakeAccepted = Callable[..., SubmissionAccepted]
MakeRejected = Callable[..., SubmissionDocumented]
ChangeCommittee = Callable[..., None]

MEETING = "/v1/committees/valfard/meetings/2026-12-09"
DISPOSALS = "/v1/committees/valfard/disposals"


async def post(archive: LoneService, path: str, content: Any = None) -> Any:
    async with archive.http.post(path, json=content or {}) as answer:
        assert answer.status in {200, 201}, await answer.text()
        return await answer.json()


async def freeze(archive: LoneService, **wish: Any) -> Any:
    return await post(archive, f"{MEETING}/packets", wish)


async def content_of(archive: LoneService, path: str) -> bytes:
    async with archive.http.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read()


async def record_of(archive: LoneService, number: int = 1) -> dict[str, bytes]:
    """The data of the package, by their paths from its data folder."""
    with ZipFile(io.BytesIO(await content_of(archive, f"{MEETING}/packets/{number}/sip.zip"))) as sip:
        return {name.partition("/data/")[2]: sip.read(name) for name in sip.namelist()}


async def test_the_record_of_a_packet_holds_its_very_papers(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee, tmp_path: Path
) -> None:
    """It is whole, and in it are the frozen papers, the data, what came along, and the registration."""
    change_committee(archive, archiving={"organisation": "Exempelkommun", "own_reports": "drawn-up"})
    picture = await Objects((tmp_path / "objects").as_uri()).keep(b"a picture")
    attached = {"name": "bild från köket.jpg", "media_type": "image/jpeg", **asdict(picture)}
    await archive.hear(accepted("a", attachments=[attached]))
    packet = await freeze(archive, diarienummer="VSN 2026/7")
    sip = await content_of(archive, f"{MEETING}/packets/1/sip.zip")
    verify(sip)
    assert hashlib.sha256(sip).hexdigest() == packet["files"]["sip.zip"]["sha256"]
    files = await record_of(archive)
    assert hashlib.sha256(files["handlingar.pdf"]).hexdigest() == packet["sha256"]
    assert files["001/rapport.pdf"] == await content_of(archive, "/v1/reports/a/report.pdf")
    assert files["001/bilaga-01.jpg"] == b"a picture"
    assert json.loads(files["001/rapport.json"])["data"]["sammanfattning"] == "Köket lagar 900 portioner."
    [listed] = json.loads(files["innehall.json"])["reports"]
    assert listed["sha256"] == hashlib.sha256(files["001/rapport.pdf"]).hexdigest()
    for told in ("Exempelkommun", "VSN 2026/7", "Anna Exempelsson", "upprättad", "Provrapport, Kost"):
        assert told in files["erms.xml"].decode()


@pytest.mark.java
async def test_commons_ip_accepts_what_the_service_makes(
    archive: LoneService, accepted: MakeAccepted, tmp_path: Path
) -> None:
    """A committee whose file says nothing of archiving, and one report."""
    await archive.hear(accepted("a"))
    await freeze(archive)
    (tmp_path / "sip.zip").write_bytes(await content_of(archive, f"{MEETING}/packets/1/sip.zip"))
    with skipping_if_missing():
        assert faults_found([tmp_path / "sip.zip"]) == {"sip.zip": []}


async def test_a_correction_says_in_its_record_what_it_replaces(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """An archive that has both knows which one holds; the first stays as it was."""
    await archive.hear(accepted("a"))
    await freeze(archive)
    before = await content_of(archive, f"{MEETING}/packets/1/sip.zip")
    await archive.hear(accepted("a", revision=2, data={"verksamhet": "kost", "sammanfattning": "Rättat."}))
    version = json.loads(await content_of(archive, "/v1/reports/a"))["version"]
    await post(archive, "/v1/reports/a/move", {"version": version, "meeting": "2026-12-09"})
    await freeze(archive)
    files = await record_of(archive, 2)
    assert b'relationType="replaces"' in files["erms.xml"]
    assert json.loads(files["001/rapport.json"])["data"]["sammanfattning"] == "Rättat."
    assert await content_of(archive, f"{MEETING}/packets/1/sip.zip") == before


async def test_the_chairs_decision_goes_into_the_record(
    decides: None, archive: LoneService, accepted: MakeAccepted
) -> None:
    """With its reference; one that cannot be read is left in the data."""
    decided = {"verksamhet": "kost", "ordforandebeslut": {"datum": "2026-11-01", "referens": "§ 17"}}
    unreadable = {"verksamhet": "kost", "ordforandebeslut": {"datum": "i går", "referens": "§ 18"}}
    await archive.hear(accepted("a", data=decided), accepted("b", data=unreadable))
    await freeze(archive)
    files = await record_of(archive)
    assert "Ordförandebeslut § 17" in files["erms.xml"].decode()
    assert "§ 18" not in files["erms.xml"].decode()
    assert "§ 18" in files["002/rapport.json"].decode()


async def test_a_file_that_is_disposed_of_answers_with_the_decision(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee, clock: StillClock
) -> None:
    """410 with its hash: of each file of the packet, and of the report's own paper."""
    change_committee(archive, disposal={"reports": {"years": 2}, "decision": "VSN 2026-02-11 § 9"})
    await archive.hear(accepted("a"))
    packet = await freeze(archive)
    clock.now = datetime(2026, 12, 9, 15, 0, tzinfo=UTC)
    await post(archive, f"{MEETING}/minutes", {"paragraph": "§ 14"})
    clock.now = datetime(2029, 1, 2, 12, 0, tzinfo=UTC)
    number = (await post(archive, DISPOSALS))["number"]
    await post(archive, f"{DISPOSALS}/{number}/carry-out")
    async with asyncio.timeout(10):
        while not json.loads(await content_of(archive, DISPOSALS))["disposals"][0]["removed_at"]:
            await asyncio.sleep(0.01)
    paths = {
        f"{MEETING}/packets/1/packet.pdf": "packet.pdf",
        f"{MEETING}/packets/1/sip.zip": "sip.zip",
        "/v1/reports/a/report.pdf": "reports/a.pdf",
    }
    for path, name in paths.items():
        async with archive.http.get(path) as answer:
            told = await answer.json(content_type=None)
        assert (answer.status, told["sha256"]) == (410, packet["files"][name]["sha256"])
        assert told["decision"]["decision"] == "VSN 2026-02-11 § 9"
    async with archive.http.get("/committees/valfard/meetings/2026-12-09") as answer:
        assert answer.status == 200
