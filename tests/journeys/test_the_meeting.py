"""A secretary's work before a meeting, through all four services: review, packet, correction, tally."""

import asyncio
import hashlib
import json
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from support.aside import run_aside
from support.houses import House
from support.load import COMMITTEE, TEST_PERSONAL_NUMBER, completed, report
from support.visitor import Visitor, awaited

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DECISION = {"datum": "2026-01-15", "referens": "Ordförandebeslut 7"}


@pytest.fixture
def visitor(house: House) -> Visitor:
    return Visitor(house)


@pytest.fixture(scope="module")
def coming(house: House) -> str:
    """Where the committee's next meeting is asked for."""

    async def ask() -> str:
        answer = await Visitor(house).call("archive", "GET", f"/v1/committees/{COMMITTEE}/meetings")
        return f"/v1/committees/{COMMITTEE}/meetings/{answer.content['meetings'][0]['date']}"

    return run_aside(ask())


async def packet_of(visitor: Visitor, coming: str, **wish: Any) -> Any:
    answer = await visitor.call("archive", "POST", f"{coming}/packets", json.dumps(wish).encode())
    assert answer.status == 201, answer.body
    return answer.content


async def papers_sent(house: House, count: int) -> list[tuple[str, bytes]]:
    """The files that came with letters about packets, the first packet's first, once there are so many."""

    async def come() -> list[tuple[str, bytes]] | None:
        files = await asyncio.to_thread(_attached, house.letters)
        return files if len(files) == count else None

    sent: list[tuple[str, bytes]] = await awaited(come, f"{count} letters with papers")
    return sent


def _attached(folder: Path) -> list[tuple[str, bytes]]:
    letters = [message_from_bytes(path.read_bytes(), policy=default) for path in folder.glob("*.eml")]
    told = [letter for letter in letters if letter["Subject"].startswith("Handlingarna till ")]
    told.sort(key=lambda letter: letter["Date"].datetime)
    return [(str(part.get_filename()), part.get_content()) for one in told for part in one.iter_attachments()]


async def test_a_third_visit_that_the_chair_has_decided_about_is_filed(visitor: Visitor) -> None:
    """Held for the number of visits, judged anew with the decision, paid, and told to its sender."""
    bodies = [report(number, "beslut", "plain").body for number in (0, 40, 80)]
    for body in bodies:
        body["submitter"] = {"name": "Påhittad Provperson119", "email": "provperson119@valfard.example"}
    first, second, third = [await visitor.ended(body) for body in bodies]
    assert [told["status"] for told in (first, second, third)] == ["filed", "filed", "held"]
    answer = await visitor.act(third["id"], "release", 1, "", chair_decision=DECISION)
    assert answer.status == 200, answer.body
    await visitor.outcome(third["id"], "filed")
    filed = await visitor.report(third["id"])
    assert filed["data"]["ordforandebeslut"] == DECISION
    assert filed["compensation"] == [{"kind": "sammantradesarvode", "quantity": 1.0}]
    assert filed["diarienummer"]


async def test_a_decision_without_its_day_is_told_to_the_secretary(visitor: Visitor) -> None:
    """A day that is none is refused at the door, and the report waits as before."""
    body = report(1, "utan-dag", "held").body
    told = await visitor.ended(body)
    answer = await visitor.act(
        told["id"], "release", 1, "", chair_decision={"datum": "i går", "referens": "1"}
    )
    assert (answer.status, answer.content["errors"][0]["pointer"]) == (422, "/chair_decision/datum")
    assert (await visitor.report(told["id"]))["status"] == "held"


async def test_a_rejected_submission_is_taken_all_the_same(visitor: Visitor, house: House) -> None:
    """It is listed, accepted with a reason, told to its sender, and the tally still adds up."""
    told = await visitor.ended(report(2, "avvisad", "rejected").body)
    assert told["status"] == "rejected"

    async def listed() -> Any:
        answer = await visitor.call("archive", "GET", f"/v1/committees/{COMMITTEE}/rejected")
        return [one for one in answer.content["rejected"] if one["submission_id"] == told["id"]]

    (rejected,) = await awaited(listed, "the rejected submission is registered")
    answer = await visitor.act(told["id"], "accept", rejected["version"], "Datumet var feltryckt.")
    assert answer.status == 200, answer.body
    assert (await visitor.outcome(told["id"], "filed"))["meeting"]["committee"] == COMMITTEE
    assert "it adds up" in house.kansli("tally").stdout


async def test_a_masked_report_shows_the_number_nowhere(visitor: Visitor) -> None:
    """Held for it, masked, and released without another reason."""
    told = await visitor.ended(report(3, "maskad", "held").body)
    masked = await visitor.act(told["id"], "mask", 1, "Ett personnummer.")
    assert masked.status == 200, masked.body
    assert (await visitor.act(told["id"], "release", 2, "")).status == 200
    shown = await visitor.report(told["id"])
    assert TEST_PERSONAL_NUMBER not in json.dumps(shown)
    assert shown["status"] == "filed"


async def test_the_papers_are_frozen_and_corrected(visitor: Visitor, house: House, coming: str) -> None:
    """Every sender reads it, the secretary is sent the bytes of the hash, a correction is a second packet."""
    sent = report(4, "paket", "filed")
    told = await visitor.ended(sent.body)
    left_out = await visitor.ended(report(5, "utanför", "held").body)
    refused = await visitor.call("archive", "POST", f"{coming}/packets", b"{}")
    assert refused.status == 409
    packet = await packet_of(visitor, coming, leave_out_held=True, agenda_number="14")
    content = (await visitor.call("archive", "GET", f"{coming}/packets/1/packet.pdf")).body
    assert hashlib.sha256(content).hexdigest() == packet["sha256"]
    assert told["id"] in [one["submission_id"] for one in packet["reports"]]
    day = coming.rpartition("/")[2]
    assert await papers_sent(house, 1) == [(f"{day}_{COMMITTEE}_00_samtliga.pdf", content)]
    await visitor.outcome(told["id"], "frozen")
    assert "it adds up" in house.kansli("tally").stdout

    body = completed(sent)
    assert (await visitor.post(body)).status == 202
    again = await visitor.outcome(told["id"], "filed")
    assert again["meeting"]["date"] > day
    version = (await visitor.report(told["id"]))["version"]
    moved = await visitor.act(told["id"], "move", version, "", meeting=day)
    assert moved.status == 200, moved.body
    second = await packet_of(visitor, coming, leave_out_held=True)
    corrected = (await visitor.call("archive", "GET", f"{coming}/packets/2/packet.pdf")).body
    assert [pdf for _, pdf in await papers_sent(house, 2)] == [content, corrected]
    assert (second["number"], len(second["changes"])) == (2, 1)
    assert (await visitor.call("archive", "GET", f"{coming}/packets/1/packet.pdf")).body == content
    await visitor.outcome(told["id"], "frozen")

    async def went_on() -> Any:
        meeting = (await visitor.report(left_out["id"]))["meeting"]
        return meeting and meeting["date"] > day

    await awaited(went_on, "what was left out goes on to the next meeting")
    assert "it adds up" in house.kansli("tally").stdout
