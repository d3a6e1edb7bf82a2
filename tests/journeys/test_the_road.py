"""From the platform's post to the committee's table, in both ways that the house can be run.

The journeys share a house, so each has a person or a reference of its own. The last ones stop it.
"""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aio_pika
import pytest
import yaml

from chassis.bus.topology import EXCHANGE
from chassis.clock import STOCKHOLM
from kansli.example import KEY as EXAMPLE_KEY
from kansli.example import Example
from support import flow_instances
from support.aside import run_aside
from support.auditor import change
from support.houses import REPOSITORY, SHIPPED_FORMS, SHORT_TIMEOUT_S, House
from support.load import (
    COMMITTEE,
    FORM,
    KEY,
    NARROW_KEY,
    TEST_PERSONAL_NUMBER,
    UNMAPPED_FAMILY,
    completed,
    report,
)
from support.visitor import Answer, Visitor, awaited

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ADDED_FORM = "kontaktpolitiker-prov"
EXPECTED = yaml.safe_load((REPOSITORY / "deploy/example/submissions/expected.yaml").read_text("utf-8"))
SAMPLES = [name.removesuffix(".json") for name in EXPECTED]
STATUS = {"accepted": "filed", "held": "held", "rejected": "rejected"}
SECRETARIES = {
    "valfard": "nora.sekreterarsson@kommunen.example",
    "social": "sixten.protokollsson@kommunen.example",
}


@pytest.fixture
def visitor(house: House) -> Visitor:
    return Visitor(house)


@dataclass(frozen=True)
class Sample:
    """A sample of the example, as it was sent and as it ended."""

    name: str
    sent: dict[str, Any]
    told: dict[str, Any]

    @property
    def committee(self) -> str:
        return self.name.partition("-")[0]

    @property
    def expected(self) -> tuple[str, list[str]]:
        """Its status and rules; around New Year the third visit is the first of its year (README)."""
        expected = EXPECTED[f"{self.name}.json"]
        today = datetime.now(STOCKHOLM).date()
        if self.name.endswith("held-yearly-visits") and (today - timedelta(days=3)).year != today.year:
            return "filed", []
        return STATUS[expected["outcome"]], expected["rules"]


@pytest.fixture(scope="module")
def samples(house: House) -> dict[str, Sample]:
    """All samples, sent one after the other in the order of their names."""
    visitor = Visitor(house, EXAMPLE_KEY)

    async def send() -> dict[str, Sample]:
        ends = {}
        for name, body in Example(house.config.parent).samples():
            ends[name] = Sample(name, json.loads(body), await visitor.ended(body))
        return ends

    return run_aside(send())


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_ends_as_it_should(samples: dict[str, Sample], name: str) -> None:
    """Outcome and rules are those that stand beside the sample; only a rejected one has no meeting."""
    told = samples[name].told
    assert (told["status"], [finding["rule"] for finding in told["findings"]]) == samples[name].expected
    committee = told["meeting"] and told["meeting"]["committee"]
    assert committee == (None if told["status"] == "rejected" else samples[name].committee)


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_sample_is_found_by_its_reference(
    house: House, samples: dict[str, Sample], name: str
) -> None:
    """A platform that kept only its own number learns the same as one that kept ours."""
    visitor, told = Visitor(house, EXAMPLE_KEY), samples[name].told
    by_reference = await visitor.told(f"?reference={told['reference']}")
    assert by_reference == await visitor.told(f"/{told['id']}")
    assert [step["event"] for step in by_reference["history"]][:1] == ["submission.received"]


async def test_what_another_sent_is_not_shown(visitor: Visitor, samples: dict[str, Sample]) -> None:
    """A caller asks in vain for the submissions of another."""
    told = samples[SAMPLES[0]].told
    answer = await visitor.call(
        "intake", "GET", f"/v1/submissions/{told['id']}", Authorization=f"Bearer {KEY}"
    )
    assert answer.status == 404


