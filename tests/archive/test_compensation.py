"""What payroll is told: lines for what stands, and corrections of what was paid before."""

import asyncio
import csv
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from archive.committees import Committee
from archive.compensation import Line, Period, compensation_csv
from archive.compensation_periods import PeriodTaken, close_period, lines_to_pay, lock_of
from archive.events import SubmissionAccepted, SubmissionDocumented
from archive.reports import as_judged, known, reports, store_report
from archive.spreadsheet import as_csv
from chassis.events import new_id
from chassis.store import Transaction
from support.lone_service import LoneService

MakeAccepted = Callable[..., SubmissionAccepted]
MakeRejected = Callable[..., SubmissionDocumented]

PERIODS = "/v1/committees/valfard/compensation/periods"
NOVEMBER = {"from": "2026-11-01", "to": "2026-11-30"}
DECEMBER = {"from": "2026-12-01", "to": "2026-12-31"}
NUMBER = "19121212-1212"


async def file(archive: LoneService, period: Mapping[str, str]) -> bytes:
    async with archive.http.get("/v1/committees/valfard/compensation.csv", params=period) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
        return await answer.read()


async def lines(archive: LoneService, period: Mapping[str, str] = NOVEMBER) -> list[dict[str, str]]:
    text = (await file(archive, period)).decode("utf-8-sig")
    return [*csv.DictReader(io.StringIO(text), delimiter=";")]


async def paid(archive: LoneService, period: Mapping[str, str] = NOVEMBER) -> list[tuple[str, str]]:
    return [(line["rapport-id"], line["antal"]) for line in await lines(archive, period)]


async def close(archive: LoneService, period: Any = NOVEMBER) -> tuple[int, Any]:
    async with archive.http.post(PERIODS, json=period) as answer:
        return answer.status, await answer.json(content_type=None)


async def act(archive: LoneService, path: str, version: int = 1) -> None:
    asked = {"version": version, "reason": "Fel nämnd."}
    async with archive.http.post(f"/v1/reports/{path}", json=asked) as answer:
        assert answer.status == 200


@pytest.fixture
def register(change_committee: Callable[..., None]) -> None:
    person = {"id": "kp-1", "name": "Anna Exempel", "email": "ANNA@valfard.example", "units": ["kost"]}
    terms = [
        person | {"role": "member", "from": "2023-01-01", "to": "2026-11-12"},
        person | {"id": "kp-9", "role": "member", "from": "2026-11-13"},
    ]
    change_committee(kontaktpolitiker=terms)


@pytest.mark.usefixtures("register", "decides")
async def test_a_line_says_who_when_where_what_and_by_whose_decision(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """The person is who had the address on the day of the visit, whatever the sender wrote as name."""
    decision = {"datum": "2026-11-10", "referens": "VSN 2026/14"}
    await archive.hear(accepted("a", data={"ordforandebeslut": decision}))
    assert await lines(archive) == [
        {
            "person": "Anna Exempel",
            "person-id": "kp-1",
            "datum": "2026-11-12",
            "verksamhet": "Kost",
            "ersättning": "arvode",
            "antal": "1",
            "ordförandebeslut": "2026-11-10, VSN 2026/14",
            "rapport-id": "a",
            "diarienummer": "",
            "rättar perioden": "",
            "orsak till rättelse": "",
        }
    ]


async def test_the_file_opens_in_a_swedish_excel(archive: LoneService, accepted: MakeAccepted) -> None:
    """A byte order mark, semicolons, a decimal comma, and nothing that is taken for a formula."""
    line = [{"kind": "timmar", "quantity": 5.5}]
    submitter = {"name": '=HYPERLINK("http://x.example";"Öppna")', "email": None}
    await archive.hear(accepted("a", compensation=line, submitter=submitter))
    content = await file(archive, NOVEMBER)
    assert content.startswith(b"\xef\xbb\xbfperson;person-id;datum;")
    assert content.endswith(
        b'"\'=HYPERLINK(""http://x.example"";""\xc3\x96ppna"")";;2026-11-12;Kost;timmar;5,5;;a;;;\r\n'
    )


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2)))
def test_no_cell_is_a_formula_and_none_is_lost(rows: list[list[str]]) -> None:
    """Whatever a name holds; its white space may be written otherwise."""
    content = as_csv(("a", "b"), rows).decode("utf-8-sig")
    again = [*csv.reader(io.StringIO(content, newline=""), delimiter=";")][1:]
    assert [[" ".join(cell.split()) for cell in row] for row in rows] == [
        [cell.removeprefix("'") if cell[:2] > "'" and cell[1:2] in "=+-@＝＋－＠" else cell for cell in row]
        for row in again
    ]
    assert not [cell for row in again for cell in row if cell.startswith(("=", "+", "-", "@"))]


