"""Reads the bounce mailbox, and notes which letters arrived."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, Counter

from chassis.store import Store, Transaction
from notification.bounces import LARGEST_MAIL, DeliveryReport, NoReport, NotUnderstood, read_report
from notification.delivery import told
from notification.events import NotificationBounced
from notification.mailbag import Arrival, NoSuchLetter, arrival, locked, note_arrival
from notification.maildir import SEEN, UNSEEN, Maildir, read_up_to

log = structlog.get_logger()

LOOK_EVERY_S = 15.0
MOST_AT_A_LOOK = 200


@dataclass
class Arrivals:
    """From a mail in the mailbox to what is known of a letter."""

    store: Store
    mailbox: Maildir
    counter: Counter

    async def watch(self) -> None:
        """Look into the mailbox until cancelled."""
        while True:
            if not await self.read_new():
                await asyncio.sleep(LOOK_EVERY_S)

    async def read_new(self) -> int:
        """Read what is new; returns how many mails that were."""
        mails = await asyncio.to_thread(self.mailbox.new, MOST_AT_A_LOOK)
        return sum([await self._read(mail) for mail in mails])

    async def _read(self, mail: Path) -> bool:
        """One that the disk or its rights keep from us is left where it is, and keeps no other waiting."""
        try:
            await self._judge(mail)
        except OSError as error:
            log.warning("mail.unreadable", error=type(error).__name__)
            return False
        return True

    async def _judge(self, mail: Path) -> None:
        """First what it says is stored, then it is put away: after a crash it is read once more."""
        outcome, flags = "not-understood", UNSEEN
        try:
            report = await asyncio.to_thread(_report_at, mail)
            outcome, flags = await self._note(report), SEEN
        except NoReport:
            outcome = "no-report"
        except (NotUnderstood, NoSuchLetter) as trouble:
            log.warning("report.not_understood", reason=type(trouble).__name__)
        await asyncio.to_thread(self.mailbox.put_away, mail, flags)
        self.counter.labels(outcome).inc()

    async def _note(self, report: DeliveryReport) -> str:
        kind = report.arrival
        if kind is None:
            return "relayed"
        await self.store.write(lambda tx: self._keep(tx, report, kind))
        return kind

    async def _keep(self, tx: Transaction, report: DeliveryReport, kind: Arrival) -> None:
        """Keep its time, and say that the letter bounced when that is news."""
        letter = await locked(tx, report.letter_id)
        now = tx.clock()
        at = min(report.at or now, now)
        holds = await note_arrival(tx, letter.id, kind, at, report.status)
        if holds is arrival(letter):
            return
        log.info("letter.reported", letter_id=letter.id, arrival=holds, status=report.status)
        if holds is Arrival.BOUNCED:
            await tx.say(*await told(tx, NotificationBounced, letter))


def report_in(content: bytes) -> DeliveryReport:
    """Read the mail, and judge it as not understood whatever a stranger made Python's parser raise.

    Raises:
        NoReport: it is another kind of mail.
        NotUnderstood: it cannot be read.
    """
    try:
        return read_report(content)
    except (NoReport, NotUnderstood):
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise NotUnderstood(type(error).__name__) from None


def _report_at(mail: Path) -> DeliveryReport:
    return report_in(read_up_to(mail, LARGEST_MAIL + 1))


def reports_counter(registry: CollectorRegistry) -> Counter:
    return Counter(
        "kansli_mail_reports_total",
        "Mails in the bounce mailbox, by what they said",
        ["outcome"],
        registry=registry,
    )
