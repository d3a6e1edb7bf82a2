"""What paper costs: a report as PDF when somebody looks, and a packet of two hundred when it is frozen."""

import statistics
import time

import aiohttp

from bench.audit import DoesNotAddUp
from bench.load import reports
from bench.road import Tried
from bench.run import Run
from support.auditor import read

PACKET = 200
WARM = 10
LOOKED_AT = 100
COMMITTEE = "valfard"
FORM = f"kontaktpolitiker-{COMMITTEE}"
MEETINGS = "select distinct meeting_date from reports"
FREEZE_WITHIN_S = 300


async def measure(run: Run) -> None:
    """In a house of two hundred reports that go to one meeting."""
    with run.servers.house("sqlite") as house:
        tried = Tried(house, run.servers)
        load = [report for report in reports(3 * PACKET, "papper") if _is_filed(report.body, report.fate)]
        sent = await tried.carry(load[:PACKET])
        timeout = aiohttp.ClientTimeout(total=FREEZE_WITHIN_S)
        async with aiohttp.ClientSession(house.addresses["archive"], timeout=timeout) as archive:
            ids = [next(iter(ids)) for ids in sent.ids.values()]
            took = [await _printed(archive, submission_id) for submission_id in ids[: WARM + LOOKED_AT]]
            run.figures.note("report.pdf_ms", 1000 * statistics.median(took[WARM:]))
            [[meeting]] = await read(house.databases["archive"], MEETINGS)
            run.figures.note("packet.seconds", await _frozen(archive, str(meeting)))


def _is_filed(body: dict[str, object], fate: str) -> bool:
    return body["form"] == FORM and fate == "filed"


async def _printed(archive: aiohttp.ClientSession, submission_id: str) -> float:
    begun = time.perf_counter()
    async with archive.get(f"/v1/reports/{submission_id}/report.pdf") as answer:
        if not (await answer.read()).startswith(b"%PDF"):
            raise DoesNotAddUp(f"a report is no PDF: {answer.status}")
    return time.perf_counter() - begun


async def _frozen(archive: aiohttp.ClientSession, meeting: str) -> float:
    begun = time.perf_counter()
    async with archive.post(f"/v1/committees/{COMMITTEE}/meetings/{meeting}/packets", json={}) as answer:
        told = await answer.text()
    if answer.status != 201:
        raise DoesNotAddUp(f"no packet was made: {answer.status} {told[:200]}")
    return time.perf_counter() - begun
