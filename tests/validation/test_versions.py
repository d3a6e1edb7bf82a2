"""Several versions of a form live at once, each with the schema and the rules that hold for it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chassis.folders import BrokenFolder
from validation.forms import UnknownVersionError, load_form
from validation.judgement import Judgement, Submission, Submitter, judge
from validation.register import Committee

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
V2 = {
    "type": "object",
    "required": ["dag", "enhet", "antal_motta"],
    "unevaluatedProperties": False,
    "properties": {
        "dag": {"type": "string", "format": "date"},
        "enhet": {"type": "string"},
        "antal_motta": {"type": "integer"},
    },
}
SINCE_2 = {
    "id": "few",
    "from_version": 2,
    "outcome": "note",
    "when": "data.antal_motta < 3",
    "message": "Du mötte {data.antal_motta}.",
    "source": "Prov",
}
ALWAYS = {"id": "always", "outcome": "note", "when": "form.version > 0", "message": "x", "source": "Prov"}


@pytest.fixture
def write(form_folder: Callable[..., Path]) -> Callable[..., Path]:
    """A form with two versions."""

    def write(*rules: dict[str, Any], **form: Any) -> Path:
        folder = form_folder({"rules": list(rules)}, **form)
        (folder / "v2.schema.json").write_text(json.dumps(V2), "utf-8")
        return folder

    return write


def judged(folder: Path, committee: Committee, version: int, data: Any) -> Judgement:
    submission = Submission(
        submission_id="this",
        form_version=version,
        received_at=NOW,
        submitter=Submitter(name="Anna Exempelsson", email="anna@namnd.example"),
        data=data,
    )
    return judge(submission, load_form(folder), committee, [], NOW)


def test_a_submission_is_judged_by_its_own_version(write: Callable[..., Path], committee: Committee) -> None:
    """An older one knows nothing of newer fields and rules; a newer one must have them."""
    folder = write(SINCE_2, ALWAYS)
    old = judged(folder, committee, 1, {"dag": "2026-11-12", "enhet": "kost"})
    assert [finding.rule for finding in old.findings] == ["always"]
    new = judged(folder, committee, 2, {"dag": "2026-11-12", "enhet": "kost", "antal_motta": 2})
    assert [finding.message for finding in new.findings] == ["Du mötte 2.", "x"]
    missing = judged(folder, committee, 2, {"dag": "2026-11-12", "enhet": "kost"})
    assert (missing.outcome, [finding.pointer for finding in missing.findings]) == (
        "rejected",
        ["/antal_motta"],
    )


def test_a_rule_that_an_older_version_cannot_answer_must_say_from_when(write: Callable[..., Path]) -> None:
    """With the line of the rule, and what to write."""
    with pytest.raises(BrokenFolder, match=r"rules\.yaml:\d+: .*antal_motta.*version 1; say from_version"):
        load_form(write({**SINCE_2, "from_version": 1}))


def test_what_every_version_needs_must_be_in_every_version(write: Callable[..., Path]) -> None:
    """The date and the unit; a section may be of some version only."""
    with pytest.raises(BrokenFolder, match=r"form\.yaml:\d+: unit: .*/antal_motta"):
        load_form(write(unit="/antal_motta"))
    sections = [{"pointer": "/antal_motta", "heading": "Möten"}, {"pointer": "/antal", "heading": "Antal"}]
    assert load_form(write(sections=sections)).newest == 2


def test_a_version_that_is_not_there_is_said_as_such(write: Callable[..., Path]) -> None:
    """The sender's form may be newer than the folder."""
    form = load_form(write())
    assert sorted(form.versions) == [1, 2]
    with pytest.raises(UnknownVersionError):
        form.rules(3)
