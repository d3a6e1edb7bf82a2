"""The platform is told what became of what it sent: in order, once, and seen when it was not."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest
import yaml
from sqlalchemy import select, update
from standardwebhooks.webhooks import Webhook
from structlog.testing import capture_logs

from chassis.events import Event
from chassis.parking import replay
from chassis.store import Transaction
from chassis.store.tables import errands, parked
from intake import platform_calls
from intake.__main__ import build
from intake.events import (
    Finding,
    Meeting,
    ReportFiled,
    ReportHeld,
    ReportReleased,
    ReportReturned,
    SubmissionRejected,
)
from intake.handback import HAND_BACK
from intake.settings import IntakeSettings
from support.desk import decide, on_desk, send_file
from support.fake_platform import CALLBACK, SIGN_IN_PAGE, FakePlatform, Scripted, fault
from support.lone_service import LoneService, alone
from support.platforms import CALLERS, KEY, NUMBER_KEY, OTHER_KEY, WEBHOOK_SECRET, ask, envelope, post
from support.still_clock import StillClock

NUMBER = "19121212-1212"
"""The tax agency's test number."""

ALIASES = {"filed": "mottagen", "rejected": "avvisad", "returned": "komplettering"}
FINDINGS = [
    Finding(rule="future", outcome="reject", message=f"Besöket {NUMBER} har inte varit än.", source="§ 3"),
    Finding(rule="late", outcome="note", message="Rapporten är sen.", source="§ 4"),
]
ALL_DEEDS = ["confirmDelivery", "addMessage", "setStatus"]
PASSWORD = "hemligt-lösenord"
SOON_S = 10.0


@dataclass
class Office:
    """Intake, with a platform that the first two callers are handed back to: SOAP and callback."""

    intake: LoneService
    platform: FakePlatform

    async def send(self, reference: str = "190456", key: str = KEY, **changed: Any) -> str:
        answer = await post(self.intake, envelope(reference=reference, **changed), key=key)
        assert answer.status == 202
        return str(answer.told["id"])

    async def told(self, submission_id: str, key: str = KEY) -> dict[str, Any]:
        answer: dict[str, Any] = (await ask(self.intake, f"/v1/submissions/{submission_id}", key=key)).told
        return answer

    async def settled(self, submission_id: str, *states: str, key: str = KEY) -> dict[str, Any]:
        """What is told once the hand-back is in one of the states."""
        async with asyncio.timeout(SOON_S):
            while (told := await self.told(submission_id, key))["hand_back"]["state"] not in states:
                await asyncio.sleep(0.01)
        return told

    async def tried(self, submission_id: str, attempts: int = 1, key: str = KEY) -> dict[str, Any]:
        """What is told once it has failed so often and waits."""
        async with asyncio.timeout(SOON_S):
            while True:
                told = await self.told(submission_id, key)
                if told["hand_back"]["attempts"] == attempts and told["hand_back"]["reason"]:
                    return told
                await asyncio.sleep(0.01)

    async def idle(self) -> None:
        """Wait until no errand is due now or running."""
        waiting = select(errands.c.id).where(errands.c.state.in_(["due", "running"]))
        async with asyncio.timeout(SOON_S):
            while await self.intake.rows(waiting):
                await asyncio.sleep(0.01)

    async def replay_all(self) -> None:
        for item in await self.intake.rows(select(parked.c.id).where(parked.c.state == "parked")):
            await self.intake.service.store.write(partial(replay, parked_id=item.id, by="me"))

    def counted(self, kind: str, deed: str, outcome: str) -> float:
        labels = {"kind": kind, "deed": deed, "outcome": outcome}
        registry = self.intake.service.metrics.registry
        return registry.get_sample_value("kansli_hand_backs_total", labels) or 0.0


class Open(Protocol):
    def __call__(self, database: Path | str | None = None) -> AbstractAsyncContextManager[LoneService]: ...


@pytest.fixture
async def platform() -> AsyncIterator[FakePlatform]:
    async with FakePlatform() as platform:
        yield platform


