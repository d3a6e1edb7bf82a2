"""What is wrong with forms, found before they judge anybody: every example is put to the test.

An example (`examples/*.json`) is a submission as a platform would send it, together with:
`received_at`; `register`, the committee's `units`, `kontaktpolitiker` and `rules` as in its file;
`history`, the reports that stand (`person`, `data`, and `same_submission` when the example is a
completion of it); and `expect`: the `outcome`, the ids in
`findings` (any order, `schema` once for each error) and the `compensation` (left out: not asked; nor
is a line's `message` or `source` when it is left out).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from chassis.faults import Fault, Faulty, Place, refusal
from chassis.folders import BrokenFolder, Problem
from chassis.personal_numbers import Kind
from validation.facts import Number, Past
from validation.findings import Verdict
from validation.forms import Form, UnknownVersionError, form_folders, load_form
from validation.judgement import Judgement, Submission, Submitter, circumstances, judge
from validation.register import Committee, committee_from

_NOTICE_DAYS = 90
"""Time for a committee to renew its guideline: two or three meetings."""


class _Text(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Expected(_Text):
    outcome: Verdict
    findings: tuple[str, ...]
    compensation: tuple[Mapping[str, str | Number], ...] | None = None


class _Attachment(BaseModel):
    name: str
    personal_number: Kind | None = None


class _Submitter(_Text):
    name: str
    email: str | None = None


class _Standing(_Text):
    person: str | None = None
    """Left out where the form looks nobody up."""
    data: dict[str, Any]
    same_submission: bool = False
    """Whether the example is a completion of this report, which it replaces."""


class _Example(_Text):
    about: str
    form: str
    form_version: int
    reference: str = ""
    received_at: AwareDatetime
    submitter: _Submitter
    data: dict[str, Any]
    attachments: tuple[_Attachment, ...] = ()
    assumed: Mapping[str, Any] = Field(alias="register")
    history: tuple[_Standing, ...] = ()
    expect: _Expected


def check_forms(folders: Sequence[Path]) -> list[Problem]:
    """Read every form and put its examples to the test; all problems, not only the first."""
    return [problem for folder in form_folders(folders).values() for problem in check_form(folder)]


def check_form(folder: Path) -> Iterator[Problem]:
    try:
        form = load_form(folder)
    except BrokenFolder as broken:
        yield from broken.problems
        return
    for path in sorted((folder / "examples").glob("*.json")):
        yield from _tried(path, form)


def check_register(committee: Committee, today: date) -> Iterator[tuple[Place, str]]:
    """Warn of what the guidelines ask of a register, and where; it is used all the same."""
    in_office = [term for term in committee.kontaktpolitiker if term.in_office(today)]
    for number, unit in enumerate(committee.units):
        if not any(unit.id in term.units for term in in_office):
            yield ("units", number), f"{unit.id} has no kontaktpolitiker; assign one"
    for number, term in enumerate(committee.kontaktpolitiker):
        for unit_id in sorted({*term.units} & {*term.employed_in} if term.in_office(today) else ()):
            words = f"{term.id} is assigned to {unit_id} and employed there; assign somebody else"
            yield ("kontaktpolitiker", number), words


def check_guideline(form: Form, today: date) -> Iterator[str]:
    """Warn of a guideline that has expired or does so within `_NOTICE_DAYS`."""
    guideline = form.text.guideline
    if guideline and guideline.valid_to and (guideline.valid_to - today).days <= _NOTICE_DAYS:
        owner = f" and its owner, {guideline.owner}" if guideline.owner else ""
        yield (
            f"the guideline of {form.name} is valid to {guideline.valid_to}; "
            f"tell the committee {form.committee}{owner}"
        )


def check_overrides(committee: Committee, forms: Mapping[str, Form]) -> Iterator[tuple[Place, str]]:
    """Find rules whose outcome the committee sets although no form of its own has them, and where."""
    own = [form for form in forms.values() if form.committee == committee.id]
    rules = {rule.id: rule for form in own for book in form.rulebooks.values() for rule in book.rules}
    for strange in sorted(committee.rules.keys() - rules.keys()):
        yield (
            ("rules", strange),
            f"there is no rule {strange}; there are {', '.join(sorted(rules)) or 'none'}",
        )
    for fixed in sorted(committee.rules.keys() & {one for one, rule in rules.items() if rule.is_fixed}):
        yield ("rules", fixed), f"{fixed} rests on facts over a unit and stays a note; take it away"


def _tried(path: Path, form: Form) -> Iterator[Problem]:
    try:
        example = _Example.model_validate_json(path.read_bytes())
        judgement = _judged(example, form)
    except (OSError, ValidationError) as error:
        yield from refusal(path, error, _Example).problems
        return
    except UnknownVersionError as error:
        yield from refusal(path, Faulty([Fault(("form_version",), str(error))])).problems
        return
    faults = [Fault(("expect",), words) for words in _differences(example.expect, judgement)]
    yield from refusal(path, Faulty(faults)).problems


def _judged(example: _Example, form: Form) -> Judgement:
    committee = committee_from({"id": form.committee, "name": form.committee, **example.assumed})
    submission = Submission(
        submission_id="example",
        form_version=example.form_version,
        received_at=example.received_at,
        submitter=Submitter(name=example.submitter.name, email=example.submitter.email),
        data=example.data,
        attachments=tuple(attachment.name for attachment in example.attachments),
        numbers_in_attachments=tuple(attachment.personal_number for attachment in example.attachments),
    )
    past = [_past(form, committee, submission, *one) for one in enumerate(example.history)]
    return judge(submission, form, committee, past, example.received_at)


def _past(form: Form, committee: Committee, submission: Submission, number: int, standing: _Standing) -> Past:
    then = circumstances(replace(submission, data=standing.data), form, committee)
    return Past(
        submission_id=submission.submission_id if standing.same_submission else f"history-{number}",
        person_id=standing.person,
        unit=then.unit,
        event_date=then.day,
        data=standing.data,
    )


def _differences(expected: _Expected, judgement: Judgement) -> Iterator[str]:
    if judgement.outcome != expected.outcome:
        yield f"expected {expected.outcome}, was {judgement.outcome}"
    rules = sorted(finding.rule for finding in judgement.findings)
    if rules != sorted(expected.findings):
        yield f"expected the findings {sorted(expected.findings)}, were {rules}"
    lines = [asdict(line) for line in judgement.compensation]
    if expected.compensation is not None and not _as_expected(expected.compensation, lines):
        yield f"expected the compensation {[*map(dict, expected.compensation)]}, was {lines}"


def _as_expected(expected: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each line has all that is expected of it; an example need not repeat the words."""
    return len(expected) == len(lines) and all(
        wanted.items() <= line.items() for wanted, line in zip(expected, lines, strict=True)
    )
