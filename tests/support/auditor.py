"""The auditor: holds what a house promised against what it has done, from outside.

It reads the sender's log of 202s, the archive's database, the letters and `kansli tally`, and asks:
is anything lost, is anything there twice, did each report come to the end that was to be expected?
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from email.policy import default
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import URLError

from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from kansli.operators import Operator
from kansli.tally import shown, take_tally
from support.houses import SERVICES, House, Late
from support.load import PLAIN_VISITS, Report, Sender
from support.smtp_sink import ReceivedMail, SmtpSink

CALM_WITHIN_S = 100.0
"""A process that dies while it tries an event again leaves it leased for sixty seconds."""

LOOK_EVERY_S = 0.1

LETTERS: Mapping[str, Sequence[str]] = {
    "filed": ("filed", "received"),
    "held": ("held", "received"),
    "rejected": ("rejected_secretary", "rejected_submitter"),
    "parked": (),
}
"""The letters that each end of a report calls for."""

_PARTS_OF_A_REPORTS_LETTER = 4
"""A letter's id: submission, revision, kind, and what tells it from others."""

ENDS = {"plain": ("filed", "held")}
"""Of a fate that leaves a choice; what is parked is not in the archive."""


@dataclass(frozen=True)
class Mail:
    """A letter as it arrived: its id holds the submission, the revision and the kind."""

    letter_id: str
    to: str

    @property
    def is_about_a_report(self) -> bool:
        """Others tell of a meeting, a guideline or a week; nobody counts on them."""
        return len(self.letter_id.split(".")) == _PARTS_OF_A_REPORTS_LETTER

    @property
    def submission_id(self) -> str:
        return self.letter_id.split(".")[0]

    @property
    def kind(self) -> str:
        return self.letter_id.split(".")[2]


def laid_in(folder: Path) -> list[Mail]:
    return [_mail(path.read_bytes()) for path in sorted(folder.glob("*.eml"))]


def taken_by(mails: Iterable[ReceivedMail]) -> list[Mail]:
    return [_mail(mail.content) for mail in [*mails]]


@cache
def _mail(content: bytes) -> Mail:
    """Read once: over the deaths of a house, thousands of letters are looked at again and again."""
    message = BytesHeaderParser(policy=default).parsebytes(content)
    letter_id, _, _ = message["Message-ID"].strip("<> ").rpartition("@")
    return Mail(letter_id, message["To"].addresses[0].addr_spec)


@dataclass(frozen=True)
class Row:
    """A report in the archive; `acts` is how often something was done to it, its filing included."""

    submission_id: str
    reference: str
    status: str
    meeting_date: object
    acts: int


