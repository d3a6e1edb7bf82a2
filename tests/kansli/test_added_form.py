"""`kansli check` looks through a form that a municipality has added, as through the shipped ones."""

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from intake.forms import load_form as load_names
from intake.mappings import check_mapping
from kansli import check
from kansli.example import write_example
from kansli.places import shipped_example

DATA = Path(__file__).parents[1] / "data"
FORM = DATA / "forms" / "arrangemang-fritid"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The example municipality with one more committee, the form's."""
    folder = write_example(shipped_example(), tmp_path / "town", date(2026, 11, 20)).config
    shutil.copy(DATA / "committees" / "fritid.yaml", folder / "committees")
    return folder


def test_an_added_form_is_found_to_be_right(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is wrong with it, and neither its committee nor kontaktpolitiker for it are missed."""
    assert check.run(config, [FORM.parent]) == 0
    printed = capsys.readouterr().out
    assert "0 errors" in printed
    assert "fritid" not in printed


def test_without_its_committee_an_added_form_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    """Its reports would wait for a day, and then for a person."""
    assert check.run(None, [FORM.parent]) == 0
    assert "its committee fritid is not in the configuration" in capsys.readouterr().out


@pytest.mark.parametrize("example", sorted(path.name for path in (FORM / "examples").iterdir()))
def test_every_example_of_an_added_form_is_run(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], example: str
) -> None:
    """One that expects something else is an error with the name of its file."""
    form = shutil.copytree(FORM, tmp_path / "forms" / FORM.name)
    path = form / "examples" / example
    content = json.loads(path.read_text("utf-8"))
    content["expect"]["findings"].append("never-said")
    path.write_text(json.dumps(content), "utf-8")
    assert check.run(config, [form.parent]) == 1
    printed = capsys.readouterr().out
    assert printed.count("error:") == 1
    assert f"examples/{example}" in printed


def test_its_mapping_leads_to_fields_that_it_has() -> None:
    """Also where an element's field lies inside another, and where a table becomes a list."""
    form = load_names(FORM)
    assert list(check_mapping(form.open_e, form.schemas)) == []
