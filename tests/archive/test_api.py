"""What the archive shows and to whom; what a secretary may do, and how she is told when she may not."""

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from archive.events import SubmissionAccepted
from support.lone_service import LoneService
from support.pdf_words import words_of_pdf

MakeAccepted = Callable[..., SubmissionAccepted]

NUMBER = "19121212-1212"
PERSONAL = {
    "rule": "personal-number",
    "outcome": "hold",
    "message": "Rapporten innehåller ett personnummer.",
    "source": "§ 3",
    "pointer": "/sammanfattning",
}
OTHER_HOLD = PERSONAL | {"rule": "yearly-visits", "message": "Det här är besök 3."}
ATTACHMENT = {"media_type": "image/jpeg", "size": 1, "sha256": "ab", "object": "ab/ab"}
SPELLINGS = [NUMBER, "191212121212", "121212-1212", "121212+1212", "19121212–1212", "1912-12-12-1212"]


async def get(archive: LoneService, path: str, **headers: str) -> tuple[int, Any]:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    async with archive.http.get(path, headers=told) as answer:
        return answer.status, await answer.json(content_type=None)


async def page(archive: LoneService, path: str) -> tuple[int, str]:
    async with archive.http.get(path) as answer:
        return answer.status, await answer.text()


async def act(archive: LoneService, path: str, content: Any) -> tuple[int, Any]:
    async with archive.http.post(f"/v1/reports/{path}", json=content) as answer:
        return answer.status, await answer.json(content_type=None)


async def text_of_pdf(archive: LoneService, submission_id: str) -> str:
    """All the words of report.pdf, its metadata and outline included, as a reader finds them."""
    async with archive.http.get(f"/v1/reports/{submission_id}/report.pdf") as answer:
        assert (answer.status, answer.content_type) == (200, "application/pdf")
        content = await answer.read()
    with pikepdf.open(io.BytesIO(content)) as document:
        metadata = str(document.open_metadata()) + str(dict(document.docinfo))
        inside = [bytes(one.read_bytes()) for one in document.objects if isinstance(one, pikepdf.Stream)]
    return words_of_pdf(content) + metadata + "".join(map(repr, inside))