@pytest.mark.parametrize("name", SAMPLES)
async def test_the_letters_reach_the_right_people(
    visitor: Visitor, samples: dict[str, Sample], name: str
) -> None:
    """The committee's own secretary gets one; the sender hears that it came, or what there is to mend."""
    sample = samples[name]
    wanted = {SECRETARIES[sample.committee], sample.sent["submitter"]["email"]}
    letters = await visitor.letters(sample.told["id"], len(wanted))
    assert sorted(letter.to for letter in letters) == sorted(wanted)


@pytest.mark.parametrize("name", ["valfard-01-filed", "social-02-held-personal-number"])
async def test_a_report_is_there_to_print(visitor: Visitor, samples: dict[str, Sample], name: str) -> None:
    """`report.pdf` is one."""
    answer = await visitor.call("archive", "GET", f"/v1/reports/{samples[name].told['id']}/report.pdf")
    assert (answer.status, answer.media_type) == (200, "application/pdf")
    assert answer.body.startswith(b"%PDF-")


async def test_a_meeting_lists_its_reports_and_the_held_ones_apart(
    visitor: Visitor, samples: dict[str, Sample]
) -> None:
    """As JSON and as a page, which lists apart also what was rejected."""
    place = f"committees/social/meetings/{samples['social-01-filed'].told['meeting']['date']}"
    meeting = (await visitor.call("archive", "GET", f"/v1/{place}")).content
    assert [one["reference"] for one in meeting["reports"]] == ["190501"]
    assert sorted(one["reference"] for one in meeting["held"]) == ["190502", "190503"]
    page = await visitor.call("archive", "GET", f"/{place}")
    assert page.media_type == "text/html"
    before, heading, after = page.body.decode().partition('id="rejected"')
    for one in [*meeting["reports"], *meeting["held"]]:
        assert one["submission_id"] in before
    rejected = samples["social-05-rejected-visit-in-future"].told["id"]
    assert heading
    assert (rejected in before, rejected in after) == (False, True)


@pytest.mark.parametrize("name", ["valfard-06-rejected-schema", "social-06-rejected-schema"])
def test_each_break_of_the_schema_is_a_finding_with_its_place(samples: dict[str, Sample], name: str) -> None:
    """It was taken with 202; what to mend stands in the findings, each with a pointer and a source."""
    findings = samples[name].told["findings"]
    pointers = [finding["pointer"] for finding in findings]
    assert len(set(pointers)) == len(EXPECTED[f"{name}.json"]["rules"])
    assert all(pointer.startswith("/") for pointer in pointers)
    assert {finding["outcome"] for finding in findings} == {"reject"}
    assert all(finding["message"] and finding["source"] for finding in findings)


async def test_a_held_report_is_released_once(visitor: Visitor) -> None:
    """The second secretary, who saw the same version, is told that someone was first."""
    told = await visitor.ended(report(101, "slapp", "held").body)
    answer = await visitor.act(told["id"], "release", 1, "Numret är ett exempel.")
    assert (answer.status, answer.content["status"], answer.content["version"]) == (200, "filed", 2)
    second = await visitor.act(told["id"], "release", 1, "Jag också.")
    assert_problem(second, 409)
    assert (await visitor.outcome(told["id"], "filed"))["meeting"] is not None


async def test_a_released_report_moves_to_the_agenda(visitor: Visitor) -> None:
    """What was held apart stands among the reports once it is released."""
    told = await visitor.ended(report(102, "dagordning", "held").body)
    place = f"/v1/committees/{COMMITTEE}/meetings/{told['meeting']['date']}"
    assert told["id"] in ids((await visitor.call("archive", "GET", place)).content["held"])
    await visitor.act(told["id"], "release", 1, "Numret är ett exempel.")
    meeting = (await visitor.call("archive", "GET", place)).content
    assert told["id"] in ids(meeting["reports"])
    assert told["id"] not in ids(meeting["held"])


