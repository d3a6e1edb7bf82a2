"""A load: reports by many made-up kontaktpolitiker, and the platform that sends them.

What becomes of each is known beforehand and does not depend on the order in which they are judged,
save one thing: of a person's three plain visits, exactly two are filed and one is held, whichever.
"""

import asyncio
import copy
import hashlib
import os
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import aiohttp
import yaml

from chassis.clock import STOCKHOLM
from chassis.yaml_files import read_yaml
from kansli.example import write_example
from kansli.places import shipped_example
from support.flow_instances import as_frends, instance, question

FORM = "kontaktpolitiker-valfard"
COMMITTEE = "valfard"
UNITS = ("kost", "arbetsmarknad", "komvux", "turism", "kultur", "fritid")
PEOPLE = 120
PLAIN_PEOPLE = 40
PLAIN_VISITS = 3
"""Of each of these: one more than the guideline pays for without a decision of the chair."""

VISITING_DAYS = 300
"""Visits are spread over so many days, so that a unit has no more of them at a time than in life."""

KEY = "provnyckel"
NARROW_KEY = "provnyckel för socialnämnden"
CALLERS = [
    {"id": "prov", "key_sha256": [hashlib.sha256(KEY.encode()).hexdigest()], "forms": ["*"]},
    {
        "id": "smal",
        "key_sha256": [hashlib.sha256(NARROW_KEY.encode()).hexdigest()],
        "forms": ["kontaktpolitiker-social"],
    },
]

TEST_PERSONAL_NUMBER = "19121212-1212"
"""The tax agency's own test number."""

UNMAPPED_FAMILY = "990"

Fate = Literal["filed", "held", "rejected", "plain", "parked"]

AGAIN_AFTER_S = 0.1
PATIENCE_S = 90.0


@dataclass(frozen=True)
class Report:
    """A submission to be sent, and what is to become of it."""

    reference: str
    person: int
    fate: Fate
    body: dict[str, Any]


def write_config(folder: Path) -> Path:
    """The example municipality with more kontaktpolitiker, and two platforms of the tests'."""
    today = datetime.now(STOCKHOLM).date()
    config = write_example(shipped_example(), folder, today).config
    committee = config / "committees" / f"{COMMITTEE}.yaml"
    content = read_yaml(committee, today)
    units = [unit["id"] for unit in content["units"]]
    content["kontaktpolitiker"] += [_person(number, units, today) for number in range(PEOPLE)]
    _write_yaml(committee, content)
    callers = read_yaml(config / "callers.yaml", today)
    _write_yaml(config / "callers.yaml", {"callers": callers["callers"] + CALLERS})
    return config


def reports(count: int, prefix: str, *, plain: bool = False) -> list[Report]:
    """So many reports in an order by lot; the seed is printed, and `KANSLI_TEST_SEED` repeats a run.

    One in ten is rejected, one held; with `plain`, the first are the plain visits of everybody's year,
    so a house can be given such a load once.
    """
    seed = int(os.environ.get("KANSLI_TEST_SEED") or random.randrange(1, 2**32))
    sys.stdout.write(f"load {prefix}: KANSLI_TEST_SEED={seed}\n")
    visits = PLAIN_PEOPLE * PLAIN_VISITS if plain else 0
    made = [report(number, prefix, "plain" if number < visits else _fate(number)) for number in range(count)]
    random.Random(seed).shuffle(made)
    return made


def report(number: int, prefix: str, fate: Fate) -> Report:
    person = number % (PLAIN_PEOPLE if fate == "plain" else PEOPLE)
    return Report(f"{prefix}-{number}", person, fate, _body(number, prefix, person, fate))


def unmapped(count: int) -> list[Report]:
    """So many documents of a family that no form maps: each is to be kept for who can read it."""
    numbers = random.sample(range(10**8, 10**9), count)
    return [Report(str(number), 0, "parked", _document(number)) for number in numbers]


def _document(number: int) -> dict[str, Any]:
    """A FlowInstance as Frends writes it, from somebody who gave the tax agency's test number."""
    values = {"kontakt": question(SocialSecurityNumber=TEST_PERSONAL_NUMBER)}
    return as_frends(instance(values, family=UNMAPPED_FAMILY, reference=str(number)))


def _fate(number: int) -> Fate:
    few: dict[int, Fate] = {0: "rejected", 1: "held"}
    return few.get(number % 10, "filed")