async def test_meetings_are_told_with_those_to_come_first(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Each with its deadline and how many reports it has."""
    await archive.hear(accepted(), accepted(), accepted(outcome="held", findings=[OTHER_HOLD]))
    status, told = await get(archive, "/v1/committees/valfard/meetings")
    assert status == 200
    assert [(one["date"], one["reports"], one["held"]) for one in told["meetings"]] == [
        ("2026-12-09", 2, 1),
        ("2027-01-20", 0, 0),
        ("2026-10-14", 0, 0),
    ]
    assert told["meetings"][0]["deadline"] == "2026-11-27T11:00:00Z"


async def test_a_meeting_has_its_reports_in_the_order_in_which_they_arrived(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Held ones apart, returned ones not at all."""
    await archive.hear(
        accepted("second", arrived_at="2026-11-19T08:00:00Z"),
        accepted("first", arrived_at="2026-11-18T08:00:00Z"),
        accepted("held", outcome="held", findings=[OTHER_HOLD]),
        accepted("gone"),
    )
    await act(archive, "gone/return", {"version": 1, "reason": "Fel nämnd."})
    _, told = await get(archive, "/v1/committees/valfard/meetings/2026-12-09")
    assert [one["submission_id"] for one in told["reports"]] == ["first", "second"]
    assert [one["submission_id"] for one in told["held"]] == ["held"]
    assert (told["committee"], told["date"], told["time"], told["packets"]) == (
        "valfard",
        "2026-12-09",
        "13:00",
        [],
    )


async def test_a_report_is_told_with_all_that_the_contract_names(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Field by field."""
    await archive.hear(accepted("a"))
    _, told = await get(archive, "/v1/reports/a")
    history = told.pop("history")
    assert told == {
        "submission_id": "a",
        "revision": 1,
        "version": 1,
        "form": "prov",
        "committee": "valfard",
        "status": "filed",
        "meeting": {"date": "2026-12-09"},
        "received_at": "2026-11-20T12:00:00Z",
        "arrived_at": "2026-11-20T12:00:00Z",
        "late": False,
        "reference": "190456",
        "diarienummer": None,
        "registered_at": None,
        "masked": False,
        "corrects": None,
        "paragraph": None,
        "title": "Provrapport",
        "subject": "Besök 2026-11-12: Kost",
        "unit": "kost",
        "unit_name": "Kost",
        "submitter": {"name": "Anna Exempelsson", "email": "anna@valfard.example"},
        "data": {"verksamhet": "kost", "sammanfattning": "Köket lagar 900 portioner."},
        "findings": [],
        "compensation": [{"kind": "arvode", "quantity": 1.0}],
        "positions": [],
        "attachments": [],
    }
    assert [step["event"] for step in history] == ["report.filed"]


async def test_compensation_says_the_position(archive: LoneService, accepted: MakeAccepted) -> None:
    """Beside what is paid in JSON and on paper, with its source, also when nothing is paid."""
    position = {"message": "Besök 3 år 2026.", "source": "Riktlinjer § 3, Ersättning"}
    lines = [{"kind": "arvode", "quantity": 0.0, **position}, {"kind": "resa", "quantity": 1.0}]
    await archive.hear(accepted("a", compensation=lines))
    _, told = await get(archive, "/v1/reports/a")
    assert told["compensation"] == [{"kind": "arvode", "quantity": 0.0}, {"kind": "resa", "quantity": 1.0}]
    assert told["positions"] == [{"kind": "arvode", **position}]
    text = await text_of_pdf(archive, "a")
    assert "0 Besök 3 år 2026. Riktlinjer § 3, Ersättning" in text


async def test_a_released_report_goes_to_its_meeting(archive: LoneService, accepted: MakeAccepted) -> None:
    """Intake and notification are told, which then reminds of it no more."""
    await archive.hear(accepted("a", outcome="held", findings=[OTHER_HOLD]))
    status, told = await act(archive, "a/release", {"version": 1})
    assert (status, told["status"], told["version"]) == (200, "filed", 2)
    assert told["meeting"] == {"date": "2026-12-09"}
    (released,) = await archive.said("report.released")
    assert (released.data["version"], released.data["meeting"]["date"]) == (2, "2026-12-09")
    assert await archive.said("report.released", "notification")


async def test_a_returned_report_leaves_its_meeting(archive: LoneService, accepted: MakeAccepted) -> None:
    """Intake, notification and validation are told."""
    await archive.hear(accepted("a"))
    status, told = await act(archive, "a/return", {"version": 1, "reason": "Vilken enhet?"})
    assert (status, told["status"], told["meeting"]) == (200, "returned", None)
    for listener in ("intake", "notification", "validation"):
        (returned,) = await archive.said("report.returned", listener)
        assert (returned.data["reason"], returned.data["meeting"]) == ("Vilken enhet?", None)


async def test_of_two_secretaries_the_second_is_told_that_somebody_was_first(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """409, and only one act happens, also when both come at once."""
    await archive.hear(accepted("a", outcome="held", findings=[OTHER_HOLD]))
    answers = await asyncio.gather(
        *(act(archive, f"a/{deed}", {"version": 1, "reason": "x"}) for deed in ("release", "return") * 5)
    )
    assert sorted(status for status, _ in answers) == [200] + [409] * 9
    status, told = await act(archive, "a/return", {"version": 1, "reason": "x"})
    assert (status, told["type"]) == (409, "urn:problem-type:kansli:someone-was-first")
    _, told = await get(archive, "/v1/reports/a")
    assert len(told["history"]) == 2


@pytest.mark.parametrize("deed", ["release", "return"])
async def test_what_is_returned_can_be_neither_released_nor_returned(
    archive: LoneService, accepted: MakeAccepted, deed: str
) -> None:
    """409 that says so."""
    await archive.hear(accepted("a", outcome="held", findings=[OTHER_HOLD]))
    await act(archive, "a/return", {"version": 1, "reason": "x"})
    status, told = await act(archive, f"a/{deed}", {"version": 2, "reason": "x"})
    assert (status, told["type"]) == (409, "urn:problem-type:kansli:not-in-this-state")


@pytest.mark.parametrize("reason", ["", "   ", "\n\t"])
async def test_a_return_needs_a_reason(archive: LoneService, accepted: MakeAccepted, reason: str) -> None:
    """The sender is told why."""
    await archive.hear(accepted("a"))
    status, told = await act(archive, "a/return", {"version": 1, "reason": reason})
    assert (status, told["errors"][0]["pointer"]) == (422, "/reason")


@pytest.mark.parametrize("reason", ["", "  "])
async def test_a_personnummer_is_released_only_with_a_reason(
    archive: LoneService, accepted: MakeAccepted, reason: str
) -> None:
    """For other holds none is needed."""
    await archive.hear(
        accepted("a", outcome="held", findings=[PERSONAL]),
        accepted("b", outcome="held", findings=[PERSONAL | {"outcome": "note"}, OTHER_HOLD]),
    )
    status, told = await act(archive, "a/release", {"version": 1, "reason": reason})
    assert (status, told["errors"][0]["pointer"]) == (422, "/reason")
    assert (await get(archive, "/v1/reports/a"))[1]["status"] == "held"
    assert (await act(archive, "b/release", {"version": 1, "reason": reason}))[0] == 200
    status, _ = await act(archive, "a/release", {"version": 1, "reason": "Numret är påhittat."})
    assert status == 200


async def test_a_completion_between_look_and_release_cannot_smuggle_a_personnummer(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Who looked at version 1 does not release what version 2 brought."""
    await archive.hear(accepted("a", outcome="held", findings=[OTHER_HOLD]))
    await archive.hear(accepted("a", revision=2, outcome="held", findings=[PERSONAL]))
    assert (await act(archive, "a/release", {"version": 1}))[0] in {409, 422}
    assert (await get(archive, "/v1/reports/a"))[1]["status"] == "held"


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        ({}, "/version"),
        ({"version": 0}, "/version"),
        ({"version": True}, "/version"),
        ({"version": "1"}, "/version"),
        ({"version": 1, "reason": 1}, "/reason"),
        ({"version": 1, "reason": "a" * 2001}, "/reason"),
        ({"version": 1, "reason": "a\u0000"}, "/reason"),
        ({"version": 1, "reson": "x"}, "/reson"),
        ([], ""),
    ],
)
async def test_an_act_that_is_not_whole_is_refused_with_the_place(
    archive: LoneService, accepted: MakeAccepted, content: Any, pointer: str
) -> None:
    """422, and nothing happens."""
    await archive.hear(accepted("a", outcome="held", findings=[OTHER_HOLD]))
    status, told = await act(archive, "a/release", content)
    assert (status, told["errors"][0]["pointer"]) == (422, pointer)
    assert (await get(archive, "/v1/reports/a"))[1]["version"] == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40))
