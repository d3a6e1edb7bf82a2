"""What programs may ask of the archive: one table that is served, and is the OpenAPI document.

The secretary's pages are for people, and stand in no table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus

from archive import api_schemas as told
from archive.api import Api
from archive.disposal_api import DisposalApi, Nothing
from archive.figures_api import Days, FiguresApi
from archive.packets.files import MEDIA_TYPES
from archive.packets_api import Freeze, Minutes, PacketsApi
from archive.review_api import Act, Mask, Move, Number, Order, Release, ReviewApi
from archive.sign_in.sessions import SESSION_COOKIE
from chassis.loopback import Handler
from chassis.openapi import (
    ADMIN_TOKEN,
    JSON,
    TEXT,
    Answer,
    Key,
    Operation,
    Parameter,
    Schema,
    json_answer,
    problems,
    schema_of,
)

ABOUT = "Files reports with the agenda of the meeting that they are in time for, and keeps the record."

SESSION = Key(
    "session",
    {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "Somebody who is signed in; what changes something must come from our own pages.",
    },
)

_MEETINGS = "/v1/committees/{committee}/meetings"
_MEETING = f"{_MEETINGS}/{{date}}"
_REPORT = "/v1/reports/{id}"
_DISPOSALS = "/v1/committees/{committee}/disposals"
_DISPOSAL = f"{_DISPOSALS}/{{number}}"


def operations(
    api: Api, review: ReviewApi, packets: PacketsApi, disposal: DisposalApi, figures: FiguresApi
) -> list[Operation]:
    """The table, each entry guarded; its order is the document's."""
    table = [
        *_meetings(api, figures),
        *_reports(api, packets),
        *_acts(review),
        *_packets(packets, review),
        *_figures(figures),
        *_disposals(disposal),
    ]
    return [_guarded(operation, api) for operation in table]


def _guarded(operation: Operation, api: Api) -> Operation:
    refusals = _READING if operation.method == "GET" else _CHANGING
    return replace(
        operation,
        handler=api.access.guard(operation.handler),
        answers={**operation.answers, **refusals},
        keys=[SESSION, ADMIN_TOKEN],
        keyless_here=True,
    )


def _meetings(api: Api, figures: FiguresApi) -> list[Operation]:
    return [
        _get("meetings", _MEETINGS, api.meetings, "List the meetings, those to come first.", told.MEETINGS),
        _get("meeting", _MEETING, api.meeting, "Show a meeting with its reports and packets.", told.MEETING),
        _file(
            "calendar",
            "/v1/committees/{committee}/meetings.ics",
            figures.calendar,
            "The meetings and deadlines, for a calendar to subscribe to.",
            ["text/calendar"],
        ),
    ]


def _reports(api: Api, packets: PacketsApi) -> list[Operation]:
    return [
        _get(
            "rejected",
            "/v1/committees/{committee}/rejected",
            api.rejected,
            "List what came in and was rejected, the newest first.",
            told.REJECTED,
        ),
        _get("report", _REPORT, api.report, "Show a report as it stands.", told.REPORT),
        _file(
            "report-pdf",
            f"{_REPORT}/report.pdf",
            api.report_pdf,
            "The report on paper; of a frozen one the very bytes that its packet holds.",
            ["application/pdf"],
        ),
        _file(
            "attachment",
            f"{_REPORT}/attachments/{{number}}",
            packets.attachment,
            "A file that came with the report, byte for byte.",
            ["application/pdf", "image/jpeg", "image/png"],
        ),
    ]


def _acts(review: ReviewApi) -> list[Operation]:
    table: list[tuple[str, Handler, type[Act], str]] = [
        ("hold", review.hold, Act, "Hold a report: it goes to no meeting before it is released."),
        ("release", review.release, Release, "Release a held report, or have it judged with a decision."),
        ("return", review.send_back, Act, "Send a report back to who wrote it."),
        ("move", review.move, Move, "Move a report to another meeting; to the next where none is named."),
        ("accept", review.accept, Act, "Take a rejected submission after all."),
        ("mask", review.mask, Mask, "Hide passages, and what may be a personnummer."),
        ("diarienummer", review.number, Number, "Note the number of a report that another diary has."),
        ("undo", review.undo, Act, "Take back what was done last."),
    ]
    return [
        _post(name, f"{_REPORT}/{name}", review.hers(act), summary, schema_of(body), told.REPORT)
        for name, act, body, summary in table
    ]


def _packets(packets: PacketsApi, review: ReviewApi) -> list[Operation]:
    return [
        _post(
            "order",
            f"{_MEETING}/order",
            review.order,
            "Put the filed reports in the order of the agenda.",
            schema_of(Order),
            told.MEETING,
        ),
        _post(
            "freeze",
            f"{_MEETING}/packets",
            packets.freeze,
            "Freeze the papers of a meeting.",
            schema_of(Freeze),
            told.PACKET,
            status=201,
        ),
        _file(
            "packet-file",
            f"{_MEETING}/packets/{{number}}/{{file}}",
            packets.file,
            "One file of a packet, the very bytes that were frozen.",
            sorted({media_type.partition(";")[0] for media_type in MEDIA_TYPES.values()}),
        ),
        _post(
            "minutes",
            f"{_MEETING}/minutes",
            packets.minutes,
            "Note the paragraph under which the meeting took the reports.",
            schema_of(Minutes),
            told.MEETING,
        ),
    ]