@dataclass(frozen=True)
class Evidence:
    """What was sent, what was promised, and what can be found of it."""

    reports: Sequence[Report]
    ids: Mapping[str, set[str]]
    rows: Sequence[Row]
    mails: Sequence[Mail]
    uncertain: Mapping[str, int]
    parked: Collection[str] = ()
    """Ids of what lies at the door, for want of somebody who can read it."""

    def complaints(self) -> list[str]:
        return [*self.about_filing(), *self._uneven_years(), *self._wrong_letters()]

    def about_filing(self) -> list[str]:
        """What is wrong with the promises and the archive, letters aside."""
        return [*self._broken_promises(), *self._misplaced(), *self._filed_twice()]

    def _broken_promises(self) -> Iterator[str]:
        """What was sent has a 202; asked again, it is the same submission."""
        for report in self.reports:
            ids = self.ids.get(report.reference, set())
            if len(ids) != 1:
                yield f"{report.reference} has {len(ids)} ids"

    def _misplaced(self) -> Iterator[str]:
        """Nothing is lost, and nothing is there that was not promised."""
        of_id = {row.submission_id: row for row in self.rows}
        for report in self.reports:
            found = of_id.pop(next(iter(self.ids.get(report.reference, ())), ""), None)
            end = found.status if found else self._end_outside(report)
            if end not in ENDS.get(report.fate, (report.fate,)):
                yield f"{report.reference}, to be {report.fate}, is {end if found else 'not in the archive'}"
            elif found and (found.reference != report.reference or _lacks_meeting(found)):
                yield f"{report.reference} has the place of {found.reference}, {found.meeting_date}"
        for stranger in of_id.values():
            yield f"{stranger.reference} is in the archive and was never promised"

    def _end_outside(self, report: Report) -> str:
        """What became of a report that the archive does not have."""
        return "parked" if self.ids.get(report.reference, set()).intersection(self.parked) else "rejected"

    def _wrong_letters(self) -> Iterator[str]:
        """Each letter once; more only as often as it is known that nobody knows."""
        status = {row.submission_id: row.status for row in self.rows}
        mails = Counter(self.mails)
        kinds: dict[str, list[str]] = defaultdict(list)
        for mail, times in mails.items():
            if mail.is_about_a_report:
                kinds[mail.submission_id].append(mail.kind)
            if times > 1 + self.uncertain.get(mail.letter_id, 0):
                yield f"letter {mail.letter_id} came {times} times"
        for report in self.reports:
            for submission_id in self.ids.get(report.reference, ()):
                wanted = LETTERS[status.get(submission_id) or self._end_outside(report)]
                if sorted(kinds.pop(submission_id, [])) != sorted(wanted):
                    yield f"{report.reference} lacks letters of {wanted}, or has others"
        yield from (f"letters about the unknown {submission_id}" for submission_id in kinds)

    def _filed_twice(self) -> Iterator[str]:
        """One row for each reference, and one act upon it: the filing."""
        for reference, times in Counter(row.reference for row in self.rows).items():
            if times > 1:
                yield f"{reference} is in the archive {times} times"
        yield from (f"{row.reference} was filed {row.acts} times" for row in self.rows if row.acts != 1)

    def _uneven_years(self) -> Iterator[str]:
        """Two plain visits of each person are filed: no two were both the second, and none was both."""
        status = {row.reference: row.status for row in self.rows}
        ends: dict[int, Counter[str]] = defaultdict(Counter)
        for report in self.reports:
            if report.fate == "plain":
                ends[report.person][status.get(report.reference, "lost")] += 1
        for person, counts in ends.items():
            if counts != Counter(filed=PLAIN_VISITS - 1, held=1):
                yield f"the plain visits of person {person} became {dict(counts)}"


