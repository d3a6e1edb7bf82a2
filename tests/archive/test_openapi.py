"""What the archive's document says is what it answers: found by a tool that tries to prove otherwise."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from archive.events import SubmissionAccepted, SubmissionDocumented
from support.lone_service import LoneService
from support.schemathesis import found_by_schemathesis

MakeAccepted = Callable[..., SubmissionAccepted]
MakeRejected = Callable[..., SubmissionDocumented]
RunArchive = Callable[..., AbstractAsyncContextManager[LoneService]]

MEETING = "/v1/committees/valfard/meetings/2026-12-09"
HELD = {"rule": "yearly-visits", "outcome": "hold", "message": "Besök 3.", "source": "§ 2", "pointer": None}
SETTINGS = """
warnings = false

[parameters]
"path.committee" = "valfard"
"path.date" = "2026-12-09"
"path.number" = 1
"path.id" = "held"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "500", "503"]

[checks.negative_data_rejection]
expected-statuses = ["4xx"]
"""
"""There is something to find at these places; that a report is not in the state for an act is told with
409 or 422, which no schema can say."""


@pytest.mark.slow
async def test_schemathesis_finds_nothing(
    run_archive: RunArchive, accepted: MakeAccepted, rejected: MakeRejected, tmp_path: Path
) -> None:
    """Valid and invalid requests of every kind are answered as the document says."""
    async with run_archive() as archive:
        await archive.hear(accepted("filed"), rejected("rejected"))
        async with archive.http.post(f"{MEETING}/packets", json={}) as frozen:
            assert frozen.status == 201
        await archive.hear(accepted("held", outcome="held", findings=[HELD]))
        assert not await found_by_schemathesis(archive.url, tmp_path, SETTINGS, examples=3)
