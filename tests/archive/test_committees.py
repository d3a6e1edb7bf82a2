"""What the archive takes, and refuses, from a committee's file."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from archive.committees import Committee, load_committees
from chassis.folders import BrokenFolder

TODAY = date(2026, 11, 20)

VALFARD = """
id: valfard
name: Välfärd- och servicenämnden
secretary: {name: "Maria Ek", email: "maria.ek@kommunen.example", copies: []}
agenda_item: Rapporter från kontaktpolitiker
proposal: "Nämnden lägger rapporterna till handlingarna."
summons_days_before: 7
meetings:
  - {date: 2027-01-20, time: "13:00", place: "Stora salen", deadline: 2027-01-08T12:00:00}
  - {date: 2026-12-09, time: "13:00", place: "Stora salen", deadline: 2026-11-27T12:00:00}
units: [{id: kost, name: Kost}, {id: komvux, name: Komvux}]
"""


def written(folder: Path, text: str, name: str = "valfard.yaml") -> Path:
    (folder / "committees").mkdir(exist_ok=True)
    (folder / "committees" / name).write_text(text, "utf-8")
    return folder


def loaded(folder: Path, text: str) -> Committee:
    return load_committees(written(folder, text), TODAY)["valfard"]


def deadline_of(folder: Path, day: str, deadline: str) -> datetime:
    meetings = f'meetings: [{{date: {day}, time: "13:00", deadline: {deadline}}}]\n'
    return loaded(folder, VALFARD.split("meetings:", maxsplit=1)[0] + meetings).meetings[0].deadline


def test_meetings_come_in_the_order_of_their_dates(tmp_path: Path) -> None:
    """Whoever adds a meeting in the wrong place of the file gets the right calendar."""
    committee = loaded(tmp_path, VALFARD)
    assert [meeting.date for meeting in committee.meetings] == [date(2026, 12, 9), date(2027, 1, 20)]


def test_a_committee_is_read_with_its_secretary_and_units(tmp_path: Path) -> None:
    """Fields of the other services in the same file are no trouble."""
    committee = loaded(tmp_path, VALFARD)
    assert committee.secretary.name == "Maria Ek"
    assert committee.unit_names == {"kost": "Kost", "komvux": "Komvux"}


@pytest.mark.parametrize(
    ("day", "deadline", "moment"),
    [
        ("2026-12-09", "2026-11-27T12:00:00", datetime(2026, 11, 27, 11, tzinfo=UTC)),
        ("2026-06-10", "2026-05-29T12:00:00", datetime(2026, 5, 29, 10, tzinfo=UTC)),
        ("2026-06-10", "2026-05-29T12:00:00+00:00", datetime(2026, 5, 29, 12, tzinfo=UTC)),
        ("2026-11-10", "2026-10-25T02:30:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("2026-04-10", "2026-03-29T02:30:00", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
    ids=["winter", "summer", "zone-given", "hour-shown-twice", "hour-left-out"],
)
def test_a_deadline_without_a_zone_is_swedish_time(
    tmp_path: Path, day: str, deadline: str, moment: datetime
) -> None:
    """Summer and winter time are told apart, and at the change the sender gets the later reading."""
    assert deadline_of(tmp_path, day, deadline) == moment


def test_an_example_can_give_days_from_today(tmp_path: Path) -> None:
    """The example municipality has a coming meeting whenever it is started."""
    assert deadline_of(tmp_path, "!today +16", "!today +4 12:00") == datetime(2026, 11, 24, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("deadline: 2026-11-27T12:00:00", "deadline: 2026-12-10T12:00:00", "efter sammanträdet 2026-12-09"),
        ("deadline: 2026-11-27T12:00:00", "deadline: 2026-11-27", "klockslag"),
        ('date: 2026-12-09, time: "13:00"', "date: 2026-12-09, time: 13:00", "citattecken"),
        ("date: 2026-12-09", "date: 2027-01-20", "samma datum"),
        ("agenda_item: Rapporter från kontaktpolitiker", "", "agenda_item"),
        ("id: valfard", "id: social", "must be social.yaml"),
        ("units: [", "units: [[", "valfard.yaml"),
    ],
    ids=[
        "deadline-after-meeting",
        "no-hour",
        "bare-time",
        "same-day",
        "field-missing",
        "other-id",
        "no-yaml",
    ],
)
def test_a_faulty_file_is_named_with_what_to_mend(
    tmp_path: Path, right: str, wrong: str, complaint: str
) -> None:
    """The message leads to the file and says what is wrong with it."""
    with pytest.raises(BrokenFolder, match=r"valfard\.yaml") as broken:
        loaded(tmp_path, VALFARD.replace(right, wrong))
    assert complaint in str(broken.value)


def test_a_deadline_on_the_day_of_the_meeting_is_allowed(tmp_path: Path) -> None:
    """How close to its meeting a committee takes reports is its own matter."""
    assert deadline_of(tmp_path, "2026-12-09", "2026-12-09T23:59:00").day == 9


def test_a_folder_without_committees_has_none(tmp_path: Path) -> None:
    """An empty configuration is no error here; the service that needs a committee says so."""
    assert load_committees(tmp_path, TODAY) == {}


def test_a_moved_meeting_must_not_be_called_as_another(tmp_path: Path) -> None:
    """By default a meeting is called by its date, which is free for a new one only under another name."""
    moved = VALFARD.replace("{date: 2027-01-20", "{id: 2026-12-09, date: 2027-01-20")
    with pytest.raises(BrokenFolder, match="samma id"):
        loaded(tmp_path, moved)
    alone = loaded(tmp_path, moved.replace("{date: 2026-12-09", "{id: ny, date: 2026-12-09"))
    assert [meeting.known_as for meeting in alone.meetings] == ["ny", "2026-12-09"]


@pytest.mark.parametrize(
    ("email", "day", "person"),
    [
        ("ANNA@valfard.example ", "2026-11-12", "kp-1"),
        ("Anna@Valfard.Example", "2026-11-13", "kp-2"),
        ("anna@valfard.example", "2022-12-31", None),
        ("bertil@valfard.example", "2026-11-12", None),
        (None, "2026-11-12", None),
    ],
)
def test_who_has_an_address_depends_on_the_day(
    tmp_path: Path, email: str | None, day: str, person: str | None
) -> None:
    """The first and the last day of a term of office belong to it; case tells nobody apart."""
    term = "name: Anna Exempel, email: Anna@valfard.example, role: member, units: [kost]"
    register = f"kontaktpolitiker:\n  - {{id: kp-1, {term}, from: 2023-01-01, to: 2026-11-12}}\n"
    committee = loaded(tmp_path, f"{VALFARD}{register}  - {{id: kp-2, {term}, from: 2026-11-13}}\n")
    found = committee.person(email, date.fromisoformat(day))
    assert (found.id if found else None) == person
