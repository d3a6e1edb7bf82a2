"""Every process of the house is killed at the same moment, under load."""

import asyncio
from pathlib import Path

import pytest

from support.auditor import Auditor, auditor_at_relay
from support.houses import House, MakeHouse, embedded_house, running
from support.load import reports, write_config
from support.smtp_sink import SmtpSink
from support.visitor import awaited

LOAD = 300

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.rabbitmq
async def test_four_processes_killed_at_once_lose_nothing(make_house: MakeHouse, relay: SmtpSink) -> None:
    """What was promised is kept by those who come after."""
    await all_die_under_load(make_house("sqlite"), relay)


@pytest.mark.rabbitmq
@pytest.mark.postgresql
async def test_four_processes_on_postgresql_killed_at_once_lose_nothing(
    make_house: MakeHouse, relay: SmtpSink
) -> None:
    """Their locks and duties end with them."""
    await all_die_under_load(make_house("postgresql"), relay)


async def test_a_house_in_one_process_loses_nothing_when_killed(tmp_path: Path, relay: SmtpSink) -> None:
    """The sender's outbox is the queue: it holds what the listener had not yet."""
    house = embedded_house(tmp_path, write_config(tmp_path / "town"), smtp_url=relay.url)
    await all_die_under_load(house, relay)


async def all_die_under_load(house: House, relay: SmtpSink) -> None:
    """Kill all when the archive has begun and not ended; letters whose sender died may come twice."""
    load = reports(LOAD, f"alla-{house.way}", plain=True)
    with running(house):
        auditor = auditor_at_relay(house, relay)
        auditor.reports += load
        sending = asyncio.create_task(auditor.sender.send_all(load))
        assert await filed_when_busy(auditor) < LOAD, "the house was not busy"
        await asyncio.to_thread(house.kill)
        await auditor.let_leases_lapse()
        await asyncio.to_thread(house.start)
        await sending
        await auditor.await_calm()
        assert await auditor.complaints() == []


async def filed_when_busy(auditor: Auditor) -> int:
    """How many the archive has handled, once it has begun: a fast intake may have taken all by then."""
    handled = 0

    async def busy() -> bool:
        nonlocal handled
        handled = await asyncio.to_thread(auditor.house.handled, "archive.submission.accepted")
        return handled > LOAD // 10

    await awaited(busy, "the archive is filing")
    return handled
