"""The archive over HTTP: the JSON that contracts name, and the secretary's pages built on the same.

Who may ask for what, `archive.access` knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from aiohttp import web
from pydantic_core import to_json
from sqlalchemy.engine import Row

from archive.access import Access, require, role_for
from archive.answers import in_json
from archive.calendar import Meeting, is_over
from archive.committees import Committee, Committees
from archive.downloads import PDF, a_file, kept_file, removed
from archive.forms import Forms
from archive.openings import note_opening
from archive.packets.files import report_file
from archive.packets.kept import holdings_of, newest_packet_with, packets_of
from archive.pdf import Press
from archive.reports import (
    IN_A_PACKET,
    acts_by_report,
    acts_of,
    counts_by_meeting,
    rejected_aside_of,
    rejected_of,
    report_of,
    reports_for,
)
from archive.views import (
    is_masked,
    meeting_in_json,
    packet_in_json,
    rejected_in_json,
    report_in_json,
    report_to_print,
)
from chassis.clock import Clock
from chassis.folders import WatchedFolder
from chassis.masking import masked
from chassis.objects import Objects
from chassis.problems import plain_problem
from chassis.store import Store


@dataclass
class Api:
    store: Store
    committees: WatchedFolder[Committees]
    forms: WatchedFolder[Forms]
    press: Press
    objects: Objects
    clock: Clock
    access: Access

    async def meetings(self, request: web.Request) -> web.Response:
        """The committee's meetings, those to come first, each with how many reports go to it."""
        committee = self.committee_of(request)
        async with self.store.read() as connection:
            counts = await counts_by_meeting(connection, committee.id)
        now = self.clock()
        ordered = sorted(committee.meetings, key=lambda meeting: is_over(meeting, now))
        return in_json(
            {
                "meetings": [
                    {
                        "date": meeting.date,
                        "time": f"{meeting.time:%H:%M}",
                        "place": meeting.place,
                        "deadline": meeting.deadline,
                        "cancelled": meeting.cancelled,
                        "reports": counts.get((meeting.date, "filed"), 0),
                        "held": counts.get((meeting.date, "held"), 0),
                    }
                    for meeting in ordered
                ]
            }
        )

    async def meeting(self, request: web.Request) -> web.Response:
        committee, meeting = await self.meeting_kept(request)
        async with self.store.read() as connection:
            rows = await reports_for(connection, committee.id, meeting.date)
            history = await acts_by_report(connection, [row.submission_id for row in rows])
            packets = [
                packet_in_json(packet, await holdings_of(connection, packet.id))
                for packet in await packets_of(connection, committee.id, meeting.date)
            ]
        told = [(row.status == "held", report_in_json(row, history[row.submission_id])) for row in rows]
        reports = [report for held, report in told if not held]
        held = [report for held, report in told if held]
        return in_json(meeting_in_json(committee.id, meeting, reports, held, packets))

    async def rejected(self, request: web.Request) -> web.Response:
        """What came in and was rejected, newest first: incoming documents all the same."""
        committee = self.committee_of(request)
        async with self.store.read() as connection:
            rows = await rejected_of(connection, committee.id)
            aside = await rejected_aside_of(connection, committee.id)
        return in_json(
            {"rejected": [*(report_in_json(row, ()) for row in rows), *map(rejected_in_json, aside)]}
        )

    async def report(self, request: web.Request) -> web.Response:
        row = await self.report_row(request)
        async with self.store.read() as connection:
            return in_json(report_in_json(row, await acts_of(connection, row.submission_id)))

    async def report_pdf(self, request: web.Request) -> web.Response:
        """The report on paper: of a frozen one the very bytes that the packet holds."""
        row = await self.report_row(request)
        committee = self.committees.current.get(row.committee)
        paper = await self._paper(row, committee)
        await note_opening(self.store, request, committee, row)
        return paper

    async def _paper(self, row: Row[Any], committee: Committee | None) -> web.Response:
        name = f"{row.submission_id}.pdf"
        if row.status in IN_A_PACKET and (frozen := await self._frozen_file(row)):
            return await kept_file(self.objects, frozen["object"], PDF, name)
        if committee is None:
            raise plain_problem(404)
        async with self.store.read() as connection:
            acts = await acts_of(connection, row.submission_id)
        reason = next((act.reason for act in reversed(acts) if act.reason), "")
        printed = report_to_print(row, committee, self.forms.current.get(row.form), reason)
        return a_file(await self.press.render(printed, masked if is_masked(row) else str), PDF, name)

    async def report_row(self, request: web.Request) -> Row[Any]:
        """The report that is asked for; raises `Problem` when there is none for who asks."""
        async with self.store.read() as connection:
            row = await report_of(connection, report_id(request))
        if row is None:
            raise plain_problem(404)
        require(request, row.committee, role_for(request))
        return row

    async def _frozen_file(self, row: Row[Any]) -> Mapping[str, Any] | None:
        """Raises a 410 when it was removed by decision: what is left of the row is no report."""
        async with self.store.read() as connection:
            packet = await newest_packet_with(connection, row)
        name = report_file(row.submission_id)
        files: Mapping[str, Mapping[str, Any]] = packet.files if packet else {}
        if packet and packet.removed_at and name in files:
            raise removed(packet, name)
        return files.get(name)

    def committee_of(self, request: web.Request) -> Committee:
        """The committee that is asked for; raises `Problem` when there is none for who asks."""
        require(request, request.match_info["committee"], role_for(request))
        committee = self.committees.current.get(request.match_info["committee"])
        if committee is None:
            raise plain_problem(404)
        return committee

    def meeting_of(self, request: web.Request) -> tuple[Committee, Meeting]:
        committee = self.committee_of(request)
        for meeting in committee.meetings:
            if meeting.date.isoformat() == request.match_info["date"]:
                return committee, meeting
        raise plain_problem(404)

    async def meeting_kept(self, request: web.Request) -> tuple[Committee, Meeting]:
        """The same, also when the calendar has forgotten it: its packets tell what it was."""
        committee, asked = self.committee_of(request), request.match_info["date"]
        day = day_written(asked)
        if day is None or committee.meeting_on(day) is not None:
            return self.meeting_of(request)
        async with self.store.read() as connection:
            packets = await packets_of(connection, committee.id, day)
        if not packets:
            raise plain_problem(404)
        return committee, Meeting.model_validate_json(to_json(packets[-1].meeting))


def day_written(text: str) -> date | None:
    """The day of `2026-12-09`, and of no other way to write it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None


def report_id(request: web.Request) -> str:
    """What PostgreSQL could not even compare, such as NUL, is no report's id."""
    asked = request.match_info["id"]
    if not asked.isprintable():
        raise plain_problem(404)
    return asked
