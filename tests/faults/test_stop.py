"""A service is told to stop while it works, as at every upgrade, and is started again."""

import asyncio

import pytest

from support.auditor import Auditor, auditor_at_relay, read
from support.houses import SERVICES, MakeHouse
from support.load import reports
from support.smtp_sink import SmtpSink
from support.visitor import awaited

ROUNDS = 3
LOAD = 100
"""For each stop."""

QUEUE = {
    "intake": "intake.report.filed",
    "validation": "validation.submission.received",
    "archive": "archive.submission.accepted",
    "notification": "notification.report.filed",
}

pytestmark = [pytest.mark.slow, pytest.mark.rabbitmq, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def town(make_house: MakeHouse, relay: SmtpSink) -> Auditor:
    house = make_house("sqlite")
    house.start()
    return auditor_at_relay(house, relay)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_stop_under_load_loses_nothing_and_counts_as_no_attempt(town: Auditor, service: str) -> None:
    """Three times under load: exit code 0, every promise kept, and nobody thinks that a try has failed."""
    victim = town.house.process(service)
    for number in range(ROUNDS):
        load = reports(LOAD, f"stopp-{service}-{number}")
        before = await asyncio.to_thread(town.house.handled, QUEUE[service])
        town.reports += load
        sending = asyncio.create_task(town.sender.send_all(load))
        await until_busy(town, QUEUE[service], before)
        assert await asyncio.to_thread(victim.stop) == 0
        await asyncio.to_thread(victim.start)
        await sending
    await town.await_calm()
    assert await town.complaints() == []
    attempts = await read(town.house.databases[service], "select max(attempts) from inbox")
    assert attempts == [(1,)]


async def until_busy(town: Auditor, queue: str, before: int) -> None:
    """Until the service is in the middle of this load."""

    async def busy() -> bool:
        done = await asyncio.to_thread(town.house.handled, queue) - before
        assert done < LOAD, "the victim was not busy"
        return done > 0

    await awaited(busy, f"{queue} is being handled")
