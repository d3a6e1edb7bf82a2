"""The hand-back: the platform is told what became of what it sent.

Each piece of news is a chain of errands, one for each request, so that what was told is not told again
because something after it failed. An Open ePlatform gets the confirmation first; message and status
begin with its conclusion and do not wait for each other. A callback is one errand.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import structlog
from prometheus_client import CollectorRegistry, Counter
from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json
from sqlalchemy import Column, ForeignKey, Integer, String, Table, bindparam, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.callers import Callers, Platform
from chassis.errands import Conclude, Errand, ErrandKind
from chassis.folders import WatchedFolder
from chassis.masking import masked
from chassis.outcomes import Failed, Reject, TryLater
from chassis.store import Store, Transaction
from chassis.store.tables import Moment, RowNumber, errands
from intake.events import Finding
from intake.platform_calls import IN_SWEDISH, NotNow, PlatformCalls, Reason, Refused, Unanswered
from intake.submissions import found, metadata, note, submissions, told_as

log = structlog.get_logger()

HAND_BACK = "intake.hand-back"

LEASE = timedelta(minutes=5)
"""Far beyond the thirty seconds of a request, so that no second worker begins what the first still does."""

AT_ONCE = 4

Deed: TypeAlias = Literal["confirm", "message", "status", "callback"]

hand_backs = Table(
    "hand_backs",
    metadata,
    Column("id", RowNumber, primary_key=True, autoincrement=True),
    Column("key", String, nullable=False, unique=True),
    Column("submission_id", ForeignKey("submissions.id"), nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("deed", String, nullable=False),
    Column("settled_at", Moment),
)
"""One row per errand to a platform; the errand with the same key knows its state, attempts and last error."""


_TOLD_OF = select(submissions).where(submissions.c.id == bindparam("its_id"))


class News(BaseModel):
    """What became of a submission; `version` is the report's, or 0 when there is none.

    `message` is for the sender, masked; `body` is what a callback carries, the same bytes each time.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    submission_id: str
    revision: int
    version: int
    status: str
    message: str | None = None
    form: str = ""
    caller: str = ""
    reference: str = ""
    kind: str = ""
    body: str = ""

    @property
    def id(self) -> str:
        """Without dots, which divide what Standard Webhooks signs."""
        return f"handback_{self.submission_id}_{self.revision}_{self.version}"

    def key(self, deed: Deed) -> str:
        return f"{self.id}_{deed}"


