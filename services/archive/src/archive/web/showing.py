"""The pages over HTTP: each reads what it shows, and is rendered for who looks."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from archive.access import csrf_of, person_of
from archive.api import Api
from archive.calendar import Meeting, is_over, meeting_for
from archive.committees import Committee
from archive.figures_api import FiguresApi
from archive.letters import letters_about, letters_by_state
from archive.openings import note_opening
from archive.packets.kept import newest_packet_with
from archive.reports import acts_of, counts_by_meeting, report_of
from archive.review import can_be_undone
from archive.seen import first_seen
from archive.views import is_masked
from archive.web.desks import Desks
from archive.web.frame import Frame, Notice, Undo
from archive.web.meetings import CommitteeLine, CommitteeView, MeetingLine, PacketsView
from archive.web.operations import OperationsView, ParkedLine
from archive.web.pages import (
    Contact,
    accessibility_page,
    committee_page,
    meeting_page,
    operations_page,
    packets_page,
    report_page,
    start_page,
    year_page,
)
from archive.web.reading import held_by_committee, meeting_rows, next_open_meeting, packets_of_committee
from archive.web.rows import MeetingMaker, Reader, ReportMaker, packet_line, year_view
from archive.web.words import done_in_words, letter_in_words
from chassis import parking, relay
from chassis.clock import day_in_stockholm
from chassis.masking import masked
from chassis.problems import plain_problem


@dataclass
class Showing:
    """What is shown; what changes something is `archive.web.doing`."""

    api: Api
    figures: FiguresApi
    desks: Desks

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        committee = "/committees/{committee}"
        pages = {
            "/": self.start,
            committee: self.committee,
            f"{committee}/packets": self.packets,
            f"{committee}/year": self.year,
            f"{committee}/meetings/{{date}}": self.meeting,
            "/reports/{id}": self.report,
            "/operations": self.operations,
        }
        guarded = [web.get(path, self.api.access.guard(page, page=True)) for path, page in pages.items()]
        return [*guarded, web.get("/accessibility", self.api.access.told_in_pages(self.accessibility))]

    async def start(self, request: web.Request) -> web.Response:
        """The committees that the person may read."""
        now, person = self.api.clock(), person_of(request)
        async with self.api.store.read() as connection:
            held = await held_by_committee(connection)
        lines = [
            _committee_line(committee, meeting_for(committee.meetings, now, now), held.get(committee.id, 0))
            for committee in self.api.committees.current.values()
            if person.may("chair", committee.id)
        ]
        return html(start_page(tuple(lines), self.frame_of(request)))

    async def committee(self, request: web.Request) -> web.Response:
        committee, now = self.api.committee_of(request), self.api.clock()
        async with self.api.store.read() as connection:
            counts = await counts_by_meeting(connection, committee.id)
            frozen = await packets_of_committee(connection, committee.id)
        packets = [packet.meeting_date for packet in frozen]
        lines = [
            MeetingLine(
                meeting.date,
                meeting.deadline,
                sum(counts.get((meeting.date, status), 0) for status in ("filed", "frozen", "reported")),
                counts.get((meeting.date, "held"), 0),
                meeting.cancelled,
                packets.count(meeting.date),
            )
            for meeting in committee.meetings
        ]
        over = {meeting.date for meeting in committee.meetings if is_over(meeting, now)}
        view = CommitteeView(
            committee.id,
            committee.name,
            now,
            tuple(line for line in lines if line.date not in over),
            tuple(line for line in reversed(lines) if line.date in over),
            sum(counts.get((None, status), 0) for status in ("filed", "held")),
        )
        return html(committee_page(view, self.frame_of(request)))

    async def packets(self, request: web.Request) -> web.Response:
        committee = self.api.committee_of(request)
        async with self.api.store.read() as connection:
            frozen = await packets_of_committee(connection, committee.id)
        view = PacketsView(committee.id, committee.name, tuple(packet_line(packet) for packet in frozen))
        return html(packets_page(view, self.frame_of(request)))

    async def year(self, request: web.Request) -> web.Response:
        """The year that is asked for, and the two before this one to choose from."""
        told, this_year = await self.figures.year_asked_for(request), day_in_stockholm(self.api.clock()).year
        years = {told.year, this_year, this_year - 1, this_year - 2}
        return html(year_page(year_view(told, sorted(years, reverse=True)), self.frame_of(request)))

    async def meeting(self, request: web.Request) -> web.Response:
        committee, meeting = await self.api.meeting_kept(request)
        frame = await self._frame_after(request, committee)
        return html(await self.meeting_html(request, committee, meeting, frame))

    async def meeting_html(
        self, request: web.Request, committee: Committee, meeting: Meeting, frame: Frame
    ) -> str:
        """The meeting's page, as it is now, in that frame; five hundred reports take a tenth of a second."""
        async with self.api.store.read() as connection:
            rows = await meeting_rows(connection, committee, meeting)
        maker = MeetingMaker(
            committee=committee,
            meeting=meeting,
            forms=self.api.forms.current,
            rows=rows,
            next_meeting=next_open_meeting(committee, meeting.date, rows.packets, self.api.clock()),
            reader=self._reader(request, committee),
        )
        return await asyncio.to_thread(lambda: meeting_page(maker.view(), frame))

    async def report(self, request: web.Request) -> web.Response:
        row = await self.api.report_row(request)
        committee = self.committee_of_report(row)
        frame = await self._frame_after(request, committee)
        page = await self.report_html(request, row, committee, frame)
        await note_opening(self.api.store, request, committee, row)
        return html(page)

    async def report_html(
        self, request: web.Request, row: Row[Any], committee: Committee, frame: Frame
    ) -> str:
        """The report's page, as it is now, in that frame."""
        async with self.api.store.read() as connection:
            acts = await acts_of(connection, row.submission_id)
            packet = await newest_packet_with(connection, row)
            closed = await packets_of_committee(connection, committee.id)
            letters = await letters_about(connection, row.submission_id)
            seen = await first_seen(connection, row) if committee.notify.unseen else None
        maker = ReportMaker(
            committee=committee,
            form=self.api.forms.current.get(row.form),
            row=row,
            acts=acts,
            packet=packet,
            letters=letters,
            seen=seen,
            next_meeting=next_open_meeting(committee, row.meeting_date, closed, self.api.clock()),
            reader=self._reader(request, committee),
        )
        return report_page(maker.view(), frame)

    async def operations(self, request: web.Request) -> web.Response:
        """What is parked and what waits, for operators, who are shown nothing of what people wrote."""
        if not _is_operator(request):
            raise plain_problem(403)
        async with self.api.store.read() as connection:
            parked = await parking.listed(connection)
            letters = await letters_by_state(connection)
        waiting, elsewhere = await relay.pending(self.api.store), await self.desks.parked()
        here = [ParkedLine(row.id, row.origin, row.reason, row.parked_at) for row in parked]
        view = OperationsView(
            now=self.api.clock(),
            parked=(*here, *elsewhere.lines),
            silent=elsewhere.silent,
            waiting=tuple((lane["queue"], lane["count"]) for lane in waiting),
            letters=tuple((letter_in_words(state), count) for state, count in letters.items()),
        )
        return html(operations_page(view, self.frame_of(request)))

    async def accessibility(self, _request: web.Request) -> web.StreamResponse:
        """For everyone: who cannot use the pages may be one who cannot sign in."""
        contacts = tuple(
            Contact(committee.name, committee.secretary.name, committee.secretary.email)
            for committee in self.api.committees.current.values()
        )
        return html(accessibility_page(contacts))

    def frame_of(self, request: web.Request) -> Frame:
        return Frame(
            who=person_of(request).name,
            csrf=csrf_of(request),
            open_here=self.api.access.open_here,
            operator=_is_operator(request),
        )

    async def _frame_after(self, request: web.Request, committee: Committee) -> Frame:
        """The frame with what was just done, when the address says that something was."""
        frame = self.frame_of(request)
        async with self.api.store.read() as connection:
            if submission_id := request.query.get("done", ""):
                return replace(frame, notice=await _notice_of(connection, committee, submission_id))
            if {"packet", "noted"} & request.query.keys():
                frozen = await packets_of_committee(connection, committee.id)
                return replace(frame, notice=_packet_notice(frozen, request))
        return frame

    def committee_of_report(self, row: Row[Any]) -> Committee:
        """Raises a 404 when the report's committee has left the configuration."""
        committee = self.api.committees.current.get(row.committee)
        if committee is None:
            raise plain_problem(404)
        return committee

    def _reader(self, request: web.Request, committee: Committee) -> Reader:
        return Reader(committee, person_of(request).may("secretary", committee.id), self.api.clock())