def _figures(figures: FiguresApi) -> list[Operation]:
    of = "/v1/committees/{committee}"
    periods = f"{of}/compensation/periods"
    compensation = _file(
        "compensation",
        f"{of}/compensation.csv",
        figures.compensation,
        "The lines of a period, as they were paid or as they stand now.",
        ["text/csv"],
    )
    statistics = _get(
        "statistics", f"{of}/statistics", figures.statistics, "Count the year's visits.", told.STATISTICS
    )
    return [
        _asking(statistics, _YEAR),
        _asking(compensation, _FROM, _TO),
        _get("periods", periods, figures.periods, "List the closed periods, earliest first.", told.PERIODS),
        _post(
            "close-period",
            periods,
            figures.close,
            "Close a period: its file is fixed, and later changes become corrections.",
            schema_of(Days),
            told.PERIOD,
            status=201,
        ),
    ]


def _disposals(disposal: DisposalApi) -> list[Operation]:
    nothing = schema_of(Nothing)
    return [
        _get("disposals", _DISPOSALS, disposal.list, "List the proposals, the newest first.", told.DISPOSALS),
        _post(
            "propose-disposal",
            _DISPOSALS,
            disposal.propose,
            "Propose to remove what may be removed today.",
            nothing,
            told.DISPOSAL,
            status=201,
        ),
        _post(
            "withdraw-disposal",
            f"{_DISPOSAL}/withdraw",
            disposal.withdraw,
            "Withdraw a proposal.",
            nothing,
            told.DISPOSAL,
        ),
        _post(
            "carry-out-disposal",
            f"{_DISPOSAL}/carry-out",
            disposal.carry_out,
            "Remove what was proposed.",
            nothing,
            told.DISPOSAL,
        ),
        _file(
            "proof",
            f"{_DISPOSAL}/gallringsbevis.txt",
            disposal.proof,
            "The proof of what was removed.",
            ["text/plain"],
        ),
    ]


def _get(name: str, path: str, handler: Handler, summary: str, answer: Schema) -> Operation:
    return _read(name, path, handler, summary, {200: json_answer("As it stands now.", answer)})


def _file(name: str, path: str, handler: Handler, summary: str, media_types: Iterable[str]) -> Operation:
    file = Answer(description="The file.", content=dict.fromkeys(media_types, _BYTES))
    return _read(name, path, handler, summary, {200: file, **problems(410, 500)})


def _read(name: str, path: str, handler: Handler, summary: str, answers: Mapping[int, Answer]) -> Operation:
    return Operation(
        method="GET",
        path=path,
        handler=handler,
        id=name,
        summary=summary,
        parameters=_in_path(path),
        answers=answers,
    )


def _post(
    name: str, path: str, handler: Handler, summary: str, body: Schema, answer: Schema, *, status: int = 200
) -> Operation:
    return Operation(
        method="POST",
        path=path,
        handler=handler,
        id=name,
        summary=summary,
        parameters=_in_path(path),
        bodies={JSON: body},
        answers={status: json_answer(HTTPStatus(status).phrase, answer)},
    )


def _asking(operation: Operation, *parameters: Parameter) -> Operation:
    """The same with parameters of its own; what is wrong in them is told with 422."""
    return replace(
        operation,
        parameters=[*operation.parameters, *parameters],
        answers={**operation.answers, **problems(409, 422)},
    )


def _in_path(path: str) -> list[Parameter]:
    return [
        Parameter(name=name, place="path", description=about, schema=schema)
        for name, (about, schema) in _IN_PATH.items()
        if f"{{{name}}}" in path
    ]


_IN_PATH: Mapping[str, tuple[str, Schema]] = {
    "committee": ("The committee's id.", {**TEXT, "examples": ["valfard"]}),
    "date": ("The meeting's date.", {**told.DAY, "examples": ["2026-12-09"]}),
    "id": ("The submission's id.", TEXT),
    "number": ("Its number, from 1.", told.NUMBER),
    "file": ("The name of the file.", {"enum": sorted(MEDIA_TYPES)}),
}
_YEAR = Parameter(
    name="year",
    place="query",
    description="This year where none is asked for.",
    schema={"type": "integer", "minimum": 1000, "maximum": 9000},
)
_FROM = Parameter(
    name="from", place="query", description="The first day of the period.", schema=told.DAY, required=True
)
_TO = Parameter(
    name="to", place="query", description="The last day of the period.", schema=told.DAY, required=True
)
_BYTES: Schema = {"type": "string", "format": "binary"}
_READING = {
    303: Answer(
        description="A browser that navigates and is not signed in is led to sign in.",
        headers={"Location": "The sign-in, and from there back."},
    ),
    **problems(401, 403, 404),
    **problems(503, Retry_After="Seconds to wait before the next try."),
}
_CHANGING = {
    **problems(401, 403, 404, 409, 413, 415, 422, 500),
    **problems(503, Retry_After="Seconds to wait before the next try."),
}
