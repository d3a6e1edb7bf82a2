"""Letting callers in: who they are by key or signature, how often they come, how much they send."""

import asyncio
import math
from dataclasses import dataclass, field

from aiohttp import StreamReader, web

from chassis.callers import SIGNATURE_HEADERS, Allowance, Caller, Callers, key_of
from chassis.folders import WatchedFolder
from chassis.problems import Problem, plain_problem

BODY_TIMEOUT_S = 30.0
"""Ten mebibytes over a slow municipal line take a few seconds; who needs more holds memory for nothing."""

MIB = 1024 * 1024


@dataclass
class Door:
    """Where callers of a service come in."""

    callers: WatchedFolder[Callers]
    allowance: Allowance = field(default_factory=Allowance)

    async def admit(self, request: web.Request, most_bytes: int) -> tuple[Caller, bytes]:
        """The caller and the body; a body is read only for who has a key, or has at least signed it.

        Raises:
            Problem: 401 for strangers, 413 over `most_bytes`, 408 for a body that does not come, 415 packed.
        """
        if all(header in request.headers for header in SIGNATURE_HEADERS):
            body = await _read(request, most_bytes)
            return _known(self.callers.current.who_signed(body, request.headers)), body
        return self._with_key(request), await _read(request, most_bytes)

    def spend(self, caller: Caller) -> None:
        """Take one of what the caller may send this minute; raises `Problem` 429 when there is none."""
        seconds = self.allowance.wait(caller)
        if seconds:
            wait = str(math.ceil(seconds))
            detail = f"Vänta {wait} sekunder och försök igen."
            raise Problem(429, "too-many", "För många på kort tid", detail, headers={"Retry-After": wait})

    def _with_key(self, request: web.Request) -> Caller:
        key = key_of(request.headers.get("Authorization", ""))
        return _known(self.callers.current.with_key(key) if key else None)


def _known(caller: Caller | None) -> Caller:
    if caller is None:
        raise plain_problem(401, {"WWW-Authenticate": 'Bearer realm="kansli"'})
    return caller


async def _read(request: web.Request, most_bytes: int) -> bytes:
    """The body, refused as soon as it is known to be too large, too slow or packed."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Problem(415, "content-encoding", "Fel kodning", "Skicka innehållet okomprimerat.")
    if (request.content_length or 0) > most_bytes:
        raise _too_large(most_bytes)
    if request.content.is_eof():
        return _bounded(request.content.read_nowait(), most_bytes)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _read_bounded(request.content, most_bytes)
    except TimeoutError:
        raise Problem(
            408, "too-slow", "Tog för lång tid", "Innehållet kom inte fram i tid. Försök igen."
        ) from None


async def _read_bounded(content: StreamReader, most_bytes: int) -> bytes:
    chunks, size = [], 0
    async for chunk in content.iter_any():
        size += len(chunk)
        if size > most_bytes:
            raise _too_large(most_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _bounded(body: bytes, most_bytes: int) -> bytes:
    if len(body) > most_bytes:
        raise _too_large(most_bytes)
    return body


def _too_large(most_bytes: int) -> Problem:
    detail = f"Innehållet får vara högst {most_bytes // MIB} MiB."
    return Problem(413, "body-too-large", "För stort", detail)
