"""A small form to bend, and the register it is judged against."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from validation.facts import Past
from validation.forms import Form, load_form
from validation.judgement import Judgement, Submission, Submitter, judge
from validation.register import Committee, committee_from

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

SCHEMA = {
    "type": "object",
    "required": ["dag", "enhet"],
    "unevaluatedProperties": False,
    "properties": {
        "dag": {"title": "Dag", "type": "string", "format": "date"},
        "enhet": {"title": "Enhet", "type": "string", "maxLength": 20},
        "timmar": {"title": "Timmar", "type": "number"},
        "antal": {"title": "Antal", "type": "integer"},
        "val": {"title": "Val", "enum": ["Ja", "Nej"]},
        "medhjalpare": {"title": "Medhjälpare", "type": "array", "items": {"type": "number"}},
        "adress": {"type": "string", "format": "email", "x-message": "Skriv en e-postadress."},
    },
}
FORM = {
    "form": "prov",
    "committee": "namnd",
    "title": "Provrapport",
    "date": "/dag",
    "unit": "/enhet",
    "subject": "Besök {data.dag}: {data.enhet}",
}
REGISTER = {
    "id": "namnd",
    "name": "Nämnden",
    "units": [{"id": "kost", "name": "Kost"}, {"id": "kultur", "name": "Kultur"}],
    "kontaktpolitiker": [
        {
            "id": "kp-1",
            "name": "Anna Exempelsson",
            "email": "Anna@namnd.example",
            "role": "member",
            "units": ["kost"],
            "from": "2026-01-01",
            "to": "2026-12-31",
            "personal_number_hash": "abc",
        }
    ],
}

FormMaker = Callable[..., Form]
Judge = Callable[..., Judgement]


@pytest.fixture
def committee() -> Committee:
    return committee_from(REGISTER)


@pytest.fixture
def form_folder(tmp_path: Path) -> Callable[..., Path]:
    def write(rules: dict[str, Any] | None = None, schema: Any = None, **form: Any) -> Path:
        import json

        folder = tmp_path / "forms" / "prov"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "form.yaml").write_text(yaml.safe_dump({**FORM, **form}), "utf-8")
        (folder / "v1.schema.json").write_text(json.dumps(schema or SCHEMA), "utf-8")
        (folder / "rules.yaml").write_text(yaml.safe_dump(rules or {}), "utf-8")
        return folder

    return write


@pytest.fixture
def make_form(form_folder: Callable[..., Path]) -> FormMaker:
    return lambda *args, **kwargs: load_form(form_folder(*args, **kwargs))


@pytest.fixture
def judged(make_form: FormMaker, committee: Committee) -> Judge:
    """Judge data by a form with the rules given."""

    def judged(
        data: Any,
        rules: dict[str, Any] | None = None,
        *,
        past: list[Past] | None = None,
        overrides: dict[str, Any] | None = None,
        attachments: tuple[str, ...] = (),
        received_at: datetime = NOW,
        **form: Any,
    ) -> Judgement:
        submission = Submission(
            submission_id="this",
            form_version=1,
            received_at=received_at,
            submitter=Submitter(name="Anna Exempelsson", email="anna@namnd.example"),
            data=data,
            attachments=attachments,
        )
        bent = committee.model_copy(update={"rules": overrides or {}})
        return judge(submission, make_form(rules, **form), bent, past or [], NOW)

    return judged


@pytest.fixture
def visit() -> Callable[..., Past]:
    def visit(number: int, day: str = "2026-03-01", unit: str = "kost", **data: Any) -> Past:
        return Past(
            submission_id=f"past-{number}",
            person_id=data.pop("person", "kp-1"),
            unit=unit,
            event_date=date.fromisoformat(day),
            data={"dag": day, "enhet": unit, **data},
        )

    return visit
