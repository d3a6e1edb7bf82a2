"""Asking a house over HTTP what became of things, as platforms and secretaries do."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from support.auditor import LOOK_EVERY_S, Mail, laid_in
from support.houses import House, Late
from support.load import KEY

SOON_S = 30.0
"""Everything on the road takes well under a second, unless the machine is very busy."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]

    @property
    def content(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Visitor:
    """Somebody with a key who calls on one house."""

    house: House
    key: str = KEY

    async def call(
        self, service: str, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> Answer:
        given = {"Content-Type": "application/json"} if body is not None else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method, self.house.addresses[service] + path, data=body, headers=given
            ) as response,
        ):
            return Answer(response.status, response.headers, await response.read())

    async def post(self, body: Any, **headers: str) -> Answer:
        """Send a submission; bytes go as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {self.key}"} | headers
        return await self.call("intake", "POST", "/v1/submissions", raw, **given)

    async def sent(self, body: Any) -> str:
        """Send a submission that is taken; returns its id."""
        answer = await self.post(body)
        assert answer.status == 202, answer.body
        return str(answer.content["id"])

    async def told(self, query: str) -> Any:
        """What intake tells the sender: by `/<id>` or by `?reference=…`."""
        answer = await self.call(
            "intake", "GET", f"/v1/submissions{query}", Authorization=f"Bearer {self.key}"
        )
        assert answer.status == 200, answer.body
        return answer.content

    async def outcome(self, submission_id: str, *statuses: str) -> Any:
        """What intake tells once the submission has one of the statuses, or any end."""

        async def ended() -> Any:
            told = await self.told(f"/{submission_id}")
            at_end = told["status"] in statuses if statuses else told["status"] != "received"
            return told if at_end else None

        return await awaited(ended, f"{submission_id} becomes {statuses or 'settled'}")

    async def ended(self, body: Any) -> Any:
        """Send a submission and wait for what becomes of it."""
        return await self.outcome(await self.sent(body))

    async def report(self, submission_id: str) -> Any:
        answer = await self.call("archive", "GET", f"/v1/reports/{submission_id}")
        assert answer.status == 200, answer.body
        return answer.content

    async def act(self, submission_id: str, act: str, version: int, reason: str, **more: Any) -> Answer:
        body = json.dumps({"version": version, "reason": reason, **more}).encode()
        return await self.call("archive", "POST", f"/v1/reports/{submission_id}/{act}", body)

    async def letters(self, submission_id: str, count: int) -> list[Mail]:
        """The letters about a submission, once there are so many."""

        async def come() -> list[Mail] | None:
            mails = [mail for mail in laid_in(self.house.letters) if mail.submission_id == submission_id]
            return mails if len(mails) >= count else None

        mails: list[Mail] = await awaited(come, f"{count} letters about {submission_id}")
        return mails


async def awaited(look: Callable[[], Awaitable[Any]], what: str, seconds: float = SOON_S) -> Any:
    """Look until there is something to see; raises `Late` saying what did not come."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (seen := await look()):
        if asyncio.get_running_loop().time() > deadline:
            raise Late(f"not within {seconds} s: {what}")
        await asyncio.sleep(LOOK_EVERY_S)
    return seen
