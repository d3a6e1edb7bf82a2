"""A service is told to stop while it works, as at every upgrade, and is started again."""

import asyncio

import pytest

from support.auditor import Auditor, auditor_at_relay, read
from support.houses import SERVICES, MakeHouse
from support.load import reports
from support.smtp_sink import SmtpSink
from support.stops import BUSY_WITH, until_busy

ROUNDS = 3
LOAD = 100
"""For each stop."""

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
        before = await asyncio.to_thread(town.house.handled, BUSY_WITH[service])
        town.reports += load
        sending = asyncio.create_task(town.sender.send_all(load))
        done = await until_busy(town.house, BUSY_WITH[service], before)
        assert done < LOAD, "the victim was not busy"
        assert await asyncio.to_thread(victim.stop) == 0
        await asyncio.to_thread(victim.start)
        await sending
    await town.await_calm()
    assert await town.complaints() == []
    attempts = await read(town.house.databases[service], "select max(attempts) from inbox")
    assert attempts == [(1,)]
