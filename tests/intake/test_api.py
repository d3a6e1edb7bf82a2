"""What a platform is answered, whatever it sends; and that 202 is a promise kept."""

import asyncio
import sqlite3
from pathlib import Path
from threading import get_ident
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic_core import to_json
from sqlalchemy import func, select

from intake.platform_documents import beside
from intake.submissions import revisions, submissions
from support.lone_service import LoneService
from support.platforms import AGENT_KEY, KEY, OTHER_KEY, SLOW_KEY, RunIntake, ask, envelope, post
from support.still_clock import StillClock

SECRET_WORDS = "Hemligheten i Köket"


async def taken(intake: LoneService) -> int:
    """How many revisions are kept."""
    ((count,),) = await intake.rows(select(func.count()).select_from(revisions))
    return int(count)


async def test_a_submission_is_answered_with_its_receipt_and_where_to_ask(intake: LoneService) -> None:
    """202, the receipt of the contract, and a Location that answers with the status."""
    answer = await post(intake, key=KEY)
    assert answer.status == 202
    assert "Idempotency-Replayed" not in answer.headers
    assert answer.told == {
        "id": answer.told["id"],
        "status": "received",
        "form": "prov",
        "reference": "190456",
        "received_at": "2026-11-20T12:00:00Z",
    }
    assert answer.headers["Location"] == f"/v1/submissions/{answer.told['id']}"
    status = await ask(intake, answer.headers["Location"], key=KEY)
    assert (status.status, status.told["status"], status.told["revision"]) == (200, "received", 1)
    assert status.told["history"] == [{"at": "2026-11-20T12:00:00Z", "event": "submission.received"}]


async def test_what_was_promised_is_said_to_validation(intake: LoneService) -> None:
    """The event holds all that was sent, and the newest version of the form when none was named."""
    receipt = (await post(intake, key=KEY)).told
    (event,) = await intake.said("submission.received", "validation")
    assert event.subject == receipt["id"]
    assert event.data == {
        "submission_id": receipt["id"],
        "revision": 1,
        "form": "prov",
        "form_version": 2,
        "reference": "190456",
        "caller": "e-tjanst",
        "received_at": "2026-11-20T12:00:00Z",
        "arrived_at": "2026-11-20T11:30:00Z",
        "submitter": {
            "name": "Anna Exempelsson",
            "email": "anna@namnd.example",
            "personal_number_hash": None,
        },
        "data": {"dag": "2026-11-12", "text": "Ett besök."},
        "attachments": [],
        "findings": [],
    }


async def test_what_was_promised_is_there_after_a_restart(run_intake: RunIntake) -> None:
    """The receipt's id answers from the same file in a new process."""
    async with run_intake() as intake:
        receipt = (await post(intake, key=KEY)).told
    async with run_intake() as again:
        status = await ask(again, f"/v1/submissions/{receipt['id']}", key=KEY)
    assert status.told["status"] == "received"


async def test_the_same_submission_again_is_the_same_submission(intake: LoneService) -> None:
    """Without any key, reference and time say that it is the same; the receipt is the first one."""
    first = await post(intake, key=KEY)
    intake.clock.pass_by(minutes=5)
    again = await post(intake, key=KEY)
    assert again.status == 202
    assert again.told == first.told
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert await taken(intake) == 1


@pytest.mark.parametrize("spelling", ['"nyckel-1"', "nyckel-1"])
async def test_the_same_key_with_the_same_content_is_a_replay(intake: LoneService, spelling: str) -> None:
    """Quoted as the draft standard has it or bare by habit, a key is the same key."""
    first = await post(intake, key=KEY, Idempotency_Key='"nyckel-1"')
    again = await post(intake, key=KEY, Idempotency_Key=spelling)
    assert (again.status, again.told) == (202, first.told)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await taken(intake) == 1


