"""clamd, asked over its unix socket whether a file is infected (zINSTREAM of clamd's protocol).

"Not reached" is never "clean": a report whose files were not scanned is held until they are.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter

from intake.events import Finding, SubmissionReceived

SCANNING = "scanning"
"""The errand of having files scanned that could not be scanned when they came."""

SCAN_PENDING = "scan-pending"
"""The rule that holds a report until its files have been scanned."""

CHUNK_BYTES = 128 * 1024
"""Larger ones are no faster; 20 MB take a tenth of a second."""

SECONDS = 20.0
"""Far over what a sound clamd needs for the largest file, and under what a platform waits."""

AT_ONCE = 4
"""Files at a time; clamd has ten threads as it is delivered, and others may need it too."""

_CLEAN = b"stream: OK\0"


class Scan(Enum):
    """What became of a scan; `PENDING` is a scanner that is down, slow, or answers something else."""

    CLEAN = "clean"
    INFECTED = "infected"
    PENDING = "pending"


@dataclass(frozen=True)
class Scanner:
    socket: Path
    seconds: float = SECONDS
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def scan(self, content: bytes) -> Scan:
        """Never raises: what goes wrong with the scanner is `PENDING`. Waiting for a turn takes no time."""
        async with self._turns:
            return await self._answer_to(content)

    async def _answer_to(self, content: bytes) -> Scan:
        try:
            async with asyncio.timeout(self.seconds):
                return _meaning(await self._ask(content))
        except (OSError, TimeoutError, ValueError):
            return Scan.PENDING

    async def _ask(self, content: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self.socket)
        try:
            await _send(writer, content)
            return await reader.read(4096)
        finally:
            writer.close()


async def _send(writer: asyncio.StreamWriter, content: bytes) -> None:
    writer.write(b"zINSTREAM\0")
    for start in range(0, len(content), CHUNK_BYTES):
        chunk = content[start : start + CHUNK_BYTES]
        writer.write(len(chunk).to_bytes(4, "big") + chunk)
        await writer.drain()
    writer.write(bytes(4))
    await writer.drain()


def _meaning(answer: bytes) -> Scan:
    if answer == _CLEAN:
        return Scan.CLEAN
    return Scan.INFECTED if answer.endswith(b" FOUND\0") else Scan.PENDING


def place_of(index: int) -> str:
    """Where a file stands in a submission, as a JSON pointer."""
    return f"/attachments/{index}"


def scan_pending(index: int) -> Finding:
    return Finding(
        rule=SCAN_PENDING,
        outcome="hold",
        message=_NOT_SCANNED,
        source="Handläggningsregel",
        pointer=place_of(index),
    )


_NOT_SCANNED = (
    "Filen har inte kontrollerats mot virus än. Det görs automatiskt så snart det går. "
    "Vänta med att släppa rapporten tills det är gjort."
)


def is_unscanned(findings: Iterable[Finding]) -> bool:
    return any(finding.rule == SCAN_PENDING for finding in findings)


def unscanned_files(event: SubmissionReceived) -> dict[str, str]:
    """The objects that have not been scanned, each by its place in the submission."""
    pending = {finding.pointer for finding in event.findings if finding.rule == SCAN_PENDING}
    files = {place_of(index): attachment.object for index, attachment in enumerate(event.attachments)}
    return {place: name for place, name in files.items() if place in pending}


def scans_counter(registry: CollectorRegistry) -> Counter:
    return Counter("kansli_scans_total", "Files by what the scanner said", ["outcome"], registry=registry)
