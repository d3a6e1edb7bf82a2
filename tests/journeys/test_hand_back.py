"""From the platform's post back to the platform, in both ways of the house, and over a death between."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.crash_points import KILLED
from support.fake_platform import CALLBACK, FakePlatform
from support.houses import House, embedded_house
from support.load import KEY, report, write_config
from support.visitor import Visitor, awaited

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TOLD_KEY = "nyckel till en som vill veta"


@pytest.fixture
async def platform() -> AsyncIterator[FakePlatform]:
    async with FakePlatform() as platform:
        yield platform


def add_platform(config: Path, platform: FakePlatform, **statuses: str | None) -> None:
    """A caller that is handed back to, as an operator would write it into the file of a running house."""
    user = config.parent / "platform-user"
    user.write_text("kansli:hemligt\n", "utf-8")
    callers = yaml.safe_load((config / "callers.yaml").read_text("utf-8"))
    others = [caller for caller in callers["callers"] if caller["id"] != "vill-veta"]
    hand_back = {
        "kind": "open-e",
        "url": f"{platform.url}/api/callback",
        "credentials": f"file:{user}",
        "statuses": statuses,
    }
    key = hashlib.sha256(TOLD_KEY.encode()).hexdigest()
    caller = {"id": "vill-veta", "key_sha256": [key], "forms": ["*"], "hand_back": hand_back}
    (config / "callers.yaml").write_text(yaml.safe_dump({"callers": [*others, caller]}), "utf-8")


async def handed_back(visitor: Visitor, submission_id: str, *states: str) -> Any:
    async def settled() -> Any:
        told = await visitor.told(f"/{submission_id}")
        return told if told["hand_back"]["state"] in states else None

    return await awaited(settled, f"the hand-back of {submission_id} becomes {states}")


async def known(visitor: Visitor) -> None:
    """Wait until the house has read the file."""

    async def let_in() -> bool:
        path, key = "/v1/submissions?reference=x", f"Bearer {visitor.key}"
        return (await visitor.call("intake", "GET", path, Authorization=key)).status == 404

    await awaited(let_in, "the new caller is let in")


async def test_the_platform_hears_what_became_of_each(house: House, platform: FakePlatform) -> None:
    """One report is filed, one rejected; who asks nothing is told nothing."""
    add_platform(house.config, platform, filed="mottagen")
    visitor = Visitor(house, TOLD_KEY)
    await known(visitor)
    for number, fate in ((190701, "filed"), (190702, "rejected")):
        body = report(number, "svar", fate).body | {"reference": str(number)}  # type: ignore[arg-type]
        told = await handed_back(visitor, await visitor.sent(body), "done", "failed")
        assert (told["status"], told["hand_back"]["state"]) == (fate, "done")
        assert "hand-back.confirmed" in [step["event"] for step in told["history"]]
    aliases = [call.operation.findtext(f"{CALLBACK}statusAlias") for call in platform.calls]
    assert [alias for alias in aliases if alias] == ["mottagen", "avvisad"]
    assert platform.names.count("addMessage") == 1
    other = await Visitor(house, KEY).ended(report(190703, "tyst", "filed").body)
    assert other["hand_back"]["state"] == "none"
    assert "kansli:hemligt" not in house.logged()


async def test_who_dies_after_a_message_does_not_send_it_again(
    tmp_path: Path, platform: FakePlatform
) -> None:
    """The message is on the desk of the next process, and goes again when a person has looked."""
    house = embedded_house(tmp_path, write_config(tmp_path / "town"))
    add_platform(house.config, platform, rejected=None)
    visitor = Visitor(house, TOLD_KEY)
    body = report(1, "dod", "rejected").body | {"reference": "190704"}
    intake = house.process("intake")
    try:
        await asyncio.to_thread(intake.start, "intake.after_effect:2")
        submission_id = await visitor.sent(body)
        assert await asyncio.to_thread(intake.await_end, seconds=60) == KILLED
        assert platform.names == ["confirmDelivery", "addMessage"]
        await asyncio.to_thread(intake.start)
        told = await handed_back(visitor, submission_id, "failed")
        assert "kan redan ha fått" in told["hand_back"]["reason"]
        assert platform.names.count("addMessage") == 1
        (item,) = (await visitor.call("intake", "GET", "/admin/parked")).content["parked"]
        replayed = await asyncio.to_thread(house.kansli, "parked", "replay", item["id"])
        assert replayed.returncode == 0, replayed.stderr
        await handed_back(visitor, submission_id, "done")
        assert platform.names == ["confirmDelivery", "addMessage", "addMessage"]
    finally:
        house.kill()
