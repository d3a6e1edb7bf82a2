"""Packets over HTTP: to freeze one, to fetch its files, to note the minutes."""

from dataclasses import dataclass
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.engine import Row

from archive.answers import in_json
from archive.api import Api
from archive.downloads import kept_file, removed
from archive.packets.drafting import Wish
from archive.packets.files import MEDIA_TYPES
from archive.packets.freezing import Freezing
from archive.packets.kept import holdings_of, packets_of
from archive.pdf import CannotPrint
from archive.review import ReviewTrouble
from archive.review_api import by_of, problem_of, read
from archive.views import packet_in_json
from chassis.objects import Objects
from chassis.problems import Problem, plain_problem

Word = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]


class Freeze(BaseModel):
    """Whether held reports are knowingly left out, and what the agenda item is called."""

    model_config = ConfigDict(strict=True, extra="forbid")

    leave_out_held: bool = False
    agenda_number: Word = ""
    diarienummer: Word = ""


class Minutes(BaseModel):
    """The paragraph under which the meeting took the reports: `§ 14`."""

    model_config = ConfigDict(strict=True, extra="forbid")

    paragraph: Annotated[Word, Field(min_length=1)]


@dataclass
class PacketsApi:
    api: Api
    freezing: Freezing
    objects: Objects

    async def freeze(self, request: web.Request) -> web.Response:
        """Freeze the meeting's reports; 201 and the packet."""
        committee, meeting = self.api.meeting_of(request)
        wish = Wish(**(await read(request, Freeze)).model_dump())
        try:
            packet = await self.freezing.freeze(committee, meeting, wish, by_of(request))
        except ReviewTrouble as trouble:
            raise problem_of(trouble) from None
        except CannotPrint:
            raise _unprintable() from None
        return await self._told(request, packet.number)

    async def minutes(self, request: web.Request) -> web.Response:
        committee, meeting = await self.api.meeting_kept(request)
        noted = await read(request, Minutes)
        try:
            await self.freezing.note_minutes(committee.id, meeting, noted.paragraph, by_of(request))
        except ReviewTrouble as trouble:
            raise problem_of(trouble) from None
        return await self.api.meeting(request)

    async def file(self, request: web.Request) -> web.Response:
        """One file of a packet, the very bytes that were frozen; 410 when they were removed by decision."""
        packet, name = await self._packet(request), request.match_info["file"]
        if name not in packet.files or name not in MEDIA_TYPES:
            raise plain_problem(404)
        if packet.removed_at is not None:
            raise removed(packet, name)
        stem, _, ending = name.partition(".")
        saved_as = f"{packet.meeting_date}_{packet.committee}_{stem}_{packet.number}.{ending}"
        return await kept_file(self.objects, packet.files[name]["object"], MEDIA_TYPES[name], saved_as)

    async def attachment(self, request: web.Request) -> web.Response:
        """A file that came with a report, byte for byte, numbered from 1; never shown inside a page."""
        row, number = await self.api.report_row(request), request.match_info["number"]
        if not number.isdecimal() or not 1 <= int(number) <= len(row.attachments):
            raise plain_problem(404)
        attachment = row.attachments[int(number) - 1]
        ending = attachment["name"].rpartition(".")[2]
        name = (
            f"bilaga-{int(number)}.{ending}"
            if ending.isalnum() and ending.isascii()
            else f"bilaga-{int(number)}"
        )
        return await kept_file(
            self.objects, attachment["object"], attachment["media_type"], name, foreign=True
        )

    async def _packet(self, request: web.Request) -> Row[Any]:
        committee, meeting = await self.api.meeting_kept(request)
        async with self.api.store.read() as connection:
            packets = await packets_of(connection, committee.id, meeting.date)
        found = [one for one in packets if str(one.number) == request.match_info["number"]]
        if not found:
            raise plain_problem(404)
        return found[0]

    async def _told(self, request: web.Request, number: int) -> web.Response:
        committee, meeting = self.api.meeting_of(request)
        async with self.api.store.read() as connection:
            packets = await packets_of(connection, committee.id, meeting.date)
            packet = next(one for one in packets if one.number == number)
            told = packet_in_json(packet, await holdings_of(connection, packet.id))
        return in_json(told, status=201)


def _unprintable() -> Problem:
    return Problem(
        500,
        "cannot-print",
        "Går inte att skriva ut",
        "Ett papper i paketet gick inte att göra till PDF. Inget har frysts. Kontakta driften.",
    )
