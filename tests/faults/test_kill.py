"""A service dies as from `kill -9` at a chosen point of its work, under load, and is started again."""

import asyncio
import os
from collections import Counter

import pytest

from chassis.crash_points import KILLED
from support.auditor import Auditor, auditor_at_relay, read, taken_by
from support.houses import House, MakeHouse
from support.load import reports, unmapped
from support.smtp_sink import SmtpSink

LOAD = 300
UNMAPPED = 12
"""Documents among them that nobody can read yet."""

CRASH_WITHIN_S = 60.0
LETTERS_AT_ONCE = 4
"""How many letters notification sends side by side, unless told otherwise."""

POINTS = [
    "intake.before_commit:90",
    "intake.after_commit:90",
    "intake.after_confirm:1",
    "validation.before_commit:2",
    "validation.after_commit:1",
    "validation.after_confirm:1",
    "archive.before_commit:2",
    "archive.after_commit:1",
    "archive.after_confirm:1",
    "notification.before_commit:2",
    "notification.after_commit:1",
    "notification.after_confirm:1",
]
"""Where the process ends, and at which pass: at intake a pass is a request, elsewhere a batch or a letter.

The first batch is small, since what is said first goes at once; a few more may hold all the load.
"""

ON_POSTGRESQL = [
    "intake.after_commit:90",
    "validation.before_commit:2",
    "archive.after_commit:1",
    "notification.after_effect:30",
]

pytestmark = [pytest.mark.slow, pytest.mark.rabbitmq, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def town(make_house: MakeHouse, relay: SmtpSink) -> Auditor:
    """A house that is used for one death after the other, and its auditor, who forgets none."""
    return _started(make_house("sqlite"), relay)


@pytest.fixture(scope="module")
def town_on_postgresql(make_house: MakeHouse, relay: SmtpSink) -> Auditor:
    return _started(make_house("postgresql"), relay)


def _started(house: House, relay: SmtpSink) -> Auditor:
    auditor = auditor_at_relay(house, relay)
    house.start()
    return auditor


@pytest.mark.parametrize("point", POINTS)
async def test_a_death_loses_nothing_and_doubles_nothing(town: Auditor, point: str) -> None:
    """Every 202 before, during and after a service's death keeps its promise."""
    await die_under_load(town, point)


async def test_a_letter_sent_by_one_who_died_is_counted_uncertain(town: Auditor, relay: SmtpSink) -> None:
    """Only such a letter may come twice, and it is known how many there are."""
    before = Counter(await town.uncertain())
    await die_under_load(town, "notification.after_effect:30")
    uncertain = Counter(await town.uncertain()) - before
    twice = [mail.letter_id for mail, times in Counter(taken_by(relay.mails)).items() if times > 1]
    assert 1 <= uncertain.total() <= LETTERS_AT_ONCE
    assert set(twice) & uncertain.keys()


async def test_a_letter_whose_sender_died_before_the_dot_is_sent_and_counted(town: Auditor) -> None:
    """Who takes over cannot see how far the dead one came: it is counted, and no letter is lost."""
    before = Counter(await town.uncertain())
    await die_under_load(town, "notification.before_dot:30")
    uncertain = Counter(await town.uncertain()) - before
    assert 1 <= uncertain.total() <= LETTERS_AT_ONCE


@pytest.mark.postgresql
@pytest.mark.parametrize("point", ON_POSTGRESQL)
async def test_so_it_is_on_postgresql(town_on_postgresql: Auditor, point: str) -> None:
    """The same promise holds on the databases of production."""
    await die_under_load(town_on_postgresql, point)


async def die_under_load(auditor: Auditor, point: str) -> None:
    service = point.partition(".")[0]
    load = reports(LOAD, f"{point.translate(_IN_A_WORD)}-{os.urandom(2).hex()}") + unmapped(UNMAPPED)
    auditor.reports += load
    victim = auditor.house.process(service)
    await asyncio.to_thread(victim.stop)
    await asyncio.to_thread(victim.start, point)
    sending = asyncio.create_task(auditor.sender.send_all(load))
    assert await asyncio.to_thread(victim.await_end, seconds=CRASH_WITHIN_S) == KILLED
    assert await left_undone(auditor, service), "the victim was not busy"
    if service == "notification":
        await auditor.let_leases_lapse()
    await asyncio.to_thread(victim.start)
    await sending
    await auditor.await_calm()
    assert await auditor.complaints() == []


_IN_A_WORD = str.maketrans("._:", "---")

WORK = {
    "intake": "select count(*) from submissions",
    "validation": "select count(*) from judgements",
    "archive": "select count(*) from reports where status <> 'rejected'",
    "notification": "select count(*) from letters where state = 'sent' and form <> ''",
}


UNTOLD = "select count(*) from outbox where published_at is null"


async def left_undone(auditor: Auditor, service: str) -> bool:
    """Whether the dead service had not yet done, or not yet told, all that this load calls for.

    A batch may hold the whole load: then all of it is committed, and what it said is what is at stake.
    """
    database = auditor.house.databases[service]
    [[untold]] = await read(database, UNTOLD)
    [[count]] = await read(database, WORK[service])
    fates = Counter(report.fate for report in auditor.reports)
    judged = fates.total() - fates["parked"]
    wanted = {
        "intake": fates.total(),
        "validation": judged,
        "archive": judged - fates["rejected"],
        "notification": 2 * judged,
    }
    return bool(untold or count < wanted[service])
