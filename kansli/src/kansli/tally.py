"""The tally: what intake promised against what the other services own, form by form.

Intake counts by what it has heard; validation and archive count their own rows. While submissions
move, the two differ for a moment; when nothing moves and they still differ, something is wrong.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kansli.operators import Operator
from kansli.tables import table

OWNED_BY = {
    "rejected": "validation",
    "held": "archive",
    "returned": "archive",
    "filed": "archive",
    "frozen": "archive",
}
ROAD = {"validation": "validation.submission.received", "archive": "archive.submission.accepted"}
"""The queues on which a submission itself travels; what is parked there has no outcome yet."""

UNREADABLE = {**ROAD, "intake": "reading"}
"""Where what is parked without a form could not even be read: a message, or a body that a platform sent."""

SETTLE_WITHIN_S = 10.0
LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Line:
    """One form's figures: `heard` by intake, `owned` by the services, and what is parked on the road."""

    form: str
    heard: Mapping[str, int]
    owned: Mapping[str, int]
    parked: int

    @property
    def received(self) -> int:
        return sum(self.heard.values())

    @property
    def in_flight(self) -> int:
        return self.received - self.parked - sum(self.owned.values())

    @property
    def adds_up(self) -> bool:
        """Nothing is missing, nothing is counted twice, and what has settled is known to both sides."""
        return self.in_flight >= 0 and all(
            self.heard.get(status, 0) == self.owned[status] for status in OWNED_BY
        )


@dataclass(frozen=True)
class Tally:
    lines: list[Line]
    unreadable: int

    @property
    def adds_up(self) -> bool:
        return all(line.adds_up for line in self.lines)


async def take_tally(operator: Operator, within: float = SETTLE_WITHIN_S) -> Tally:
    """Count until it adds up or the time is over, since what moves is counted at two moments.

    Raises:
        NoAnswer: a service could not be asked.
    """
    deadline = asyncio.get_running_loop().time() + within
    while True:
        tally = await _count(operator)
        if tally.adds_up or asyncio.get_running_loop().time() > deadline:
            return tally
        await asyncio.sleep(LOOK_EVERY_S)


async def _count(operator: Operator) -> Tally:
    services = ("intake", "validation", "archive")
    answers = await asyncio.gather(*(operator.ask(service, "/admin/tally") for service in services))
    told: dict[str, Any] = dict(zip(services, answers, strict=True))
    parked = _on_desks(told, ROAD)
    forms = sorted({form for answer in told.values() for form in answer["forms"]} | (parked.keys() - {""}))
    return Tally([_line(form, told, parked[form]) for form in forms], _on_desks(told, UNREADABLE)[""])


def _on_desks(told: Mapping[str, Any], queues: Mapping[str, str]) -> Counter[str]:
    """How much is parked of these queues, by form."""
    parked = Counter[str]()
    for service, queue in queues.items():
        for item in told[service]["parked"]:
            if item["origin"] == queue:
                parked[item["form"]] += item["count"]
    return parked


def _line(form: str, told: Mapping[str, Any], on_the_road: int) -> Line:
    """What intake itself parked is as many as its statuses say: a submission may lie there more than once.

    What it let fall has the sender heard of as rejected, and is owned by intake alone.
    """
    heard = Counter[str](told["intake"]["forms"].get(form, {}))
    owned = {status: told[owner]["forms"].get(form, {}).get(status, 0) for status, owner in OWNED_BY.items()}
    dropped, parked = heard.pop("dropped", 0), heard["parked"]
    heard["rejected"] += dropped
    owned["rejected"] += dropped
    return Line(form, heard, owned, on_the_road + parked)


def shown(tally: Tally) -> str:
    """The tally as a table, and whether it adds up."""
    heads = ["form", "received", "in flight", *OWNED_BY, "parked"]
    rows = [
        [line.form, line.received, line.in_flight, *(line.owned[status] for status in OWNED_BY), line.parked]
        for line in tally.lines
    ]
    return "\n".join([table(heads, rows), *_remarks(tally)])


def _remarks(tally: Tally) -> Iterable[str]:
    if tally.unreadable:
        yield f"unreadable on the parked desks, outside the tally: {tally.unreadable}"
    for line in tally.lines:
        yield from _differences(line)
    yield "it adds up" if tally.adds_up else "IT DOES NOT ADD UP"


def _differences(line: Line) -> Iterable[str]:
    for status, owner in OWNED_BY.items():
        heard, owned = line.heard.get(status, 0), line.owned[status]
        if heard != owned:
            yield f"{line.form}: intake has heard of {heard} {status}, {owner} has {owned}"