async def test_whatever_is_posted_is_answered_in_words(archive: LoneService, body: bytes) -> None:
    """Never 500."""
    headers = {"Content-Type": "application/json"}
    async with archive.http.post("/v1/reports/a/release", data=body, headers=headers) as answer:
        assert answer.status in {404, 422}
        assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("deed", ["release", "return"])
async def test_an_act_on_no_report_is_404(archive: LoneService, deed: str) -> None:
    """A problem in Swedish."""
    status, told = await act(archive, f"finns-inte/{deed}", {"version": 1, "reason": "x"})
    assert (status, told["title"]) == (404, "Finns inte")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_form_on_another_site_cannot_act(
    archive: LoneService, accepted: MakeAccepted, media_type: str
) -> None:
    """What a browser sends without asking is no JSON: 415, and nothing happens."""
    await archive.hear(accepted("a"))
    content = json.dumps({"version": 1, "reason": "x"}).encode()
    headers = {"Content-Type": media_type}
    async with archive.http.post("/v1/reports/a/return", data=content, headers=headers) as answer:
        assert answer.status == 415
    assert (await get(archive, "/v1/reports/a"))[1]["status"] == "filed"


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_held_report_is_masked_wherever_it_is_shown(
    archive: LoneService, accepted: MakeAccepted, spelling: str
) -> None:
    """As JSON alone and in its meeting, on the page, in every part of the PDF."""
    await archive.hear(
        accepted(
            "a",
            outcome="held",
            findings=[PERSONAL],
            subject=f"Besök hos {spelling}",
            data={
                "verksamhet": "kost",
                "sammanfattning": f"Vi träffade {spelling}.",
                "fler": [{"x": spelling}],
            },
            attachments=[
                {
                    "name": f"{spelling}.jpg",
                    "media_type": "image/jpeg",
                    "size": 1,
                    "sha256": "a",
                    "object": "a",
                }
            ],
        )
    )
    for path in ("/v1/reports/a", "/v1/committees/valfard/meetings/2026-12-09"):
        _, told = await get(archive, path)
        assert spelling not in json.dumps(told, ensure_ascii=False)
        assert "••••••-••••" in json.dumps(told, ensure_ascii=False)
    _, html = await page(archive, "/committees/valfard/meetings/2026-12-09")
    assert spelling not in html
    assert "••••••-••••" in html
    printed = await text_of_pdf(archive, "a")
    assert spelling not in printed
    assert "Vi träffade" in printed


