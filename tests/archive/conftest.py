"""The archive alone, with a committee that meets and a form to show."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from archive.__main__ import build
from archive.events import SubmissionAccepted, SubmissionDocumented
from archive.settings import ArchiveSettings
from chassis.events import new_id
from support.lone_service import LoneService, alone
from support.sign_in import OidcProvider
from support.still_clock import StillClock

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
COMMITTEE = {
    "id": "valfard",
    "name": "Välfärd- och servicenämnden",
    "secretary": {"name": "Nora Sekreterarsson"},
    "agenda_item": "Rapporter från kontaktpolitiker",
    "proposal": "Nämnden lägger rapporterna till handlingarna.",
    "meetings": [
        {"date": "2026-10-14", "time": "13:00", "place": "Lilla salen", "deadline": "2026-10-02T12:00:00"},
        {"date": "2026-12-09", "time": "13:00", "place": "Lilla salen", "deadline": "2026-11-27T12:00:00"},
        {"date": "2027-01-20", "time": "08:30", "place": "Stora salen", "deadline": "2027-01-08T12:00:00"},
    ],
    "units": [{"id": "kost", "name": "Kost"}],
}
FORM = {
    "form": "prov",
    "committee": "valfard",
    "title": "Provrapport",
    "unit": "/verksamhet",
    "sections": [{"pointer": "/sammanfattning", "heading": "Sammanfattning"}],
}
SCHEMA = {
    "type": "object",
    "properties": {
        "verksamhet": {"type": "string", "enum": ["kost"]},
        "sammanfattning": {"type": "string", "maxLength": 5000},
    },
}

RunArchive = Callable[..., AbstractAsyncContextManager[LoneService]]
MakeAccepted = Callable[..., SubmissionAccepted]
MakeRejected = Callable[..., SubmissionDocumented]
ChangeCommittee = Callable[..., None]
TOO_LATE = {
    "rule": "visit-in-future",
    "outcome": "reject",
    "message": "Besöket har inte varit ännu.",
    "source": "§ 1",
    "pointer": "/besoksdatum",
}


@pytest.fixture(scope="session")
def oidc() -> Iterator[OidcProvider]:
    """A real identity provider, once for all tests."""
    with OidcProvider() as provider:
        yield provider


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    (folder / "committees").mkdir(parents=True)
    (folder / "committees" / "valfard.yaml").write_text(yaml.safe_dump(COMMITTEE), "utf-8")
    return folder


@pytest.fixture
def forms(tmp_path: Path) -> Path:
    folder = tmp_path / "forms" / "prov"
    folder.mkdir(parents=True)
    (folder / "form.yaml").write_text(yaml.safe_dump(FORM), "utf-8")
    (folder / "v1.schema.json").write_text(json.dumps(SCHEMA), "utf-8")
    return folder.parent


@pytest.fixture
def clock() -> StillClock:
    return StillClock(NOW)


@pytest.fixture
def run_archive(tmp_path: Path, config: Path, forms: Path, clock: StillClock) -> RunArchive:
    def run(database: Path | str | None = None, **given: Any) -> AbstractAsyncContextManager[LoneService]:
        place = database or tmp_path / "archive.db"
        told = {"config": config, "forms": str(forms), "objects": (tmp_path / "objects").as_uri(), **given}
        return alone(build, ArchiveSettings, place, clock, **told)

    return run


@pytest.fixture
async def archive(run_archive: RunArchive) -> AsyncIterator[LoneService]:
    async with run_archive() as archive:
        yield archive


@pytest.fixture
def accepted() -> MakeAccepted:
    """Validation's judgement of a report that arrived now, unless it is said otherwise."""

    def accepted(submission_id: str = "", **changed: Any) -> SubmissionAccepted:
        fields: dict[str, Any] = {
            "submission_id": submission_id or new_id(),
            "revision": 1,
            "form": "prov",
            "form_version": 1,
            "committee": "valfard",
            "outcome": "accepted",
            "reference": "190456",
            "title": "Provrapport",
            "subject": "Besök 2026-11-12: Kost",
            "unit": "kost",
            "unit_name": "Kost",
            "event_date": "2026-11-12",
            "received_at": NOW.isoformat(),
            "arrived_at": NOW.isoformat(),
            "submitter": {"name": "Anna Exempelsson", "email": "anna@valfard.example"},
            "data": {"verksamhet": "kost", "sammanfattning": "Köket lagar 900 portioner."},
            "findings": [],
            "compensation": [{"kind": "arvode", "quantity": 1.0}],
            "attachments": [],
            **changed,
        }
        return SubmissionAccepted.model_validate_json(json.dumps(fields))

    return accepted


@pytest.fixture
def rejected(accepted: MakeAccepted) -> MakeRejected:
    """Validation's rejection of a submission, as it came."""

    def rejected(submission_id: str = "", **changed: Any) -> SubmissionDocumented:
        judged = accepted(submission_id, findings=[TOO_LATE], **changed).model_dump(mode="json")
        return SubmissionDocumented.model_validate_json(json.dumps(judged))

    return rejected


@pytest.fixture
def committee_file(config: Path) -> Path:
    return config / "committees" / "valfard.yaml"


@pytest.fixture
def change_committee(committee_file: Path) -> ChangeCommittee:
    """Give the committee's file other values, as somebody does who saves it."""

    def change(archive: LoneService | None = None, **values: Any) -> None:
        content = yaml.safe_load(committee_file.read_text("utf-8"))
        committee_file.write_text(yaml.safe_dump({**content, **values}), "utf-8")
        if archive is not None:
            archive.reread_folders()

    return change


@pytest.fixture
def decides(forms: Path) -> None:
    """The form takes a decision of the chair."""
    content = {**FORM, "chair_decision": "/ordforandebeslut"}
    (forms / "prov" / "form.yaml").write_text(yaml.safe_dump(content), "utf-8")
