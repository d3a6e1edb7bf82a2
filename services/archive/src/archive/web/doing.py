"""What the pages' forms do: the same acts as the JSON's, and then a page that says what was done.

A form that cannot be taken yet comes back as its page, with what is to be mended and what was written.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import quote

from aiohttp import web
from sqlalchemy.engine import Row

from archive.calendar import Meeting
from archive.committees import Committee
from archive.packets.freezing import Freezing, HeldUnresolved
from archive.reports import acts_of, reports_for
from archive.review import (
    Asked,
    NoDecisionHere,
    NothingToMask,
    ReasonMissing,
    Review,
    ReviewTrouble,
    SomeoneWasFirst,
)
from archive.review_api import by_of, problem_of
from archive.web.frame import Mistake
from archive.web.pages import someone_was_first_page
from archive.web.posted import (
    AnyForm,
    FreezeForm,
    MaskForm,
    MinutesForm,
    MoveForm,
    NumberForm,
    OrderForm,
    ReleaseForm,
    ReportForm,
    Unfinished,
    decision_of,
    element_of,
    read_form,
    sent_fields,
)
from archive.web.rows import first_view
from archive.web.showing import Showing, html
from chassis.sealing import Sealer
from chassis.store import Transaction

Work = Callable[[Transaction], Awaitable[None]]


@dataclass
class Sent:
    """A form about one report: who sent it, from which page, and what it says."""

    request: web.Request
    row: Row[Any]
    committee: Committee
    fields: Mapping[str, str]
    act: str

    def read(self, kind: type[AnyForm]) -> AnyForm:
        return read_form(kind, self.fields)

    def asked(self, form: ReportForm) -> Asked:
        return Asked(self.row.submission_id, form.version, by_of(self.request), form.reason)

    @property
    def page(self) -> Meeting | None:
        """The meeting on whose page the form stood; None for the report's own page."""
        return next(
            (one for one in self.committee.meetings if str(one.date) == self.fields.get("page")), None
        )


