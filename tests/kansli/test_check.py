"""`kansli check` says file, line and remedy of whatever is wrong, and warns of what deserves attention."""

import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from chassis.folders import Problem
from kansli.check import look_through, run
from kansli.example import write_example
from kansli.places import shipped_example, shipped_forms

TODAY = date(2026, 11, 20)
VALFARD, SOCIAL = "kontaktpolitiker-valfard", "kontaktpolitiker-social"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_example(shipped_example(), tmp_path / "example", TODAY).config


@pytest.fixture
def forms(tmp_path: Path) -> Path:
    """The shipped forms, each with one example: putting all of them to the test takes a second or two."""
    target = tmp_path / "forms"
    shutil.copytree(shipped_forms(), target)
    for path in target.glob("*/examples/*.json"):
        if path.name != "accepted.json":
            path.unlink()
    return target


@pytest.fixture
def errors(config: Path, forms: Path) -> Callable[[], list[Problem]]:
    return lambda: look_through(config, [forms], TODAY)[0]


@pytest.fixture
def warnings(config: Path, forms: Path) -> Callable[[], list[Problem]]:
    return lambda: look_through(config, [forms], TODAY)[1]


def miswrite(path: Path, right: str, wrong: str) -> tuple[Path, int]:
    """Write the first `right` as `wrong`; gives the file and the line of it."""
    text = path.read_text("utf-8")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), "utf-8")
    return path, text[: text.index(right)].count("\n") + 1


def test_what_is_shipped_has_nothing_wrong(config: Path) -> None:
    """And one thing to see to: the guideline that ends within a quarter of a year."""
    errors, warnings = look_through(config, [shipped_forms()], TODAY)
    assert errors == []
    assert [problem.words.split(";")[0] for problem in warnings] == [
        f"the guideline of {SOCIAL} is valid to 2027-02-09"
    ]


@pytest.mark.parametrize(
    ("file", "right", "wrong", "told"),
    [
        ("form.yaml", "heading: Enhet", "heding: Enhet", "did you mean heading?"),
        ("form.yaml", "title: Rapport", "titel: Rapport", "did you mean title?"),
        ("form.yaml", "pointer: /enhet", "pointer: /enheten", "/enheten leads to no field"),
        ("form.yaml", "date: /besoksdatum", "date: /dag", "/dag leads to no field"),
        ("form.yaml", 'subject: "Besök {data.besoksdatum}', 'subject: "Besök {data.dag}', "unknown field"),
        ("rules.yaml", 'when: "person == null"', 'wehn: "person == null"', "did you mean when?"),
        ("rules.yaml", 'when: "person == null"', 'when: "person = null"', "is not CEL"),
        ("rules.yaml", 'when: "person == null"', 'when: "persson == null"', "unknown variable: persson"),
        ("rules.yaml", 'when: "person == null"', 'when: "people(1)"', "unknown function: people"),
        ("rules.yaml", "pointer: /besoksdatum", "pointer: /besoksdag", "/besoksdag leads to no field"),
        ("rules.yaml", "outcome: reject", "outcome: refuse", "rules.0.outcome"),
        ("rules.yaml", "- id: visit-in-future", "- id: unknown-kontaktpolitiker", "several rules"),
        ("v1.schema.json", '"type": "object"', '"type": "objekt"', "objekt"),
        ("v1.schema.json", '"format": "date"', '"format": "datum"', "nobody asserts the format datum"),
        ("v1.schema.json", '"#/$defs/text"', '"#/$defs/txt"', "$ref leads nowhere"),
        ("v1.schema.json", '"title": "Besöksdatum",', '"title": "Besöksdatum"', "no JSON"),
        ("v1.schema.json", '"pattern": "\\\\S"', '"pattern": "(?=a)b"', "in linear time"),
        ("open-e.yaml", "besoksdatum: /besoksdatum", "besoksdatum: /dag", "/dag leads to no field"),
        ("open-e.yaml", "ignored:", "ignore:", "did you mean ignored?"),
        ("examples/accepted.json", '"expect": {', '"expect": {"colour": 1, ', "no such key"),
    ],
)
def test_a_fault_in_a_form_is_told_with_file_line_and_remedy(
    forms: Path, errors: Callable[[], list[Problem]], file: str, right: str, wrong: str, told: str
) -> None:
    """In whichever of its files, and on that very line, give or take one for what spans several."""
    path, line = miswrite(forms / VALFARD / file, right, wrong)
    found = [problem for problem in errors() if problem.file == path and told in problem.words]
    assert found, errors()
    assert found[0].line is not None
    assert abs(found[0].line - line) <= 1


def test_a_family_that_two_forms_map_is_an_error(forms: Path, errors: Callable[[], list[Problem]]) -> None:
    """Nobody could say which of them a submission is."""
    path, line = miswrite(forms / VALFARD / "open-e.yaml", '"901":', '"902":')
    (problem,) = errors()
    assert (problem.file, problem.line) == (path, line)
    assert f"already mapped by {SOCIAL}" in problem.words


