"""When the relay is down, no letter pays for it: one tries the way, the others wait."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry

from chassis.retry import Backoff
from notification.breaker import Breaker, relay_gauge
from notification.post import Deferred, Receipt, Unreached, Unsent


@dataclass
class Road:
    """A post whose relay is there or not, and which may keep a letter waiting at the door."""

    trouble: Exception | None = None
    knocks: int = 0
    door: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, letter: bytes, sender: str, recipient: str, letter_id: str) -> Receipt:
        del letter, sender, recipient, letter_id
        self.knocks += 1
        await self.door.wait()
        if self.trouble is not None:
            raise self.trouble
        return Receipt("Ok")

    async def close(self) -> None: ...


@dataclass
class Crossing:
    road: Road
    breaker: Breaker
    relay_up: Callable[[], float | None]

    async def send(self) -> Receipt:
        return await self.breaker.deliver(b"", "a@example.se", "b@example.se", "l1")


@pytest.fixture
def crossing() -> Crossing:
    road, counts = Road(), CollectorRegistry()
    road.door.set()
    breaker = Breaker(road, relay_gauge(counts), Backoff(0.05, 0.1))
    return Crossing(road, breaker, lambda: counts.get_sample_value("kansli_mail_relay_up"))


async def is_ready(crossing: Crossing, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await crossing.breaker.ready()
    except TimeoutError:
        return False
    return True


async def test_letters_go_while_the_relay_is_there(crossing: Crossing) -> None:
    """What the relay says of a letter is no matter of the relay."""
    for trouble in (None, Deferred("RCPT", code=450), Unsent("DATA")):
        crossing.road.trouble = trouble
        await asyncio.gather(crossing.send(), return_exceptions=True)
        assert await is_ready(crossing, 0.01)
    assert crossing.relay_up() == 1


async def test_nothing_is_begun_until_a_pause_is_over(crossing: Crossing) -> None:
    """The relay is left alone, and it shows in the metrics."""
    crossing.breaker.backoff = Backoff(60, 60)
    crossing.road.trouble = Unreached("connect")
    with pytest.raises(Unreached):
        await crossing.send()
    assert crossing.relay_up() == 0
    assert not await is_ready(crossing, 0.1)


async def test_one_letter_tries_the_way_and_the_others_do_not_knock(crossing: Crossing) -> None:
    """A relay that is on its knees gets one visitor at a time."""
    crossing.road.trouble = Unreached("connect")
    with pytest.raises(Unreached):
        await crossing.send()
    assert await is_ready(crossing, 5)
    crossing.road.door.clear()
    trying = asyncio.create_task(crossing.send())
    await asyncio.sleep(0)
    with pytest.raises(Unreached, match="another letter tries"):
        await crossing.send()
    assert not await is_ready(crossing, 0.05)
    crossing.road.trouble = None
    crossing.road.door.set()
    await trying
    assert crossing.road.knocks == 2
    assert await is_ready(crossing, 0.05)
    assert crossing.relay_up() == 1


async def test_the_loss_and_the_find_are_logged_once(
    crossing: Crossing, capsys: pytest.CaptureFixture[str]
) -> None:
    """A night without relay is two lines, not a thousand."""
    crossing.road.trouble = Unreached("connect")
    for _ in range(4):
        await asyncio.gather(crossing.send(), return_exceptions=True)
    crossing.road.trouble = None
    await crossing.send()
    await crossing.send()
    written = capsys.readouterr().out
    assert (written.count("relay.lost"), written.count("relay.found")) == (1, 1)
