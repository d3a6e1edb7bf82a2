"""From a platform's post to a secretary who opens the report, or does not: the house on its embedded bus."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from sqlalchemy import select

from chassis.clock import day_in_stockholm
from chassis.service import Service
from kansli.house import Plan, build_house
from kansli.places import forms_folders
from notification.mailbag import letters
from notification.recipients import load_committee
from notification.standings import seen, standings
from notification.unseen import asked_from
from support.load import COMMITTEE, KEY, report, write_config
from support.ports import free_port
from support.still_clock import StillClock
from support.visitor import awaited

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@dataclass
class House:
    services: dict[str, Service]
    clock: StillClock
    http: aiohttp.ClientSession
    asked_from: datetime

    async def post(self, number: int) -> str:
        """Send a report; returns its id when notification has heard that it is filed."""
        url = f"http://{self.services['intake'].settings.listen}/v1/submissions"
        key, body = {"Authorization": f"Bearer {KEY}"}, report(number, "oppnad", "filed").body
        async with self.http.post(url, json=body, headers=key) as answer:
            assert answer.status == 202, await answer.text()
            submission_id = str((await answer.json())["id"])
        await awaited(lambda: self._heard(standings, submission_id), "the report is filed")
        return submission_id

    async def open(self, submission_id: str) -> None:
        """Open the report's page, and wait until notification has heard of it."""
        url = f"http://{self.services['archive'].settings.listen}/reports/{submission_id}"
        async with self.http.get(url) as answer:
            assert answer.status == 200
        await awaited(lambda: self._heard(seen, submission_id), "the report is seen")

    async def subjects_of_reminders(self) -> list[str]:
        """What the secretary, or who is next after her, has been reminded of by now."""
        (tell_due,) = [
            duty.__self__.tell_due  # type: ignore[attr-defined]
            for duty in self.services["notification"].background
            if "Gathering" in duty.__qualname__
        ]
        await tell_due()
        query = select(letters.c.content).where(letters.c.kind.in_(("reminder", "unseen")))
        async with self.services["notification"].store.read() as connection:
            found = (await connection.scalars(query)).all()
        return [str(message_from_bytes(content, policy=default)["Subject"]) for content in found]

    async def _heard(self, table: Any, submission_id: str) -> bool:
        query = select(table.c.submission_id).where(table.c.submission_id == submission_id)
        async with self.services["notification"].store.read() as connection:
            return (await connection.scalar(query)) is not None


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    for service in ("INTAKE", "VALIDATION", "ARCHIVE", "NOTIFICATION"):
        monkeypatch.setenv(f"{service}_LISTEN", f"127.0.0.1:{free_port()}")
    config, clock = write_config(tmp_path / "town"), StillClock(datetime.now(UTC))
    committee = _meeting_soon(config / "committees" / f"{COMMITTEE}.yaml", clock())
    async with _running(Plan(config, tmp_path / "data", forms_folders([])), clock) as services:
        read = load_committee(committee, day_in_stockholm(clock()))
        async with aiohttp.ClientSession() as http:
            yield House(services, clock, http, asked_from(read, read.meetings[0]))


def _meeting_soon(committee: Path, now: datetime) -> Path:
    """One meeting, whose deadline has workdays before it also over the longest holidays."""
    day = day_in_stockholm(now)
    deadline = f"{day + timedelta(days=14)}T12:00:00"
    meeting = {"date": str(day + timedelta(days=24)), "time": "13:00", "place": "Salen", "deadline": deadline}
    content = yaml.safe_load(committee.read_text("utf-8")) | {"meetings": [meeting]}
    committee.write_text(json.dumps(content, default=str), "utf-8")
    return committee


@asynccontextmanager
async def _running(plan: Plan, clock: StillClock) -> AsyncIterator[dict[str, Service]]:
    async with AsyncExitStack() as stack:
        services = build_house(plan, clock)
        for service in services:
            await stack.enter_async_context(service.running())
        yield {service.name: service for service in services}


async def test_what_is_opened_in_time_is_no_letter_and_what_is_not_is_one(house: House) -> None:
    """Of two reports she opens one: the morning before the deadline's day she hears of the other."""
    opened, unopened = await house.post(2), await house.post(3)
    await house.open(opened)
    house.clock.now = house.asked_from - timedelta(minutes=1)
    assert await house.subjects_of_reminders() == []
    house.clock.now = house.asked_from
    (subject,) = await house.subjects_of_reminders()
    assert subject.startswith("1 rapport till ")
    assert subject.endswith(" har ingen öppnat än")
    await house.open(unopened)


async def test_when_all_is_opened_nobody_is_reminded(house: House) -> None:
    """Neither the secretary in the morning nor anybody after her."""
    for number in (2, 3):
        await house.open(await house.post(number))
    for hours in (0, 4, 20):
        house.clock.now = house.asked_from + timedelta(hours=hours)
        assert await house.subjects_of_reminders() == []