@dataclass
class Doing:
    showing: Showing
    review: Review
    freezing: Freezing
    sealer: Sealer

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        acts: dict[str, Callable[[Sent], Awaitable[None]]] = {
            "hold": self.hold,
            "release": self.release,
            "return": self.send_back,
            "move": self.move,
            "order": self.order,
            "accept": self.accept,
            "mask": self.mask,
            "number": self.number,
            "undo": self.undo,
        }
        guard, meeting = self.showing.api.access.guard, "/committees/{committee}/meetings/{date}"
        return [
            *(
                web.post(f"/reports/{{id}}/{name}", guard(self._done(name, act), page=True))
                for name, act in acts.items()
            ),
            web.post(f"{meeting}/freeze", guard(self.freeze, page=True)),
            web.post(f"{meeting}/minutes", guard(self.minutes, page=True)),
        ]

    async def hold(self, sent: Sent) -> None:
        asked = sent.asked(sent.read(ReportForm))
        await self._write(lambda tx: self.review.hold(tx, asked))

    async def release(self, sent: Sent) -> None:
        """Release it; or, with a decision of the chair, have it judged anew."""
        form = sent.read(ReleaseForm)
        asked, decision = sent.asked(form), decision_of(form, sent.fields)
        if decision is None:
            await self._write(lambda tx: self.review.release(tx, asked))
        else:
            await self._write(lambda tx: self.review.decide(tx, asked, decision))

    async def send_back(self, sent: Sent) -> None:
        asked = sent.asked(sent.read(ReportForm))
        await self._write(lambda tx: self.review.send_back(tx, asked))

    async def move(self, sent: Sent) -> None:
        form = sent.read(MoveForm)
        await self._write(lambda tx: self.review.move(tx, sent.asked(form), form.to))

    async def accept(self, sent: Sent) -> None:
        asked = sent.asked(sent.read(ReportForm))
        await self._write(lambda tx: self.review.accept(tx, asked))

    async def mask(self, sent: Sent) -> None:
        form, seal = sent.read(MaskForm), await self.sealer.ready()
        await self._write(lambda tx: self.review.mask(tx, sent.asked(form), form.lines, seal))

    async def number(self, sent: Sent) -> None:
        form = sent.read(NumberForm)
        await self._write(lambda tx: self.review.number(tx, sent.asked(form), form.diarienummer))

    async def undo(self, sent: Sent) -> None:
        asked, seal = sent.asked(sent.read(ReportForm)), await self.sealer.ready()
        await self._write(lambda tx: self.review.undo(tx, asked, seal))

    async def order(self, sent: Sent) -> None:
        """One step up or down among the reports of its meeting that no packet holds."""
        form, row = sent.read(OrderForm), sent.row
        async with self.showing.api.store.read() as connection:
            there = await reports_for(connection, row.committee, row.meeting_date)
        ids = stepped(
            [one.submission_id for one in there if one.status == "filed"], row.submission_id, form.direction
        )
        by = by_of(sent.request)
        await self._write(lambda tx: self.review.order(tx, row.committee, row.meeting_date, ids, by))

    async def freeze(self, request: web.Request) -> web.Response:
        committee, meeting = self.showing.api.meeting_of(request)
        fields = await sent_fields(request)
        try:
            wish = read_form(FreezeForm, fields).wish()
            packet = await self.freezing.freeze(committee, meeting, wish, by_of(request))
        except HeldUnresolved:
            mistake = Mistake("leave-out", "Bekräfta att det som hålls tillbaka lämnas utanför paketet.")
            return await self._meeting_again(request, committee, meeting, Unfinished((mistake,), fields))
        except Unfinished as unfinished:
            return await self._meeting_again(request, committee, meeting, unfinished)
        except ReviewTrouble as trouble:
            raise problem_of(trouble) from None
        return led_to(f"{meeting_address(committee, meeting.date)}?packet={packet.number}")

    async def minutes(self, request: web.Request) -> web.Response:
        committee, meeting = self.showing.api.meeting_of(request)
        try:
            form = read_form(MinutesForm, await sent_fields(request))
            await self.freezing.note_minutes(committee.id, meeting, form.paragraph, by_of(request))
        except Unfinished as unfinished:
            return await self._meeting_again(request, committee, meeting, unfinished)
        except ReviewTrouble as trouble:
            raise problem_of(trouble) from None
        return led_to(f"{meeting_address(committee, meeting.date)}?noted=1")

    def _done(
        self, name: str, act: Callable[[Sent], Awaitable[None]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Do it and lead on to the page that says so; or say what stands in the way."""

        async def done(request: web.Request) -> web.StreamResponse:
            row = await self.showing.api.report_row(request)
            committee = self.showing.committee_of_report(row)
            sent = Sent(request, row, committee, await sent_fields(request), name)
            try:
                await act(sent)
            except SomeoneWasFirst:
                return await self._second(sent)
            except ReviewTrouble as trouble:
                return await self._again(sent, _mendable(trouble, sent))
            except Unfinished as unfinished:
                return await self._again(sent, unfinished)
            return led_to(_after(sent))

        return done

    async def _write(self, work: Work) -> None:
        await self.showing.api.store.write(work)

    async def _second(self, sent: Sent) -> web.Response:
        """What the first did, with what the second wrote, so that it can be written again."""
        row = await self.showing.api.report_row(sent.request)
        async with self.showing.api.store.read() as connection:
            acts = await acts_of(connection, row.submission_id)
        day = sent.page.date if sent.page else None
        view = first_view(sent.committee, row, acts, sent.fields.get("reason", ""), day)
        return html(someone_was_first_page(view, self.showing.frame_of(sent.request)), 409)

    async def _again(self, sent: Sent, unfinished: Unfinished) -> web.Response:
        """The page that the form stood on, with the mistakes at their fields."""
        on_meeting, masks = sent.page is not None, sent.act == "mask"

        def element(name: str) -> str:
            return element_of(name, sent.row.submission_id, on_meeting=on_meeting, masks=masks)

        frame = replace(
            self.showing.frame_of(sent.request),
            mistakes=tuple(Mistake(element(one.field), one.message) for one in unfinished.mistakes),
            typed={element(name): value for name, value in unfinished.sent.items()},
        )
        if sent.page:
            page = await self.showing.meeting_html(sent.request, sent.committee, sent.page, frame)
        else:
            page = await self.showing.report_html(sent.request, sent.row, sent.committee, frame)
        return html(page, 422)

    async def _meeting_again(
        self, request: web.Request, committee: Committee, meeting: Meeting, unfinished: Unfinished
    ) -> web.Response:
        frame = replace(
            self.showing.frame_of(request),
            mistakes=tuple(
                Mistake(_OF_MEETING.get(one.field, one.field), one.message) for one in unfinished.mistakes
            ),
            typed={_OF_MEETING.get(name, name): value for name, value in unfinished.sent.items()},
        )
        return html(await self.showing.meeting_html(request, committee, meeting, frame), 422)


_OF_MEETING = {"agenda_number": "agenda-number", "diarienummer": "item-number"}
"""Element ids of fields that are called otherwise on the page."""


def stepped(ids: Sequence[str], moved: str, direction: str) -> Sequence[str]:
    """The same with one of them a step nearer the beginning or the end; at the end it stays."""
    ordered = list(ids)
    if moved not in ordered:
        return ordered
    at = ordered.index(moved)
    to = min(max(at + (-1 if direction == "up" else 1), 0), len(ordered) - 1)
    ordered.insert(to, ordered.pop(at))
    return ordered


def _mendable(trouble: ReviewTrouble, sent: Sent) -> Unfinished:
    """The trouble as a mistake at the field that mends it; raises `Problem` for any other."""
    match trouble:
        case ReasonMissing():
            mistake = Mistake("reason", f"Skriv ett skäl. {trouble}")
        case NoDecisionHere():
            mistake = Mistake("datum", "Formuläret tar inget ordförandebeslut. Släpp med ett skäl i stället.")
        case NothingToMask():
            mistake = Mistake("passages", "Skriv orden precis som de står i rapporten.")
        case _:
            raise problem_of(trouble) from None
    return Unfinished((mistake,), sent.fields)


def _after(sent: Sent) -> str:
    """Where the act is told: the page that it was asked for on; of an order, where the report is now."""
    done = quote(sent.row.submission_id, safe="")
    if sent.page is None:
        return f"/reports/{done}?done={done}"
    address = meeting_address(sent.committee, sent.page.date)
    return f"{address}#report-{done}" if sent.act == "order" else f"{address}?done={done}"


def led_to(address: str) -> web.Response:
    """The browser asks for the page anew, so that to reload it sends nothing a second time."""
    return web.Response(status=303, headers={"Location": address})


def meeting_address(committee: Committee, day: date) -> str:
    return f"/committees/{quote(committee.id, safe='')}/meetings/{day}"
