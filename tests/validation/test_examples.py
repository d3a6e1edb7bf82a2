"""The examples of a form prove its rules: each rule by one that fires it, each threshold by its edge."""

import json
import re
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from validation.check import check_form
from validation.forms import load_form

SHIPPED = Path(__file__).parents[2] / "schemas" / "forms"
ADDED = Path(__file__).parents[1] / "data" / "forms"
FORMS = [
    SHIPPED / "kontaktpolitiker-social",
    SHIPPED / "kontaktpolitiker-valfard",
    ADDED / "arrangemang-fritid",
]

of_each_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)

NEIGHBOURS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_MUTABLE = re.compile(r"'[^']*'|(?P<operator>[<>]=?|[=!]=)|(?P<number>\b\d+(?:\.\d+)?\b)")
"""Texts in quotes are passed over: what stands in them is no threshold."""

SAME_AT_THE_EDGE = {
    ("praktik-timmar", "facts.hours > 8.0"): "at eight hours nothing is left either way",
    ("praktik-timmar", "data.timmar < 8.0"): "what is left at the edge is what is reported",
}
"""Mutants that mean what the original means, for every report: by line and what it then says."""


def examples(form: Path) -> list[dict[str, Any]]:
    paths = sorted((form / "examples").glob("*.json"))
    return [json.loads(path.read_text("utf-8")) for path in paths]


@of_each_form
def test_every_rule_is_shown_to_fire_and_not_to(form: Path) -> None:
    """A rule that fires always, or never, proves nothing about whom it is for."""
    expected = [example["expect"] for example in examples(form)]
    rules = {rule.id for rule in load_form(form).rulebook.rules}
    fired = {rule for one in expected for rule in one["findings"]}
    silent = {rule for one in expected for rule in rules - {*one["findings"]} if one["outcome"] != "rejected"}
    assert (rules - fired, rules - silent) == (set(), set())


@of_each_form
def test_every_compensation_is_shown_to_be_paid_and_not_to(form: Path) -> None:
    """A line that is paid always, or never, is no rule either."""
    lines = [line for example in examples(form) for line in example["expect"]["compensation"]]
    kinds = {payment.kind for payment in load_form(form).rulebook.payments}
    assert {line["kind"] for line in lines if line["quantity"] > 0} == kinds
    assert {line["kind"] for line in lines if line["quantity"] == 0} == kinds


@pytest.mark.slow
@of_each_form
def test_every_changed_threshold_makes_an_example_fail(form: Path, tmp_path: Path) -> None:
    """Each number one higher, each comparison its neighbour: some example notices."""
    folder = shutil.copytree(form, tmp_path / form.name)
    rules = yaml.safe_load((folder / "rules.yaml").read_text("utf-8"))
    survivors = [what for what, mutant in mutants(rules) if survives(folder, mutant)]
    assert survivors == []


def survives(folder: Path, rules: dict[str, Any]) -> bool:
    """Whether the form still loads and no example tells the difference."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules, allow_unicode=True), "utf-8")
    load_form(folder)
    return next(check_form(folder), None) is None


def mutants(rules: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rules with one thing changed, over and over, and what was changed."""
    for section, place, field in expressions(rules):
        name = rules[section][place].get("id") or rules[section][place].get("kind") or place
        for changed, near in changes(rules[section][place][field]):
            if not any(name == line and says in str(changed) for line, says in SAME_AT_THE_EDGE):
                mutant = deepcopy(rules)
                mutant[section][place][field] = changed
                yield f"{name}: {near}", mutant


def expressions(rules: dict[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """Where CEL decides something: facts, conditions and quantities, not the words of messages."""
    for name, fact in rules["facts"].items():
        yield from (("facts", name, field) for field in fact if field != "over")
    yield from (("rules", number, "when") for number in range(len(rules["rules"])))
    yield from (("compensation", number, "quantity") for number in range(len(rules.get("compensation", ()))))


def changes(expression: str | int) -> Iterator[tuple[Any, str]]:
    if isinstance(expression, int):
        yield from ((expression + step, f"{expression}{step:+}") for step in (1, -1))
        return
    for match in _MUTABLE.finditer(expression):
        if other := neighbour(match):
            near = expression[max(0, match.start() - 25) : match.end() + 10]
            yield expression[: match.start()] + other + expression[match.end() :], f"{near} -> {other}"


def neighbour(match: re.Match[str]) -> str | None:
    if match["operator"]:
        return NEIGHBOURS[match["operator"]]
    number = match["number"]
    return number and (f"{float(number) + 1}" if "." in number else f"{int(number) + 1}")
