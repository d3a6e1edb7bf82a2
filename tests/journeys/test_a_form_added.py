"""A form of another kind, put into the house while it runs; and a shipped one bent by a municipality.

The journeys share a house and go in order: the form is added, used, broken and mended.
"""

import asyncio
import copy
import json
import shutil
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from archive.calendar import day_in_words
from chassis.clock import STOCKHOLM
from support.flow_instances import as_xml, chosen, instance, question
from support.houses import SHIPPED_FORMS, House
from support.load import FORM, report
from support.pdf_words import words_of_pdf
from support.visitor import Visitor, awaited

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DATA = Path(__file__).parents[1] / "data"
ADDED = "arrangemang-fritid"
TITLE = "Rapport från arrangemang med bidrag"
SECRETARY, SENDER = "frida.fritidsson@kommunen.example", "styrelsen@pahittet.example"
EVENT_DAY = datetime.now(STOCKHOLM).date() - timedelta(days=3)

OTHERS = [
    {"forening": "Musikklubben Låtsas", "insats": "Musik", "ideella": 4},
    {"forening": "Scoutkåren Exempel"},
]

READ_BY = {"embedded": 3, "apart": 1}
"""Services that look up committees, in the process that notification lives in."""


def event(reference: str, **changes: Any) -> dict[str, Any]:
    """The form's first example, as if it had been sent today; `changes` are of its answers."""
    example = json.loads((DATA / "forms" / ADDED / "examples" / "accepted.json").read_text("utf-8"))
    data = copy.deepcopy(example["data"]) | changes
    data["tillfalle"] = {"datum": EVENT_DAY.isoformat(), "klockslag": "18.30"}
    return {
        "form": ADDED,
        "form_version": example["form_version"],
        "reference": reference,
        "submitted_at": datetime.now(STOCKHOLM).isoformat(),
        "submitter": example["submitter"],
        "data": data,
    }


def people(count: int) -> dict[str, int]:
    return {"barn": count, "unga": 0, "vuxna": 0}


def old_event(reference: str) -> dict[str, Any]:
    """The same in the form's first version, which asked less."""
    body = event(reference, deltagare={"barn": 40, "vuxna": 15})
    del body["data"]["lardomar"]
    return body | {"form_version": 1}


@pytest.fixture
async def visitor(house: House) -> Visitor:
    """Somebody who calls on the house once it has the form, and the committee that the form is for."""
    visitor = Visitor(house)
    if not added_to(house).exists():
        await add_committee(visitor)
        shutil.copytree(DATA / "forms" / ADDED, added_to(house))
    await awaited(lambda: taken(visitor, event("fråga")), "intake and validation know the form")
    return visitor


def added_to(house: House) -> Path:
    return house.folder / "forms" / ADDED


async def add_committee(visitor: Visitor) -> None:
    """Copy the committee's file, and wait for those who would otherwise look again in a minute only."""
    house = visitor.house
    before = times_read(house)
    shutil.copy(DATA / "committees" / "fritid.yaml", house.config / "committees")

    async def known() -> bool:
        archive = await visitor.call("archive", "GET", "/v1/committees/fritid/meetings")
        return archive.status == 200 and times_read(house) >= before + READ_BY[house.way]

    await awaited(known, "archive and notification know the committee")


def times_read(house: House) -> int:
    lines = events_of(house, "notification", "folder.read")
    return sum(str(house.config) in line["folders"] for line in lines)


def events_of(house: House, service: str, name: str) -> list[dict[str, Any]]:
    """What the service, or the process that it shares with the others, has logged under the name."""
    lines = house.process(service).log.read_text("utf-8").splitlines()
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    return [line for line in logged if line["event"] == name]


async def taken(visitor: Visitor, body: dict[str, Any]) -> bool:
    """Whether both who take submissions, and who would judge them, have the form; nothing is stored."""
    answer = await visitor.post(body | {"form_version": 99})
    return answer.status == 422 and await checked(visitor, body) is not None


async def checked(visitor: Visitor, body: dict[str, Any]) -> list[str] | None:
    """The rules that would have their say, and None while the form is not there."""
    answer = await visitor.call(
        "validation",
        "POST",
        "/v1/check",
        json.dumps(body).encode(),
        Authorization=f"Bearer {visitor.key}",
    )
    return [finding["rule"] for finding in answer.content["findings"]] if answer.status == 200 else None