@pytest.fixture
def open_intake(tmp_path: Path, config: Path, forms: Path, clock: StillClock, platform: FakePlatform) -> Open:
    (tmp_path / "user").write_text(f"kansli:{PASSWORD}\n", "utf-8")
    soap, hook = (
        {"kind": kind, "url": platform.url + path, "credentials": credentials}
        for kind, path, credentials in [
            ("open-e", "/api/callback", f"file:{tmp_path}/user"),
            ("callback", "/hook", "env:PROV_WEBHOOK_SECRET"),
        ]
    )
    callers = [
        CALLERS[0] | {"hand_back": soap | {"statuses": ALIASES}},
        CALLERS[1] | {"hand_back": hook},
        *CALLERS[2:],
    ]
    (config / "callers.yaml").write_text(yaml.safe_dump({"callers": callers}), "utf-8")
    objects = (tmp_path / "objects").as_uri()

    def run(database: Path | str | None = None) -> AbstractAsyncContextManager[LoneService]:
        given = {"forms": str(forms), "objects": objects, "personal_number_key": NUMBER_KEY}
        where = database or tmp_path / "intake.db"
        return alone(build, IntakeSettings, where, clock, config=config, **given)

    return run


@pytest.fixture
async def office(open_intake: Open, platform: FakePlatform) -> AsyncIterator[Office]:
    async with open_intake() as intake:
        yield Office(intake, platform)


def report(kind: type[Any], submission_id: str, version: int = 1, **changed: Any) -> Event:
    told = {
        "submission_id": submission_id,
        "revision": 1,
        "version": version,
        "meeting": None if kind is ReportReturned else Meeting(committee="namnd", date="2026-12-09"),
        "findings": [],
    }
    reason = {"reason": f"Skriv inte {NUMBER}."} if kind is ReportReturned else {}
    made: Event = kind(**{**told, **reason, **changed})
    return made


def rejected(submission_id: str, revision: int = 1) -> SubmissionRejected:
    return SubmissionRejected(submission_id=submission_id, revision=revision, findings=FINDINGS)


def text_of(platform: FakePlatform, *path: str) -> list[str]:
    """What stands at the place, in each call that has it."""
    place = "/".join(f"{CALLBACK}{name}" for name in path)
    return [found.text or "" for call in platform.calls if (found := call.operation.find(place)) is not None]


@pytest.mark.parametrize(
    ("kind", "deeds", "alias"),
    [
        (ReportFiled, ["confirmDelivery", "setStatus"], ["mottagen"]),
        (ReportHeld, ["confirmDelivery"], []),
        (ReportReleased, ["confirmDelivery", "setStatus"], ["mottagen"]),
        (ReportReturned, ALL_DEEDS, ["komplettering"]),
    ],
)
async def test_each_news_of_a_report_is_handed_back(
    office: Office, kind: type[Any], deeds: list[str], alias: list[str]
) -> None:
    """The confirmation first; that a report is held is between the secretary and the report."""
    submission_id = await office.send()
    await office.intake.hear(report(kind, submission_id))
    told = await office.settled(submission_id, "done")
    await office.idle()
    assert sorted(office.platform.names) == sorted(deeds)
    assert office.platform.names[0] == "confirmDelivery"
    assert text_of(office.platform, "statusAlias") == alias
    assert set(text_of(office.platform, "flowInstanceID")) == {"190456"}
    assert [step["event"] for step in told["history"]][-1] == "hand-back.confirmed"
    assert told["hand_back"]["reason"] is None


async def test_a_platform_behind_an_integration_is_told_its_own_number(office: Office) -> None:
    """We write its name before its number; it knows the number only."""
    told = (await send_file(office.intake, "external-person.xml", "?platform=norr")).told
    assert told["reference"] == "norr/225965"
    await office.intake.hear(report(ReportFiled, told["id"]))
    await office.settled(told["id"], "done")
    await office.idle()
    assert text_of(office.platform, "flowInstanceID") == ["225965", "225965"]


async def test_a_platform_is_told_that_a_person_dropped_what_nobody_could_read(office: Office) -> None:
    """As of a rejection: what became of it, and whom to ask."""
    told = (await send_file(office.intake, "external-person.xml")).told
    (item,) = await on_desk(office.intake)
    await decide(office.intake, item["id"], "drop")
    await office.settled(told["id"], "done")
    await office.idle()
    assert sorted(office.platform.names) == sorted(ALL_DEEDS)
    (text,) = text_of(office.platform, "message", "message")
    assert "Kontakta kommunen" in text
    assert text_of(office.platform, "statusAlias") == ["avvisad"]


