"""What a platform sends in its own dialect, and the desk where it lies until it can be read."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.lone_service import LoneService
from support.platforms import KEY, Answer, ask

DATA = Path(__file__).parents[1] / "data" / "open-e"

BROKEN = b"""<?xml version="1.0" encoding="UTF-8"?>
<FlowInstance xmlns="http://www.oeplatform.org/version/2.0/schemas/flowinstance">
  <Header></Headr>
</FlowInstance>
"""
"""A tag that is closed by another, on the third line."""


async def send(intake: LoneService, body: bytes, query: str = "", key: str = KEY, **headers: str) -> Answer:
    told = {"Content-Type": "text/xml; charset=UTF-8", "Authorization": f"Bearer {key}", **headers}
    async with intake.http.post(f"/v1/submissions{query}", data=body, headers=told) as response:
        return Answer(response.status, response.headers, await response.text())


async def send_file(intake: LoneService, name: str, query: str = "") -> Answer:
    return await send(intake, (DATA / name).read_bytes(), query)


async def on_desk(intake: LoneService) -> list[dict[str, Any]]:
    async with intake.http.get("/admin/parked") as response:
        return list((await response.json())["parked"])


async def desk_item(intake: LoneService, parked_id: str) -> dict[str, Any]:
    async with intake.http.get(f"/admin/parked/{parked_id}") as response:
        return dict(await response.json())


async def decide(intake: LoneService, parked_id: str, action: str) -> None:
    content = {"by": "prov", "note": "Hanteras på papper."}
    async with intake.http.post(f"/admin/parked/{parked_id}/{action}", json=content) as response:
        assert response.status == 200, await response.text()


async def counts(intake: LoneService) -> dict[str, Any]:
    async with intake.http.get("/admin/tally") as response:
        return dict((await response.json())["forms"])


async def replayed(intake: LoneService, parked_id: str) -> dict[str, Any]:
    """Replay it; what lies on the desk after it has been tried."""
    await decide(intake, parked_id, "replay")
    while not (items := await on_desk(intake)):
        pass
    return items[0]


async def status(intake: LoneService, submission_id: str, key: str = KEY) -> dict[str, Any]:
    """What the sender is told."""
    return dict((await ask(intake, f"/v1/submissions/{submission_id}", key=key)).told)


async def until(
    intake: LoneService, submission_id: str, reached: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Ask until the submission has come so far."""
    async with asyncio.timeout(30):
        while not reached(told := await status(intake, submission_id)):
            await asyncio.sleep(0.01)
    return told
