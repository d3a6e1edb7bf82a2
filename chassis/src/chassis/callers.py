"""Who may send: the platforms of `callers.yaml`, known by a key or by a signature."""

import base64
import hashlib
import hmac
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from chassis.faults import read_model
from chassis.folders import BrokenFolder
from chassis.loopback import is_loopback

SIGNATURE_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class Statuses(BaseModel):
    """The platform's own names (aliases) of the statuses that it is told; null leaves the status alone.

    That a report is filed is the platform's usual course, so nothing is said unless it is asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    filed: str | None = None
    rejected: str | None = "avvisad"
    returned: str | None = "komplettering"


class HandBack(BaseModel):
    """How the platform is told what became of what it sent; `credentials` names a secret's place."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["open-e", "callback", "none"]
    url: str = ""
    credentials: str = ""
    statuses: Statuses = Statuses()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """What is handed back tells of people, and the credentials open the platform: never in clear."""
        if self.kind != "none":
            if not self.credentials:
                raise ValueError("credentials: write file:<path> or env:<NAME>")
            _check_address(self.url)
        return self


@dataclass(frozen=True)
class Platform:
    """Where a hand-back goes, with the secret itself: `user:password` for open-e, `whsec_…` for callback."""

    kind: str
    url: str
    statuses: Statuses
    secret: SecretStr


class Caller(BaseModel):
    """A platform that may send, what it may send, and how often."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: Annotated[str, Field(min_length=1)]
    key_sha256: list[Annotated[str, Field(pattern="^[0-9a-f]{64}$")]] = []
    webhook_secrets: list[str] = []
    forms: list[str]
    per_minute: Annotated[int, Field(gt=0)] | None = None
    own_platform: bool = True
    hand_back: HandBack = HandBack(kind="none")

    def may_send(self, form: str) -> bool:
        return any(fnmatchcase(form, pattern) for pattern in self.forms)


class _File(BaseModel):
    callers: list[Caller]


@dataclass(frozen=True)
class Callers:
    """The callers by the hash of their keys, those who sign, and where to hand back by caller's id."""

    by_key: Mapping[str, Caller]
    signing: Sequence[tuple[Caller, Webhook]]
    platforms: Mapping[str, Platform] = field(default_factory=dict)

    def with_key(self, key: str) -> Caller | None:
        return self.by_key.get(hashlib.sha256(key.encode("utf-8", "replace")).hexdigest())

    def with_id(self, caller_id: str) -> Caller | None:
        """The caller whom a submission came from earlier, if it may still send."""
        everyone = [*self.by_key.values(), *(caller for caller, _secret in self.signing)]
        return next((caller for caller in everyone if caller.id == caller_id), None)

    def who_signed(self, body: bytes, headers: Mapping[str, str]) -> Caller | None:
        """The caller whose secret signed the raw body (Standard Webhooks, five minutes' tolerance)."""
        return next((caller for caller, secret in self.signing if _signed(secret, body, headers)), None)


def load_callers(folder: Path, today: date, *, hand_backs: bool = True) -> Callers:
    """Read `callers.yaml`; raises `BrokenFolder` naming what to mend.

    A service that hands nothing back says so, and needs no platform's credentials.
    """
    path = folder / "callers.yaml"
    callers = read_model(path, _File, today).callers
    if twice := _twice(callers):
        raise BrokenFolder(f"{path}: ids and keys belong to one caller; given twice: {', '.join(twice)}")
    by_key = {key: caller for caller in callers for key in caller.key_sha256}
    signing = [(caller, _webhook(secret, path)) for caller in callers for secret in caller.webhook_secrets]
    told = [caller for caller in callers if hand_backs and caller.hand_back.kind != "none"]
    return Callers(by_key, signing, {caller.id: _platform(caller, path) for caller in told})


def _twice(callers: Iterable[Caller]) -> list[str]:
    names = Counter(name for caller in callers for name in (caller.id, *caller.key_sha256))
    return [name for name, times in names.items() if times > 1]


