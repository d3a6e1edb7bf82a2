"""What could not be scanned when it came is scanned later, and its submission is said anew.

A report whose files turn out clean goes its way by itself. An infected file is left out of the report,
which stays held: the secretary decides whether it can do without. A rejection would not do, since one
of a later revision leaves the report of the earlier standing, and with it the file.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog
from prometheus_client import Counter

from chassis.errands import Conclude, Errand, ErrandKind
from chassis.objects import NoObject, Objects
from chassis.outcomes import Answer, Reject, TryLater
from chassis.store import Transaction
from intake.events import Finding, SubmissionReceived
from intake.scanning import SCAN_PENDING, SCANNING, Scan, Scanner, place_of
from intake.submissions import note, say_anew

log = structlog.get_logger()

LEASE = timedelta(minutes=5)
"""Twenty files, four at a time, by a scanner that lets each wait for its twenty seconds: two minutes."""

AGAIN_AFTER = timedelta(minutes=1)
"""A scanner that is down is mostly being restarted; clamd takes half a minute to read its signatures."""

INFECTED = "infected-attachment"


@dataclass(frozen=True)
class LateScans:
    """Asks the scanner again, for as long as it takes; without a scanner there is nothing to do but wait."""

    objects: Objects
    scanner: Scanner | None
    counter: Counter

    @property
    def kind(self) -> ErrandKind:
        return ErrandKind(SCANNING, self.perform, LEASE)

    async def perform(self, errand: Errand) -> Conclude:
        """Raises `TryLater` until each file has its answer, and `Reject` if one is not kept any longer."""
        files: Mapping[str, str] = errand.payload["files"]
        scans = await self._scans(list(files.values()))
        pending = scans.count(Scan.PENDING)
        if pending:
            log.info("scan.pending", **_facts(errand), files=len(files), pending=pending)
            raise TryLater("the virus scanner does not answer", AGAIN_AFTER)
        infected = [place for place, scan in zip(files, scans, strict=True) if scan is Scan.INFECTED]
        log.info("scan.finished", **_facts(errand), files=len(files), infected=len(infected))
        return partial(_conclude, errand, infected)

    async def _scans(self, objects: Sequence[str]) -> list[Scan]:
        scans = await asyncio.gather(*map(self._scan, objects))
        for scan in scans:
            self.counter.labels(scan.value).inc()
        return scans

    async def _scan(self, name: str) -> Scan:
        if self.scanner is None:
            return Scan.PENDING
        try:
            return await self.scanner.scan(await self.objects.read(name))
        except NoObject:
            raise Reject("a file that is to be scanned is not in the object store") from None


async def _conclude(errand: Errand, infected: Collection[str], tx: Transaction) -> Answer:
    submission_id, revision = errand.payload["submission_id"], errand.payload["revision"]
    await note(tx, submission_id, "attachment.infected" if infected else "attachment.scanned")
    return await say_anew(tx, submission_id, revision, partial(without, infected))


def without(infected: Collection[str], event: SubmissionReceived) -> SubmissionReceived:
    """The submission as it is now that all has been scanned."""
    kept = [file for index, file in enumerate(event.attachments) if place_of(index) not in infected]
    others = [finding for finding in event.findings if finding.rule != SCAN_PENDING]
    found = [_infected(index) for index in range(len(event.attachments)) if place_of(index) in infected]
    return event.model_copy(update={"attachments": kept, "findings": [*others, *found]})


def _infected(index: int) -> Finding:
    """By its number: the places of those that are left are others than they were."""
    return Finding(
        rule=INFECTED,
        outcome="hold",
        message=f"Virusskyddet varnar för fil nummer {index + 1} av dem som skickades in. Den är borttagen. "
        "Skicka tillbaka rapporten och be om en ren fil, eller släpp den utan filen.",
        source="Handläggningsregel",
        pointer="/attachments",
    )


def _facts(errand: Errand) -> dict[str, object]:
    return {"submission_id": errand.payload["submission_id"], "revision": errand.payload["revision"]}