async def test_what_is_returned_or_rejected_or_nothing_is_not_paid(
    archive: LoneService, accepted: MakeAccepted, rejected: MakeRejected
) -> None:
    """A held report is: it stands until the secretary returns it."""
    await archive.hear(
        accepted("filed"),
        accepted("held", outcome="held"),
        accepted("returned"),
        accepted("nothing", compensation=[{"kind": "arvode", "quantity": 0.0, "message": "Besök 3."}]),
        rejected("rejected"),
    )
    await act(archive, "returned/return")
    assert await paid(archive) == [("filed", "1"), ("held", "1")]


async def test_a_held_report_shows_no_personnummer(archive: LoneService, accepted: MakeAccepted) -> None:
    """Not to payroll either, before a person has looked."""
    submitter = {"name": f"Anna {NUMBER}", "email": None}
    await archive.hear(accepted("a", outcome="held", submitter=submitter, unit_name=f"Kost {NUMBER}"))
    assert NUMBER not in (await file(archive, NOVEMBER)).decode()


async def test_kinds_are_lines_of_their_own_and_lines_of_a_kind_are_one(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Tenths add up as they do on paper."""
    given = [("arvode", 0.1), ("resa", 1.0), ("arvode", 0.2)]
    of_both = [{"kind": kind, "quantity": quantity} for kind, quantity in given]
    await archive.hear(accepted("a", compensation=of_both))
    assert [(line["ersättning"], line["antal"]) for line in await lines(archive)] == [
        ("arvode", "0,3"),
        ("resa", "1"),
    ]


async def test_a_visit_counts_on_its_day(archive: LoneService, accepted: MakeAccepted) -> None:
    """The first and the last day belong to the period, whenever the report arrived."""
    days = ["2026-10-31", "2026-11-01", "2026-11-30", "2026-12-01"]
    await archive.hear(*(accepted(day, event_date=day) for day in days))
    assert await paid(archive) == [("2026-11-01", "1"), ("2026-11-30", "1")]


async def test_a_report_without_a_day_counts_on_the_day_it_arrived(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """In Sweden, where 23.30 UTC is the next day."""
    await archive.hear(
        accepted("october", event_date=None, arrived_at="2026-10-31T22:30:00Z"),
        accepted("november", event_date=None, arrived_at="2026-10-31T23:30:00Z"),
        accepted("late", event_date=None, arrived_at="2026-11-30T22:30:00Z"),
        accepted("december", event_date=None, arrived_at="2026-11-30T23:30:00Z"),
    )
    assert await paid(archive) == [("november", "1"), ("late", "1")]
    assert [line["datum"] for line in await lines(archive)] == ["2026-11-01", "2026-11-30"]


async def test_another_committees_visits_are_not_there(archive: LoneService, accepted: MakeAccepted) -> None:
    """And a committee that is not there has no file."""
    await archive.hear(accepted("a"))
    async with archive.http.get("/v1/committees/social/compensation.csv", params=NOVEMBER) as answer:
        assert answer.status == 404
    async with archive.http.post("/v1/committees/social/compensation/periods", json=NOVEMBER) as answer:
        assert answer.status == 404


async def test_a_closed_period_keeps_its_file_and_the_next_one_corrects(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """Each difference once, with its reason and the period that it concerns."""
    changed = [{"kind": "arvode", "quantity": 2.0}]
    await archive.hear(*map(accepted, ("returned", "more", "moved", "same")))
    status, told = await close(archive)
    assert (status, told["from"], told["to"]) == (201, "2026-11-01", "2026-11-30")
    before = await file(archive, NOVEMBER)
    await act(archive, "returned/return")
    await archive.hear(
        accepted("more", revision=2, compensation=changed),
        accepted("moved", revision=2, event_date="2026-12-02"),
        accepted("same", revision=2),
        accepted("late"),
    )
    assert await file(archive, NOVEMBER) == before
    told = {
        (line["rapport-id"], line["antal"]): (line["rättar perioden"], line["orsak till rättelse"])
        for line in await lines(archive, DECEMBER)
    }
    concerned = "2026-11-01–2026-11-30"
    assert told == {
        ("returned", "-1"): (concerned, "Rapporten har skickats tillbaka till avsändaren."),
        ("more", "1"): (concerned, "Ersättningen är ändrad från 1 till 2."),
        ("moved", "-1"): (concerned, "Datumet är ändrat till 2026-12-02."),
        ("moved", "1"): ("", ""),
        ("late", "1"): (concerned, "Perioden var avslutad när ersättningen kom till."),
    }


async def test_a_correction_is_made_once(archive: LoneService, accepted: MakeAccepted) -> None:
    """The file that is closed with it has settled it, and a new change begins from there."""
    await archive.hear(accepted("a"))
    await close(archive)
    await act(archive, "a/return")
    await close(archive, DECEMBER)
    assert await paid(archive, DECEMBER) == [("a", "-1")]
    january = {"from": "2027-01-01", "to": "2027-01-31"}
    assert await paid(archive, january) == []
    await archive.hear(accepted("a", revision=2))
    assert await paid(archive, january) == [("a", "1")]


async def test_what_was_removed_by_disposal_is_not_taken_back(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """A report that is gone says nothing of whether the visit was made."""
    await archive.hear(accepted("a"))
    await close(archive)

    async def remove(tx: Transaction) -> None:
        await tx.execute(delete(reports))

    await archive.service.store.write(remove)
    assert await paid(archive, DECEMBER) == []


async def test_a_report_of_another_committee_now_is_taken_back(
    archive: LoneService, accepted: MakeAccepted
) -> None:
    """It was paid here, and stands elsewhere."""
    await archive.hear(accepted("a"))
    await close(archive)

    async def give_away(tx: Transaction) -> None:
        await tx.execute(update(reports).values(committee="social"))

    await archive.service.store.write(give_away)
    (line,) = await lines(archive, DECEMBER)
    assert (line["antal"], line["orsak till rättelse"]) == ("-1", "Ersättningen är ändrad från 1 till 0.")


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-11-01", "2026-11-30"),
        ("2026-11-01", "2026-11-01"),
        ("2026-11-30", "2026-12-01"),
        ("2026-10-01", "2026-12-31"),
        ("2026-11-10", "2026-11-20"),
    ],
)
async def test_a_period_is_not_closed_twice_nor_in_part(archive: LoneService, first: str, last: str) -> None:
    """Whoever tries is told which period has the days."""
    await close(archive)
    status, told = await close(archive, {"from": first, "to": last})
    assert (status, told["type"]) == (409, "urn:problem-type:kansli:period-closed")
    assert (told["from"], told["to"]) == ("2026-11-01", "2026-11-30")


async def test_a_file_is_of_one_period(archive: LoneService) -> None:
    """Days that are in a closed period, and others, would be paid twice."""
    await close(archive)
    days = {"from": "2026-11-15", "to": "2026-12-15"}
    async with archive.http.get("/v1/committees/valfard/compensation.csv", params=days) as answer:
        assert (answer.status, (await answer.json(content_type=None))["from"]) == (409, "2026-11-01")


async def test_the_closed_periods_are_told(archive: LoneService) -> None:
    """Earliest first, with when and by whom."""
    await close(archive, DECEMBER)
    await close(archive)
    async with archive.http.get(PERIODS) as answer:
        told = (await answer.json())["periods"]
    assert [one["from"] for one in told] == ["2026-11-01", "2026-12-01"]
    assert (told[0]["closed_at"], told[0]["closed_by"]) == ("2026-11-20T12:00:00Z", "loopback")


@pytest.mark.parametrize(
    "days",
    [
        {},
        {"from": "0001-01-01", "to": "9999-12-31"},
        {"from": "1793491200", "to": "1793491200"},
        {"from": "2026-11-01"},
        {"from": "2026-11-30", "to": "2026-11-01"},
        {"from": "november", "to": "2026-11-30"},
        {"from": "2026-11-01", "to": "2026-11-31"},
        {"from": "2026-11-01", "to": "2026-11-30", "kommitte": "x"},
    ],
)
async def test_days_that_are_no_period_are_refused(archive: LoneService, days: Mapping[str, str]) -> None:
    """With how to write them."""
    assert (await close(archive, days))[0] == 422
    async with archive.http.get("/v1/committees/valfard/compensation.csv", params=days) as answer:
        told = await answer.json(content_type=None)
        assert (answer.status, told["type"]) == (422, "urn:problem-type:kansli:period-invalid")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b'"a"'])
async def test_what_is_no_period_at_all_is_refused(archive: LoneService, body: bytes) -> None:
    """And closes nothing."""
    headers = {"Content-Type": "application/json"}
    async with archive.http.post(PERIODS, data=body, headers=headers) as answer:
        assert answer.status in {400, 422}


MONTHS = [Period(date(2026, month, 1), date(2026, month, 28)) for month in range(1, 5)]
AFTER = Period(date(2027, 1, 1), date(2027, 1, 31))
"""The last to be closed, when nothing changes any more: it settles what is left."""
VISITS = st.tuples(
    st.sampled_from("abc"),
    st.sampled_from([month.first for month in MONTHS] + [date(2026, 12, 24)]),
    st.sampled_from(["filed", "held", "returned", "rejected", "frozen", "reported"]),
    st.dictionaries(st.sampled_from(["arvode", "timmar"]), st.sampled_from([0.0, 0.1, 0.3, 1.0, 5.5])),
)
Visit = tuple[str, date, str, Mapping[str, float]]
Given = defaultdict[tuple[str, str], Decimal]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(VISITS | st.sampled_from(MONTHS), max_size=14), st.permutations(MONTHS))
async def test_the_sum_of_all_files_is_what_stands(
    archive: LoneService, accepted: MakeAccepted, steps: list[Visit | Period], order: list[Period]
) -> None:
    """For any changes and closings in any order; and no file that was closed ever changes."""
    books = Books(archive, accepted)
    for step in steps:
        if isinstance(step, Period):
            await books.close(step)
        else:
            await books.visit(*step)
    for month in [*order, AFTER]:
        await books.close(month)
    assert await books.files() == books.kept
    assert books.given() == books.standing()


class Books:
    """The compensation of a committee that no other example has, with what its visits are to give."""

    def __init__(self, archive: LoneService, accepted: MakeAccepted) -> None:
        self._store = archive.service.store
        self._accepted = accepted
        fields = {"id": new_id(), "name": "Nämnden", "agenda_item": "Rapporter", "proposal": "Förslag."}
        self._committee = Committee.model_validate({**fields, "secretary": {"name": "Nora"}})
        self._visits: dict[str, Visit] = {}
        self.kept: dict[Period, bytes] = {}
        self._lines: list[Line] = []

    async def visit(self, name: str, day: date, status: str, quantities: Mapping[str, float]) -> None:
        self._visits[name] = (name, day, status, quantities)
        judged = self._accepted(
            f"{self._committee.id}-{name}",
            committee=self._committee.id,
            event_date=day.isoformat(),
            compensation=[{"kind": kind, "quantity": quantity} for kind, quantity in quantities.items()],
        )
        values = {**as_judged(judged), "status": status, "late": False, "placed": False}

        async def store(tx: Transaction) -> None:
            await store_report(tx, values, await known(tx, judged.submission_id))

        await self._store.write(store)

    async def close(self, period: Period) -> None:
        taken = period in self.kept
        try:
            await self._store.write(
                lambda tx: close_period(tx, self._committee, {}, period, "Nora"),
                locks=[lock_of(self._committee.id)],
            )
        except PeriodTaken:
            assert taken
        else:
            assert not taken
            self.kept[period] = compensation_csv(await self._file(period))
            self._lines += await self._file(period)

    async def files(self) -> dict[Period, bytes]:
        return {period: compensation_csv(await self._file(period)) for period in self.kept}

    async def _file(self, period: Period) -> Sequence[Line]:
        async with self._store.read() as connection:

            async def fetch(query: Any) -> Sequence[Any]:
                return (await connection.execute(query)).all()

            return await lines_to_pay(fetch, self._committee, {}, period)

    def given(self) -> Mapping[tuple[str, str], Decimal]:
        """What all files together give for each visit and kind."""
        sums: Given = defaultdict(Decimal)
        for line in self._lines:
            sums[line.submission_id[-1], line.kind] += line.quantity
        return {due: quantity for due, quantity in sums.items() if quantity}

    def standing(self) -> Mapping[tuple[str, str], Decimal]:
        """What the visits in the closed months are to give, as they are at last."""
        return {
            (name, kind): Decimal(str(quantity))
            for name, day, status, quantities in self._visits.values()
            for kind, quantity in quantities.items()
            if quantity and status not in {"returned", "rejected"} and day.month < 12
        }


async def test_of_many_who_close_at_once_one_does(
    run_archive: Callable[..., Any], postgres_url: str, accepted: MakeAccepted
) -> None:
    """At two replicas on PostgreSQL, the same days and overlapping ones: each visit is paid once."""
    days = [NOVEMBER, {"from": "2026-11-12", "to": "2026-12-31"}, {"from": "2026-10-01", "to": "2026-11-12"}]
    async with run_archive(postgres_url) as one, run_archive(postgres_url) as other:
        await one.hear(*(accepted(str(number)) for number in range(5)))
        answers = await asyncio.gather(*(close(at, period) for at in (one, other) for period in days * 4))
        assert Counter(status for status, _ in answers) == {201: 1, 409: 23}
        (closed,) = [told for status, told in answers if status == 201]
        async with other.http.get(PERIODS) as answer:
            assert [period["from"] for period in (await answer.json())["periods"]] == [closed["from"]]
        assert len(await paid(other, {"from": closed["from"], "to": closed["to"]})) == 5


async def test_the_sums_are_the_same_on_postgresql(
    run_archive: Callable[..., Any], postgres_url: str, accepted: MakeAccepted
) -> None:
    """Decimals, days and corrections."""
    async with run_archive(postgres_url) as archive:
        tenths = [{"kind": "timmar", "quantity": 0.1}]
        await archive.hear(accepted("a", compensation=tenths), accepted("b", event_date=None))
        await close(archive)
        await archive.hear(accepted("a", revision=2, compensation=[{"kind": "timmar", "quantity": 0.4}]))
        assert await paid(archive) == [("a", "0,1"), ("b", "1")]
        assert await paid(archive, DECEMBER) == [("a", "0,3")]
