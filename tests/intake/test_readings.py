"""What was parked is read when a mapping arrives, or when a person asks, as if it came today."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from sqlalchemy import select

from chassis.callers import Caller, load_callers
from chassis.folders import WatchedFolder, each, whole
from chassis.sealing import Sealer
from chassis.store.tables import parked
from intake.dialects import Draft, Unreadable
from intake.forms import find_forms, load_form
from intake.handback import HandBacks, hand_backs_counter
from intake.keeping import Keeper, sealed_documents
from intake.platform_calls import PlatformCalls
from intake.platform_documents import Document, document_of
from intake.readings import Reader
from intake.submissions import Submission, revisions, sealing_keys
from support.desk import BROKEN, DATA, counts, decide, on_desk, send, send_file, status, until
from support.flow_instances import as_xml, instance, question, report
from support.houses import SHIPPED_FORMS
from support.lone_service import LoneService
from support.platforms import KEY, RunIntake, ask, envelope, post

SYNPUNKT = "lamna-synpunkt.xml"
ELEMENTS = {"title/Rubrik": "/rubrik", "description": "/text"}


def map_family(forms: Path, version: int = 9, **elements: str) -> None:
    """Say how family 161 is read as the form `prov`."""
    mapping = {
        "version": version,
        "submitter": {"contact": "contact"},
        "elements": ELEMENTS | elements,
        "ignored": ["document", "reportType"],
    }
    text = yaml.safe_dump({"platforms": {"*": {"161": mapping}}})
    (forms / "prov" / "open-e.yaml").write_text(text, "utf-8")


def is_read(told: dict[str, Any]) -> bool:
    return bool(told["status"] != "parked")


async def test_a_mapping_that_arrives_makes_a_submission_of_what_waited(
    intake: LoneService, forms: Path
) -> None:
    """Under the same id and receipt, with the time at which it came; nothing of it is left on the desk."""
    receipt = (await send_file(intake, SYNPUNKT)).told
    intake.clock.pass_by(days=3)
    map_family(forms)
    intake.reread_folders()
    told = await until(intake, receipt["id"], is_read)
    assert (told["status"], told["form"], told["reference"]) == ("received", "prov", "4164")
    assert [step["event"] for step in told["history"]] == ["submission.parked", "submission.received"]
    (event,) = await intake.said("submission.received")
    assert event.subject == receipt["id"]
    assert event.data["received_at"] == receipt["received_at"] == "2026-11-20T12:00:00Z"
    assert event.data["arrived_at"] == "2024-05-14T12:43:07Z"
    assert event.data["data"] == {"rubrik": "testar", "text": "beskriver synpunkten här"}
    assert event.data["submitter"]["name"] == "Kalle Anka"
    assert (await on_desk(intake), await counts(intake)) == ([], {"prov": {"received": 1}})
    assert await intake.rows(select(sealed_documents)) == []


async def test_what_was_read_late_is_the_same_when_it_is_sent_again(intake: LoneService, forms: Path) -> None:
    """Before and after the mapping, and whatever the mapping has become since."""
    first = await send_file(intake, SYNPUNKT)
    map_family(forms)
    intake.reread_folders()
    await until(intake, first.told["id"], is_read)
    for pointer in ("/text", "/annat"):
        map_family(forms, description=pointer)
        intake.reread_folders()
        again = await send_file(intake, SYNPUNKT)
        assert (again.status, again.told) == (202, first.told)
        assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await intake.rows(select(revisions))) == 1


async def test_a_mapping_that_arrives_while_intake_is_down_is_found(
    run_intake: RunIntake, forms: Path
) -> None:
    """At the start it looks what waits."""
    async with run_intake() as intake:
        receipt = (await send_file(intake, SYNPUNKT)).told
    map_family(forms)
    async with run_intake() as again:
        assert (await until(again, receipt["id"], is_read))["status"] == "received"


async def test_only_the_mapped_family_is_read(intake: LoneService, forms: Path) -> None:
    """And nothing else moves on the desk."""
    waiting = (await send_file(intake, "external-person.xml")).told
    (before,) = await on_desk(intake)
    receipt = (await send_file(intake, SYNPUNKT)).told
    map_family(forms)
    intake.reread_folders()
    await until(intake, receipt["id"], is_read)
    assert (await status(intake, waiting["id"]))["status"] == "parked"
    assert await on_desk(intake) == [before]


async def test_a_document_that_lacks_what_the_form_requires_waits_for_another_mapping(
    intake: LoneService, forms: Path
) -> None:
    """The desk names the element that is gone; when the mapping is mended, it is read."""
    for version in (1, 2):
        (forms / "prov" / f"v{version}.schema.json").write_text('{"required": ["rubrik"]}', "utf-8")
    map_family(forms, version=1, **{"title/Rubrik": "/annat", "heading/Rubrik": "/rubrik"})
    intake.reread_folders()
    receipt = await send_file(intake, SYNPUNKT)
    assert (receipt.status, receipt.told["status"]) == (202, "parked")
    (item,) = await on_desk(intake)
    assert "heading" in item["reason"]
    map_family(forms, version=2)
    intake.reread_folders()
    told = await until(intake, receipt.told["id"], is_read)
    assert told["status"] == "received"


async def test_a_mapping_of_no_help_is_tried_once(intake: LoneService, config: Path, forms: Path) -> None:
    """The same one is not tried again at every start; what it was of no help to is parked again."""
    for version in (1, 2):
        (forms / "prov" / f"v{version}.schema.json").write_text('{"required": ["rubrik"]}', "utf-8")
    await send_file(intake, SYNPUNKT)
    map_family(forms, version=1, **{"title/Rubrik": "/annat", "heading/Rubrik": "/rubrik"})
    intake.reread_folders()
    while len(await intake.rows(select(parked))) < 2:
        pass
    (item,) = await on_desk(intake)
    assert "heading" in item["reason"]
    assert not await another_reader(intake, config, forms).replay_some()


def another_reader(intake: LoneService, config: Path, forms: Path) -> Reader:
    """As it would be after a new start."""

    async def never(_draft: Draft, _caller: Caller, _document: Document) -> Submission:
        raise NotImplementedError

    store = intake.service.store
    today = intake.clock().date()
    callers = WatchedFolder([config], whole(lambda folders: load_callers(folders[0], today)))
    keeper = Keeper(store, Sealer(store, sealing_keys, "intake", []))
    hand_backs = HandBacks(
        store, callers, PlatformCalls(intake.clock), hand_backs_counter(CollectorRegistry())
    )
    found = WatchedFolder([forms], each(find_forms, load_form))
    return Reader(store, keeper, found, callers, never, hand_backs, 30)


async def test_many_that_wait_are_all_read(intake: LoneService, forms: Path) -> None:
    """More than one batch, in the order in which they came."""
    body = (DATA / SYNPUNKT).read_bytes()
    for number in range(60):
        answer = await send(intake, body.replace(b">4164<", b">%d<" % (5000 + number)))
        intake.clock.pass_by(seconds=1)
    map_family(forms)
    intake.reread_folders()
    await until(intake, answer.told["id"], is_read)
    heard = [event.data["reference"] for event in await intake.said("submission.received")]
    assert heard == [str(5000 + number) for number in range(60)]


@pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "unmapped"])
async def test_a_person_can_ask_for_a_reading(intake: LoneService, forms: Path, mapped: bool) -> None:
    """What a former version could not read at all becomes a submission, received or parked by its family."""
    if mapped:
        map_family(forms)
        intake.reread_folders()
    store = intake.service.store
    body = (DATA / SYNPUNKT).read_bytes()
    document = await document_of("e-tjanst", "e-tjanst", "text/xml", body, intake.clock())
    parked_id = await Keeper(store, Sealer(store, sealing_keys, "intake", [])).keep_unreadable(
        document, Unreadable("Gick inte.")
    )
    intake.clock.pass_by(hours=1)
    await decide(intake, parked_id, "replay")
    while (found := await ask(intake, "/v1/submissions?reference=4164", key=KEY)).status != 200:
        pass
    label = "prov" if mapped else "open-e/161"
    assert (found.told["status"], found.told["form"]) == ("received" if mapped else "parked", label)
    assert found.told["received_at"] == "2026-11-20T12:00:00Z"
    assert [item["form"] for item in await on_desk(intake)] == ([] if mapped else [label])
    assert len(await intake.rows(select(sealed_documents))) == (0 if mapped else 1)


async def test_what_nobody_can_read_stays(intake: LoneService, forms: Path) -> None:
    """A mapping that arrives does not touch what is no document at all."""
    parked_id = (await send(intake, BROKEN)).told["parked_id"]
    map_family(forms)
    intake.reread_folders()
    receipt = (await send_file(intake, SYNPUNKT)).told
    assert receipt["status"] == "received"
    assert [item["id"] for item in await on_desk(intake)] == [parked_id]


async def test_a_dropped_one_stays_dropped_when_its_mapping_arrives(intake: LoneService, forms: Path) -> None:
    """A person has decided."""
    dropped = (await send_file(intake, SYNPUNKT)).told
    (item,) = await on_desk(intake)
    await decide(intake, item["id"], "drop")
    other = (await send_file(intake, "lamna-synpunkt-anonymous.xml")).told
    map_family(forms)
    intake.reread_folders()
    await until(intake, other["id"], is_read)
    assert (await status(intake, dropped["id"]))["status"] == "rejected"


async def test_a_completion_in_our_own_dialect_of_what_waits_is_taken(
    intake: LoneService, forms: Path
) -> None:
    """The document is read later, and changes nothing: it was submitted before."""
    waiting = (await send_file(intake, SYNPUNKT)).told
    later = await post(intake, envelope(reference="4164"), key=KEY)
    assert (later.status, later.told["id"], later.told["status"]) == (202, waiting["id"], "received")
    map_family(forms)
    intake.reread_folders()
    await until(intake, waiting["id"], lambda told: len(told["history"]) == 3)
    events = [step["event"] for step in (await status(intake, waiting["id"]))["history"]]
    assert events == ["submission.parked", "submission.received", "submission.superseded"]
    assert len(await intake.said("submission.received")) == 1


@pytest.mark.parametrize("gone", ["caller", "right"])
async def test_a_caller_who_may_not_send_it_any_longer_leaves_it_on_the_desk(
    run_intake: RunIntake, config: Path, forms: Path, gone: str
) -> None:
    """Whose it is and why it was not taken stands there."""
    async with run_intake() as intake:
        await send_file(intake, SYNPUNKT)
    callers = yaml.safe_load((config / "callers.yaml").read_text("utf-8"))["callers"]
    first, *others = callers
    kept = others if gone == "caller" else [first | {"forms": ["annat"]}, *others]
    (config / "callers.yaml").write_text(yaml.safe_dump({"callers": kept}), "utf-8")
    map_family(forms)
    async with run_intake() as again:
        while len(await again.rows(select(parked))) < 2:
            pass
        (item,) = await on_desk(again)
        assert ("callers.yaml" in item["reason"]) == (gone == "caller")
        assert (item["caller"], item["form"]) == ("e-tjanst", "open-e/161")


async def test_frends_json_is_a_document_too(intake: LoneService, forms: Path) -> None:
    """By its top level, whatever the content type says of JSON; it is parked and read in the same way."""
    header = {
        "Flow": {"FamilyID": "161", "Version": "2", "FlowID": "529", "Name": {"#cdata-section": "Prov"}},
        "FlowInstanceID": "4164",
        "Status": {"ID": "1", "Name": "Inskickat"},
        "LastSubmitted": "2024-05-14T14:43:07",
    }
    values = {"title": {"QueryID": "1", "Rubrik": {"#cdata-section": "testar"}}}
    answer = await post(intake, {"FlowInstance": {"Header": header, "Values": values}}, key=KEY)
    assert (answer.status, answer.told["form"]) == (202, "open-e/161")
    map_family(forms)
    intake.reread_folders()
    await until(intake, answer.told["id"], is_read)
    (event,) = await intake.said("submission.received")
    assert event.data["data"] == {"rubrik": "testar"}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"FlowInstance": {"Header": ', {"line", "column"}),
        (b'{"FlowInstance": []}', set()),
        (b'{"FlowInstance": {"Header": {}}}', set()),
        (b'{"FlowInstance": "\xff"}', set()),
    ],
)
async def test_frends_json_that_is_no_submission_is_kept(
    intake: LoneService, body: bytes, place: set[str]
) -> None:
    """As XML is."""
    answer = await post(intake, body, key=KEY)
    assert (answer.status, answer.is_problem) == (422, True), answer.content
    assert answer.told.keys() >= {"parked_id"} | place
    (item,) = await on_desk(intake)
    assert item["id"] == answer.told["parked_id"]


async def test_a_number_that_cannot_be_hashed_here_refuses_no_document(run_intake: RunIntake) -> None:
    """Whoever answered the platform's questions chose no field; without a key the number is left out."""
    contact = question(Firstname="Tolvan", Lastname="Exempelsson", SocialSecurityNumber="191212121212")
    tree = instance(report(kontaktuppgifter=contact), poster=None, owners=())
    async with run_intake(personal_number_key=None, forms=str(SHIPPED_FORMS)) as intake:
        answer = await send(intake, as_xml(tree))
        assert (answer.status, answer.told["status"]) == (202, "received")
        (event,) = await intake.said("submission.received")
    assert event.data["submitter"]["personal_number_hash"] is None


@pytest.mark.parametrize(
    "begins", [b'\xef\xbb\xbf{"FlowInstance": ', b'{"?xml":{"@version":"1.0"},"FlowInstance":{"Header": ']
)
async def test_frends_json_that_breaks_off_is_kept_however_it_begins(
    intake: LoneService, begins: bytes
) -> None:
    """With a byte order mark, or with the XML declaration that Newtonsoft writes first."""
    answer = await send(intake, begins, **{"Content-Type": "application/json"})
    assert (answer.status, "parked_id" in answer.told) == (422, True)
