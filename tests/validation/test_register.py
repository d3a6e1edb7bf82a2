"""The register: who is kontaktpolitiker on a day, however the address is written."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.folders import BrokenFolder
from validation.register import Committee, load_committees

DAY = date(2026, 6, 1)
PERSON = {
    "id": "kp-1",
    "name": "Anna",
    "email": "anna@namnd.example",
    "role": "member",
    "units": ["kost"],
    "from": "2026-01-01",
    "to": "2026-06-30",
}


def loaded(folder: Path, **changes: Any) -> Committee:
    (folder / "committees").mkdir(exist_ok=True)
    content = {
        "id": "valfard",
        "name": "Nämnden",
        "secretary": {"name": "läses inte här"},
        "units": [{"id": "kost", "name": "Kost"}],
        "kontaktpolitiker": [PERSON],
        **changes,
    }
    (folder / "committees" / "valfard.yaml").write_text(yaml.safe_dump(content), "utf-8")
    return load_committees(folder, DAY)["valfard"]


@pytest.mark.parametrize("address", ["anna@namnd.example", " ANNA@Namnd.Example "])
def test_an_address_is_found_however_it_is_written(tmp_path: Path, address: str) -> None:
    """Platforms keep addresses as they were typed."""
    found = loaded(tmp_path).by_email(address, DAY)
    assert found is not None
    assert found.id == "kp-1"


@pytest.mark.parametrize(
    ("day", "found"),
    [("2025-12-31", False), ("2026-01-01", True), ("2026-06-30", True), ("2026-07-01", False)],
)
def test_first_and_last_day_of_a_term_count(tmp_path: Path, day: str, found: bool) -> None:
    """Outside the term nobody is kontaktpolitiker."""
    person = loaded(tmp_path).by_email("anna@namnd.example", date.fromisoformat(day))
    assert (person is not None) == found


def test_a_person_may_come_back_with_another_role(tmp_path: Path) -> None:
    """The id recurs; the entry is that of the day."""
    again = {**PERSON, "role": "substitute", "from": "2026-09-01", "to": "2026-12-31"}
    committee = loaded(tmp_path, kontaktpolitiker=[PERSON, again])
    found = committee.by_email("anna@namnd.example", date(2026, 10, 1))
    assert found is not None
    assert (found.id, found.role) == ("kp-1", "substitute")


def test_the_number_decides_before_the_address(tmp_path: Path) -> None:
    """An address may be shared in a family, a personnummer may not."""
    other = {**PERSON, "id": "kp-2", "email": "bo@namnd.example", "personal_number_hash": "abc"}
    committee = loaded(tmp_path, kontaktpolitiker=[PERSON, other])
    found = committee.find("anna@namnd.example", "abc", DAY)
    assert found is not None
    assert found.id == "kp-2"
    assert committee.find(None, "annan", DAY) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"kontaktpolitiker": [{**PERSON, "units": ["okand"]}]},
        {"kontaktpolitiker": [{**PERSON, "to": "2025-01-01"}]},
        {"kontaktpolitiker": [{**PERSON, "role": "gäst"}]},
        {"rules": {"late-report": "kanske"}},
    ],
)
def test_a_broken_file_is_refused_by_name(tmp_path: Path, changes: dict[str, Any]) -> None:
    """The operator sees which file to mend."""
    with pytest.raises(BrokenFolder, match=r"valfard\.yaml"):
        loaded(tmp_path, **changes)


def test_dates_may_follow_today(tmp_path: Path) -> None:
    """The example never ages."""
    term = {**PERSON, "from": "!today -1", "to": "!today +1"}
    assert loaded(tmp_path, kontaktpolitiker=[term]).by_email("anna@namnd.example", DAY)


def test_a_broken_register_is_told_without_what_was_written(tmp_path: Path) -> None:
    """The message goes to the log, and a register is full of names and addresses."""
    folder = tmp_path / "committees"
    folder.mkdir()
    (folder / "valfard.yaml").write_text("id: [hemlig.person@kommunen.example]\nname: 5\n", "utf-8")
    with pytest.raises(BrokenFolder, match="id: ") as refused:
        load_committees(tmp_path, date(2026, 11, 23))
    assert "hemlig" not in str(refused.value)