async def test_a_submission_spelled_otherwise_is_the_same(intake: LoneService) -> None:
    """The order of keys and the zone of a moment are no difference in content."""
    body = envelope(data={"a": 1, "b": [1, 2]})
    first = await post(intake, body, key=KEY)
    other = dict(reversed(envelope(data={"b": [1, 2], "a": 1}).items()))
    other["submitted_at"] = "2026-11-20T11:30:00Z"
    again = await post(intake, other, key=KEY)
    assert (again.status, again.told["id"]) == (202, first.told["id"])
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_a_key_used_for_something_else_is_refused(intake: LoneService) -> None:
    """The same key with other content is a fault at the platform; nothing is stored."""
    await post(intake, key=KEY, Idempotency_Key="k")
    answer = await post(intake, envelope(reference="2"), key=KEY, Idempotency_Key="k")
    assert (answer.status, answer.is_problem) == (422, True)
    assert answer.told["type"].endswith(":key-reused")
    assert await taken(intake) == 1


async def test_a_reference_and_time_used_for_something_else_is_refused(intake: LoneService) -> None:
    """Two submissions of the same moment with other content cannot both be the one."""
    await post(intake, key=KEY)
    answer = await post(intake, envelope(data={"dag": "2026-11-13"}), key=KEY)
    assert (answer.status, await taken(intake)) == (422, 1)


async def test_keys_are_a_callers_own(intake: LoneService) -> None:
    """Two platforms may use the same key and the same reference for different submissions."""
    mine = await post(intake, key=KEY, Idempotency_Key="k")
    theirs = await post(intake, envelope(data={}), key=OTHER_KEY, Idempotency_Key="k")
    assert (mine.status, theirs.status) == (202, 202)
    assert mine.told["id"] != theirs.told["id"]


async def test_fifty_at_once_make_one_submission(intake: LoneService) -> None:
    """Every one gets the same receipt, or is told that one is in progress."""
    answers = await asyncio.gather(*(post(intake, key=KEY, Idempotency_Key="samma") for _ in range(50)))
    assert {answer.status for answer in answers} <= {202, 409}
    assert len({answer.told["id"] for answer in answers if answer.status == 202}) == 1
    assert await taken(intake) == 1
    assert len(await intake.said("submission.received")) == 1


async def test_a_later_time_is_a_completion_of_the_same_submission(intake: LoneService) -> None:
    """Same id, revision 2, and an event of its own; the first stays on record."""
    first = await post(intake, key=KEY)
    later = envelope(submitted_at="2026-11-20T12:45:00+01:00", data={"text": "Rättad."})
    second = await post(intake, later, key=KEY)
    assert (second.status, second.told["id"]) == (202, first.told["id"])
    assert "Idempotency-Replayed" not in second.headers
    status = await ask(intake, first.headers["Location"], key=KEY)
    assert status.told["revision"] == 2
    events = await intake.said("submission.received")
    assert [(event.data["revision"], event.data["data"]) for event in events] == [
        (1, {"dag": "2026-11-12", "text": "Ett besök."}),
        (2, {"text": "Rättad."}),
    ]


async def test_an_older_one_that_comes_late_changes_nothing(intake: LoneService) -> None:
    """It is answered, noted in the history, and goes nowhere."""
    first = await post(intake, key=KEY)
    answer = await post(intake, envelope(submitted_at="2026-11-20T09:00:00+01:00", data={}), key=KEY)
    assert (answer.status, answer.told["id"]) == (202, first.told["id"])
    status = (await ask(intake, first.headers["Location"], key=KEY)).told
    assert status["revision"] == 1
    assert [step["event"] for step in status["history"]] == ["submission.received", "submission.superseded"]
    assert len(await intake.said("submission.received")) == 1
    assert await taken(intake) == 2, "what got a 202 is kept, also when it changes nothing"


async def test_a_completion_cannot_change_the_form(intake: LoneService) -> None:
    """A reference belongs to one form."""
    await post(intake, key=KEY)
    answer = await post(intake, envelope(form="hemlig", submitted_at="2026-11-20T12:45:00+01:00"), key=KEY)
    assert (answer.status, await taken(intake)) == (422, 1)