async def test_a_returned_report_goes_to_its_sender_and_leaves_the_meeting(visitor: Visitor) -> None:
    """The sender is told why; the meeting no longer has it."""
    sent = report(103, "retur", "held")
    told = await visitor.ended(sent.body)
    answer = await visitor.act(told["id"], "return", 1, "Ta bort numret.")
    assert (answer.status, answer.content["status"]) == (200, "returned")
    assert (await visitor.outcome(told["id"], "returned"))["meeting"] is None
    letters = await visitor.letters(told["id"], 3)
    assert {(letter.kind, letter.to) for letter in letters} == {
        ("held", SECRETARIES[COMMITTEE]),
        ("received", sent.body["submitter"]["email"]),
        ("returned", sent.body["submitter"]["email"]),
    }
    assert_problem(await visitor.act(told["id"], "release", 2, "Ändå."), 409)


async def test_a_returned_report_frees_its_place_among_the_year_s_visits(visitor: Visitor) -> None:
    """With one of two visits returned the third is no longer too many; without, it is."""
    first = await visitor.ended(report(1, "fri", "plain").body)
    second = await visitor.ended(report(41, "fri", "plain").body)
    assert [first["status"], second["status"]] == ["filed", "filed"]
    before = visitor.house.handled("validation.report.returned")
    await visitor.act(first["id"], "return", 1, "Fel enhet.")

    async def heard() -> bool:
        return visitor.house.handled("validation.report.returned") > before

    await awaited(heard, "validation hears of the return")
    third = await visitor.ended(report(81, "fri", "plain").body)
    fourth = await visitor.ended(report(121, "fri", "plain").body)
    assert (third["status"], fourth["status"]) == ("filed", "held")
    assert [finding["rule"] for finding in fourth["findings"]][:1] == ["yearly-visits"]


async def test_a_completion_replaces_the_report(visitor: Visitor) -> None:
    """It is a new revision of the same submission, in the same place, and its first words are gone."""
    sent = report(104, "komplettering", "filed")
    told = await visitor.ended(sent.body)
    assert await visitor.sent(completed(sent)) == told["id"]

    async def replaced() -> Any:
        found = await visitor.report(told["id"])
        return found if found["revision"] == 2 else None

    found = await awaited(replaced, "the second revision is filed")
    assert found["data"]["sammanfattning"] == completed(sent)["data"]["sammanfattning"]
    place = f"/v1/committees/{COMMITTEE}/meetings/{found['meeting']['date']}"
    meeting = (await visitor.call("archive", "GET", place)).content
    assert ids(meeting["reports"]).count(told["id"]) == 1


async def test_an_older_revision_that_comes_late_changes_nothing(visitor: Visitor) -> None:
    """A platform that sends its queue in the wrong order does no harm."""
    sent = report(105, "baklanges", "filed")
    told = await visitor.ended(completed(sent))
    assert await visitor.sent(sent.body) == told["id"]
    again = await visitor.told(f"/{told['id']}")
    assert (again["revision"], again["status"]) == (1, "filed")
    found = await visitor.report(told["id"])
    assert found["data"]["sammanfattning"] == completed(sent)["data"]["sammanfattning"]


async def test_fifty_posts_of_one_submission_make_one(visitor: Visitor) -> None:
    """A platform that repeats itself, all at the same moment, gets one id and causes one report."""
    sent = report(106, "femtio", "filed")
    answers = await asyncio.gather(*(visitor.post(sent.body) for _ in range(50)))
    assert {answer.status for answer in answers} <= {202, 409}
    taken = [answer for answer in answers if answer.status == 202]
    assert len({answer.content["id"] for answer in taken}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in taken) == 1
    submission_id = taken[0].content["id"]
    told = await visitor.outcome(submission_id)
    assert (told["status"], told["revision"]) == ("filed", 1)
    assert sorted(mail.kind for mail in await visitor.letters(submission_id, 2)) == ["filed", "received"]


