"""Visits from before go-live: they count like others, and are nothing else than visits."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from kansli.example import write_example
from kansli.history_import import read_visits, send_visits
from kansli.places import shipped_example, shipped_forms
from kansli.spreadsheets import BadTable
from support.lone_service import LoneService, alone
from support.still_clock import StillClock
from validation.__main__ import build
from validation.events import SubmissionReceived, Submitter
from validation.forms import load_forms
from validation.judgements import tally
from validation.settings import ValidationSettings

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FORMS = load_forms([shipped_forms()])
ANNA, CECILIA = "anna.exempelsson@valfard.example", "cecilia.fiktiv@social.example"
VISITS = f"e-post;Besöksdatum;verksamhet;enhet\n{ANNA};2026-03-01;kost;A\n{ANNA.upper()};2026-04-01;kost;B\n"
INTERNSHIP = (
    "id;besoksdatum;kontaktomrade;enhet;aktivitet;timmar;heldag\n"
    "kp-11;2026-03-01;hemtjanst;A;praktik;5,0;nej\n"
)


class Teller:
    """Tells the running service as the command does."""

    def __init__(self, service: LoneService) -> None:
        self._service = service

    async def tell(self, service: str, path: str, content: Any) -> Any:
        assert service == "validation"
        async with self._service.http.post(self._service.url + path, json=content) as response:
            assert response.status == 200
            return await response.json()


@pytest.fixture
async def validation(tmp_path: Path) -> AsyncIterator[LoneService]:
    config = write_example(shipped_example(), tmp_path, date(2026, 11, 20)).config
    place, forms = tmp_path / "validation.db", str(shipped_forms())
    async with alone(
        build, ValidationSettings, place, StillClock(NOW), config=config, forms=forms
    ) as service:
        yield service


async def imported(
    validation: LoneService, tmp_path: Path, form: str, text: str, *, dry_run: bool = False
) -> list[str]:
    table = tmp_path / "history.csv"
    table.write_text(text, "utf-8")
    visits = read_visits(table, FORMS[form], None, NOW.date())
    rows = await send_visits(Teller(validation), form, visits, dry_run)
    return [row["result"] for row in rows]


def received(form: str, email: str, reference: str, data: dict[str, Any]) -> SubmissionReceived:
    return SubmissionReceived(
        submission_id=reference,
        revision=1,
        form=form,
        form_version=1,
        reference=reference,
        received_at=NOW,
        arrived_at=NOW,
        submitter=Submitter(name="Någon Påhittad", email=email, personal_number_hash=None),
        data=data,
        attachments=[],
    )


def visit(day: str, place: str) -> SubmissionReceived:
    data = {
        "besoksdatum": day,
        "verksamhet": "kost",
        "enhet": place,
        "initiativ": "inbjudan",
        "sammanfattning": "Maten smakade bra.",
        "muntlig_sammanfattning": False,
        "anstalld_i_verksamheten": False,
        "narstaende_anstalld": False,
        "ersattning_begars": True,
        "intygar_ingen_sekretess": True,
    }
    return received("kontaktpolitiker-valfard", ANNA, f"visit-{day}", data)


def internship(hours: float) -> SubmissionReceived:
    data = {
        "besoksdatum": "2026-11-12",
        "kontaktomrade": "hemtjanst",
        "enhet": "B",
        "aktivitet": "praktik",
        "timmar": hours,
        "heldag": False,
        "kallad_av_enhetschef": True,
        "arbetsplan_genomgangen": True,
        "rapportform": "skriftlig",
        "iakttagelser": "Lugnt och ordnat.",
        "anstalld_i_verksamheten": False,
        "inga_personalarenden": True,
        "intygar_ingen_sekretess": True,
    }
    return received("kontaktpolitiker-social", CECILIA, f"internship-{hours}", data)


async def accepted(validation: LoneService) -> list[tuple[str, bool]]:
    """The outcome of each report, and whether a limit of the year had its say."""
    limits = {"yearly-visits", "internship-hours"}
    return [
        (one.data["outcome"], any(finding["rule"] in limits for finding in one.data["findings"]))
        for one in await validation.said("submission.accepted", "archive")
    ]


async def test_the_third_visit_is_held_after_two_that_were_imported(
    validation: LoneService, tmp_path: Path
) -> None:
    """The yearly limit holds from the first day."""
    assert await imported(validation, tmp_path, "kontaktpolitiker-valfard", VISITS) == ["new", "new"]
    await validation.hear(visit("2026-11-12", "C"))
    assert await accepted(validation) == [("held", True)]


@pytest.mark.parametrize(("hours", "held"), [(3.0, False), (3.5, True)])
async def test_imported_hours_are_added_up(
    validation: LoneService, tmp_path: Path, hours: float, held: bool
) -> None:
    """5 h and 3 h are the eight that a year has; half an hour more is held."""
    await imported(validation, tmp_path, "kontaktpolitiker-social", INTERNSHIP)
    await validation.hear(internship(hours))
    assert await accepted(validation) == [("held" if held else "accepted", held)]


async def test_the_same_file_twice_is_the_same_visits(validation: LoneService, tmp_path: Path) -> None:
    """What was imported is known again, also within one file."""
    form = "kontaktpolitiker-valfard"
    await imported(validation, tmp_path, form, VISITS)
    assert await imported(validation, tmp_path, form, VISITS) == ["same", "same"]
    doubled = VISITS + VISITS.partition("\n")[2].replace("2026-03", "2026-05").replace("2026-04", "2026-05")
    assert await imported(validation, tmp_path, form, doubled) == ["same", "same", "new", "new"]


async def test_corrected_hours_take_the_place_of_the_former(validation: LoneService, tmp_path: Path) -> None:
    """A visit with another number of hours is the same visit."""
    form = "kontaktpolitiker-social"
    await imported(validation, tmp_path, form, INTERNSHIP.replace("5,0", "8"))
    assert await imported(validation, tmp_path, form, INTERNSHIP) == ["new"]
    await validation.hear(internship(3.0))
    assert await accepted(validation) == [("accepted", False)]


async def test_a_visit_that_was_reported_is_not_imported(validation: LoneService, tmp_path: Path) -> None:
    """It would otherwise be counted twice."""
    await validation.hear(visit("2026-03-01", "A"))
    told = await imported(validation, tmp_path, "kontaktpolitiker-valfard", VISITS)
    assert told == ["reported", "new"]


async def test_another_activity_of_the_same_day_is_another_visit(
    validation: LoneService, tmp_path: Path
) -> None:
    """Its hours count too; the name of the place, which is spelled in many ways, makes no difference."""
    await validation.hear(internship(3.0))
    same = INTERNSHIP.replace("2026-03-01", "2026-11-12")
    told = await imported(
        validation, tmp_path, "kontaktpolitiker-social", same + same.splitlines()[1].replace("praktik", "apt")
    )
    assert told == ["reported", "new"]


async def test_a_dry_run_tells_the_same_and_stores_nothing(validation: LoneService, tmp_path: Path) -> None:
    """After it, everything is still new."""
    form = "kontaktpolitiker-valfard"
    assert await imported(validation, tmp_path, form, VISITS, dry_run=True) == ["new", "new"]
    assert await imported(validation, tmp_path, form, VISITS) == ["new", "new"]


async def test_nothing_is_stored_while_a_line_is_wrong(validation: LoneService, tmp_path: Path) -> None:
    """Who was not in office that day, or a unit that is none, stops the whole file."""
    form = "kontaktpolitiker-valfard"
    wrong = f"{VISITS}nobody@valfard.example;2026-03-01;kost;A\n{ANNA};2026-03-01;rymden;A\n"
    told = await imported(validation, tmp_path, form, wrong)
    assert told == ["new", "new", "unknown-person", "invalid"]
    assert await imported(validation, tmp_path, form, VISITS, dry_run=True) == ["new", "new"]


async def test_what_was_imported_is_no_report(validation: LoneService, tmp_path: Path) -> None:
    """Nothing is said of it to anybody, and the tally does not know it."""
    await imported(validation, tmp_path, "kontaktpolitiker-valfard", VISITS)
    assert await accepted(validation) == []
    assert await tally(validation.service.store) == {}


async def test_a_proxy_may_not_pass_the_route_on(validation: LoneService) -> None:
    """It is for this machine alone, as the other admin routes."""
    headers = {"X-Forwarded-For": "192.0.2.1"}
    async with validation.http.post(f"{validation.url}/admin/history", json={}, headers=headers) as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("e-post;besoksdatum;verksamhet\na@b;2026-01-01;kost\n", ":1: no column enhet"),
        ("besoksdatum;verksamhet;enhet\n2026-01-01;kost;A\n", ":1: no column for the person"),
        ("e-post;besoksdatum;verksamhet;enhet\n;2026-01-01;kost;A\n", ":2: nobody is named"),
        (
            "e-post;besoksdatum;verksamhet;enhet;ersattning_begars\na@b;2026-01-01;kost;A;kanske\n",
            ":2: ersattning_begars is no answer",
        ),
    ],
)
def test_a_table_that_cannot_be_counted_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    """The message has the file, the line and what is missing."""
    table = tmp_path / "history.csv"
    table.write_text(text, "utf-8")
    with pytest.raises(BadTable, match=fault):
        read_visits(table, FORMS["kontaktpolitiker-valfard"], None, NOW.date())
