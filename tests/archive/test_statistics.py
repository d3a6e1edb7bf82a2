"""The committee's year: how often each unit was visited, and what a person stands at, never who did most."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from archive.committees import load_committees
from archive.events import SubmissionAccepted, SubmissionDocumented
from chassis.folders import BrokenFolder
from support.lone_service import LoneService
from support.still_clock import StillClock

MakeAccepted = Callable[..., SubmissionAccepted]
MakeRejected = Callable[..., SubmissionDocumented]
ChangeCommittee = Callable[..., None]

NUMBER = "19121212-1212"
UNITS = [{"id": unit, "name": unit.title()} for unit in ("turism", "kost", "komvux")]
ANNA = {"id": "kp-1", "name": "Anna Exempel", "email": "anna@valfard.example", "role": "member"}
REGISTER = [
    ANNA | {"units": ["kost"], "from": "2023-01-01", "to": "2026-06-30"},
    ANNA | {"units": ["kost", "komvux"], "from": "2026-07-01", "to": "2026-12-31"},
    {**ANNA, "id": "kp-2", "email": "b@valfard.example", "units": ["kost"], "from": "2027-01-01"},
]


async def year(archive: LoneService, asked: str = "?year=2026") -> Any:
    async with archive.http.get(f"/v1/committees/valfard/statistics{asked}") as answer:
        assert answer.status == 200
        return await answer.json()


async def visits(archive: LoneService) -> Mapping[str, tuple[int, str]]:
    return {one["unit"]: (one["visits"], one["standing"]) for one in (await year(archive))["units"]}


@pytest.fixture(autouse=True)
def units(change_committee: ChangeCommittee) -> None:
    change_committee(units=UNITS)


async def test_units_stand_in_the_order_of_the_file_with_their_visits(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Against one to two a year, which is the guideline's norm unless the committee says another."""
    await archive.hear(*(accepted() for _ in range(3)), accepted(unit="komvux"))
    told = await year(archive)
    assert [(one["name"], one["visits"], one["standing"]) for one in told["units"]] == [
        ("Turism", 0, "not-visited"),
        ("Kost", 3, "above"),
        ("Komvux", 1, "within"),
    ]
    assert (told["norm"], told["not_visited"]) == ({"least": 1, "most": 2}, ["turism"])


async def test_the_norm_is_the_committees(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee
) -> None:
    """Söderköping has two a year, Vingåker three."""
    change_committee(archive, visits_per_year={"least": 2, "most": 3})
    await archive.hear(accepted(), *(accepted(unit="komvux") for _ in range(3)))
    assert await visits(archive) == {
        "turism": (0, "not-visited"),
        "kost": (1, "below"),
        "komvux": (3, "within"),
    }


@pytest.mark.parametrize(
    "norm", ["{least: 3, most: 2}", "{least: -1, most: 2}", "{least: 1}", "{least: '1', most: 2}", "2"]
)
def test_a_norm_that_is_none_is_refused(config: Path, committee_file: Path, norm: str) -> None:
    """When the file is read, and not when somebody looks at the year."""
    text = committee_file.read_text("utf-8") + f"visits_per_year: {norm}\n"
    committee_file.write_text(text, "utf-8")
    with pytest.raises(BrokenFolder, match="visits_per_year"):
        load_committees(config, datetime(2026, 1, 1, tzinfo=UTC).date())


async def test_a_visit_counts_in_its_own_year_until_it_is_returned(
    archive: LoneService, accepted: MakeAccepted, rejected: MakeRejected
) -> None:
    """The newest revision, held ones too; what was rejected or returned was no visit."""
    await archive.hear(
        accepted(event_date="2025-12-31"),
        accepted(event_date="2026-01-01"),
        accepted(event_date="2026-12-31", outcome="held"),
        accepted(event_date="2027-01-01"),
        accepted("moved", event_date="2026-05-05"),
        accepted("moved", event_date="2026-05-05", revision=2, unit="komvux"),
        accepted("returned"),
        rejected(),
    )
    async with archive.http.post(
        "/v1/reports/returned/return", json={"version": 1, "reason": "Fel."}
    ) as answer:
        assert answer.status == 200
    assert await visits(archive) == {
        "turism": (0, "not-visited"),
        "kost": (2, "within"),
        "komvux": (1, "within"),
    }


