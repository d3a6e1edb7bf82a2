"""The papers of a packet in one PDF, along with the letter that they are done, where a committee wants it so.

They are fetched before the letter is written and beside its transaction. Whatever is wrong with them, the
letter goes: it says that they are not there, and has the page as always.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy.engine import Row

from chassis.objects import NoObject, Objects
from chassis.store import Store, StoreUnavailable
from notification.letters import AttachedPacket
from notification.notices import waiting
from notification.recipients import Committee

MOST_BYTES = 7_000_000
"""As base64 these are 9.6 MB; Postfix as delivered takes letters of 10 240 000 bytes and refuses larger."""

FETCHED_WITHIN_S = 10.0
"""A store that is down is asked for minutes otherwise, and the page is there meanwhile."""


class Unattached(StrEnum):
    """Why a packet does not go along, though the committee wants it to."""

    NO_STORE = "no-store"
    UNTOLD = "untold"
    TOO_LARGE = "too-large"
    GONE = "gone"
    UNREACHABLE = "unreachable"


PacketFile: TypeAlias = AttachedPacket | Unattached | None
"""None where the committee wants no file."""


@dataclass(frozen=True, slots=True)
class AttachedPackets:
    """Where packets are fetched; without `objects` none is attached."""

    store: Store
    objects: Objects | None = None
    within_s: float = FETCHED_WITHIN_S

    async def to_tell(self, committee: Committee) -> Mapping[str, PacketFile]:
        """What goes along with each letter about a packet that waits to be written, by the notice's id."""
        frozen = await waiting(self.store, committee.id, "frozen")
        return {notice.id: await self._along_with(notice, committee) for notice in frozen}

    async def _along_with(self, notice: Row[Any], committee: Committee) -> PacketFile:
        if not committee.notify.attach_packet:
            return None
        if self.objects is None:
            return Unattached.NO_STORE
        pdf = notice.facts.get("pdf")
        return await _fetched(self.objects, pdf, self.within_s) if pdf else Unattached.UNTOLD


async def _fetched(objects: Objects, pdf: Mapping[str, Any], within_s: float) -> AttachedPacket | Unattached:
    """What goes along of it; under a name that no object can have (`ValueError`) nothing lies either."""
    if pdf["size"] > MOST_BYTES:
        return Unattached.TOO_LARGE
    try:
        async with asyncio.timeout(within_s):
            return AttachedPacket(pdf["name"], await objects.read(pdf["object"]))
    except (NoObject, ValueError):
        return Unattached.GONE
    except (StoreUnavailable, TimeoutError):
        return Unattached.UNREACHABLE