@dataclass
class HandBacks:
    """Has platforms told, and tells them."""

    store: Store
    callers: WatchedFolder[Callers]
    calls: PlatformCalls
    counter: Counter

    def errands(self) -> list[ErrandKind]:
        return [ErrandKind(HAND_BACK, self.perform, LEASE, AT_ONCE, self.give_up)]

    async def begin(self, tx: Transaction, news: News) -> None:
        """Have the platform told, if it wants to be; what something newer has overtaken is no news."""
        if not self.callers.current.platforms:
            return
        await tx.flush()
        row = await tx.one(_TOLD_OF, {"its_id": news.submission_id})
        if row is None or _is_old(news, row):
            return
        platform = self.callers.current.platforms.get(row.caller)
        if platform is not None:
            about = {"form": row.form, "caller": row.caller, "reference": row.reference}
            await self._begin(tx, news.model_copy(update={**about, "kind": platform.kind}))

    async def perform(self, errand: Errand) -> Conclude:
        news, deed = News.model_validate(errand.payload["news"]), errand.payload["deed"]
        platform = self.callers.current.platforms.get(news.caller)
        if platform is None or platform.kind != news.kind:
            raise Reject(Reason.NO_PLATFORM)
        if deed == "status" and not await self._still_holds(platform, news):
            return self._concluded(errand.key, news, deed, "overtaken")
        if deed == "callback" and await self._has_newer(errand.key, news):
            return self._concluded(errand.key, news, deed, "overtaken")
        if deed == "message" and errand.begun_before:
            raise Reject(Reason.UNCERTAIN)
        await self._tell(platform, news, deed)
        return self._concluded(errand.key, news, deed, "done")

    async def give_up(self, tx: Transaction, errand: Errand) -> None:
        """The errand lies on the parked desk now; whoever sent the submission can see that it does."""
        news, deed = News.model_validate(errand.payload["news"]), errand.payload["deed"]
        await _settle(tx, errand.key)
        await note(tx, news.submission_id, "hand-back.failed")
        self._count(news, deed, "failed")

    async def _begin(self, tx: Transaction, news: News) -> None:
        if news.kind == "callback":
            body = await _body(tx, news.submission_id)
            await _send(tx, news.model_copy(update={"body": body}), "callback")
        else:
            await _send(tx, news, "confirm")

    async def _tell(self, platform: Platform, news: News, deed: Deed) -> None:
        """Do the deed, or say in the errands' words what to do about it.

        Raises:
            Reject: it never heals, or it is a message that may be there already and would be there twice.
            TryLater: the platform asked for time.
            Failed: it may be tried again.
        """
        try:
            await self._deed(platform, news, deed)()
        except Refused as refused:
            raise Reject(refused.reason) from None
        except Unanswered as unanswered:
            self._count(news, deed, "uncertain")
            if deed == "message":
                raise Reject(Reason.UNCERTAIN) from None
            raise Failed(unanswered.reason) from None
        except NotNow as not_now:
            self._count(news, deed, "retried")
            if not_now.wait is not None:
                raise TryLater(not_now.reason, not_now.wait) from None
            raise Failed(not_now.reason) from None

    def _deed(self, platform: Platform, news: News, deed: Deed) -> Callable[[], Awaitable[None]]:
        alias, reference = _alias(platform, news) or "", news.reference
        deeds: Mapping[Deed, Callable[[], Awaitable[None]]] = {
            "confirm": lambda: self.calls.confirm_delivery(platform, reference),
            "message": lambda: self.calls.add_message(platform, reference, news.message or ""),
            "status": lambda: self.calls.set_status(platform, reference, alias),
            "callback": lambda: self.calls.post_signed(platform, news.id, news.body),
        }
        return deeds[deed]

    async def _still_holds(self, platform: Platform, news: News) -> bool:
        """A status that no longer holds would undo a newer one; a confirmation and a message always hold."""
        query = select(submissions.c.status).where(submissions.c.id == news.submission_id)
        async with self.store.read() as connection:
            status = await connection.scalar(query)
        return told_as(status) == news.status and _alias(platform, news) is not None

    async def _has_newer(self, key: str, news: News) -> bool:
        """Whether a callback with all that this one tells has been written since."""
        newest = (
            select(hand_backs.c.key)
            .where(hand_backs.c.submission_id == news.submission_id, hand_backs.c.deed == "callback")
            .order_by(hand_backs.c.id.desc())
            .limit(1)
        )
        async with self.store.read() as connection:
            return bool(await connection.scalar(newest) != key)

    def _concluded(self, key: str, news: News, deed: Deed, outcome: str) -> Conclude:
        async def conclude(tx: Transaction) -> None:
            await _settle(tx, key)
            if outcome == "done" and deed in ("confirm", "callback"):
                await note(tx, news.submission_id, "hand-back.confirmed")
            if deed == "confirm":
                await self._go_on(tx, news)

        self._count(news, deed, outcome)
        log.info("hand-back.settled", submission_id=news.submission_id, deed=deed, outcome=outcome)
        return conclude

    async def _go_on(self, tx: Transaction, news: News) -> None:
        """The message first: a new status may send the person to look for what to do."""
        platform = self.callers.current.platforms.get(news.caller)
        if news.message:
            await _send(tx, news, "message")
        if platform is not None and _alias(platform, news):
            await _send(tx, news, "status")

    def _count(self, news: News, deed: Deed, outcome: str) -> None:
        self.counter.labels(news.kind, deed, outcome).inc()


def rejection_message(findings: list[Finding]) -> str:
    """What was wrong, what to do and by which paragraph; never digits that could be a personnummer."""
    rejecting = [finding for finding in findings if finding.outcome == "reject"]
    wrong = [f"{finding.message}\nKälla: {finding.source}" for finding in rejecting]
    last = "Rätta det som anges och skicka in formuläret igen."
    return masked("\n\n".join(["Det du skickade in kunde inte tas emot.", *wrong, last]))