async def test_the_first_revision_again_after_a_completion_is_no_third_revision(intake: LoneService) -> None:
    """A platform that repeats what it sent first, with its key, gets the receipt again."""
    first = await post(intake, key=KEY, Idempotency_Key="ett")
    await post(intake, envelope(submitted_at="2026-11-20T12:45:00+01:00"), key=KEY, Idempotency_Key="tva")
    again = await post(intake, key=KEY, Idempotency_Key="ett")
    assert (again.status, again.told) == (202, first.told)
    assert again.headers["Idempotency-Replayed"] == "true"
    without_key = await post(intake, key=KEY)
    assert (without_key.told, without_key.headers["Idempotency-Replayed"]) == (first.told, "true")
    assert await taken(intake) == 2


async def test_a_moment_that_was_used_before_a_completion_is_still_used(intake: LoneService) -> None:
    """Another content for the first revision's time is a conflict, however many came after it."""
    await post(intake, key=KEY)
    await post(intake, envelope(submitted_at="2026-11-20T12:45:00+01:00"), key=KEY)
    answer = await post(intake, envelope(data={"dag": "2026-11-01"}), key=KEY)
    assert (answer.status, await taken(intake)) == (422, 2)


async def test_a_body_without_a_key_is_not_even_read(intake: LoneService) -> None:
    """Whoever has no key could otherwise fill the memory with bodies that never end."""
    reader, writer = await asyncio.open_connection(*intake.service.settings.address)
    writer.write(b"POST /v1/submissions HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n{")
    assert b"401" in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


async def test_a_packed_body_is_refused(intake: LoneService) -> None:
    """Unpacking is a way to send much for little, and no platform needs it."""
    answer = await post(intake, b"\x1f\x8b garbage", key=KEY, Content_Encoding="gzip")
    assert (answer.status, answer.is_problem, await taken(intake)) == (415, True, 0)


WHOLE = to_json(envelope(data={"text": "Ett besok."}))

MALFORMED: list[tuple[str, Any, int, list[str]]] = [
    ("not JSON", b"{", 400, []),
    ("empty", b"", 400, []),
    ("not UTF-8", b'{"form": "\xff"}', 400, []),
    ("no object", [], 400, []),
    ("a number no one has", b'{"data": {"a": NaN}}', 400, []),
    ("a number too large", WHOLE.replace(b'"Ett besok."', b"1e400"), 400, []),
    ("nothing at all", {}, 422, ["/form", "/reference", "/submitted_at", "/submitter", "/data"]),
    ("no reference", envelope(reference=...), 422, ["/reference"]),
    ("empty reference", envelope(reference=""), 422, ["/reference"]),
    ("control in reference", envelope(reference="a\u0000b"), 422, ["/reference"]),
    ("number as reference", envelope(reference=190456), 422, ["/reference"]),
    ("truth as version", envelope(form_version=True), 422, ["/form_version"]),
    ("text as version", envelope(form_version="1"), 422, ["/form_version"]),
    ("no such version", envelope(form_version=3), 422, ["/form_version"]),
    ("version nought", envelope(form_version=0), 422, ["/form_version"]),
    ("unknown field", envelope(**{"a/b~c": 1}), 422, ["/a~1b~0c"]),
    ("data a list", envelope(data=[]), 422, ["/data"]),
    ("no moment", envelope(submitted_at="i går"), 422, ["/submitted_at"]),
    ("a number as moment", envelope(submitted_at=1763640000), 422, ["/submitted_at"]),
    ("before the calendar", envelope(submitted_at="0001-01-01T00:00:00+14:00"), 422, ["/submitted_at"]),
    ("after the calendar", envelope(submitted_at="9999-12-31T23:59:59-14:00"), 422, ["/submitted_at"]),
    ("nobody", envelope(submitter={"name": "A"}), 422, ["/submitter"]),
    ("no address", envelope(submitter={"name": "A", "email": "a b@c"}), 422, ["/submitter/email"]),
    (
        "no number of a person",
        envelope(submitter={"name": "A", "personal_number": "121212-1213"}),
        422,
        ["/submitter/personal_number"],
    ),
    (
        "no base64",
        envelope(attachments=[{"name": "a", "media_type": "b/c", "content": "å"}]),
        422,
        ["/attachments/0/content"],
    ),
    ("unknown form", envelope(form="okand"), 404, ["/form"]),
]


