"""Reads the bounce mailbox, and notes which letters arrived."""

import asyncio
from dataclasses import dataclass, field

import structlog
from prometheus_client import CollectorRegistry, Counter

from chassis.retry import Backoff
from chassis.store import Store, Transaction
from notification.bounces import LARGEST_MAIL, DeliveryReport, NoReport, NotUnderstood, read_report
from notification.delivery import told
from notification.events import NotificationBounced, NotificationSent
from notification.imap import imap_at
from notification.mailbag import (
    Arrival,
    NoSuchLetter,
    arrival,
    arrived_at,
    bounced_at,
    has_failed,
    locked,
    note_arrival,
)
from notification.mailboxes import Mail, Mailbox, MailboxLost
from notification.maildir import maildir_at

log = structlog.get_logger()

LOOK_EVERY_S = 15.0
LONGEST_PAUSE_S = 600.0
"""Between two tries at a mailbox that is lost: who knocks too often with a wrong password is locked out."""

MOST_AT_A_LOOK = 200


@dataclass
class Arrivals:
    """From a mail in the mailbox to what is known of a letter."""

    store: Store
    mailbox: Mailbox
    counter: Counter
    backoff: Backoff = field(default_factory=lambda: Backoff(first=LOOK_EVERY_S, most=LONGEST_PAUSE_S))
    _lost: bool = field(default=False, init=False)

    async def watch(self) -> None:
        """Look into the mailbox until cancelled, and let go of it then."""
        try:
            while True:
                if not await self.look():
                    await asyncio.sleep(self.backoff.pause() if self._lost else LOOK_EVERY_S)
        finally:
            await asyncio.to_thread(self.mailbox.close)

    async def look(self) -> int:
        """Read what is new, as far as the mailbox can be reached; that it cannot is told once."""
        try:
            count = await self.read_new()
        except MailboxLost as loss:
            if not self._lost:
                log.warning("mailbox.lost", step=str(loss))
            self._lost = True
            return 0
        if self._lost:
            log.info("mailbox.found")
        self._lost = False
        self.backoff.reset()
        return count

    async def read_new(self) -> int:
        """Read what is new; returns how many mails that were, raises `MailboxLost`."""
        mails = await asyncio.to_thread(self.mailbox.new, MOST_AT_A_LOOK)
        return sum([await self._read(mail) for mail in mails])

    async def _read(self, mail: Mail) -> bool:
        """One that the disk or the server keeps from us is left where it is, and keeps no other waiting."""
        try:
            await self._judge(mail)
        except OSError as error:
            log.warning("mail.unreadable", error=type(error).__name__)
            return False
        return True

    async def _judge(self, mail: Mail) -> None:
        """First what it says is stored, then it is put away: after a crash it is read once more."""
        outcome, understood = "not-understood", False
        try:
            report = await asyncio.to_thread(_report_in, mail)
            outcome, understood = await self._note(report), True
        except NoReport:
            outcome = "no-report"
        except (NotUnderstood, NoSuchLetter) as trouble:
            log.warning("report.not_understood", reason=type(trouble).__name__)
        await asyncio.to_thread(lambda: mail.put_away(understood=understood))
        self.counter.labels(outcome).inc()

    async def _note(self, report: DeliveryReport) -> str:
        kind = report.arrival
        if kind is None:
            return "relayed"
        await self.store.write(lambda tx: self._keep(tx, report, kind))
        return kind

    async def _keep(self, tx: Transaction, report: DeliveryReport, kind: Arrival) -> None:
        """Keep its time, and say that the letter bounced, or arrived after all, when that is news."""
        letter = await locked(tx, report.letter_id)
        now = tx.clock()
        at = min(report.at or now, now)
        holds = await note_arrival(tx, letter.id, kind, at, report.status)
        if holds is arrival(letter):
            return
        log.info("letter.reported", letter_id=letter.id, arrival=holds, status=report.status)
        if holds is Arrival.BOUNCED:
            await tx.say(*await told(tx, NotificationBounced, letter, bounced_at(letter, at)))
        elif holds is Arrival.DELIVERED and has_failed(letter):
            await tx.say(*await told(tx, NotificationSent, letter, arrived_at(letter, at)))


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


def _report_in(mail: Mail) -> DeliveryReport:
    return report_in(mail.read(LARGEST_MAIL + 1))


def mailbox_at(url: str) -> Mailbox:
    """The mailbox that a setting names: a folder here, or one on a mail server; raises `UnknownMailbox`."""
    return maildir_at(url) if url.startswith("maildir:") else imap_at(url)


def reports_counter(registry: CollectorRegistry) -> Counter:
    return Counter(
        "kansli_mail_reports_total",
        "Mails in the bounce mailbox, by what they said",
        ["outcome"],
        registry=registry,
    )
