"""The road back to a platform: one request over HTTP, and what is known of it afterwards.

NotTold
├── Refused      never: the same request would always be answered so
├── NotNow       the platform has not done it; the same request may be sent again
└── Unanswered   the platform may have done it or not
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

import aiohttp
import structlog
from standardwebhooks.webhooks import Webhook

from chassis.callers import Platform
from chassis.clock import Clock
from intake import open_e

log = structlog.get_logger()

TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)
"""Seconds; who has not answered by then may have done it, and may not."""

LARGEST_ANSWER = 64 * 1024
"""Bytes; what is read of an answer, which is a few lines."""

LONGEST_WAIT = timedelta(days=1)
"""A platform that asks for more has most likely a clock that is wrong."""


class Reason(StrEnum):
    """Why a platform was not told: for operators; `IN_SWEDISH` has it for the platform's people."""

    DENIED = "the platform lets us not in"
    NEVER_HEALS = "no right, or no such case or status at the platform"
    REFUSED = "the platform refuses the request"
    GONE = "the platform wants no more hand-backs here"
    REDIRECTED = "the platform has another address"
    BUSY = "the platform asks for time"
    FAULT = "the platform failed"
    NO_SOAP = "the answer is no confirmation"
    UNREACHED = "the platform was not reached"
    UNANSWERED = "no answer came"
    UNCERTAIN = "the platform may have it already: look there before replaying"
    NO_INSTANCE = "the reference is no flowInstanceID"
    NO_PLATFORM = "callers.yaml names no such hand-back"


IN_SWEDISH: Mapping[str, str] = {
    Reason.DENIED: "Plattformen släpper inte in Kansli. Kontrollera användaren och lösenordet.",
    Reason.NEVER_HEALS: "Kansli saknar behörighet, eller så finns ärendet eller statusen inte i plattformen.",
    Reason.REFUSED: "Plattformen tar inte emot beskedet.",
    Reason.GONE: "Plattformen vill inte längre ha besked till den här adressen.",
    Reason.REDIRECTED: "Plattformen har bytt adress. Rätta adressen i inställningarna.",
    Reason.BUSY: "Plattformen har bett oss vänta.",
    Reason.FAULT: "Det blev fel i plattformen.",
    Reason.NO_SOAP: "Plattformen svarade med något annat än en bekräftelse, till exempel en inloggningssida.",
    Reason.UNREACHED: "Plattformen gick inte att nå.",
    Reason.UNANSWERED: "Plattformen svarade inte i tid.",
    Reason.UNCERTAIN: "Plattformen kan redan ha fått meddelandet. Titta där innan det skickas igen.",
    Reason.NO_INSTANCE: "Ärendenumret är inget nummer i Open ePlatform.",
    Reason.NO_PLATFORM: "Det finns inga inställningar för att lämna besked till plattformen.",
}


class NotTold(Exception):
    """The platform was not seen to have been told."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Refused(NotTold):
    """The same request would always be answered so."""


class NotNow(NotTold):
    """The platform has not done it; `wait` is how long it asked for, if it did."""

    def __init__(self, reason: Reason, wait: timedelta | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Unanswered(NotTold):
    """The request was sent, and no answer that can be trusted came."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    retry_after: str
    content: bytes


@dataclass
class PlatformCalls:
    """Tells platforms; every method raises `NotTold`, whose text holds nothing of what was told."""

    clock: Clock
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def confirm_delivery(self, platform: Platform, reference: str) -> None:
        await self._operate(platform, "confirmDelivery", open_e.confirm_delivery(_instance(reference)))

    async def set_status(self, platform: Platform, reference: str, alias: str) -> None:
        await self._operate(platform, "setStatus", open_e.set_status(_instance(reference), alias))

    async def add_message(self, platform: Platform, reference: str, text: str) -> None:
        user = platform.secret.get_secret_value().partition(":")[0]
        request = open_e.add_message(_instance(reference), text, user, self.clock())
        await self._operate(platform, "addMessage", request)

    async def post_signed(self, platform: Platform, message_id: str, body: str) -> None:
        """Send a signed message (Standard Webhooks); the same id says that it is the same message again."""
        now = self.clock()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(platform.secret.get_secret_value()).sign(
                message_id, now.astimezone(UTC), body
            ),
        }
        answer = await self._post(platform, body.encode(), headers)
        self._judge(answer)
        if answer.status == 500:
            raise NotNow(Reason.FAULT)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _operate(self, platform: Platform, operation: str, request: bytes) -> None:
        """Only the operation's own response, or a fault that is known, tells for sure.

        Any other fault may have come after the deed was done, and half an answer tells nothing.
        """
        user, _, password = platform.secret.get_secret_value().partition(":")
        signed_in = aiohttp.encode_basic_auth(user, password, "utf-8")
        answer = await self._post(platform, request, {**open_e.HEADERS, "Authorization": signed_in})
        self._judge(answer)
        try:
            if answer.status != 500 and open_e.answered_to(operation, answer.content):
                return
            never = open_e.never_heals(answer.content)
        except open_e.NotSoap:
            raise Unanswered(Reason.FAULT if answer.status == 500 else Reason.NO_SOAP) from None
        raise Refused(Reason.NEVER_HEALS) if never else Unanswered(Reason.FAULT)

    def _judge(self, answer: Answer) -> None:
        """What the status alone says; 2xx and 500 are left to who knows the content."""
        status = answer.status
        if status in (408, 429, 503):
            raise NotNow(Reason.BUSY, self._wait(answer.retry_after))
        if status in _NEVER:
            raise Refused(_NEVER[status])
        if 300 <= status < 400:
            raise Refused(Reason.REDIRECTED)
        if 400 <= status < 500:
            raise Refused(Reason.REFUSED)
        if status > 500:
            raise Unanswered(Reason.FAULT)

    def _wait(self, retry_after: str) -> timedelta | None:
        """Retry-After in seconds or as a date (RFC 9110 § 10.2.3), or None when it says neither."""
        asked = _seconds(retry_after) if retry_after.isdecimal() else _until(retry_after, self.clock())
        return None if asked is None else max(timedelta(seconds=1), min(asked, LONGEST_WAIT))

    async def _post(self, platform: Platform, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            async with self._opened().post(
                platform.url, data=body, headers=headers, allow_redirects=False
            ) as response:
                log.info("hand-back.answered", status=response.status)
                retry_after = response.headers.get("Retry-After", "").strip()
                return Answer(response.status, retry_after, await _beginning(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise NotNow(Reason.UNREACHED) from None
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise Unanswered(Reason.UNANSWERED) from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=TIMEOUT, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


_NEVER = {401: Reason.DENIED, 403: Reason.DENIED, 410: Reason.GONE}


def _instance(reference: str) -> int:
    try:
        return open_e.flow_instance_of(reference)
    except open_e.NoFlowInstance:
        raise Refused(Reason.NO_INSTANCE) from None


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    content = b""
    while len(content) < LARGEST_ANSWER and (part := await response.content.read(LARGEST_ANSWER)):
        content += part
    return content[:LARGEST_ANSWER]


def _seconds(digits: str) -> timedelta:
    return timedelta(seconds=int(digits[:9]))


def _until(moment: str, now: datetime) -> timedelta | None:
    try:
        until = parsedate_to_datetime(moment)
    except ValueError:
        return None
    return (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
