"""Whether the work was done: a figure counts only when every submission has its one effect and its letter.

The auditor of the fault tests reads the sender's log, the archive and the tally; to it comes what is said of
the letters, which are gathered here: each report is told of in exactly one letter that the relay has taken.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kansli.operators import Operator
from kansli.tally import shown, take_tally
from support.auditor import REPORTS, Evidence, Mail, Row, change, read
from support.houses import House
from support.load import Report

LETTERS_WITHIN_S = 60.0
LOOK_EVERY_S = 0.2

COPIED = ".copy-"
"""In the ids of what was not sent but copied in the tables (bench/growth.py): nobody was promised it."""

SENT = f"submission_id not like '%{COPIED}%'"
FILED = f"{REPORTS} where {SENT}"
TOLD = f"""
    select submission_id, kind, id, state from letters where kind <> 'gathered' and {SENT}
    union all
    select told.submission_id, letters.kind, letters.id, letters.state
    from (select submission_id, letter_id from letter_reports where {SENT}) as told
    join letters on letters.id = told.letter_id
"""

WAITING = """
    select (select count(*) from notices where told_at is null)
         + (select count(*) from letters where state <> 'sent')
"""

DUE_NOW = "update notices set due_at = '2000-01-01 00:00:00.000000' where told_at is null"

KINDS: Mapping[str, Sequence[str]] = {
    "filed": ("gathered",),
    "held": ("held",),
    "rejected": ("gathered", "rejected_submitter"),
}
"""The letters that tell of each end of a report."""


class DoesNotAddUp(Exception):
    """Something was lost or done twice: what was measured is no figure."""


@dataclass(frozen=True)
class Told:
    """A letter that tells of a submission."""

    submission_id: str
    kind: str
    letter_id: str
    state: str


async def gather_now(house: House) -> None:
    """Have the secretary's letters written as if their minute were over; returns when all are taken."""
    await change(house.databases["notification"], DUE_NOW)
    async with asyncio.timeout(LETTERS_WITHIN_S):
        while (await read(house.databases["notification"], WAITING))[0][0]:
            await asyncio.sleep(LOOK_EVERY_S)


async def audit(
    house: House, reports: Sequence[Report], ids: Mapping[str, set[str]], mails: Sequence[Mail]
) -> None:
    """Raises `DoesNotAddUp` with the first of what is wrong."""
    rows = [Row(*row) for row in await read(house.databases["archive"], FILED)]
    told = [Told(*row) for row in await read(house.databases["notification"], TOLD)]
    filing = Evidence(reports, ids, rows, (), {}).about_filing()
    wrong = [*filing, *_about_letters(reports, ids, told, mails), *await _about_tally(house)]
    if wrong:
        raise DoesNotAddUp(f"{house.way}: {len(wrong)} complaints, among them\n" + "\n".join(wrong[:10]))


def _about_letters(
    reports: Sequence[Report], ids: Mapping[str, set[str]], told: Iterable[Told], mails: Sequence[Mail]
) -> Iterator[str]:
    arrived = Counter(mail.letter_id for mail in mails)
    kinds: dict[str, list[str]] = defaultdict(list)
    for letter in told:
        kinds[letter.submission_id].append(letter.kind)
        if letter.state != "sent" or arrived[letter.letter_id] != 1:
            yield f"letter {letter.letter_id} is {letter.state} and came {arrived[letter.letter_id]} times"
    for report in reports:
        for submission_id in ids[report.reference]:
            if sorted(kinds[submission_id]) != sorted(KINDS[report.fate]):
                yield f"{report.reference}, to be {report.fate}, is told of by {kinds[submission_id]}"


async def _about_tally(house: House) -> list[str]:
    tally: Any = await take_tally(Operator(house.addresses))
    settled = all(line.in_flight == 0 and line.parked == 0 for line in tally.lines)
    return [] if tally.adds_up and settled else [shown(tally)]