@pytest.mark.parametrize(
    ("body", "status", "pointers"),
    [case[1:] for case in MALFORMED],
    ids=[case[0] for case in MALFORMED],
)
async def test_what_is_not_right_is_refused_with_the_place(
    intake: LoneService, body: Any, status: int, pointers: list[str]
) -> None:
    """Problem+json names each place by JSON pointer, and nothing is stored."""
    answer = await post(intake, body, key=KEY)
    assert (answer.status, answer.is_problem) == (status, True)
    assert answer.pointers == pointers
    assert await taken(intake) == 0


@pytest.mark.parametrize("levels", [300, 900, 20_000])
async def test_answers_nested_too_deep_are_not_understood(intake: LoneService, levels: int) -> None:
    """What nobody after us could read is refused at the door, and breaks nothing."""
    deep = b'{"a":' * levels + b"1" + b"}" * levels
    answer = await post(intake, b'{"form":"prov","data":' + deep + b"}", key=KEY)
    assert answer.status in {400, 422}
    whole = envelope(data=...)
    body = str(whole).replace("'", '"').encode()[:-1] + b',"data":' + deep + b"}"
    answer = await post(intake, body, key=KEY)
    assert (answer.status, answer.is_problem, await taken(intake)) == (400, True, 0)


async def test_what_is_taken_can_be_read_by_the_next(intake: LoneService) -> None:
    """The deepest answers that get a 202 leave as an event that can be read."""
    for levels in (10, 50, 99, 100, 101, 150, 198, 199, 200, 201):
        data: Any = 1
        for _ in range(levels):
            data = {"a": data}
        await post(intake, envelope(reference=str(levels), data=data), key=KEY)
    assert len(await intake.said("submission.received")) == await taken(intake) > 0


@pytest.mark.parametrize("key", [None, "fel", ""])
async def test_without_the_right_key_nobody_is_let_in(intake: LoneService, key: str | None) -> None:
    """401 says how to authenticate, for posting and for asking."""
    for answer in (await post(intake, key=key), await ask(intake, "/v1/submissions?reference=1", key=key)):
        assert (answer.status, answer.is_problem) == (401, True)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert await taken(intake) == 0


async def test_a_form_of_others_is_forbidden(intake: LoneService) -> None:
    """403 whether or not the form exists, so that nobody can look around."""
    for form in ("hemlig", "finns-inte"):
        answer = await post(intake, envelope(form=form), key=OTHER_KEY)
        assert (answer.status, answer.is_problem, answer.pointers) == (403, True, ["/form"])


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "image/png", "x"]
)
async def test_another_content_type_is_refused(intake: LoneService, content_type: str) -> None:
    """415, also when the content would have been JSON."""
    answer = await post(intake, key=KEY, content_type=content_type)
    assert (answer.status, answer.is_problem) == (415, True)


async def test_json_with_a_charset_is_json(intake: LoneService) -> None:
    """Platforms add `charset=utf-8` by habit."""
    answer = await post(intake, key=KEY, content_type="application/json; charset=utf-8")
    assert answer.status == 202


async def test_too_much_is_refused_before_it_is_read(intake: LoneService) -> None:
    """Over 25 MiB a body is refused by its announced length, or as soon as it has grown so large."""
    announced = await post(intake, b" " * (25 * 1024 * 1024 + 1), key=KEY)
    assert (announced.status, announced.is_problem) == (413, True)

    async def growing() -> Any:
        for _ in range(26):
            yield b" " * 1024 * 1024

    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    async with intake.http.post("/v1/submissions", data=growing(), headers=headers) as response:
        assert response.status == 413


async def test_answers_may_be_256_kib_and_no_more(intake: LoneService) -> None:
    """The limit is on `data`; what fits is taken."""
    fits = {"text": "a" * (256 * 1024 - len('{"text":""}'))}
    assert (await post(intake, envelope(data=fits), key=KEY)).status == 202
    answer = await post(intake, envelope(reference="2", data={"text": fits["text"] + "a"}), key=KEY)
    assert (answer.status, answer.is_problem) == (413, True)
    assert await taken(intake) == 1


