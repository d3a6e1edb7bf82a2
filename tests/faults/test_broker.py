"""The broker dies under load, or is not there when the house starts."""

import asyncio

import pytest

from support.auditor import Auditor, auditor_at_relay
from support.houses import MakeHouse, running
from support.load import Report, reports
from support.rabbitmq import Broker
from support.smtp_sink import SmtpSink
from support.visitor import awaited

LOAD = 300
pytestmark = [pytest.mark.slow, pytest.mark.rabbitmq, pytest.mark.timeout(300)]


async def test_a_broker_that_dies_under_load_costs_nothing(
    make_house: MakeHouse, broker: Broker, relay: SmtpSink
) -> None:
    """Half of the load is sent while it is dead: each is taken at once, and all arrive afterwards."""
    load = reports(LOAD, "maklare", plain=True)
    with running(make_house("sqlite")) as house:
        auditor = auditor_at_relay(house, relay)
        auditor.reports += load
        sending = asyncio.create_task(auditor.sender.send_all(load[: LOAD // 2]))
        await until_busy(auditor, "archive.submission.accepted")
        await asyncio.to_thread(broker.kill)
        assert house.handled("archive.submission.accepted") < LOAD // 2, "the house was not busy"
        await sending
        await sent_without_broker(auditor, load[LOAD // 2 :])
        await asyncio.to_thread(broker.start)
        await auditor.await_calm()
        assert await auditor.complaints() == []


async def test_a_house_that_starts_before_its_broker_takes_everything(
    make_house: MakeHouse, broker: Broker, relay: SmtpSink
) -> None:
    """Intake promises all the while, says that it is ready, and the rest follows when the broker comes."""
    load = reports(LOAD, "tidig", plain=True)
    house = make_house("sqlite")
    await asyncio.to_thread(broker.stop)
    with running(house):
        auditor = auditor_at_relay(house, relay)
        auditor.reports += load
        await sent_without_broker(auditor, load)
        ready = house.ask("intake", "/readyz")
        assert (ready["status"], ready["bus"] != "ok") == ("ready", True)
        assert house.handled("validation.submission.received") == 0
        await asyncio.to_thread(broker.start)
        await auditor.await_calm()
        assert await auditor.complaints() == []


async def sent_without_broker(auditor: Auditor, load: list[Report]) -> None:
    """Send it: each is taken at the first try, with 202."""
    before = auditor.sender.answers.total()
    await auditor.sender.send_all(load)
    assert auditor.sender.answers.total() == before + len(load)
    assert set(auditor.sender.answers) == {202}
    assert auditor.sender.lost == 0


async def until_busy(auditor: Auditor, queue: str) -> None:
    async def busy() -> bool:
        return await asyncio.to_thread(auditor.house.handled, queue) > 0

    await awaited(busy, f"{queue} is being handled")
