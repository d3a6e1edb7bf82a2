"""The parked desks of the other services, for the operators' page: asked over HTTP, as operators ask.

What is parked elsewhere is none of the archive's work: a service that does not answer is named, and the
page is there all the same.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
from pydantic import BaseModel, SecretStr, ValidationError

from archive.web.operations import ParkedLine

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
    """Where the other services' desks are, by the services' names."""

    addresses: Mapping[str, str] = field(default_factory=dict)
    token: SecretStr | None = None

    async def parked(self) -> Parked:
        """Ask all of them at once."""
        async with aiohttp.ClientSession(timeout=TIMEOUT, headers=self._headers()) as session:
            answers = await asyncio.gather(*(self._ask(session, name) for name in self.addresses))
        lines = [line for answer in answers for line in answer or ()]
        silent = [name for name, answer in zip(self.addresses, answers, strict=True) if answer is None]
        return Parked(tuple(sorted(lines, key=lambda line: line.parked_at)), tuple(silent))

    async def _ask(self, session: aiohttp.ClientSession, service: str) -> Sequence[ParkedLine] | None:
        """The lines of one desk; None when it does not answer, or not as a desk does."""
        try:
            async with session.get(f"{self.addresses[service]}/admin/parked") as answer:
                answer.raise_for_status()
                desk = _Desk.model_validate_json(await answer.read())
        except _UNANSWERED:
            return None
        return [ParkedLine(item.id, item.origin, item.reason, item.parked_at) for item in desk.parked]

    def _headers(self) -> dict[str, Any]:
        return {"Authorization": f"Bearer {self.token.get_secret_value()}"} if self.token else {}


def desks_in(setting: str) -> Mapping[str, str]:
    """`intake=http://127.0.0.1:8081, validation=…` as addresses by name; raises `ValueError`."""
    desks = {}
    for pair in filter(None, (part.strip() for part in setting.split(","))):
        name, sign, address = pair.partition("=")
        if not sign or not name.strip() or not address.startswith(("http://", "https://")):
            raise ValueError("write service=http://host:port, several divided by ','")
        desks[name.strip()] = address.strip().rstrip("/")
    return desks
