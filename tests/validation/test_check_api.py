"""`POST /v1/check`: the judgement that the pipeline would make, with nothing left behind."""

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from chassis.events import new_id
from chassis.store import Transaction
from chassis.store.tables import inbox, outbox
from support.houses import SHIPPED_FORMS
from support.lone_service import LoneService, alone
from support.still_clock import StillClock
from validation.__main__ import build
from validation.events import Attachment, SubmissionReceived, Submitter
from validation.forms import load_forms
from validation.judgements import judgements
from validation.settings import ValidationSettings

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
KEY, OTHER_KEY, SLOW_KEY = "nyckel-ett", "nyckel-tva", "nyckel-tre"
FORMS = load_forms([SHIPPED_FORMS])
PEOPLE = ["anna", "bertil"]
UNITS = ["kost", "kultur"]
REPORTS: dict[str, dict[str, Any]] = {
    "kontaktpolitiker-valfard": {
        "besoksdatum": "2026-11-12",
        "verksamhet": "kost",
        "enhet": "Centralköket",
        "initiativ": "inbjudan",
        "dialog_med": ["personal"],
        "sammanfattning": "Köket lagar 900 portioner om dagen.",
        "muntlig_sammanfattning": False,
        "anstalld_i_verksamheten": False,
        "narstaende_anstalld": False,
        "ersattning_begars": True,
        "intygar_ingen_sekretess": True,
    },
    "kontaktpolitiker-social": {
        "besoksdatum": "2026-11-12",
        "kontaktomrade": "kost",
        "enhet": "Björken",
        "aktivitet": "praktik",
        "timmar": 3.5,
        "heldag": True,
        "kallad_av_enhetschef": True,
        "arbetsplan_genomgangen": True,
        "iakttagelser": "Lugnt.",
        "rapportform": "skriftlig",
        "anstalld_i_verksamheten": False,
        "inga_personalarenden": True,
        "intygar_ingen_sekretess": True,
    },
}
CHANGES: list[dict[str, Any]] = [
    {},
    {"enhet": "Villan"},
    {"enhet": "Här bor 19121212-1212"},
    {"enhet": "\x00"},
    {"verksamhet": "kultur", "kontaktomrade": "kultur"},
    {"aktivitet": "verksamhetsbesok"},
    {"anstalld_i_verksamheten": True},
    {"besoksdatum": "2026-02-30"},
    {"okand": 1},
]
CASE = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def hash_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    (folder / "committees").mkdir(parents=True)
    people = [
        {
            "id": f"kp-{name}",
            "name": name.title(),
            "email": f"{name}@namnd.example",
            "role": "member",
            "units": ["kost"],
            "from": "2025-01-01",
        }
        for name in PEOPLE
    ]
    for committee in {form.committee for form in FORMS.values()}:
        content = {
            "id": committee,
            "name": committee,
            "units": [{"id": unit, "name": unit.title()} for unit in UNITS],
            "kontaktpolitiker": people,
        }
        (folder / "committees" / f"{committee}.yaml").write_text(yaml.safe_dump(content), "utf-8")
    callers = [
        {"id": "e-tjanst", "key_sha256": [hash_of(KEY)], "forms": ["*"]},
        {"id": "annan", "key_sha256": [hash_of(OTHER_KEY)], "forms": ["inget"]},
        {"id": "lite", "key_sha256": [hash_of(SLOW_KEY)], "forms": ["*"], "per_minute": 1},
    ]
    (folder / "callers.yaml").write_text(yaml.safe_dump({"callers": callers}), "utf-8")
    return folder


@pytest.fixture
async def validation(tmp_path: Path, config: Path) -> AsyncIterator[LoneService]:
    given = {"config": config, "forms": str(SHIPPED_FORMS), "personal_number_key": "hashnyckel"}
    async with alone(build, ValidationSettings, tmp_path / "v.db", StillClock(NOW), **given) as service:
        yield service


def asked(form: str, reference: str = "1", person: str = "anna", **changed: Any) -> dict[str, Any]:
    known = FORMS[form].schema(1).root.properties | {"okand"}
    data = REPORTS[form] | {name: value for name, value in changed.items() if name in known}
    return {
        "form": form,
        "reference": reference,
        "submitted_at": "2026-11-20T12:00:00+01:00",
        "submitter": {"name": person.title(), "email": f"{person}@namnd.example"},
        "data": data,
    }