async def test_a_released_report_is_shown_as_it_was_written(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """A person has decided, and said why; what is returned stays masked."""
    data = {"verksamhet": "kost", "sammanfattning": f"Ärende {NUMBER}."}
    for submission_id in "ab":
        await archive.hear(accepted(submission_id, outcome="held", findings=[PERSONAL], data=data))
    await act(archive, "a/release", {"version": 1, "reason": "Det är ett ärendenummer."})
    await act(archive, "b/return", {"version": 1, "reason": "Ta bort numret."})
    assert (await get(archive, "/v1/reports/a"))[1]["data"] == data
    assert NUMBER in await text_of_pdf(archive, "a")
    assert NUMBER not in json.dumps((await get(archive, "/v1/reports/b"))[1])
    assert NUMBER not in await text_of_pdf(archive, "b")


async def test_the_same_report_is_printed_as_the_same_bytes(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Whenever it is asked for; shown in the browser and never stored there."""
    await archive.hear(accepted("a"))
    contents = []
    for _ in range(2):
        async with archive.http.get("/v1/reports/a/report.pdf") as answer:
            contents.append(await answer.read())
            assert answer.headers["Content-Disposition"] == 'inline; filename="a.pdf"'
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"
    assert contents[0] == contents[1]
    assert contents[0].startswith(b"%PDF-")


PLACES = [
    "/",
    "/committees/valfard",
    "/committees/valfard/meetings/2026-12-09",
    "/v1/committees/valfard/meetings",
    "/v1/committees/valfard/meetings/2026-12-09",
    "/v1/reports/a",
    "/v1/reports/a/report.pdf",
    "/admin/tally",
]


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-For": "192.0.2.1"},
        {"Forwarded": "for=192.0.2.1"},
        {"X-Real-IP": "192.0.2.1"},
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example:8084"},
        {"Host": "192.0.2.1"},
    ],
    ids=lambda header: "-".join(header.values()),
)
async def test_without_a_token_nothing_is_shown_to_who_is_not_here(
    archive: LoneService, accepted: MakeAccepted, header: dict[str, str]
) -> None:
    """Neither through a proxy nor by a name that somebody made to point here."""
    await archive.hear(accepted("a"))
    for path in PLACES:
        async with archive.http.get(path, headers=header) as answer:
            assert (answer.status, answer.content_type) == (403, "application/problem+json")
            assert "valfard" not in await answer.text()


async def test_with_a_token_who_holds_it_may_come_through_a_proxy(
    run_archive: Any, accepted: MakeAccepted
) -> None:
    """And who does not hold it may not, from here either."""
    async with run_archive(admin_token="hemlig") as archive:
        await archive.hear(accepted("a"))
        through = {"X_Forwarded_For": "192.0.2.1", "Host": "kansli.kommunen.example"}
        assert (await get(archive, "/v1/reports/a", Authorization="Bearer hemlig", **through))[0] == 200
        for authorization in ("Bearer fel", "Bearer ", "", "hemli", "Bearer hemlig\xff"):
            assert (await get(archive, "/v1/reports/a", Authorization=authorization))[0] == 403
        assert (await get(archive, "/v1/reports/a"))[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "/committees/social",
        "/committees/social/meetings/2026-12-09",
        "/committees/valfard/meetings/2026-12-10",
        "/committees/valfard/meetings/i-morgon",
        "/committees/%3Cscript%3E/meetings/2026-12-09",
    ],
)
async def test_a_page_that_is_not_there_is_a_page_that_says_so(archive: LoneService, path: str) -> None:
    """404 for people, with a way on, and nothing of the address repeated."""
    status, html = await page(archive, path)
    assert status == 404
    assert "Sidan finns inte" in html
    assert "script" not in html
    status, told = await get(archive, "/v1" + path)
    assert (status, told["title"]) == (404, "Finns inte")


@pytest.mark.parametrize("path", ["/", "/committees/valfard", "/committees/finns-inte"])
async def test_pages_tell_browsers_to_trust_nothing_else(archive: LoneService, path: str) -> None:
    """No scripts, no frames, no other site's content, nothing kept."""
    async with archive.http.get(path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


async def test_pages_show_what_was_written_as_text(archive: LoneService, accepted: MakeAccepted) -> None:
    """A report cannot put markup on the secretary's page."""
    await archive.hear(accepted("a", subject="<script>alert(1)</script>", unit_name="<b>Kost</b>"))
    _, html = await page(archive, "/committees/valfard/meetings/2026-12-09")
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


async def test_pages_lead_from_the_committees_to_a_report(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Each link on the way answers, the style sheet too."""
    await archive.hear(accepted("a"))
    for path, link in (
        ("/", "/committees/valfard"),
        ("/committees/valfard", "/committees/valfard/meetings/2026-12-09"),
        ("/committees/valfard/meetings/2026-12-09", "/v1/reports/a/report.pdf"),
        ("/", "/static/kansli.css"),
    ):
        _, html = await page(archive, path)
        assert f'href="{link}"' in html
        async with archive.http.get(link) as answer:
            assert answer.status == 200


async def test_reports_that_wait_for_a_meeting_are_seen(
    archive: LoneService, accepted: MakeAccepted, committee_file: Path
) -> None:
    """The committee's page says how many, and the tally counts them as filed."""
    content = yaml.safe_load(committee_file.read_text("utf-8"))
    committee_file.write_text(yaml.safe_dump(content | {"meetings": content["meetings"][:1]}), "utf-8")
    archive.reread_folders()
    await archive.hear(accepted("a"))
    _, told = await get(archive, "/v1/reports/a")
    assert (told["status"], told["meeting"]) == ("filed", None)
    _, html = await page(archive, "/committees/valfard")
    assert "1 rapport väntar på ett sammanträde" in html
    _, tally = await get(archive, "/admin/tally")
    assert tally["forms"] == {"prov": {"filed": 1}}


async def test_another_origin_gets_no_leave_to_read(archive: LoneService) -> None:
    """No CORS header on anything, whatever asks for it."""
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    async with archive.http.get("/v1/committees/valfard/meetings", headers=origin) as answer:
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
    async with archive.http.options("/v1/reports/a/release", headers=origin) as answer:
        assert answer.status == 405
        assert not [name for name in answer.headers if name.startswith("Access-Control")]


async def test_addresses_that_lead_out_of_the_static_folder_lead_nowhere(archive: LoneService) -> None:
    """The style sheet is all that there is."""
    for path in ("/static/../pages.py", "/static/%2e%2e/pages.py", "/static/..%2fpages.py", "/static/"):
        async with archive.http.get(URL(archive.url + path, encoded=True)) as answer:
            assert answer.status in {403, 404}