async def test_who_sends_too_often_is_told_how_long_to_wait(intake: LoneService) -> None:
    """429 with Retry-After; another platform is not held up."""
    for number in range(2):
        assert (await post(intake, envelope(reference=str(number)), key=SLOW_KEY)).status == 202
    answer = await post(intake, envelope(reference="3"), key=SLOW_KEY)
    assert (answer.status, answer.is_problem) == (429, True)
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert (await post(intake, envelope(), key=KEY)).status == 202


async def test_a_database_that_is_locked_is_told_as_not_now(
    run_intake: RunIntake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with Retry-After while a backup holds the file; nothing is promised, and all is well after it."""
    monkeypatch.setattr("chassis.store.engines.BUSY_TIMEOUT_S", 0.05)
    async with run_intake() as intake:
        other = sqlite3.connect(tmp_path / "intake.db", isolation_level=None, check_same_thread=False)
        await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
        answer = await post(intake, key=KEY)
        assert (answer.status, answer.is_problem) == (503, True)
        assert int(answer.headers["Retry-After"]) > 0
        other.execute("ROLLBACK")
        other.close()
        assert (await post(intake, key=KEY)).status == 202
        assert await taken(intake) == 1


@pytest.mark.parametrize(
    "header",
    [{"Idempotency_Key": "a" * 201}, {"Idempotency_Key": '""'}, {"Idempotency_Key": "\udcff"}],
    ids=["too long", "empty", "not text"],
)
async def test_a_key_that_is_no_key_is_refused_and_nothing_is_kept(
    intake: LoneService, tmp_path: Path, header: dict[str, str]
) -> None:
    """Not even the files that came along."""
    files = [{"name": "a.txt", "media_type": "text/plain", "content": "QQ=="}]
    answer = await post(intake, envelope(attachments=files), key=KEY, **header)
    assert (answer.status, answer.is_problem, await taken(intake)) == (422, True, 0)
    assert not (tmp_path / "objects").exists()


async def test_nothing_of_a_refused_submission_is_echoed_or_logged(
    intake: LoneService, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the answer nor the log repeats what a person wrote."""
    for body in (
        envelope(**{SECRET_WORDS: SECRET_WORDS}, submitted_at=SECRET_WORDS, form_version=SECRET_WORDS),
        envelope(form=SECRET_WORDS),
        f'{{"form": "{SECRET_WORDS}'.encode(),
        envelope(data=SECRET_WORDS, submitter={"name": SECRET_WORDS, "personal_number": SECRET_WORDS}),
    ):
        answer = await post(intake, body, key=KEY)
        assert 400 <= answer.status < 500
        values = [error["detail"] for error in answer.told.get("errors", [])]
        assert not any(SECRET_WORDS in value for value in [answer.told["detail"], *values])
    assert SECRET_WORDS not in capsys.readouterr().out


async def test_a_submission_belongs_to_its_sender_alone(intake: LoneService) -> None:
    """To another platform it does not exist, by id or by reference."""
    receipt = (await post(intake, key=KEY)).told
    for path in (f"/v1/submissions/{receipt['id']}", "/v1/submissions?reference=190456"):
        assert (await ask(intake, path, key=KEY)).told["id"] == receipt["id"]
        strange = await ask(intake, path, key=OTHER_KEY)
        assert (strange.status, strange.is_problem) == (404, True)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/submissions/finns-inte",
        "/v1/submissions/%00",
        "/v1/submissions/%ED%A0%80",
        "/v1/submissions?reference=%00",
        "/v1/submissions?reference=%FF",
        "/v1/submissions",
        "/v2/nowhere",
    ],
)
async def test_what_is_not_there_is_told_as_a_problem(intake: LoneService, path: str) -> None:
    """404 as problem+json for anything that is not there, whatever the address holds."""
    answer = await ask(intake, path, key=KEY)
    assert (answer.status, answer.is_problem) == (404, True)


async def test_another_method_is_refused_with_those_allowed(intake: LoneService) -> None:
    """405 with Allow."""
    async with intake.http.delete("/v1/submissions") as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET,HEAD,POST")


