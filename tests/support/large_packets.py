"""What a packet costs the archive in memory, told by an archive that has a process to itself."""

import asyncio
import hashlib
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import aiohttp

from archive.__main__ import build
from archive.events import SubmissionAccepted
from archive.settings import ArchiveSettings
from support.lone_service import alone
from support.still_clock import StillClock

PACKETS = "/v1/committees/valfard/meetings/2026-12-09/packets"
FILES = ("packet.pdf", "packet.zip", "sip.zip")
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Cost:
    """By how many megabytes the peak rose while all was frozen and fetched, and what was told and fetched."""

    megabytes: float
    packet: dict[str, Any]
    fetched: dict[str, str]
    """SHA-256 in hex, by the address."""


def cost_of(folder: Path, report: SubmissionAccepted, clock: StillClock) -> Cost:
    """Freeze the report in a process of its own; `folder` has `config`, `forms` and `objects`."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone_there:
        return alone_there.submit(_cost_here, folder, report.model_dump_json(), clock).result()


def _cost_here(folder: Path, report: str, clock: StillClock) -> Cost:
    return asyncio.run(_cost(folder, SubmissionAccepted.model_validate_json(report), clock))


async def _cost(folder: Path, report: SubmissionAccepted, clock: StillClock) -> Cost:
    given = {
        "config": folder / "config",
        "forms": str(folder / "forms"),
        "objects": (folder / "objects").as_uri(),
    }
    enclosures = [
        f"/v1/reports/{report.submission_id}/attachments/{n + 1}" for n in range(len(report.attachments))
    ]
    async with alone(build, ArchiveSettings, folder / "archive.db", clock, **given) as archive:
        await archive.hear(report)
        RESET.write_text("5", "ascii")
        before = _peak_mb()
        packet = await _frozen(archive.http)
        addresses = [*(f"{PACKETS}/1/{name}" for name in FILES), *enclosures]
        fetched = {address: await _fetched(archive.http, address) for address in addresses}
        return Cost(_peak_mb() - before, packet, fetched)


async def _frozen(http: aiohttp.ClientSession) -> Any:
    async with http.post(PACKETS, json={}) as answer:
        return json.loads(await answer.read())


async def _fetched(http: aiohttp.ClientSession, address: str) -> str:
    digest, size = hashlib.sha256(), 0
    async with http.get(address) as answer:
        async for piece in answer.content.iter_chunked(1 << 16):
            digest.update(piece)
            size += len(piece)
        assert int(answer.headers["Content-Length"]) == size
    return digest.hexdigest()


def _peak_mb() -> float:
    return int(STATUS.read_text("ascii").partition("VmHWM:")[2].split()[0]) / 1000