async def test_a_unit_that_has_left_the_file_is_told_last(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Its visits were made; nobody is asked to visit it."""
    await archive.hear(accepted(unit="simhall", unit_name="Simhallen"), accepted(unit=None, unit_name=None))
    told = await year(archive)
    assert [(one["unit"], one["name"], one["in_file"]) for one in told["units"]][-1] == (
        "simhall",
        "Simhallen",
        False,
    )
    assert (told["without_unit"], told["without_kontaktpolitiker"]) == (1, ["turism", "kost", "komvux"])


@pytest.mark.parametrize(
    ("now", "asked", "on", "without"),
    [
        ("2026-05-01", "", "2026-05-01", ["turism", "komvux"]),
        ("2026-11-20", "", "2026-11-20", ["turism"]),
        ("2027-05-01", "?year=2026", "2026-12-31", ["turism"]),
        ("2026-11-20", "?year=2027", "2027-01-01", ["turism", "komvux"]),
        ("2026-11-20", "?year=2022", "2022-12-31", ["turism", "kost", "komvux"]),
    ],
)
async def test_a_unit_without_a_kontaktpolitiker_is_told(
    archive: LoneService,
    change_committee: ChangeCommittee,
    clock: StillClock,
    now: str,
    asked: str,
    on: str,
    without: list[str],
) -> None:
    """By the register of today, or of the day of that year that is nearest."""
    change_committee(archive, kontaktpolitiker=REGISTER)
    clock.now = datetime.fromisoformat(f"{now}T12:00:00Z")
    told = await year(archive, asked)
    assert (told["on"], told["without_kontaktpolitiker"]) == (on, without)


async def test_people_are_told_by_name_with_their_own_positions_only(
    archive: LoneService, accepted: MakeAccepted, change_committee: ChangeCommittee
) -> None:
    """In the order of the Swedish alphabet, with no counts that could be compared."""
    change_committee(archive, kontaktpolitiker=REGISTER)

    def visit(name: str, day: str, message: str | None) -> SubmissionAccepted:
        line = {"kind": "arvode", "quantity": 1.0, "source": "§ 3"} | (
            {"message": message} if message else {}
        )
        address = f"{name.split(maxsplit=1)[0].lower()}@valfard.example"
        submitter = {"name": name, "email": address}
        return accepted(f"{name}{day}", event_date=day, submitter=submitter, compensation=[line])

    await archive.hear(
        visit("Örjan Påhittad", "2026-03-01", "Besök 1 av 2."),
        visit("Anna X", "2026-04-02", "Besök 2 av 2."),
        visit("Anna Exempelsson", "2026-03-02", "Besök 1 av 2."),
        visit("Åsa Låtsas", "2026-03-03", "Besök 1 av 2."),
        visit("Disa Skenberg", "2026-03-04", None),
    )
    people = (await year(archive))["people"]
    assert [(one["person"], one["name"]) for one in people] == [
        ("kp-1", "Anna Exempel"),
        (None, "Åsa Låtsas"),
        (None, "Örjan Påhittad"),
    ]
    assert [line["message"] for line in people[0]["positions"]] == ["Besök 1 av 2.", "Besök 2 av 2."]
    assert people[0]["positions"][0] == {
        "submission_id": "Anna Exempelsson2026-03-02",
        "day": "2026-03-02",
        "kind": "arvode",
        "title": "arvode",
        "message": "Besök 1 av 2.",
        "source": "§ 3",
    }
    assert {*people[0]} == {"person", "name", "positions"}


async def test_a_held_report_shows_no_personnummer(archive: LoneService, accepted: MakeAccepted) -> None:
    """Neither in a name, nor in a position, nor in a unit."""
    line = {"kind": "arvode", "quantity": 0.0, "message": f"Besök {NUMBER}."}
    await archive.hear(
        accepted(
            outcome="held",
            unit=f"kost {NUMBER}",
            unit_name=f"Kost {NUMBER}",
            submitter={"name": f"Anna {NUMBER}", "email": None},
            compensation=[line],
        )
    )
    assert NUMBER not in str(await year(archive))


@pytest.mark.parametrize("asked", ["?year=i år", "?year=26", "?year=", "?year=99999", "?year=2026.5"])
async def test_what_is_no_year_is_refused(archive: LoneService, asked: str) -> None:
    """With how to write one."""
    async with archive.http.get(f"/v1/committees/valfard/statistics{asked}") as answer:
        told = await answer.json(content_type=None)
        assert (answer.status, told["type"]) == (422, "urn:problem-type:kansli:year-invalid")


async def test_a_committee_that_is_not_there_has_no_year(archive: LoneService) -> None:
    """As with everything else of it."""
    async with archive.http.get("/v1/committees/fel/statistics") as answer:
        assert answer.status == 404
