"""Sending a submission as an e-tjänst platform would, and asking what became of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

UNSETTLED = "received"
ASK_EVERY_S = 0.1


class NotTaken(Exception):
    """Intake did not take the submission; the problem says why."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('title', '')}: {problem.get('detail', '')}{_kept(problem)}")
        self.problem = problem


def _kept(problem: Mapping[str, Any]) -> str:
    return f" (parked as {problem['parked_id']})" if "parked_id" in problem else ""


JSON, XML = "application/json", "application/xml"


def content_type_of(name: str, body: bytes) -> str:
    """XML by the file's name, or by its first sign; whatever else is JSON."""
    is_xml = name.lower().endswith(".xml") or body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"
    return XML if is_xml else JSON


@dataclass(frozen=True)
class Platform:
    """A platform with its key, and intake's address."""

    address: str
    key: str

    async def send(self, body: bytes, content_type: str = JSON) -> dict[str, Any]:
        """Post the submission; returns the receipt.

        Raises:
            NotTaken: intake refused it.
        """
        return await self._post("/v1/submissions", body, content_type, 202)

    async def check(self, body: bytes, content_type: str = "application/json") -> dict[str, Any]:
        """Ask validation, whose address this then is, for the judgement without sending anything.

        Raises:
            NotTaken: it could not be judged.
        """
        return await self._post("/v1/check", body, content_type, 200)

    async def _post(self, path: str, body: bytes, content_type: str, good: int) -> dict[str, Any]:
        headers = {"Content-Type": content_type}
        async with (
            self._session() as session,
            session.post(f"{self.address}{path}", data=body, headers=headers) as response,
        ):
            told: dict[str, Any] = await response.json(content_type=None)
            if response.status != good:
                raise NotTaken(response.status, told)
            return told

    async def outcome(self, submission_id: str, within: float) -> dict[str, Any]:
        """Ask until the submission has an outcome, or the time is over; returns what intake last said."""
        deadline = asyncio.get_running_loop().time() + within
        async with self._session() as session:
            while True:
                async with session.get(f"{self.address}/v1/submissions/{submission_id}") as response:
                    told: dict[str, Any] = await response.json(content_type=None)
                if told.get("status") != UNSETTLED or asyncio.get_running_loop().time() > deadline:
                    return told
                await asyncio.sleep(ASK_EVERY_S)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.key}"})
