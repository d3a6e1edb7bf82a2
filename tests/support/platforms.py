"""Posting submissions to intake as a platform does."""

import hashlib
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic_core import from_json, to_json

from support.lone_service import LoneService

PROBLEM = "application/problem+json"

KEY = "nyckel-till-e-tjansten"
OTHER_KEY = "nyckel-till-en-annan"
SLOW_KEY = "nyckel-till-en-som-far-lite"
AGENT_KEY = "nyckel-till-ett-ombud"
NUMBER_KEY = "hashnyckel"

WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The secret of the example in facts about Standard Webhooks; it guards nothing."""


def hash_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


CALLERS: list[dict[str, Any]] = [
    {"id": "e-tjanst", "key_sha256": [hash_of(KEY)], "forms": ["*"]},
    {"id": "annan", "key_sha256": [hash_of(OTHER_KEY)], "forms": ["prov*"]},
    {"id": "lite", "key_sha256": [hash_of(SLOW_KEY)], "forms": ["prov"], "per_minute": 2},
    {"id": "ombud", "key_sha256": [hash_of(AGENT_KEY)], "forms": ["prov"], "own_platform": False},
    {"id": "signerar", "webhook_secrets": ["env:PROV_WEBHOOK_SECRET"], "forms": ["prov"]},
]


class RunIntake(Protocol):
    def __call__(
        self, database: Path | str | None = None, **settings: Any
    ) -> AbstractAsyncContextManager[LoneService]: ...


def envelope(**changed: Any) -> dict[str, Any]:
    """A complete submission; a change to `...` leaves the field out."""
    whole = {
        "form": "prov",
        "reference": "190456",
        "submitted_at": "2026-11-20T12:30:00+01:00",
        "submitter": {"name": "Anna Exempelsson", "email": "anna@namnd.example"},
        "data": {"dag": "2026-11-12", "text": "Ett besök."},
        **changed,
    }
    return {name: value for name, value in whole.items() if value is not ...}


@dataclass(frozen=True)
class Answer:
    """What the platform got: `told` is the content read as JSON, `content` its text."""

    status: int
    headers: Any
    content: str

    @property
    def told(self) -> Any:
        return from_json(self.content)

    @property
    def is_problem(self) -> bool:
        """Problem+json in Swedish, complete by RFC 9457."""
        media_type = self.headers["Content-Type"].split(";")[0]
        complete = {"type", "title", "status", "detail"} <= self.told.keys()
        return media_type == PROBLEM and complete and bool(self.told["status"] == self.status)

    @property
    def pointers(self) -> list[str]:
        return [error["pointer"] for error in self.told.get("errors", [])]


async def post(
    intake: LoneService,
    body: Any = None,
    *,
    key: str | None,
    content_type: str = "application/json",
    **headers: str,
) -> Answer:
    """Post a body; whatever is no bytes is written as JSON. Header names have `_` for `-`."""
    content = body if isinstance(body, bytes) else to_json(envelope() if body is None else body)
    told = {"Content-Type": content_type} | {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        told.setdefault("Authorization", f"Bearer {key}")
    async with intake.http.post("/v1/submissions", data=content, headers=told) as response:
        return Answer(response.status, response.headers, await response.text())


async def ask(intake: LoneService, path: str, *, key: str | None, **headers: str) -> Answer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        told.setdefault("Authorization", f"Bearer {key}")
    async with intake.http.get(path, headers=told) as response:
        return Answer(response.status, response.headers, await response.text())