@dataclass
class Auditor:
    """Looks at one house, over all loads that it was given."""

    house: House
    sender: Sender
    mails: Callable[[], Sequence[Mail]]
    reports: list[Report] = field(default_factory=list)

    async def await_calm(self, seconds: float = CALM_WITHIN_S) -> None:
        """Wait until nothing moves: all reports have an end, all outboxes are empty, all letters are sent.

        Raises:
            Late: something still moves, or never will.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while restless := await asyncio.to_thread(self._restless):
            if asyncio.get_running_loop().time() > deadline:
                raise Late(f"not calm within {seconds} s: {restless}")
            await asyncio.sleep(LOOK_EVERY_S)

    async def complaints(self) -> list[str]:
        """All that is wrong, a sentence each; empty when every promise is kept."""
        rows = await read(self.house.databases["archive"], REPORTS)
        evidence = Evidence(
            self.reports,
            self.sender.ids,
            [Row(*row) for row in rows],
            self.mails(),
            await self.uncertain(),
            await self.parked(),
        )
        return [*evidence.complaints(), *await self._wrong_tally()]

    async def let_leases_lapse(self) -> None:
        """As if the twenty minutes were over for which a dead notification's letters wait for it.

        Only while it is down.
        """
        lapse = "update errands set due_at = created_at where state = 'running'"
        await change(self.house.databases["notification"], lapse)

    async def uncertain(self) -> dict[str, int]:
        """Letters of which nobody knew for a while whether they had gone, and how often."""
        rows = await read(
            self.house.databases["notification"], "select id, uncertain from letters where uncertain > 0"
        )
        return {row.id: row.uncertain for row in rows}

    async def parked(self) -> set[str]:
        """Submissions of which nothing could be read yet."""
        query = "select id from submissions where status = 'parked'"
        return {row.id for row in await read(self.house.databases["intake"], query)}

    def _restless(self) -> str:
        """What still moves, in words; empty when nothing does."""
        try:
            told = {service: self.house.ask(service, "/admin/tally") for service in SERVICES}
        except (URLError, OSError) as error:
            return f"a service does not answer: {error}"
        counts = {service: _summed(answer["forms"]) for service, answer in told.items()}
        to_be_parked = sum(report.fate == "parked" for report in self.reports)
        letters = sum(len(_letters_of(report.fate)) for report in self.reports)
        wanted = {
            "submissions that are known": (counts["intake"].total(), len(self.reports)),
            "submissions without an end": (counts["intake"]["received"], 0),
            "letters that are sent": (counts["notification"]["sent"], letters),
            "outboxes that hold something": (sum(bool(answer["outbox"]) for answer in told.values()), 0),
            "items on the parked desks": (sum(map(_on_desk, told.values())), to_be_parked),
        }
        return "; ".join(
            f"{what}: {is_} for {shall}" for what, (is_, shall) in wanted.items() if is_ != shall
        )

    async def _wrong_tally(self) -> Iterable[str]:
        tally = await take_tally(Operator(self.house.addresses))
        parked = sum(report.fate == "parked" for report in self.reports)
        settled = all(line.in_flight == 0 for line in tally.lines)
        as_sent = sum(line.parked for line in tally.lines) == parked
        return [] if tally.adds_up and settled and as_sent else [shown(tally)]


REPORTS = """
    select submission_id, reference, status, meeting_date,
           (select count(*) from acts where acts.submission_id = reports.submission_id) as acts
    from reports
"""


def _lacks_meeting(row: Row) -> bool:
    """What is rejected is an incoming document, and goes to no meeting."""
    return row.meeting_date is None and row.status != "rejected"


def _letters_of(fate: str) -> Sequence[str]:
    """A plain visit ends in a letter to the secretary, whichever it is, and one to its sender."""
    return LETTERS.get(fate, ("one", "received"))


def _on_desk(told: Mapping[str, Any]) -> int:
    return sum(item["count"] for item in told["parked"])


def _summed(forms: dict[str, dict[str, int]]) -> Counter[str]:
    """All forms together; letters that are about no report are of none."""
    summed: Counter[str] = Counter()
    for form, counts in forms.items():
        summed.update(counts if form else {})
    return summed


def auditor_at_relay(house: House, relay: SmtpSink) -> Auditor:
    """An auditor who looks for the letters at a mail relay, from now on."""
    before = len(relay.mails)
    sender = Sender(house.addresses["intake"])
    return Auditor(house, sender, lambda: taken_by(relay.mails[before:]))


async def read(url: str, query: str) -> Sequence[Any]:
    """Rows of a service's database, read as by a stranger who may not write."""
    engine = create_async_engine(_driven(url, writing=False))
    try:
        async with engine.connect() as connection:
            return (await connection.execute(text(query))).all()
    finally:
        await engine.dispose()


async def change(url: str, statement: str) -> int:
    """Change a service's database behind its back; a SQLite file only while the service is down."""
    engine = create_async_engine(_driven(url, writing=True))
    try:
        async with engine.begin() as connection:
            return (await connection.execute(text(statement))).rowcount
    finally:
        await engine.dispose()


def _driven(url: str, *, writing: bool) -> URL | str:
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        mode = "rw" if writing else "ro"
        return f"sqlite+aiosqlite:///file:{address.database}?mode={mode}&uri=true"
    return address.set(drivername="postgresql+asyncpg")