async def test_a_key_s_second_use_gets_the_first_answer(visitor: Visitor) -> None:
    """With the same content it is the same promise; with another it is refused, and stores nothing."""
    body = report(107, "nyckel", "filed").body
    first = await visitor.post(body, Idempotency_Key='"en-gang"')
    second = await visitor.post(body, Idempotency_Key='"en-gang"')
    assert (first.status, second.status) == (202, 202)
    assert second.content == first.content
    assert (first.headers.get("Idempotency-Replayed"), second.headers["Idempotency-Replayed"]) == (
        None,
        "true",
    )
    before = taken_so_far(visitor)
    other = await visitor.post(report(108, "nyckel", "filed").body, Idempotency_Key='"en-gang"')
    assert_problem(other, 422)
    assert taken_so_far(visitor) == before


SECRET = "Hemligheten på Storgatan 4"


def secretly(**changes: Any) -> dict[str, Any]:
    """A good submission with a text that nobody may see again, changed as told; None leaves out."""
    body = report(109, "fel", "filed").body
    body["data"] |= {"sammanfattning": SECRET}
    return {name: value for name, value in (body | changes).items() if value is not None}


@dataclass(frozen=True)
class Bad:
    """A request that is to be refused, how, and with which pointers."""

    body: Any
    status: int
    pointers: Sequence[str] = ()
    headers: tuple[tuple[str, str], ...] = ()
    key: str = KEY


BAD = {
    "not JSON": Bad(f'{{"form": "{SECRET}'.encode(), 400),
    "not UTF-8": Bad(json.dumps(secretly(), ensure_ascii=False).encode("latin-1"), 400),
    "no object": Bad([SECRET], 400),
    "unknown form": Bad(secretly(form="hemligt-formular"), 404, ["/form"]),
    "unknown version": Bad(secretly(form_version=99), 422, ["/form_version"]),
    "empty": Bad({}, 422, ["/form", "/reference", "/submitted_at", "/submitter", "/data"]),
    "no reference": Bad(secretly(reference=None), 422, ["/reference"]),
    "nobody": Bad(secretly(submitter={"name": SECRET}), 422, ["/submitter"]),
    "no address": Bad(secretly(submitter={"name": "A", "email": SECRET}), 422, ["/submitter/email"]),
    "no moment": Bad(secretly(submitted_at=SECRET), 422, ["/submitted_at"]),
    "unknown field": Bad(secretly(hemlig=SECRET), 422, ["/hemlig"]),
    "data is a list": Bad(secretly(data=[SECRET]), 422, ["/data"]),
    "bad file": Bad(
        secretly(attachments=[{"name": "a", "media_type": "image/jpeg", "content": SECRET}]),
        422,
        ["/attachments/0/content"],
    ),
    "11 MiB": Bad(SECRET.encode() + b" " * 11 * 1024 * 1024, 413),
    "300 KiB of data": Bad(secretly(data={"sammanfattning": SECRET * 11_000}), 413),
    "wrong type": Bad(secretly(), 415, headers=(("Content_Type", "text/plain"),)),
    "wrong key": Bad(secretly(), 401, key=SECRET.encode().hex()),
    "no key": Bad(secretly(), 401, headers=(("Authorization", ""),)),
    "another caller's form": Bad(secretly(), 403, ["/form"], key=NARROW_KEY),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=[name.replace(" ", "-") for name in BAD])
async def test_what_cannot_be_taken_is_refused_with_its_place(house: House, bad: Bad) -> None:
    """A problem in Swedish that names the place, stores nothing, and gives nothing of the content back."""
    visitor = Visitor(house, bad.key)
    before = taken_so_far(visitor)
    answer = await visitor.post(bad.body, **dict(bad.headers))
    problem = assert_problem(answer, bad.status)
    assert [error["pointer"] for error in problem.get("errors", [])] == list(bad.pointers)
    assert all(error["detail"] for error in problem.get("errors", []))
    told = answer.body.decode() + str(dict(answer.headers))
    assert not any(word in told for word in [SECRET, "Storgatan", "Provperson", "hemligt-formular"])
    assert taken_so_far(visitor) == before