@pytest.mark.parametrize(
    ("key", "submitted_at", "arrived_at"),
    [
        (KEY, "2026-11-20T12:30:00", "2026-11-20T11:30:00Z"),
        (KEY, "2026-11-20T12:30:00+01:00", "2026-11-20T11:30:00Z"),
        (KEY, "2026-07-01T12:30:00", "2026-07-01T10:30:00Z"),
        (KEY, "2026-11-20T13:00:01+01:00", "2026-11-20T12:00:00Z"),
        (AGENT_KEY, "2026-11-20T12:30:00+01:00", "2026-11-20T12:00:00Z"),
    ],
    ids=["naive is Swedish", "with its zone", "in summer", "never after receipt", "not the authority's own"],
)
async def test_a_report_arrived_when_it_reached_the_authority(
    intake: LoneService, key: str, submitted_at: str, arrived_at: str
) -> None:
    """The authority's own platform is where it arrived, never later than receipt; else receipt is."""
    await post(intake, envelope(submitted_at=submitted_at), key=key)
    (event,) = await intake.said("submission.received")
    assert event.data["arrived_at"] == arrived_at
    assert event.data["received_at"] == "2026-11-20T12:00:00Z"


async def test_half_a_character_becomes_one_that_validation_rejects(intake: LoneService) -> None:
    """Lone surrogates, in values and in names, become U+FFFD: taken, and readable for all after us."""
    body = (
        b'{"form":"prov","reference":"1","submitted_at":"2026-11-20T12:30:00+01:00",'
        b'"submitter":{"name":"A","email":"a@b"},"data":{"text":"a\\ud800b","\\udc00":["\\udbff"]}}'
    )
    assert (await post(intake, body, key=KEY)).status == 202
    (event,) = await intake.said("submission.received")
    assert event.data["data"] == {"text": "a\ufffdb", "\ufffd": ["\ufffd"]}


async def test_a_pair_of_surrogates_is_one_character(intake: LoneService) -> None:
    """An escaped pair beside a lone half is still the character that it stands for."""
    body = (
        b'{"form":"prov","reference":"1","submitted_at":"2026-11-20T12:30:00+01:00",'
        b'"submitter":{"name":"A","email":"a@b"},"data":{"text":"\\ud83d\\ude00\\ud83d"}}'
    )
    assert (await post(intake, body, key=KEY)).status == 202
    (event,) = await intake.said("submission.received")
    assert event.data["data"] == {"text": "😀\ufffd"}


async def test_what_is_received_is_counted_by_form_and_result(intake: LoneService) -> None:
    """The metric tells new ones, replays and conflicts apart, and holds no reference."""
    await post(intake, key=KEY)
    await post(intake, key=KEY)
    await post(intake, envelope(data={}), key=KEY)
    async with intake.http.get("/metrics") as response:
        metrics = await response.text()
    for result in ("new", "replayed", "conflicting"):
        assert f'kansli_submissions_received_total{{form="prov",result="{result}"}} 1.0' in metrics
    assert "190456" not in metrics


async def test_the_clock_is_the_services_own(intake: LoneService, clock: StillClock) -> None:
    """`received_at` is when intake received it, whatever the platform says."""
    clock.pass_by(days=3)
    answer = await post(intake, key=KEY)
    assert answer.told["received_at"] == "2026-11-23T12:00:00Z"
    ((stored,),) = await intake.rows(select(submissions.c.received_at))
    assert stored == clock.now


@pytest.mark.parametrize("reference", ["ärende 7", "\U0001d924", "\u0378", "\ue000"])
async def test_what_was_taken_is_found_by_its_reference(intake: LoneService, reference: str) -> None:
    """Whatever characters a reference was accepted with, also those that no font has."""
    assert (await post(intake, envelope(reference=reference), key=KEY)).status == 202
    found = await ask(intake, f"/v1/submissions?{urlencode({'reference': reference})}", key=KEY)
    assert (found.status, found.told["reference"]) == (200, reference)


@pytest.mark.parametrize(("size", "beside_the_loop"), [(2_000, False), (64 * 1024, False), (65 * 1024, True)])
async def test_only_what_is_large_is_read_beside_the_event_loop(size: int, beside_the_loop: bool) -> None:
    """To start a thread takes longer than to read a report of two kilobytes."""
    assert (await beside(size, get_ident) != get_ident()) is beside_the_loop