def test_an_example_that_is_judged_otherwise_is_told_at_its_expectation(
    forms: Path, errors: Callable[[], list[Problem]]
) -> None:
    """What was expected, and what it was."""
    path, line = miswrite(
        forms / VALFARD / "examples" / "accepted.json", '"outcome": "accepted"', '"outcome": "held"'
    )
    (problem,) = errors()
    assert (problem.file, problem.words) == (path, "expected held, was accepted")
    assert problem.line is not None
    assert abs(problem.line - line) <= 1


@pytest.mark.parametrize(
    ("file", "right", "wrong", "told"),
    [
        ("callers.yaml", "per_minute", "per_minut", "did you mean per_minute?"),
        ("callers.yaml", "per_minute: 600", "per_minute: många", "per_minute"),
        ("committees/valfard.yaml", "meetings:", "metings:", "did you mean meetings?"),
        ("committees/valfard.yaml", "place:", "plats:", "did you mean place?"),
        ("committees/valfard.yaml", "role: member", "role: gäst", "kontaktpolitiker.0.role"),
        ("committees/valfard.yaml", "nora.sekreterarsson@kommunen.example", "nora", "not an e-mail address"),
        ("committees/valfard.yaml", "id: valfard\n", "id: valfard\nid: valfard\n", "stands twice"),
        ("committees/valfard.yaml", "id: valfard\n", "id: social\n", "must be social.yaml"),
        ("committees/valfard.yaml", "disposal:", "rules: {late: hold}\ndisposal:", "there is no rule late"),
        ("committees/valfard.yaml", 'proposal: "', 'proposal: {{a}}\nx: "', "in quotation marks"),
    ],
)
def test_a_fault_in_the_configuration_is_told_with_file_line_and_remedy(
    config: Path, errors: Callable[[], list[Problem]], file: str, right: str, wrong: str, told: str
) -> None:
    """Also what each service by itself would pass over."""
    path, line = miswrite(config / file, right, wrong)
    found = [problem for problem in errors() if problem.file == path and told in problem.words]
    assert found, errors()
    assert found[0].line is not None
    assert abs(found[0].line - line) <= 1


def test_a_deadline_after_its_meeting_is_an_error(config: Path, errors: Callable[[], list[Problem]]) -> None:
    """Nothing could ever be in time, or everything."""
    path = config / "committees" / "valfard.yaml"
    text = path.read_text("utf-8")
    path.write_text(re.sub(r"deadline: \d{4}", "deadline: 2099", text, count=1), "utf-8")
    (problem,) = errors()
    assert (problem.file, "efter sammanträdet" in problem.words) == (path, True)
    assert problem.line == text[: text.index("deadline:")].count("\n") + 1


def test_every_fault_is_told_and_not_only_the_first(
    config: Path, forms: Path, errors: Callable[[], list[Problem]]
) -> None:
    """In several files of several forms, and several in one file."""
    files = {
        miswrite(forms / VALFARD / "rules.yaml", 'when: "person == null"', 'when: "persson == null"')[0],
        miswrite(forms / VALFARD / "form.yaml", "heading: Enhet", "heding: Enhet")[0],
        miswrite(forms / SOCIAL / "rules.yaml", "facts.unit_visits >= 2", "facts.visits >= 2")[0],
        miswrite(config / "committees" / "social.yaml", "name:", "nmae:")[0],
    }
    miswrite(forms / VALFARD / "rules.yaml", "facts.same_visit > 0", "facts.same > 0")
    found = errors()
    assert {problem.file for problem in found} == files
    assert len([problem for problem in found if problem.file == forms / VALFARD / "rules.yaml"]) == 2


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("units: [kost, kultur]", "units: [kost]", "kultur has no kontaktpolitiker"),
        ("units: [kost, kultur]", "units: [kost, kultur], employed_in: [kost]", "employed there"),
    ],
)
def test_what_deserves_attention_is_a_warning(
    config: Path,
    errors: Callable[[], list[Problem]],
    warnings: Callable[[], list[Problem]],
    right: str,
    wrong: str,
    told: str,
) -> None:
    """With its line; it refuses nothing."""
    path, _ = miswrite(config / "committees" / "valfard.yaml", right, wrong)
    assert errors() == []
    (problem,) = (problem for problem in warnings() if problem.file == path)
    assert told in problem.words
    assert problem.line is not None


def test_no_coming_meeting_is_a_warning(config: Path, forms: Path) -> None:
    """What comes then waits for a date."""
    _, warnings = look_through(config, [forms], date(2027, 12, 31))
    assert [problem for problem in warnings if "no coming meeting" in problem.words]


def test_a_key_that_stands_in_a_message_is_the_key_alone(
    config: Path, errors: Callable[[], list[Problem]]
) -> None:
    """The rest of a register is names and addresses."""
    miswrite(config / "committees" / "valfard.yaml", "role: member", "role: [hemlig.person@x.example]")
    assert errors()
    assert "hemlig" not in str(errors())


def test_the_command_ends_with_one_and_counts(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths as seen from where it is run."""
    monkeypatch.chdir(config)
    miswrite(config / "callers.yaml", "per_minute", "per_minut")
    assert run(config, []) == 1
    told = capsys.readouterr().out
    assert re.search(r"^error: callers\.yaml:\d+: per_minut: there is no such key", told, re.MULTILINE)
    assert re.search(r"^1 errors, \d+ warnings$", told, re.MULTILINE)