async def test_a_rejection_tells_what_was_wrong_and_what_to_do(office: Office) -> None:
    """Each rule that rejected, with its source; no note, and nothing that could be a personnummer."""
    submission_id = await office.send()
    await office.intake.hear(rejected(submission_id))
    await office.idle()
    assert sorted(office.platform.names) == sorted(ALL_DEEDS)
    (text,) = text_of(office.platform, "message", "message")
    assert "har inte varit än." in text
    assert "Källa: § 3" in text
    assert "skicka in formuläret igen" in text
    assert "sen" not in text
    assert NUMBER not in text
    assert text_of(office.platform, "statusAlias") == ["avvisad"]


async def test_the_secretarys_reason_goes_along_masked(office: Office) -> None:
    """The sender is to know why, and no number is spread."""
    submission_id = await office.send()
    await office.intake.hear(report(ReportReturned, submission_id))
    await office.idle()
    (text,) = text_of(office.platform, "message", "message")
    assert "Skäl: Skriv inte ••••••-••••." in text


async def test_we_sign_in_as_the_platform_asks(office: Office) -> None:
    """Basic in UTF-8, and an empty SOAPAction, which some servers demand."""
    submission_id = await office.send()
    await office.intake.hear(report(ReportHeld, submission_id))
    await office.settled(submission_id, "done")
    headers = office.platform.calls[0].headers
    assert base64.b64decode(headers["authorization"].split()[1]).decode() == f"kansli:{PASSWORD}"
    assert headers["soapaction"] == '""'
    assert headers["content-type"] == "text/xml; charset=utf-8"


async def test_the_same_event_again_tells_nothing_again(office: Office) -> None:
    """Nor does one of an older version, nor of a caller who wants nothing."""
    submission_id = await office.send()
    await office.intake.hear(report(ReportFiled, submission_id, version=2))
    await office.idle()
    for event in (report(ReportFiled, submission_id, 2), report(ReportReturned, submission_id, 1)):
        await office.intake.hear(event)
    await office.idle()
    assert sorted(office.platform.names) == ["confirmDelivery", "setStatus"]


async def test_nothing_is_handed_back_to_who_does_not_ask(intake: LoneService) -> None:
    """Without `hand_back` a caller is told when it asks."""
    submission_id = (await post(intake, key=KEY)).told["id"]
    await intake.hear(report(ReportFiled, submission_id))
    told = (await ask(intake, f"/v1/submissions/{submission_id}", key=KEY)).told
    assert told["hand_back"] == {"state": "none", "attempts": 0, "at": None, "reason": None}
    assert await intake.rows(select(errands)) == []


@pytest.mark.parametrize("name", ["AccessDenied", "FlowInstanceNotFound", "StatusNotFound"])
async def test_a_fault_that_never_heals_is_parked_at_once_and_can_be_replayed(
    office: Office, name: str
) -> None:
    """It is seen in the status and the history; after a replay the chain goes on where it stopped."""
    office.platform.script.append(fault(name))
    submission_id = await office.send()
    await office.intake.hear(report(ReportFiled, submission_id))
    told = await office.settled(submission_id, "failed")
    assert told["hand_back"]["attempts"] == 1
    assert told["hand_back"]["at"]
    assert told["hand_back"]["reason"].startswith("Kansli saknar behörighet")
    assert told["history"][-1]["event"] == "hand-back.failed"
    assert office.counted("open-e", "confirm", "failed") == 1
    await office.replay_all()
    await office.settled(submission_id, "done")
    await office.idle()
    assert office.platform.names == ["confirmDelivery", "confirmDelivery", "setStatus"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Scripted(200, SIGN_IN_PAGE, {"Content-Type": "text/html"}), "inloggningssida"),
        (Scripted(503), "bett oss vänta"),
        (fault("OutOfCoffee"), "fel i plattformen"),
        (Scripted(500, SIGN_IN_PAGE), "fel i plattformen"),
        (Scripted(502), "fel i plattformen"),
        (Scripted(drop=True), "svarade inte"),
    ],
    ids=["a page", "503", "another fault", "an error's page", "502", "hung up"],
)
async def test_what_may_heal_is_tried_again(office: Office, answer: Scripted, reason: str) -> None:
    """Pending meanwhile, with the attempts and the last reason; a confirmation may be repeated."""
    office.platform.script.append(answer)
    submission_id = await office.send()
    await office.intake.hear(report(ReportHeld, submission_id))
    told = await office.tried(submission_id)
    assert told["hand_back"]["state"] == "pending"
    assert reason in told["hand_back"]["reason"]
    office.intake.clock.pass_by(seconds=2)
    told = await office.settled(submission_id, "done")
    assert told["hand_back"]["attempts"] == 2
    assert office.platform.names == ["confirmDelivery", "confirmDelivery"]


