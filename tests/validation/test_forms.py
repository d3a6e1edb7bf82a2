"""Forms as folders: the shipped ones hold, a later one takes an earlier one's place."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chassis.folders import BrokenFolder
from validation.check import check_forms
from validation.forms import Form, UnknownVersionError, load_forms

SHIPPED = Path(__file__).parents[2] / "schemas" / "forms"


def test_every_example_of_the_shipped_forms_is_judged_as_it_says() -> None:
    """The examples are the forms' own tests, run by `kansli check` too."""
    assert [(problem.file.name, problem.words) for problem in check_forms([SHIPPED])] == []


@pytest.mark.parametrize("form", load_forms([SHIPPED]).values(), ids=lambda form: form.name)
def test_every_rule_has_an_example(form: Form) -> None:
    """A rule nobody has shown to apply may never apply."""
    examples = [json.loads(path.read_text("utf-8")) for path in (SHIPPED / form.name / "examples").iterdir()]
    shown = {rule for example in examples for rule in example["expect"]["findings"]}
    assert {rule.id for rule in form.rulebook.rules} - shown == set()


@pytest.mark.parametrize("form", load_forms([SHIPPED]).values(), ids=lambda form: form.name)
def test_every_compensation_says_the_position_and_its_paragraph(form: Form) -> None:
    """A sum alone, or none, leaves the person to guess."""
    silent = [one.kind for one in form.rulebook.payments if one.message.is_plain or not one.source]
    assert silent == []


@pytest.mark.parametrize("form", load_forms([SHIPPED]).values(), ids=lambda form: form.name)
def test_every_field_has_a_title_and_words_for_a_mistake(form: Form) -> None:
    """What a person is told is written by the form's author, in klarspråk."""
    root = form.schema(form.newest).root
    fields = [root.child(name) for name in root.properties]
    assert [field.title for field in fields if not field.words or field.title in root.properties] == []


def test_an_example_that_is_judged_otherwise_is_a_problem(tmp_path: Path) -> None:
    """Outcome, findings and compensation are all compared."""
    folder = tmp_path / "kontaktpolitiker-valfard"
    shutil.copytree(SHIPPED / folder.name, folder)
    path = folder / "examples" / "accepted.json"
    example = json.loads(path.read_text("utf-8"))
    example["expect"] = {"outcome": "held", "findings": ["late-report"], "compensation": []}
    path.write_text(json.dumps(example), "utf-8")
    problems = check_forms([tmp_path])
    assert {problem.file for problem in problems} == {path}
    assert len(problems) == 3


@pytest.mark.parametrize("word", ["message", "source"])
def test_an_example_may_hold_the_words_of_compensation(tmp_path: Path, word: str) -> None:
    """Where it has them they are compared, and where it has none they are not asked for."""
    folder = tmp_path / "kontaktpolitiker-valfard"
    shutil.copytree(SHIPPED / folder.name, folder)
    path = folder / "examples" / "accepted-second-visit.json"
    example = json.loads(path.read_text("utf-8"))
    example["expect"]["compensation"][0][word] += " Nej."
    path.write_text(json.dumps(example), "utf-8")
    assert [problem.file for problem in check_forms([tmp_path])] == [path]


def test_a_later_folder_takes_the_place_of_a_form(form_folder: Callable[..., Path], tmp_path: Path) -> None:
    """A municipality bends a shipped form by a folder of the same name."""
    first = form_folder(title="Den första").parent
    moved = shutil.move(first, tmp_path / "first")
    second = form_folder(title="Den andra").parent
    assert load_forms([Path(moved), second])["prov"].title == "Den andra"


def test_an_unknown_version_is_said_as_such(make_form: Callable[..., Form]) -> None:
    """The sender's form may be newer than the folder."""
    with pytest.raises(UnknownVersionError):
        make_form().schema(2)


@pytest.mark.parametrize(
    ("changes", "file"),
    [
        ({"form": "annat"}, "form.yaml"),
        ({"date": "/datum"}, "form.yaml"),
        ({"subject": "{data.datum}"}, "form.yaml"),
        ({"titel": "felstavat"}, "form.yaml"),
        ({"schema": {"type": "objekt"}}, "v1.schema.json"),
        ({"schema": {"properties": {"dag": {"$ref": "#/$defs/nej"}}}}, "v1.schema.json"),
    ],
)
def test_a_broken_form_is_refused_by_file(
    form_folder: Callable[..., Path], changes: dict[str, Any], file: str
) -> None:
    """The operator sees which file to mend, and the old form stays."""
    with pytest.raises(BrokenFolder, match=file):
        load_forms([form_folder(**changes).parent])


@pytest.mark.parametrize("missing", ["form.yaml", "v1.schema.json", "rules.yaml"])
def test_a_form_without_one_of_its_files_is_refused(form_folder: Callable[..., Path], missing: str) -> None:
    """A folder half copied is no form yet."""
    folder = form_folder()
    (folder / missing).unlink()
    with pytest.raises(BrokenFolder, match=missing):
        load_forms([folder.parent])
