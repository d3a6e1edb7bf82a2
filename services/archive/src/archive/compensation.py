"""What payroll is to pay for visits: lines for what stands, and corrections of what was paid before.

Pure: from rows of reports and of lines paid earlier. A closed period's lines never change; what changes
afterwards is paid, or taken back, in the next file by a line with the difference, its reason and the
period that it concerns. So the sum of all files is always what stands.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import Row

from archive.committees import Committee
from archive.forms import Form, Forms, number_in_words
from archive.spreadsheet import as_csv
from archive.views import is_masked
from chassis.clock import day_in_stockholm
from chassis.masking import masked

WITHOUT_EFFECT = ("rejected", "returned")
"""The states in which a report gives nobody anything: no compensation, no visit in the statistics."""

_GONE = {
    "returned": "Rapporten har skickats tillbaka till avsändaren.",
    "rejected": "Rapporten har avvisats.",
}

_HEADS = (
    *("person", "person-id", "datum", "verksamhet", "ersättning", "antal", "ordförandebeslut"),
    *("rapport-id", "diarienummer", "rättar perioden", "orsak till rättelse"),
)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Days of visits that are paid together; both ends belong to it."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def __str__(self) -> str:
        return f"{self.first}–{self.last}"

    def overlaps(self, other: "Period") -> bool:
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of compensation for one visit.

    `concerns` is the period that holds the visit's day; `reason` is said by corrections only, and
    `quantity` is then the difference, below zero for what is taken back.
    """

    submission_id: str
    kind: str
    concerns: Period
    title: str
    person: str
    person_id: str
    day: date
    unit: str
    quantity: Decimal
    chair_decision: str
    diarienummer: str
    reason: str = ""

    @property
    def due(self) -> "Due":
        return self.submission_id, self.kind, self.concerns


Due = tuple[str, str, Period]
"""What can be paid once: a submission's kind of compensation, in the period of its visit."""


def visit_day(report: Row[Any]) -> date:
    """The visit's own day; a form without one counts by the day on which it arrived."""
    day: date | None = report.event_date
    return day or day_in_stockholm(report.arrived_at)


def lines_of(report: Row[Any], period: Period, committee: Committee, forms: Forms) -> Iterator[Line]:
    """What the report gives as it stands now; nothing for what is returned, or of quantity 0.

    `period` is that of the visit.
    """
    form, day = forms.get(report.form), visit_day(report)
    term = committee.person(report.submitter["email"], day)
    shown = masked if is_masked(report) else str
    for kind, quantity in quantities(report, committee.id).items():
        yield Line(
            submission_id=report.submission_id,
            kind=kind,
            concerns=period,
            title=form.compensation_title(kind) if form else kind,
            person=shown(term.name if term else report.submitter["name"]),
            person_id=term.id if term else "",
            day=day,
            unit=shown(report.unit_name or report.unit or ""),
            quantity=quantity,
            chair_decision=shown(_decided(form, report)),
            diarienummer=report.diarienummer or "",
        )


def quantities(report: Row[Any], committee_id: str) -> Mapping[str, Decimal]:
    """How much of each kind the committee owes for it, exactly as it was written.

    A form may have several lines of one kind.
    """
    sums: dict[str, Decimal] = defaultdict(Decimal)
    if report.committee == committee_id and report.status not in WITHOUT_EFFECT:
        for line in report.compensation:
            sums[line["kind"]] += Decimal(str(line["quantity"]))
    return {kind: quantity for kind, quantity in sums.items() if quantity}


def _decided(form: Form | None, report: Row[Any]) -> str:
    """The chair's decision on one line, such as `2026-11-20, VSN 2026/14`; empty when there is none."""
    decision = form.decision_in(report.data) if form else None
    return f"{decision.datum}, {decision.referens}" if decision else ""


def period_of(report: Row[Any], closed: Sequence[Period]) -> Period | None:
    """The closed period, of those in order, that has the day of the visit."""
    day = visit_day(report)
    place = bisect_right(closed, day, key=lambda period: period.first)
    return closed[place - 1] if place and day in closed[place - 1] else None


def changed(
    paid: Iterable[tuple[Due, Decimal]],
    reports: Iterable[Row[Any]],
    closed: Sequence[Period],
    committee_id: str,
) -> set[str]:
    """The submissions for which something else stands now than what was paid."""
    left: dict[Due, Decimal] = defaultdict(Decimal)
    for due, quantity in paid:
        left[due] -= quantity
    for report in reports:
        if period := period_of(report, closed):
            for kind, quantity in quantities(report, committee_id).items():
                left[report.submission_id, kind, period] += quantity
    return {due[0] for due, quantity in left.items() if quantity}


def corrections(
    paid: Iterable[Line], standing: Iterable[Line], reports: Mapping[str, Row[Any]]
) -> Iterator[Line]:
    """What is to be paid or taken back, so that what was paid for closed periods is what stands there.

    `paid` is every line of every closed period, `standing` what the reports of these days give now.
    A report that is not in `reports` was removed by the disposal plan, which takes no money back.
    """
    former = _gathered(paid)
    now = {line.due: line for line in standing}
    for due in former.keys() | now.keys():
        if due[0] in reports:
            yield from _correction(former.get(due, ()), now.get(due), reports[due[0]])


def _gathered(paid: Iterable[Line]) -> Mapping[Due, Sequence[Line]]:
    gathered: dict[Due, list[Line]] = defaultdict(list)
    for line in paid:
        gathered[line.due].append(line)
    return gathered


def _correction(former: Sequence[Line], now: Line | None, report: Row[Any]) -> Iterator[Line]:
    before = sum((line.quantity for line in former), Decimal())
    after = now.quantity if now else Decimal()
    told = now or former[-1]
    if before != after:
        yield replace(told, quantity=after - before, reason=_reason(before, after, told, report))


def _reason(before: Decimal, after: Decimal, told: Line, report: Row[Any]) -> str:
    """Why a line comes after its period was closed, for whoever has to explain a payslip."""
    if report.status in _GONE:
        return _GONE[report.status]
    if visit_day(report) not in told.concerns:
        return f"Datumet är ändrat till {visit_day(report)}."
    if not before:
        return "Perioden var avslutad när ersättningen kom till."
    return f"Ersättningen är ändrad från {_number(before)} till {_number(after)}."


def _number(quantity: Decimal) -> str:
    return number_in_words(float(quantity))


def in_order(lines: Iterable[Line]) -> Sequence[Line]:
    """By person and day, so that payroll finds what belongs together."""
    return sorted(lines, key=lambda line: (line.person.casefold(), line.person_id, line.day, line.due))


def compensation_csv(lines: Iterable[Line]) -> bytes:
    """The file for payroll; columns are added at the end only."""
    return as_csv(_HEADS, (_cells(line) for line in lines))


def _cells(line: Line) -> Sequence[str | date | Decimal]:
    return (
        *(line.person, line.person_id, line.day, line.unit, line.title, line.quantity, line.chair_decision),
        *(line.submission_id, line.diarienummer, str(line.concerns) if line.reason else "", line.reason),
    )