async def test_a_form_that_was_added_is_served(visitor: Visitor) -> None:
    """A folder given with --forms is a form like the shipped ones."""
    told = await visitor.ended(report(110, "egen", "filed").body | {"form": ADDED_FORM})
    assert (told["status"], told["form"]) == ("filed", ADDED_FORM)
    assert (await visitor.report(told["id"]))["form"] == ADDED_FORM


async def test_a_broken_configuration_is_refused_and_the_old_one_stays(visitor: Visitor) -> None:
    """The log says which file; meanwhile reports go where they went before."""
    path = visitor.house.config / "committees" / f"{COMMITTEE}.yaml"
    good = path.read_bytes()
    try:
        path.write_text("id: valfard\nmeetings: [\n", "utf-8")

        async def refused() -> bool:
            services = {
                line.get("service", line["reason"])
                for line in logged(visitor.house)
                if line["event"] == "folder.refused" and line["level"] == "error"
            }
            return len(services) >= (3 if visitor.house.way == "apart" else 1)

        await awaited(refused, "the broken file is refused")
        told = await visitor.ended(report(111, "trasig", "filed").body)
        assert (told["status"], told["meeting"]["committee"]) == ("filed", COMMITTEE)
        assert any(str(path) in str(line.get("reason")) for line in logged(visitor.house))
    finally:
        path.write_bytes(good)


