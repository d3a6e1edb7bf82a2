"""Letters: how fast many go out, beside a connection for each.

A house writes some, they are copied to as many as are asked for (bench/growth.py), and notification is
started again over them. The comparison sends as many of the same bytes by Python's own smtplib.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bench.audit import COPIED, DoesNotAddUp, gather_now
from bench.growth import Copied, copy_all
from bench.load import reports
from bench.road import Tried, patience
from bench.run import Run
from bench.servers import start
from notification.mailbag import letters
from support.auditor import change
from support.houses import House
from support.smtp_sink import SmtpSink

EACH = Path(__file__).with_name("mail_each.py")
AT_ONCE = 4
"""As many as notification sends side by side unless told otherwise."""

BASE = 100
LOOK_EVERY_S = 0.01

UNSENT = f"update letters set state = 'written', settled_at = null where id like '%{COPIED}%'"
ERRANDS = f"""
    insert into errands (kind, key, payload, state, attempts, due_at, token, traceparent, created_at)
    select 'notification.letter', id,
           json_object('letter_id', id, 'submission_id', submission_id, 'form', form),
           'due', 0, written_at, 0, '', written_at
    from letters where id like '%{COPIED}%'
"""
"""In SQLite's own words, as the house here keeps its letters in SQLite."""


async def measure(run: Run) -> None:
    """Ours, and then one connection a letter."""
    count = run.sizes.letters // BASE * BASE
    async with _house_with_unsent(run, count // BASE) as house:
        arrival = asyncio.create_task(_arrival(run.servers.relay, count))
        await asyncio.to_thread(start, house, ["notification"])
        run.figures.note("letters.ours.per_second", await arrival)
        sample = house.folder / "sample.eml"
        await asyncio.to_thread(sample.write_bytes, run.servers.relay.mails[-1].content)
        arrival = asyncio.create_task(_arrival(run.servers.relay, count))
        await _send_each(run.servers.relay, sample, count)
        run.figures.note("letters.each.per_second", await arrival)


@asynccontextmanager
async def _house_with_unsent(run: Run, copies: int) -> AsyncIterator[House]:
    """A house that does not run, and has so many letters to send for each that it had sent before."""
    with run.servers.house("sqlite") as house:
        tried = Tried(house, run.servers)
        held = [report for report in reports(BASE * 30, "brev") if report.fate == "held"]
        await tried.carry(held[:BASE])
        await gather_now(house)
        await asyncio.to_thread(house.stop)
        database = house.databases["notification"]
        await copy_all(database, [Copied(letters, ["id", "submission_id"], "kind <> 'held'")], copies)
        for statement in (UNSENT, ERRANDS):
            await change(database, statement)
        yield house


async def _arrival(relay: SmtpSink, count: int) -> float:
    """Letters a second, from the first that arrives to the last; raises `DoesNotAddUp` if too many do."""
    before = len(relay.mails)
    async with asyncio.timeout(patience(count)):
        while len(relay.mails) == before:
            await asyncio.sleep(LOOK_EVERY_S)
        begun = time.monotonic()
        while len(relay.mails) < before + count:
            await asyncio.sleep(LOOK_EVERY_S)
    lasted = time.monotonic() - begun
    if len(relay.mails) > before + count:
        raise DoesNotAddUp(f"{count} letters were to go, {len(relay.mails) - before} arrived")
    return count / lasted


async def _send_each(relay: SmtpSink, letter: Path, count: int) -> None:
    address = urlsplit(relay.url)
    words = [EACH, address.hostname, address.port, letter, count, AT_ONCE]
    sending = await asyncio.create_subprocess_exec(sys.executable, *map(str, words))
    if await sending.wait():
        raise RuntimeError(f"smtplib's sender ended with {sending.returncode}")