def html(page: str, status: int = 200) -> web.Response:
    return web.Response(text=page, status=status, content_type="text/html")


def _is_operator(request: web.Request) -> bool:
    person = person_of(request)
    return any("operator" in person.roles_on(committee) for committee in person.roles)


def _committee_line(committee: Committee, coming: Meeting | None, held: int) -> CommitteeLine:
    return CommitteeLine(
        committee.id,
        committee.name,
        coming.date if coming else None,
        coming.deadline if coming else None,
        held,
    )


async def _notice_of(connection: AsyncConnection, committee: Committee, submission_id: str) -> Notice | None:
    """What the record says was last done with the report, whatever the address claims."""
    row = await report_of(connection, submission_id) if submission_id.isprintable() else None
    if row is None or row.committee != committee.id:
        return None
    (*_, last) = await acts_of(connection, submission_id)
    subject = masked(row.subject) if is_masked(row) else row.subject
    waits = row.status in {"filed", "held"}
    undo = Undo(submission_id, row.version, subject) if waits and can_be_undone(last) else None
    return Notice(done_in_words(last.event), subject, undo)


def _packet_notice(frozen: Sequence[Row[Any]], request: web.Request) -> Notice | None:
    """Of the meeting's newest packet: that it is frozen, or that its paragraph is noted."""
    day = request.match_info.get("date")
    newest = next((packet for packet in frozen if str(packet.meeting_date) == day), None)
    if newest is None:
        return None
    if "noted" in request.query and newest.paragraph:
        return Notice(f"{newest.paragraph} är noterad, och rapporterna är anmälda.")
    return Notice(f"Paket {newest.number} är fryst.")
