"""The files of a packet: every paper printed, listed, and put together."""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from archive.packets.contents import (
    Packet,
    enclosure_name,
    front_page,
    innehall_csv,
    innehall_json,
    paste_text,
)
from archive.packets.workroom import off_the_loop
from archive.packets.zipped import write_zip
from archive.pdf import Paper, Press, facts_of
from chassis.objects import Objects
from chassis.stopping import finishing

PACKET, ZIP, TEXT, SIP = "packet.pdf", "packet.zip", "text.txt", "sip.zip"
CONTENTS = "innehall.json"
"""In packet.zip and in sip.zip."""
MEDIA_TYPES = {
    PACKET: "application/pdf",
    ZIP: "application/zip",
    TEXT: "text/plain; charset=utf-8",
    SIP: "application/zip",
}


def report_file(submission_id: str) -> str:
    """Under which name a report's own PDF is kept."""
    return f"reports/{submission_id}.pdf"


async def files_of(packet: Packet, press: Press, objects: Objects, folder: Path) -> dict[str, Path]:
    """Print the packet into the folder: the files that are kept of it, by name.

    All that is in packet.zip lies there under its name in it.

    Raises:
        CannotPrint: a paper cannot be set.
        NoObject, StoreUnavailable: what came with a report cannot be read.
        OSError: the folder cannot be written.
    """
    papers = await _papers(packet, press, folder)
    enclosures = await _enclosures(packet, objects, folder)
    lists = await off_the_loop(partial(_lists, packet, papers, folder))
    names = [*papers, *enclosures, *lists]
    await off_the_loop(partial(write_zip, folder / ZIP, {name: folder / name for name in names}))
    singles = {
        report_file(entry.report.submission_id): folder / packet.file_name(position)
        for position, entry in enumerate(packet.reports, 1)
    }
    return {PACKET: folder / packet.combined_name, ZIP: folder / ZIP, TEXT: folder / TEXT, **singles}


async def _papers(packet: Packet, press: Press, folder: Path) -> list[str]:
    """packet.pdf, which takes longest, and each report's own PDF; answers with their names in the ZIP."""
    together = Paper(folder / packet.combined_name, "packet.typ", combined_facts(packet), packet.frozen_at)
    reports = [
        Paper(folder / packet.file_name(position), "report.typ", facts_of(report), report.received_at)
        for position, report in enumerate((entry.report for entry in packet.reports), 1)
    ]
    await finishing(press.print_papers([together, *reports]))
    return [paper.path.name for paper in [*reports, together]]


def combined_facts(packet: Packet) -> dict[str, Any]:
    """The combined papers in words, as the template wants them."""
    reports = [
        {**facts_of(entry.report), **packet.as_appendix(position)}
        for position, entry in enumerate(packet.reports, 1)
    ]
    return {**front_page(packet), "reports": reports}


async def _enclosures(packet: Packet, objects: Objects, folder: Path) -> list[str]:
    """Copy what came with the reports; answers with the names in the ZIP."""
    enclosures = {
        enclosure_name(packet, position, number): enclosure.object
        for position, entry in enumerate(packet.reports, 1)
        for number, enclosure in enumerate(entry.enclosures, 1)
    }
    for name, kept in enclosures.items():
        with await off_the_loop(partial(_new_file, folder / name)) as target:
            await objects.copy(kept, target)
    return list(enclosures)


def _new_file(path: Path) -> BinaryIO:
    path.parent.mkdir(exist_ok=True)
    return path.open("xb")


def _lists(packet: Packet, papers: Sequence[str], folder: Path) -> list[str]:
    """Write the lists of the papers, and the words; answers with their names in the ZIP."""
    hashes = {name: _sha256(folder / name) for name in papers}
    lists = {
        "innehall.csv": innehall_csv(packet, hashes),
        CONTENTS: innehall_json(packet, hashes),
        TEXT: paste_text(packet).encode(),
    }
    for name, content in lists.items():
        (folder / name).write_bytes(content)
    return list(lists)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