def key_of(authorization: str) -> str | None:
    """The key in an Authorization header: a Bearer token, or the password of Basic."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip() or None
    if scheme.lower() == "basic":
        return _basic_password(rest.strip())
    return None


def _basic_password(encoded: str) -> str | None:
    try:
        decoded = base64.b64decode(encoded, validate=True).decode("utf-8")
    except ValueError:
        return None
    return decoded.partition(":")[2] or None


def _webhook(secret: str, path: Path) -> Webhook:
    place = f"{path}: webhook_secrets"
    return _signer(_secret(secret, place), f"{place}: {secret}")


def _signer(secret: str, place: str) -> Webhook:
    try:
        return ByteWebhook(secret)
    except (ValueError, EmptyWebhookSecretError) as error:
        raise BrokenFolder(f"{place}: {type(error).__name__}") from None


def _secret(named: str, place: str) -> str:
    """What lies where `file:<path>` or `env:<NAME>` says."""
    kind, _, rest = named.partition(":")
    try:
        if kind == "file":
            return Path(rest).read_text("utf-8").strip()
        if kind == "env":
            return os.environ[rest]
    except (OSError, KeyError, ValueError) as error:
        raise BrokenFolder(f"{place}: {named}: {type(error).__name__}") from None
    raise BrokenFolder(f"{place}: write file:<path> or env:<NAME>")


def _platform(caller: Caller, path: Path) -> Platform:
    """The hand-back with its secret; raises `BrokenFolder` for a secret that could never be used."""
    told, place = caller.hand_back, f"{path}: {caller.id}: hand_back: credentials"
    secret = _secret(told.credentials, place)
    if told.kind == "callback":
        _signer(secret, f"{place}: {told.credentials}: write a Standard Webhooks secret, whsec_…, there")
    elif not all(secret.partition(":")):
        raise BrokenFolder(f"{place}: {told.credentials}: write user:password there")
    return Platform(told.kind, told.url, told.statuses, SecretStr(secret))


def _check_address(url: str) -> None:
    """Raises `ValueError` for what is no address, or would carry a secret in clear over a network."""
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname or address.username:
        raise ValueError("url: write https://…, without user and password")
    if address.scheme == "http" and not is_loopback(address.hostname):
        raise ValueError("url: write https://…; http:// is for this machine alone")


class ByteWebhook(Webhook):
    """The library signs text, and what comes may be a picture or in another encoding.

    The bytes go through it as the text that has a character for each of them.
    """

    def sign(self, msg_id: str, timestamp: datetime, data: str) -> str:
        moment = math.floor(timestamp.replace(tzinfo=UTC).timestamp())
        content = f"{msg_id}.{moment}.".encode() + data.encode(_A_BYTE_EACH)
        return "v1," + base64.b64encode(hmac.digest(self._whsecret, content, "sha256")).decode()


_A_BYTE_EACH = "iso-8859-1"


def _signed(secret: Webhook, body: bytes, headers: Mapping[str, str]) -> bool:
    """The library raises other errors than its own for malformed signatures.

    It would also read the body as JSON, which is not its business: an empty one is signed when asking.
    """
    told = {name: headers.get(name, "") for name in SIGNATURE_HEADERS}
    try:
        secret.verify(body.decode(_A_BYTE_EACH), told, json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


@dataclass
class Allowance:
    """How many submissions a caller may send just now: it refills evenly, up to a minute's worth."""

    monotonic: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def wait(self, caller: Caller) -> float:
        """Take one; returns 0, or the seconds until there is one to take."""
        if caller.per_minute is None:
            return 0.0
        now = self.monotonic()
        left, since = self._left.get(caller.id, (float(caller.per_minute), now))
        left = min(float(caller.per_minute), left + (now - since) * caller.per_minute / 60)
        if left < 1:
            self._left[caller.id] = (left, now)
            return (1 - left) * 60 / caller.per_minute
        self._left[caller.id] = (left - 1, now)
        return 0.0