def sent(body: dict[str, Any], submission_id: str = "", revision: int = 1) -> SubmissionReceived:
    """What intake would say of it."""
    return SubmissionReceived(
        submission_id=submission_id or new_id(),
        revision=revision,
        form=body["form"],
        form_version=1,
        reference=body["reference"],
        caller="e-tjanst",
        received_at=NOW,
        arrived_at=NOW,
        submitter=Submitter(**body["submitter"], personal_number_hash=None),
        data=body["data"],
        attachments=[
            Attachment(name=file["name"], media_type="a/b", size=1, sha256="ab", object="ab")
            for file in body.get("attachments", [])
        ],
    )


async def check(validation: LoneService, body: Any, key: str | None = KEY, **headers: str) -> tuple[int, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sending = {"Content-Type": "application/json", **headers}
    if key:
        sending["Authorization"] = f"Bearer {key}"
    async with validation.http.post("/v1/check", data=content, headers=sending) as response:
        return response.status, await response.json(content_type=None)


async def answers(validation: LoneService) -> dict[str, Any]:
    """What the pipeline said, by submission and revision."""
    said = [*await validation.said("submission.accepted"), *await validation.said("submission.rejected")]
    return {f"{one.data['submission_id']} {one.data['revision']}": one.data for one in said}


async def emptied(validation: LoneService) -> None:
    async def work(tx: Transaction) -> None:
        for one in (judgements, outbox, inbox):
            await tx.execute(delete(one))

    await validation.service.store.write(work)


@pytest.mark.parametrize("form", REPORTS)
async def test_a_good_report_is_told_its_judgement_and_leaves_nothing(
    validation: LoneService, form: str
) -> None:
    """No row, and no word to anybody."""
    status, told = await check(validation, asked(form))
    assert status == 200
    assert told["outcome"] == "accepted"
    assert set(told) == {"outcome", "findings", "facts", "compensation", "positions"}
    assert sum(line["quantity"] for line in told["compensation"]) > 0
    for one in (judgements, outbox, inbox):
        assert await validation.rows(select(func.count()).select_from(one)) == [(0,)]


@pytest.mark.parametrize(
    ("changed", "key", "status", "pointer"),
    [
        ({}, None, 401, None),
        ({}, "fel", 401, None),
        ({}, OTHER_KEY, 403, "/form"),
        ({"form": "okand"}, KEY, 404, "/form"),
        ({"form_version": 9}, KEY, 422, "/form_version"),
        ({"reference": ""}, KEY, 422, "/reference"),
        ({"submitter": {"name": "Anna"}}, KEY, 422, "/submitter"),
        ({"submitter": {"name": "A", "personal_number": "1"}}, KEY, 422, "/submitter/personal_number"),
        ({"strange": 1}, KEY, 422, "/strange"),
        ({"data": {"enhet": "x" * 300_000}}, KEY, 413, None),
    ],
)
async def test_what_intake_would_refuse_is_refused(
    validation: LoneService, changed: dict[str, Any], key: str | None, status: int, pointer: str | None
) -> None:
    """With the same statuses and pointers, and nothing of what was sent."""
    answered, told = await check(validation, asked("kontaktpolitiker-valfard") | changed, key)
    assert answered == status
    assert [error["pointer"] for error in told.get("errors", [])] == ([pointer] if pointer else [])
    assert "namnd.example" not in json.dumps(told)


async def test_other_content_is_refused(validation: LoneService) -> None:
    """What is no JSON, and what says that it is something else."""
    assert (await check(validation, b"{"))[0] == 400
    assert (await check(validation, b"[1]"))[0] == 400
    assert (await check(validation, b"{}", **{"Content-Type": "text/xml"}))[0] == 415


async def test_a_caller_has_its_rate(validation: LoneService) -> None:
    """A check costs as much as a submission."""
    body = asked("kontaktpolitiker-valfard")
    assert [(await check(validation, body, SLOW_KEY))[0] for _ in range(2)] == [200, 429]


async def test_a_completion_is_not_its_own_duplicate(validation: LoneService) -> None:
    """The same caller and reference is the submission that stands; another's reference is not."""
    body = asked("kontaktpolitiker-valfard", "190456")
    await validation.hear(sent(body))
    assert (await check(validation, body))[1]["outcome"] == "accepted"
    for other in (body | {"reference": "2"}, body):
        key = KEY if other is not body else SLOW_KEY
        assert "duplicate-visit" in [
            one["rule"] for one in (await check(validation, other, key))[1]["findings"]
        ]


async def test_numbers_of_people_are_masked(validation: LoneService) -> None:
    """Findings that quote the answers never repeat a personnummer."""
    body = asked("kontaktpolitiker-valfard", enhet="Hos 19121212-1212")
    await validation.hear(sent(body))
    _, told = await check(validation, body | {"reference": "2"})
    assert "duplicate-visit" in [one["rule"] for one in told["findings"]]
    assert "1212-1212" not in json.dumps(told)


reports = st.builds(
    lambda form, person, change, days, name: {
        **asked(form, "0", person, **{"besoksdatum": (TODAY - timedelta(days=days)).isoformat()} | change),
        "attachments": [{"name": name}],
    },
    st.sampled_from(sorted(REPORTS)),
    st.sampled_from([*PEOPLE, "okänd"]),
    st.sampled_from(CHANGES),
    st.sampled_from([-1, 0, 1, 70, 330]),
    st.sampled_from(["a.jpg", "19121212-1212.pdf"]),
)


def referred(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [body | {"reference": str(number)} for number, body in enumerate(bodies)]


@CASE
@given(history=st.lists(reports, max_size=5), last=reports, completes=st.booleans())
async def test_a_check_and_the_pipeline_agree(
    validation: LoneService, history: list[dict[str, Any]], last: dict[str, Any], completes: bool
) -> None:
    """Outcome, findings and compensation, whatever stands and whether it is a completion."""
    await emptied(validation)
    earlier = referred(history)
    ids = [new_id() for _ in earlier]
    for body, submission_id in zip(earlier, ids, strict=True):
        await validation.hear(sent(body, submission_id))
    again = completes and bool(ids)
    body = last | {"reference": "0" if again else "new"}
    if again:
        body |= {"form": earlier[0]["form"], "data": earlier[0]["data"] | {"enhet": "Skogen"}}
    _, told = await check(validation, body)
    event = sent(body, ids[0] if again else "", 2 if again else 1)
    await validation.hear(event)
    piped = (await answers(validation))[f"{event.submission_id} {event.revision}"]
    assert told["outcome"] == piped.get("outcome", "rejected")
    assert told["findings"] == piped["findings"]
    lines = piped.get("compensation", [])
    assert told["compensation"] == [{name: line[name] for name in ("kind", "quantity")} for line in lines]
    said = [line["message"] for line in lines if line.get("message")]
    assert [position["message"] for position in told["positions"]] == said


@CASE
@given(data=st.data(), mine=st.lists(reports, max_size=3), theirs=st.lists(reports, max_size=3))
async def test_the_order_of_two_peoples_reports_decides_nothing(
    validation: LoneService, data: st.DataObject, mine: list[Any], theirs: list[Any]
) -> None:
    """Each person's own order kept, any interleaving gives each the same; notes may see the other."""
    bodies = [
        [body | {"submitter": asked(body["form"], person=person)["submitter"]} for body in some]
        for person, some in zip(PEOPLE, (mine, theirs), strict=True)
    ]
    turns = data.draw(st.permutations([0] * len(mine) + [1] * len(theirs)))
    assert await judged_in(validation, bodies, turns) == await judged_in(validation, bodies, sorted(turns))


async def judged_in(
    validation: LoneService, bodies: list[list[dict[str, Any]]], turns: list[int]
) -> dict[str, Any]:
    """What became of each person's n-th report, notes left out."""
    await emptied(validation)
    waiting = [list(enumerate(some)) for some in bodies]
    for person in turns:
        number, body = waiting[person].pop(0)
        await validation.hear(sent(body | {"reference": f"{person} {number}"}, f"{person} {number}"))
    return {
        key: (
            told.get("outcome", "rejected"),
            [one for one in told["findings"] if one["outcome"] != "note"],
            told.get("compensation"),
        )
        for key, told in (await answers(validation)).items()
    }