@pytest.mark.parametrize(
    ("body", "status", "rules"),
    [
        pytest.param(event("fritid-bra"), "filed", [], id="accepted"),
        pytest.param(old_event("fritid-aldre"), "filed", [], id="accepted-version-1"),
        pytest.param(event("fritid-manga", deltagare=people(501)), "held", ["many-participants"], id="held"),
        pytest.param(
            event("fritid-okand", lokal={"anlaggning": "badhuset", "utrymme": "Bassängen"}),
            "rejected",
            ["unknown-facility"],
            id="rejected",
        ),
        pytest.param(event("fritid-fel", deltagare={"barn": -1}), "rejected", ["schema"] * 3, id="schema"),
    ],
)
async def test_an_added_form_is_judged(
    visitor: Visitor, body: dict[str, Any], status: str, rules: list[str]
) -> None:
    """By its own schema of either version and its own rules, although its senders are in no register."""
    told = await visitor.ended(body)
    assert (told["status"], [finding["rule"] for finding in told["findings"]]) == (status, rules)
    assert (told["meeting"] or {"committee": None})["committee"] == (
        None if status == "rejected" else "fritid"
    )


async def test_its_reports_are_summed_over_a_facility(visitor: Visitor) -> None:
    """Those of both versions count together, whoever sent them, up to the one that is too many."""
    parken = {"lokal": {"anlaggning": "parken", "utrymme": "Rotundan"}}
    older = old_event("fritid-summa")
    older["data"] |= {**parken, "deltagare": {"barn": 300, "vuxna": 200}}
    told = [
        await visitor.ended(body)
        for body in (
            older,
            event("fritid-summa-2", deltagare=people(500), **parken),
            event("fritid-summa-3", deltagare=people(1), **parken),
        )
    ]
    assert [[finding["rule"] for finding in one["findings"]] for one in told] == [[], [], ["busy-facility"]]
    assert told[-1]["findings"][0]["message"].startswith("1001 personer")
    assert "Folkets park" in told[-1]["findings"][0]["message"]


async def test_its_report_is_printed_in_the_form_s_order(visitor: Visitor) -> None:
    """Facts, texts and rows of a list, each under its own heading, and no word about visits."""
    told = await visitor.ended(event("fritid-pdf", medarrangorer=OTHERS))

    async def printed() -> str | None:
        answer = await visitor.call("archive", "GET", f"/v1/reports/{told['id']}/report.pdf")
        words = words_of_pdf(answer.body)
        return words if "Uppgifter" in words else None

    words = await awaited(printed, "the archive prints by the form")
    shown = [
        "Uppgifter",
        "Arrangemang Isdisco",
        f"Dag {day_in_words(EVENT_DAY)}",
        "Började klockan 18.30",
        "Anläggning Ishallen",
        "Utrymme Stora isen",
        "Vad som hände Alla som ville fick låna skridskor.",
        "Övriga uppgifter",
        "Deltagare Barn: 40 Unga: 25 Vuxna: 15",
        "Arrangerades tillsammans med",
        "Förening: Musikklubben Låtsas, Insats: Musik, Ideella: 4 Förening: Scoutkåren Exempel",
        "Lärdomar Nästa gång tar vi fram fler hjälmar.",
    ]
    assert [part for part in shown if part not in words] == []
    places = [words.index(part) for part in shown]
    assert places == sorted(places)
    assert "kontaktpolitiker" not in words.lower()


async def test_its_mapping_reads_what_open_eplatform_sends(visitor: Visitor) -> None:
    """A family that only the added form knows: fields inside fields, and a table with numbers in it."""
    answers = {
        "arrangemang": question(Arrangemang="Isdisco"),
        "dag": question(StartDate=EVENT_DAY.isoformat()),
        "tid": question(Klockslag="18.30"),
        "anlaggning": chosen("Ishallen"),
        "utrymme": question(Utrymme="Stora isen"),
        "antal": question(Barn="40", Unga="25", Vuxna="15"),
        "medarrangorer": question(
            Row=[
                {"Forening": "Musikklubben Låtsas", "Insats": "Musik", "Ideella": "4"},
                {"Forening": "Scoutkåren Exempel"},
            ]
        ),
        "beskrivning": question(Beskrivning="Alla som ville fick låna skridskor."),
        "intygar_ingen_sekretess": chosen("Jag intygar"),
    }
    sent = f"{datetime.now(STOCKHOLM):%Y-%m-%dT%H:%M:%S}"
    document = instance(answers, family="903", reference="190903", version="2", submitted=sent)
    answer = await visitor.post(as_xml(document), Content_Type="application/xml")
    assert answer.status == 202, answer.body
    told = await visitor.outcome(answer.content["id"])
    assert (told["status"], told["form"]) == ("filed", ADDED)
    assert [finding["rule"] for finding in told["findings"]][:2] == ["held-together", "lessons-missing"]
    data = (await visitor.report(told["id"]))["data"]
    assert data["tillfalle"] == {"datum": EVENT_DAY.isoformat(), "klockslag": "18.30"}
    assert data["deltagare"] == {"barn": 40, "unga": 25, "vuxna": 15}
    assert data["medarrangorer"] == OTHERS