def _body(number: int, prefix: str, person: int, fate: Fate) -> dict[str, Any]:
    now = datetime.now(STOCKHOLM).replace(microsecond=0)
    visit = now.date() + timedelta(days=_visit_in(number, fate))
    data: dict[str, Any] = {
        "besoksdatum": visit.isoformat(),
        "verksamhet": UNITS[number % len(UNITS)],
        "enhet": f"Enhet {prefix} {number}",
        "initiativ": "inbjudan",
        "dialog_med": ["personal", "brukare"],
        "sammanfattning": f"Provbesök {number} visade att allt är som det ska.",
        "muntlig_sammanfattning": False,
        "anstalld_i_verksamheten": False,
        "narstaende_anstalld": False,
        "ersattning_begars": True,
        "intygar_ingen_sekretess": True,
    }
    if fate not in ("plain", "rejected"):
        data["ordforandebeslut"] = {"datum": (now.date() - timedelta(days=9)).isoformat(), "referens": "§ 1"}
    if fate == "held":
        data["sammanfattning"] += f" {TEST_PERSONAL_NUMBER} var där."
    return {
        "form": FORM,
        "form_version": 1,
        "reference": f"{prefix}-{number}",
        "submitted_at": (now - timedelta(hours=1)).isoformat(),
        "submitter": {"name": _name(person), "email": _email(person)},
        "data": data,
    }


def _visit_in(number: int, fate: Fate) -> int:
    """Days from today: a rejected report tells of a visit to come, the plain ones of one year's."""
    if fate == "rejected":
        return 30
    return -1 if fate == "plain" else -1 - number % VISITING_DAYS


def completed(report: Report) -> dict[str, Any]:
    """The same report sent again a minute later with another text: a completion."""
    body = copy.deepcopy(report.body)
    later = datetime.fromisoformat(body["submitted_at"]) + timedelta(minutes=1)
    body["submitted_at"] = later.isoformat()
    body["data"]["sammanfattning"] = "Kompletterad: köket har fått en ny ugn."
    return body


def _name(person: int) -> str:
    return f"Påhittad Provperson{person:02}"


def _email(person: int) -> str:
    return f"provperson{person:02}@valfard.example"


def _person(number: int, units: Sequence[str], today: date) -> dict[str, Any]:
    return {
        "id": f"prov-{number}",
        "name": _name(number),
        "email": _email(number),
        "role": "member",
        "units": list(units),
        "from": (today - timedelta(days=700)).isoformat(),
        "to": (today + timedelta(days=700)).isoformat(),
    }


def _write_yaml(path: Path, content: Any) -> None:
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), "utf-8")


@dataclass
class Sender:
    """A platform that sends until it has a 202, and keeps a log of each.

    `ids` holds, for each reference, every id that it was told: more than one would be a broken promise.
    """

    address: str
    key: str = KEY
    ids: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    answers: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    """Requests that got no answer at all."""

    @property
    def acknowledged(self) -> int:
        return len(self.ids)

    async def send_all(self, load: Sequence[Report], at_once: int = 12) -> None:
        """Send them side by side; returns when each has its 202.

        Raises:
            TimeoutError: one has none after a time in which the house should long have healed.
        """
        waiting = list(reversed(load))

        async def hand(session: aiohttp.ClientSession) -> None:
            while waiting:
                await self._send(session, waiting.pop())

        async with (
            asyncio.timeout(PATIENCE_S),
            aiohttp.ClientSession() as session,
            asyncio.TaskGroup() as hands,
        ):
            for _ in range(at_once):
                hands.create_task(hand(session))

    async def _send(self, session: aiohttp.ClientSession, report: Report) -> None:
        while not await self._try(session, report):
            await asyncio.sleep(AGAIN_AFTER_S)

    async def _try(self, session: aiohttp.ClientSession, report: Report) -> bool:
        try:
            async with session.post(
                f"{self.address}/v1/submissions",
                json=report.body,
                headers={"Authorization": f"Bearer {self.key}"},
            ) as response:
                self.answers[response.status] += 1
                if response.status != 202:
                    assert response.status in {429, 503}, await response.text()
                    return False
                self.ids[report.reference].add((await response.json())["id"])
                return True
        except (aiohttp.ClientError, OSError):
            self.lost += 1
            return False
