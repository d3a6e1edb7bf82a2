"""The parked desks of the other services, for the operators' page: asked over HTTP, as operators ask.

What is parked elsewhere is none of the archive's work: a service that does not answer is named, and the
page is there all the same.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp
import structlog
from pydantic import BaseModel, SecretStr, ValidationError

from archive.web.operations import ParkedLine

log = structlog.get_logger()

TIMEOUT = aiohttp.ClientTimeout(total=3)
"""A person waits for the page, and a desk answers in milliseconds."""

_UNANSWERED = (aiohttp.ClientError, OSError, TimeoutError, ValidationError, ValueError)


class _Item(BaseModel):
    id: str
    origin: str
    reason: str
    parked_at: datetime


class _Desk(BaseModel):
    parked: list[_Item]


@dataclass(frozen=True)
class Parked:
    """What lies on the desks, oldest first, and the services that did not answer."""

    lines: tuple[ParkedLine, ...] = ()
    silent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Desks:
    """Where the other services' desks are and what lets us in there, by the services' names.

    A desk without a token is asked without one, as it answers on its own machine.
    """

    addresses: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, SecretStr] = field(default_factory=dict)

    async def parked(self) -> Parked:
        """Ask all of them at once."""
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            answers = await asyncio.gather(*(self._ask(session, name) for name in self.addresses))
        lines = [line for answer in answers for line in answer or ()]
        silent = [name for name, answer in zip(self.addresses, answers, strict=True) if answer is None]
        return Parked(tuple(sorted(lines, key=lambda line: line.parked_at)), tuple(silent))

    async def _ask(self, session: aiohttp.ClientSession, service: str) -> Sequence[ParkedLine] | None:
        """The lines of one desk; None when it does not answer, or not as a desk does."""
        url, headers = f"{self.addresses[service]}/admin/parked", self._headers(service)
        try:
            async with session.get(url, headers=headers, allow_redirects=False) as answer:
                answer.raise_for_status()
                desk = _Desk.model_validate_json(await answer.read())
        except _UNANSWERED as error:
            log.warning("desk.unanswered", desk=service, reason=_named(error))
            return None
        return [ParkedLine(item.id, item.origin, item.reason, item.parked_at) for item in desk.parked]

    def _headers(self, service: str) -> dict[str, str]:
        token = self.tokens.get(service)
        return {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}


def _named(error: Exception) -> str:
    """A status where there is one: 403 is a token that does not fit."""
    return str(getattr(error, "status", type(error).__name__))


def desks_in(setting: str) -> Mapping[str, str]:
    """`intake=http://127.0.0.1:8081, validation=…` as addresses by name; raises `ValueError`."""
    desks = {}
    for name, address in _pairs(setting):
        if not name or not address.startswith(("http://", "https://")):
            raise ValueError("write service=http://host:port, several divided by ','")
        desks[name] = address.rstrip("/")
    return desks


def tokens_in(setting: SecretStr | None) -> Mapping[str, SecretStr]:
    """`intake=TOKEN, validation=…`, or one on each line, as tokens by name.

    Raises:
        ValueError: something else stands there; the message shows nothing of it.
    """
    tokens = {}
    told = setting.get_secret_value() if setting else ""
    for name, token in _pairs(told.replace("\n", ",")):
        if not name or not _TOKEN.fullmatch(token):
            raise ValueError("write service=token, several divided by ',' or lines")
        tokens[name] = SecretStr(token)
    return tokens


_TOKEN = re.compile(r"[!-+\--~]+")
"""What a header can carry and no comma; a bearer token is less (RFC 6750 § 2.1)."""


def _pairs(setting: str) -> Iterator[tuple[str, str]]:
    for pair in filter(None, (part.strip() for part in setting.split(","))):
        name, _, value = pair.partition("=")
        yield name.strip(), value.strip()