async def test_an_operator_submits_and_sees_the_outcome(house: House, tmp_path: Path) -> None:
    """`kansli submit --wait` prints what became of each file, as JSON."""
    file = tmp_path / "rapport.json"
    file.write_text(json.dumps(report(112, "hand", "filed").body), "utf-8")
    done = await asyncio.to_thread(
        house.kansli, "submit", str(file), "--to", house.addresses["intake"], "--key", KEY, "--wait"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["status"] == "filed"


async def test_a_message_that_nobody_can_read_is_parked_while_others_flow(visitor: Visitor) -> None:
    """It keeps its bytes, an operator sees and replays it, and the tally counts it beside."""
    house = visitor.house
    if house.way != "apart":
        pytest.skip("nobody but the services can put a message on the embedded bus")
    raw = "inte JSON: {åäö".encode()
    await put_on_queue(house, "validation.submission.received", raw)
    assert (await visitor.ended(report(113, "flyter", "filed").body))["status"] == "filed"

    async def parked() -> Any:
        return house.ask("validation", "/admin/parked")["parked"]

    [item] = await awaited(parked, "the message is parked")
    shown = json.loads((await told_by(house, "parked", "show", item["id"])).stdout)
    assert (shown["body"].encode(), shown["origin"]) == (raw, "validation.submission.received")
    assert shown["reason"]
    assert item["id"] in (await told_by(house, "parked", "list")).stdout
    assert "it adds up" in (await told_by(house, "tally")).stdout

    await told_by(house, "parked", "replay", item["id"])

    async def parked_again() -> Any:
        return [one for one in await parked() if one["id"] != item["id"]]

    [again] = await awaited(parked_again, "still unreadable, it is parked again")
    await told_by(house, "parked", "drop", again["id"], "--note", "Ett prov.")
    assert await parked() == []


async def test_a_message_of_a_later_version_is_parked(visitor: Visitor) -> None:
    """A service that is older than its sender loses nothing: it waits for the upgrade on the desk."""
    house = visitor.house
    if house.way != "apart":
        pytest.skip("nobody but the services can put a message on the embedded bus")
    event = {
        "specversion": "1.0",
        "id": "prov-v99",
        "source": "/kansli/intake",
        "type": "se.kansli.submission.received.v99",
        "subject": "prov",
        "time": "2026-01-01T00:00:00Z",
        "data": {"submission_id": "prov", "form": FORM},
    }
    raw = json.dumps(event).encode()
    await put_on_queue(house, "validation.submission.received", raw, "application/cloudevents+json")

    async def parked() -> Any:
        return house.ask("validation", "/admin/parked")["parked"]

    [item] = await awaited(parked, "the message is parked")
    shown = house.ask("validation", f"/admin/parked/{item['id']}")
    assert json.loads(shown["body"]) == event
    assert "v99" in shown["reason"]
    await told_by(house, "parked", "drop", item["id"], "--note", "Ett prov.")


async def test_a_document_that_nobody_could_read_is_filed_when_its_mapping_arrives(
    visitor: Visitor, tmp_path: Path
) -> None:
    """It waits on the desk and in the tally under its family, and then goes the way of any report."""
    house = visitor.house
    mapping = house.folder / "forms" / ADDED_FORM / "open-e.yaml"
    parked = await submitted(house, tmp_path, document("700116", "Kajutan"))
    assert (parked["status"], parked["form"]) == ("parked", f"open-e/{UNMAPPED_FAMILY}")
    listed = (await told_by(house, "parked", "list", "--service", "intake")).stdout
    assert f"open-e/{UNMAPPED_FAMILY}" in listed
    tally = (await told_by(house, "tally")).stdout
    assert re.search(rf"open-e/{UNMAPPED_FAMILY} .* 1$", tally, re.MULTILINE), tally

    shipped = (SHIPPED_FORMS / FORM / "open-e.yaml").read_text("utf-8")
    for_any = shipped.replace('"901"', f'"{UNMAPPED_FAMILY}"').replace("  e-tjanst:", '  "*":')
    mapping.write_text(for_any, "utf-8")
    filed = await visitor.outcome(parked["id"], "filed", "held", "rejected")
    assert (filed["findings"], filed["status"], filed["form"]) == ([], "filed", ADDED_FORM)
    assert filed["received_at"] == parked["received_at"]
    assert (await visitor.report(parked["id"]))["data"]["enhet"] == "Kajutan"
    assert "it adds up" in (await told_by(house, "tally")).stdout
    assert house.ask("intake", "/admin/parked")["parked"] == []
    assert (await submitted(house, tmp_path, document("700116", "Kajutan")))["id"] == parked["id"]


async def test_a_document_that_is_broken_is_refused_and_kept(house: House, tmp_path: Path) -> None:
    """Whoever sent it is told where it breaks, and under which id it lies; the tally counts it beside."""
    file = tmp_path / "trasig.xml"
    file.write_bytes(document("700117", "Kajutan").replace(b"</Values>", b""))
    to = ("--to", house.addresses["intake"], "--key", KEY)
    done = await asyncio.to_thread(house.kansli, "submit", str(file), *to)
    [item] = house.ask("intake", "/admin/parked")["parked"]
    assert (done.returncode, f"(parked as {item['id']})" in done.stderr) == (1, True)
    assert "outside the tally: 1" in (await told_by(house, "tally")).stdout
    shown = json.loads((await told_by(house, "parked", "show", item["id"])).stdout)["body"]
    assert ("Kajutan" in shown, TEST_PERSONAL_NUMBER in shown) == (True, False)
    await told_by(house, "parked", "drop", item["id"], "--note", "Ett prov.")


async def test_nothing_personal_is_logged(house: House, samples: dict[str, Sample]) -> None:
    """No name, address, personnummer or word of a report is in the log of any service."""
    sent = [sample.sent for sample in samples.values()] + [report(n, "x", "held").body for n in range(3)]
    texts = {str(body["data"].get("sammanfattning", ""))[:30] for body in sent} - {""}
    texts |= {str(body["data"].get("enhet", "")) for body in sent if len(str(body["data"].get("enhet"))) > 5}
    people = {body["submitter"]["name"] for body in sent} | {body["submitter"]["email"] for body in sent}
    forbidden = {*texts, *people, TEST_PERSONAL_NUMBER, "191212121212", "Provperson", SECRET, "Storgatan"}
    log = house.logged()
    assert len(log) > 1000
    assert [word for word in forbidden if word in log] == []
    assert re.findall(r"[\w.]+@[\w.]+\.example", log) == []


async def test_the_house_stops_when_it_is_told_to(visitor: Visitor) -> None:
    """SIGTERM ends each process with exit code 0, and what was taken is there after the next start."""
    house = visitor.house
    submission_id = await visitor.sent(report(114, "stopp", "filed").body)
    assert set(await asyncio.to_thread(house.stop)) == {0}
    await asyncio.to_thread(house.start)
    assert (await visitor.outcome(submission_id))["status"] == "filed"


async def test_the_tally_notices_a_report_that_is_gone(visitor: Visitor) -> None:
    """While all is well it adds up; with a row taken out of the archive's database it does not."""
    house = visitor.house
    told = await visitor.ended(report(115, "borta", "filed").body)
    well = await told_by(house, "tally")
    assert (well.returncode, "it adds up" in well.stdout) == (0, True)
    await asyncio.to_thread(house.process("archive").stop)
    await change(house.databases["archive"], f"delete from reports where submission_id = '{told['id']}'")
    await asyncio.to_thread(house.process("archive").start)
    amiss = await asyncio.to_thread(house.kansli, "tally")
    assert (amiss.returncode, "IT DOES NOT ADD UP" in amiss.stdout) == (1, True)


def assert_problem(answer: Answer, status: int) -> Any:
    """A problem of that status, in the media type of RFC 9457, with a title and a detail for people."""
    assert (answer.status, answer.media_type) == (status, "application/problem+json"), answer.body
    problem = answer.content
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"].endswith(".")
    return problem


def document(reference: str, place: str) -> bytes:
    """A report of a visit last week in the XML of a family that nobody has mapped yet."""
    last_week = datetime.now(STOCKHOLM) - timedelta(days=7)
    values = flow_instances.report(
        besoksdatum=flow_instances.question(StartDate=f"{last_week:%Y-%m-%d}"),
        enhet=flow_instances.question(Enhet=place),
        sammanfattning=flow_instances.question(Text="Allt var i ordning."),
        kontaktuppgifter=flow_instances.question(SocialSecurityNumber=TEST_PERSONAL_NUMBER),
    )
    sender = report(116, "dokument", "filed").body["submitter"]
    poster = {"Firstname": sender["name"].split()[0], "Lastname": sender["name"].split()[1]}
    tree = flow_instances.instance(
        values,
        family=UNMAPPED_FAMILY,
        reference=reference,
        submitted=f"{last_week + timedelta(days=1):%Y-%m-%dT%H:%M:%S}",
        poster=poster | {"Email": sender["email"]},
    )
    return flow_instances.as_xml(tree)


async def submitted(house: House, folder: Path, body: bytes) -> Any:
    """What an operator's `submit --wait` printed."""
    file = folder / "rapport.xml"
    file.write_bytes(body)
    to = ("--to", house.addresses["intake"], "--key", KEY)
    return json.loads((await told_by(house, "submit", str(file), *to, "--wait")).stdout)


def ids(reports: Sequence[dict[str, Any]]) -> list[str]:
    return [report["submission_id"] for report in reports]


def taken_so_far(visitor: Visitor) -> int:
    forms = visitor.house.ask("intake", "/admin/tally")["forms"]
    return sum(sum(counts.values()) for counts in forms.values())


def logged(house: House) -> list[dict[str, Any]]:
    return [json.loads(line) for line in house.logged().splitlines() if line.startswith("{")]


async def told_by(house: House, *arguments: str) -> Any:
    """What an operator's command printed, when it ended well."""
    done = await asyncio.to_thread(house.kansli, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


async def put_on_queue(house: House, queue: str, body: bytes, content_type: str = "application/json") -> None:
    url = house.process("intake").environment["INTAKE_AMQP_URL"]
    async with await aio_pika.connect(url, timeout=SHORT_TIMEOUT_S) as connection:
        channel = await connection.channel()
        message = aio_pika.Message(body, content_type=content_type)
        exchange = await channel.get_exchange(EXCHANGE)
        await exchange.publish(message, routing_key=queue)