def return_message(reason: str) -> str:
    """The secretary's own words, masked."""
    told = "Nämndsekreteraren har skickat tillbaka det du skickade in.", f"Skäl: {masked(reason)}"
    return "\n\n".join([*told, "Ändra det som behövs och skicka in formuläret igen."])


async def told(connection: AsyncConnection, caller: str, *conditions: Any) -> dict[str, Any] | None:
    """What the sender is told of its own submission, and of how its platform was told; or None."""
    submission = await found(connection, caller, *conditions)
    if submission is None:
        return None
    return submission | {"hand_back": await _shown(connection, submission["id"])}


def hand_backs_counter(registry: CollectorRegistry) -> Counter:
    return Counter(
        "kansli_hand_backs_total",
        "What platforms were to be told, by how each attempt ended",
        ["kind", "deed", "outcome"],
        registry=registry,
    )


def _alias(platform: Platform, news: News) -> str | None:
    alias: str | None = getattr(platform.statuses, news.status, None)
    return alias


def _is_old(news: News, row: Any) -> bool:
    """News of a report goes by its version, a rejection by the revision."""
    if news.version:
        return bool(row.report_version != news.version)
    return bool(row.revision != news.revision)


async def _send(tx: Transaction, news: News, deed: Deed) -> None:
    """Once for each submission, revision, version and deed."""
    key = news.key(deed)
    row = {
        "key": key,
        "submission_id": news.submission_id,
        "revision": news.revision,
        "version": news.version,
        "deed": deed,
    }
    if await tx.insert_once(hand_backs, row):
        payload = {"submission_id": news.submission_id, "form": news.form, "deed": deed}
        await tx.send_on_errand(HAND_BACK, key, payload | {"news": news.model_dump()})


async def _settle(tx: Transaction, key: str) -> None:
    await tx.execute(update(hand_backs).where(hand_backs.c.key == key).values(settled_at=tx.clock()))


async def _body(tx: Transaction, submission_id: str) -> str:
    """What the platform would be told if it asked just now, the message itself being on its way."""
    submission = await found(tx, None, submissions.c.id == submission_id)
    return to_json((submission or {}) | {"hand_back": _told_of("pending", 0, tx.clock())}).decode()


_FIRST_TOLD = case({"parked": 0, "due": 1, "running": 1}, value=errands.c.state, else_=2)
"""Of several errands the one with trouble is told of, then the one that is waited for."""


async def _shown(connection: AsyncConnection, submission_id: str) -> dict[str, Any]:
    """How it went with the latest news."""
    of_submission = hand_backs.c.submission_id == submission_id
    latest = (
        select(hand_backs.c.revision, hand_backs.c.version)
        .where(of_submission, hand_backs.c.deed.in_(["confirm", "callback"]))
        .order_by(hand_backs.c.id.desc())
        .limit(1)
        .subquery()
    )
    query = (
        select(hand_backs.c.settled_at, errands)
        .join(errands, errands.c.key == hand_backs.c.key)
        .join(
            latest,
            (latest.c.revision == hand_backs.c.revision) & (latest.c.version == hand_backs.c.version),
        )
        .where(of_submission)
        .order_by(_FIRST_TOLD, hand_backs.c.id.desc())
    )
    row = (await connection.execute(query.limit(1))).first()
    if row is None:
        return _told_of("none", 0, None)
    return _told(row)


def _told(row: Any) -> dict[str, Any]:
    """Attempts are counted by the token, which also counts those that the platform asked us to put off."""
    if row.state == "done":
        return _told_of("done", row.token, row.settled_at)
    reason = IN_SWEDISH.get(row.last_error or "", _OTHERWISE) if row.last_error else None
    if row.state == "parked":
        return _told_of("failed", row.token, row.settled_at, reason)
    return _told_of("pending", row.token, row.created_at, reason)


_OTHERWISE = "Beskedet till plattformen gick inte fram."


def _told_of(state: str, attempts: int, at: datetime | None, reason: str | None = None) -> dict[str, Any]:
    return {"state": state, "attempts": attempts, "at": at, "reason": reason}