async def test_its_committee_s_meeting_lists_it(visitor: Visitor) -> None:
    """Under the committee's own agenda item, with the form's own line; the held one apart."""
    filed, held = [
        await visitor.ended(event("fritid-lista")),
        await visitor.ended(event("fritid-lista-2", deltagare=people(600))),
    ]
    place = f"committees/fritid/meetings/{filed['meeting']['date']}"
    meeting = (await visitor.call("archive", "GET", f"/v1/{place}")).content
    assert filed["id"] in [one["submission_id"] for one in meeting["reports"]]
    assert held["id"] in [one["submission_id"] for one in meeting["held"]]
    page = (await visitor.call("archive", "GET", f"/{place}")).body.decode()
    assert f"Isdisco {EVENT_DAY}: Ishallen, Stora isen. Föreningen Påhittet" in page
    assert "Rapporter från arrangemang med bidrag" in page
    assert filed["id"] in page


async def test_its_letters_name_the_form(visitor: Visitor) -> None:
    """Both the committee's secretary and a sender who has something to mend are told what it is about."""
    filed = await visitor.ended(event("fritid-brev"))
    rejected = await visitor.ended(event("fritid-brev-2", deltagare={}))
    assert {mail.to for mail in await visitor.letters(filed["id"], 2)} == {SECRETARY, SENDER}
    assert {mail.to for mail in await visitor.letters(rejected["id"], 2)} == {SECRETARY, SENDER}
    for letter in letters_about(visitor.house, filed["id"], rejected["id"]):
        body = letter.get_body(("plain",))
        assert body is not None
        assert f"Formulär: {TITLE}" in body.get_content()


def letters_about(house: House, *submission_ids: str) -> list[EmailMessage]:
    parser = BytesParser(policy=policy.default)
    letters = [parser.parsebytes(path.read_bytes()) for path in house.letters.glob("*.eml")]
    return [one for one in letters if one["Message-ID"].strip("<").split(".")[0] in submission_ids]


async def test_a_broken_rule_is_refused_and_a_mended_one_counts(visitor: Visitor) -> None:
    """The log of who judges names the file, the old rules go on; the new ones need no restart."""
    rules = added_to(visitor.house) / "rules.yaml"
    good = rules.read_text("utf-8")
    await asyncio.to_thread(rules.write_text, good.replace("> 500", "> 500 &&"), "utf-8")

    async def refused() -> bool:
        refusals = events_of(visitor.house, "validation", "folder.refused")
        return any(str(rules) in line["reason"] and "is not CEL" in line["reason"] for line in refusals)

    await awaited(refused, "validation refuses the broken rules")
    assert (await visitor.ended(event("fritid-trasig", deltagare=people(500))))["status"] == "filed"
    told = await visitor.ended(event("fritid-trasig-2", deltagare=people(501)))
    assert (told["status"], told["findings"][0]["rule"]) == ("held", "many-participants")

    await asyncio.to_thread(rules.write_text, good.replace("500", "50"), "utf-8")
    fuller = event("fritid-lagad", deltagare=people(51))

    async def mended() -> bool:
        return "many-participants" in (await checked(visitor, fuller) or [])

    await awaited(mended, "validation judges by the mended rules")
    told = await visitor.ended(fuller)
    assert told["status"] == "held"
    assert "fler än de 50 som" in told["findings"][0]["message"]


async def test_another_municipality_s_limit_takes_the_place_of_the_shipped_one(house: House) -> None:
    """Its folder of the shipped name allows three visits a year: the third is filed, the fourth held."""
    visitor = Visitor(house)
    first, second, third, fourth = [report(number, "grans", "plain").body for number in (1, 41, 81, 121)]
    assert [(await visitor.ended(body))["status"] for body in (first, second)] == ["filed", "filed"]
    assert await checked(visitor, third) == ["yearly-visits"]
    own = shutil.copytree(SHIPPED_FORMS / FORM, house.folder / "forms" / FORM)
    rules = (own / "rules.yaml").read_text("utf-8")
    changes = [
        (">= 2", ">= 3"),
        ("visits < 2", "visits < 3"),
        ("av 2 som", "av 3 som"),
        ("högst 2", "högst 3"),
    ]
    raised = reduce(lambda text, change: text.replace(*change), changes, rules)
    await asyncio.to_thread((own / "rules.yaml").write_text, raised, "utf-8")

    async def allowed() -> bool:
        return await checked(visitor, third) == []

    await awaited(allowed, "validation judges by the municipality's own limit")
    told = await visitor.ended(third)
    assert told["status"] == "filed"
    filed = await visitor.report(told["id"])
    assert [line["quantity"] for line in filed["compensation"]] == [1]
    assert filed["positions"][0]["message"].startswith("Besök 3 av 3 som ersätts")
    told = await visitor.ended(fourth)
    assert (told["status"], told["findings"][0]["rule"]) == ("held", "yearly-visits")
    assert "högst 3 utan beslut" in told["findings"][0]["message"]
