"""The files of a packet: every paper printed, listed, and put together."""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

from archive.packets.contents import (
    Packet,
    enclosure_name,
    front_page,
    innehall_csv,
    innehall_json,
    paste_text,
)
from archive.packets.zipped import zipped
from archive.pdf import Press, facts_of
from chassis.objects import Objects

PACKET, ZIP, TEXT, SIP = "packet.pdf", "packet.zip", "text.txt", "sip.zip"
MEDIA_TYPES = {
    PACKET: "application/pdf",
    ZIP: "application/zip",
    TEXT: "text/plain; charset=utf-8",
    SIP: "application/zip",
}


def report_file(submission_id: str) -> str:
    """Under which name a report's own PDF is kept."""
    return f"reports/{submission_id}.pdf"


async def files_of(packet: Packet, press: Press, objects: Objects) -> dict[str, bytes]:
    """Print the packet: the files that are kept of it, by name.

    Raises:
        CannotPrint: a paper cannot be set.
        NoObject, StoreUnavailable: what came with a report cannot be read.
    """
    papers = await _papers(packet, press)
    enclosures = await _enclosures(packet, objects)
    hashes = await asyncio.to_thread(_hashes, papers)
    lists = {
        "innehall.csv": innehall_csv(packet, hashes),
        "innehall.json": innehall_json(packet, hashes),
        "text.txt": paste_text(packet).encode(),
    }
    together = await asyncio.to_thread(zipped, {**papers, **enclosures, **lists})
    singles = {
        report_file(entry.report.submission_id): papers[packet.file_name(position)]
        for position, entry in enumerate(packet.reports, 1)
    }
    return {PACKET: papers[packet.combined_name], ZIP: together, TEXT: lists["text.txt"], **singles}


async def _papers(packet: Packet, press: Press) -> dict[str, bytes]:
    """packet.pdf and each report's own PDF, by their names in the ZIP."""
    printed = [await press.render(entry.report) for entry in packet.reports]
    names = [packet.file_name(position) for position in range(1, len(printed) + 1)]
    papers = dict(zip(names, printed, strict=True))
    papers[packet.combined_name] = await press.render_many(
        "packet.typ", combined_facts(packet), packet.frozen_at
    )
    return papers


def combined_facts(packet: Packet) -> dict[str, Any]:
    """The combined papers in words, as the template wants them."""
    reports = [
        {**facts_of(entry.report), **packet.as_appendix(position)}
        for position, entry in enumerate(packet.reports, 1)
    ]
    return {**front_page(packet), "reports": reports}


async def _enclosures(packet: Packet, objects: Objects) -> dict[str, bytes]:
    return {
        enclosure_name(packet, position, number): await objects.read(enclosure.object)
        for position, entry in enumerate(packet.reports, 1)
        for number, enclosure in enumerate(entry.enclosures, 1)
    }


def _hashes(papers: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in papers.items()}