async def test_a_platform_that_does_not_answer_is_not_waited_for(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty seconds in life."""
    monkeypatch.setattr(platform_calls, "TIMEOUT", aiohttp.ClientTimeout(total=0.1))
    office.platform.script.append(Scripted(hang=True))
    submission_id = await office.send()
    await office.intake.hear(report(ReportHeld, submission_id))
    told = await office.tried(submission_id)
    assert told["hand_back"]["reason"] == "Plattformen svarade inte i tid."


@pytest.mark.parametrize(
    "answer",
    [Scripted(drop=True), Scripted(504), fault("OutOfCoffee"), Scripted(200, "<half an ans")],
    ids=["hung up", "504", "another fault", "half an answer"],
)
async def test_a_message_that_may_be_there_is_not_sent_again_without_a_person(
    office: Office, answer: Scripted
) -> None:
    """A repeated message is a second one: it is parked, and the reason says where to look."""
    office.platform.script += [Scripted(200, _confirmed()), answer]
    submission_id = await office.send()
    await office.intake.hear(report(ReportReturned, submission_id))
    told = await office.settled(submission_id, "failed")
    await office.idle()
    assert "kan redan ha fått" in told["hand_back"]["reason"]
    assert office.platform.names.count("addMessage") == 1
    assert office.platform.names.count("setStatus") == 1
    await office.replay_all()
    await office.settled(submission_id, "done")
    assert office.platform.names.count("addMessage") == 2


def _confirmed() -> str:
    return (
        '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body><confirmDeliveryResponse '
        f'xmlns="{CALLBACK[1:-1]}"/></S:Body></S:Envelope>'
    )


@pytest.mark.parametrize(
    ("waits", "seconds"), [("120", 120), ("Fri, 20 Nov 2026 12:05:00 GMT", 300), ("nonsense", 1)]
)
async def test_a_platform_that_asks_for_time_gets_it(office: Office, waits: str, seconds: int) -> None:
    """Retry-After in seconds or as a date; nonsense is passed over, and the schedule holds."""
    office.platform.script.append(Scripted(503, headers={"Retry-After": waits}))
    submission_id = await office.send()
    await office.intake.hear(report(ReportHeld, submission_id))
    assert "bett oss vänta" in (await office.tried(submission_id))["hand_back"]["reason"]
    (row,) = await office.intake.rows(select(errands.c.due_at))
    asked = row.due_at - office.intake.clock.now
    assert timedelta(seconds=seconds) <= asked <= timedelta(seconds=seconds * 1.2)


async def test_a_reference_that_is_no_number_of_the_platform_is_parked(office: Office) -> None:
    """Nothing is asked of the platform that it could not answer."""
    submission_id = await office.send(reference="VSN-7")
    await office.intake.hear(report(ReportFiled, submission_id))
    assert "inget nummer" in (await office.settled(submission_id, "failed"))["hand_back"]["reason"]
    assert office.platform.calls == []


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "släpper inte in"), (307, "bytt adress"), (405, "tar inte")]
)
async def test_a_platform_that_lets_us_not_in_is_not_asked_again(
    office: Office, status: int, reason: str
) -> None:
    """The credentials go nowhere but where they were meant for, and an operator is told what to mend."""
    office.platform.script.append(Scripted(status, headers={"Location": "/api/callback"}))
    submission_id = await office.send()
    await office.intake.hear(report(ReportFiled, submission_id))
    assert reason in (await office.settled(submission_id, "failed"))["hand_back"]["reason"]
    assert office.platform.names == ["confirmDelivery"]


async def test_a_status_that_no_longer_holds_is_not_set(office: Office) -> None:
    """The platform was away while the report was filed and then returned: it ends as returned."""
    office.platform.script.append(Scripted(503))
    submission_id = await office.send()
    await office.intake.hear(report(ReportFiled, submission_id, version=1))
    await office.tried(submission_id)
    await office.intake.hear(report(ReportReturned, submission_id, version=2))
    await office.settled(submission_id, "done")
    office.intake.clock.pass_by(seconds=2)
    await office.idle()
    assert text_of(office.platform, "statusAlias") == ["komplettering"]
    assert office.counted("open-e", "status", "overtaken") == 1


async def test_a_rejected_completion_leaves_the_status_of_the_report_that_stands(office: Office) -> None:
    """The person is told what was wrong with it; the case is as filed as before."""
    submission_id = await office.send()
    await office.intake.hear(report(ReportFiled, submission_id))
    await office.idle()
    await office.send(submitted_at="2026-11-20T12:40:00+01:00")
    await office.intake.hear(rejected(submission_id, revision=2))
    await office.idle()
    assert text_of(office.platform, "statusAlias") == ["mottagen"]
    assert office.platform.names.count("addMessage") == 1


async def test_a_hand_back_that_is_no_longer_configured_is_parked(office: Office, config: Path) -> None:
    """Where it was to go is nowhere now; a person decides."""
    office.platform.script.append(Scripted(503))
    submission_id = await office.send()
    await office.intake.hear(report(ReportHeld, submission_id))
    await office.tried(submission_id)
    (config / "callers.yaml").write_text(yaml.safe_dump({"callers": CALLERS}), "utf-8")
    office.intake.reread_folders()
    office.intake.clock.pass_by(seconds=2)
    told = await office.settled(submission_id, "failed")
    assert told["hand_back"]["reason"].startswith("Det finns inga inställningar")


@pytest.mark.parametrize("kind", [ReportFiled, ReportHeld, ReportReleased, ReportReturned])
async def test_a_callback_carries_what_the_platform_would_be_told(office: Office, kind: type[Any]) -> None:
    """Signed by Standard Webhooks, with each change of status."""
    office.intake.clock.now = datetime.now(UTC)
    submission_id = await office.send(key=OTHER_KEY, submitted_at="2026-11-20T10:00:00+01:00")
    await office.intake.hear(report(kind, submission_id))
    told = await office.settled(submission_id, "done", key=OTHER_KEY)
    (call,) = office.platform.calls
    assert call.headers["content-type"] == "application/json"
    sent = Webhook(WEBHOOK_SECRET).verify(call.body, dict(call.headers))
    assert sent.pop("hand_back")["state"] == "pending"
    del told["hand_back"]
    assert told["history"].pop()["event"] == "hand-back.confirmed"
    assert sent == told


async def test_a_callback_tried_again_is_the_same_message(office: Office) -> None:
    """The same id and the same bytes, at another time."""
    office.platform.script.append(Scripted(502))
    submission_id = await office.send(key=OTHER_KEY)
    await office.intake.hear(report(ReportFiled, submission_id))
    await office.tried(submission_id, key=OTHER_KEY)
    office.intake.clock.pass_by(seconds=2)
    await office.settled(submission_id, "done", key=OTHER_KEY)
    first, second = office.platform.calls
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert first.body == second.body
    assert "." not in first.headers["webhook-id"]


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 410])
async def test_a_callback_that_is_refused_is_parked_at_once(office: Office, status: int) -> None:
    """Nobody follows a redirect with a signed message, and nobody insists."""
    office.platform.script.append(Scripted(status, headers={"Location": "/hook"}))
    submission_id = await office.send(key=OTHER_KEY)
    await office.intake.hear(report(ReportFiled, submission_id))
    await office.settled(submission_id, "failed", key=OTHER_KEY)
    assert len(office.platform.calls) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_callback_that_may_heal_is_tried_again(office: Office, status: int) -> None:
    """As a message with an id may be sent again whatever became of it."""
    office.platform.script.append(Scripted(status))
    submission_id = await office.send(key=OTHER_KEY)
    await office.intake.hear(report(ReportFiled, submission_id))
    await office.tried(submission_id, key=OTHER_KEY)
    office.intake.clock.pass_by(seconds=2)
    await office.settled(submission_id, "done", key=OTHER_KEY)


async def test_a_newer_callback_overtakes_one_that_waits(office: Office) -> None:
    """What comes last is what holds."""
    office.platform.script.append(Scripted(503))
    submission_id = await office.send(key=OTHER_KEY)
    await office.intake.hear(report(ReportHeld, submission_id, version=1))
    await office.tried(submission_id, key=OTHER_KEY)
    await office.intake.hear(report(ReportReleased, submission_id, version=2))
    await office.settled(submission_id, "done", key=OTHER_KEY)
    office.intake.clock.pass_by(seconds=2)
    await office.idle()
    assert [json.loads(call.body)["status"] for call in office.platform.calls] == ["held", "filed"]


async def test_after_a_death_between_deed_and_conclusion_no_second_message_is_sent(office: Office) -> None:
    """The next worker knows that it was begun: a confirmation is repeated, a message waits for a person."""
    submission_id = await office.send()
    await office.intake.hear(report(ReportReturned, submission_id))
    await office.idle()
    await _leave_begun(office, "confirm")
    await office.idle()
    assert office.platform.names.count("confirmDelivery") == 2
    assert office.platform.names.count("addMessage") == 1
    await _leave_begun(office, "message")
    told = await office.settled(submission_id, "failed")
    assert "kan redan ha fått" in told["hand_back"]["reason"]
    assert office.platform.names.count("addMessage") == 1


async def _leave_begun(office: Office, deed: str) -> None:
    """As a worker does that has done the deed and is killed before it could say so."""

    async def leave(tx: Transaction) -> None:
        of_deed = update(errands).where(errands.c.key.endswith(f"_{deed}"))
        await tx.execute(of_deed.values(state="running", due_at=tx.clock()))
        tx.errand_kinds.add(HAND_BACK)

    await office.intake.service.store.write(leave)


async def test_what_is_logged_holds_facts_alone(office: Office) -> None:
    """No address of the platform's, no secret, nothing of message, name or number."""
    office.platform.script += [Scripted(503), fault("AccessDenied")]
    with capture_logs() as logs:
        submission_id = await office.send()
        await office.intake.hear(report(ReportReturned, submission_id))
        await office.tried(submission_id)
        office.intake.clock.pass_by(seconds=2)
        await office.settled(submission_id, "failed")
        await office.replay_all()
        await office.settled(submission_id, "done")
        await office.idle()
    logged = repr(logs)
    assert "hand-back.settled" in logged
    for secret in (PASSWORD, NUMBER, "Skriv inte", "Exempelsson", "190456", office.platform.url):
        assert secret not in logged


def test_every_reason_is_told_in_swedish() -> None:
    """To the platform's people; operators read the English one on the desk."""
    assert platform_calls.IN_SWEDISH.keys() == set(platform_calls.Reason)


async def test_so_it_is_on_postgresql(open_intake: Open, platform: FakePlatform, postgres_url: str) -> None:
    """The chain, a failure that is seen, a replay, and what a newer one has overtaken."""
    platform.script += [fault("AccessDenied"), Scripted(503)]
    async with open_intake(postgres_url) as intake:
        office = Office(intake, platform)
        submission_id = await office.send()
        await intake.hear(report(ReportFiled, submission_id, version=1))
        await office.settled(submission_id, "failed")
        await office.replay_all()
        assert (await office.tried(submission_id, attempts=2))["hand_back"]["state"] == "pending"
        await intake.hear(report(ReportReturned, submission_id, version=2))
        await office.settled(submission_id, "done")
        intake.clock.pass_by(seconds=2)
        await office.idle()
        assert text_of(platform, "statusAlias") == ["komplettering"]
        assert office.counted("open-e", "status", "overtaken") == 1
