"""A load as life would send it, only more: two forms, many made-up people, few mistakes.

What becomes of each report is known beforehand and does not depend on the order in which they are judged:
four in a hundred are held for a personnummer in the text, two are rejected for a visit that has not been.
Visits are spread over ten years, so that a unit has as few of them at a time as in life.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from chassis.clock import STOCKHOLM
from chassis.yaml_files import read_yaml
from kansli.example import write_example
from kansli.places import shipped_example
from support.load import Fate, Report

KEY = "matnyckel"
CALLER = {"id": "matning", "key_sha256": [hashlib.sha256(KEY.encode()).hexdigest()], "forms": ["*"]}
"""Without `per_minute`: what is measured is the house, not its courtesy."""

PEOPLE = 500
"""In each committee's register."""

VISITING_DAYS = 3650
TERM_DAYS = 4000
TYPICAL_BYTES = 2048
TEST_PERSONAL_NUMBER = "19121212-1212"
COMMITTEES = ("valfard", "social")
PLACES = (
    "Björkgården",
    "Centralköket",
    "Ekbacken",
    "Lindens skola",
    "Sjöbadet",
    "Norra biblioteket",
    "Hamnhuset",
)
SENTENCES = (
    "Personalen berättade om schemat och om maten.",
    "De boende är med och planerar menyn.",
    "Lokalerna är ljusa, men ventilationen behöver ses över.",
    "Enheten har fått två nya medarbetare sedan i våras.",
    "Svinnet har minskat sedan gästerna fick ta själva.",
    "Chefen visade hur avvikelser följs upp varje vecka.",
    "Flera önskade att biblioteket hade öppet även på lördagar.",
    "Samarbetet med föreningarna fungerar väl enligt dem vi mötte.",
)


def write_town(folder: Path) -> Path:
    """The example municipality with a register of many, a platform without a limit, and few letters.

    The secretary's are gathered by the minute, and the platform gives the receipts.
    """
    today = datetime.now(STOCKHOLM).date()
    config = write_example(shipped_example(), folder, today).config
    for committee in COMMITTEES:
        path = config / "committees" / f"{committee}.yaml"
        _write_yaml(path, _with_many(read_yaml(path, today), today))
    callers = read_yaml(config / "callers.yaml", today)
    _write_yaml(config / "callers.yaml", {"callers": [*callers["callers"], CALLER]})
    return config


def _with_many(committee: Any, today: date) -> dict[str, Any]:
    units = [unit["id"] for unit in committee["units"]]
    many = [_person(committee["id"], number, units, today) for number in range(PEOPLE)]
    return {
        **committee,
        "kontaktpolitiker": [*committee["kontaktpolitiker"], *many],
        "notify": {"when": "gathered", "window_minutes": 1, "receipt": False},
    }


def _person(committee: str, number: int, units: Sequence[str], today: date) -> dict[str, Any]:
    return {
        "id": f"matning-{number}",
        "name": _name(number),
        "email": email(committee, number),
        "role": "member",
        "units": list(units),
        "from": (today - timedelta(days=TERM_DAYS)).isoformat(),
        "to": (today + timedelta(days=700)).isoformat(),
    }


def _name(number: int) -> str:
    return f"Påhittad Mätperson{number:03}"


def email(committee: str, number: int) -> str:
    return f"matperson{number:03}@{committee}.example"


def reports(count: int, prefix: str, first: int = 0) -> list[Report]:
    """So many reports, every other of each form; their numbers begin at `first`."""
    now = datetime.now(STOCKHOLM).replace(microsecond=0)
    return [_report(number, prefix, now) for number in range(first, first + count)]


def _report(number: int, prefix: str, now: datetime) -> Report:
    fate, person = _fate(number), number // 2 % PEOPLE
    committee = COMMITTEES[number % 2]
    day = now.date() + timedelta(days=_visit_in(number, fate))
    data = _WRITTEN[committee](number, day.isoformat(), now)
    text = _LONGEST[committee]
    body = {
        "form": f"kontaktpolitiker-{committee}",
        "form_version": 1,
        "reference": f"{prefix}-{number}",
        "submitted_at": (now - timedelta(hours=1)).isoformat(),
        "submitter": {"name": _name(person), "email": email(committee, person)},
        "data": {**data, text: _text(number, fate)},
    }
    return Report(f"{prefix}-{number}", person, fate, body)


def _fate(number: int) -> Fate:
    few: dict[int, Fate] = {7: "rejected", 58: "rejected", 11: "held", 36: "held", 61: "held", 86: "held"}
    return few.get(number % 100, "filed")


def _visit_in(number: int, fate: Fate) -> int:
    """Days from today; a step that shares no factor with the days spreads neighbours far apart."""
    return 30 if fate == "rejected" else -1 - number // 2 * 1009 % VISITING_DAYS


def _text(number: int, fate: Fate) -> str:
    words = " ".join(SENTENCES[(number + step) % len(SENTENCES)] for step in range(22 + number % 5))
    return f"{words} {TEST_PERSONAL_NUMBER} var där." if fate == "held" else words


def _welfare(number: int, day: str, now: datetime) -> dict[str, Any]:
    """With the chair's decision, so that no visit is one too many in its year."""
    return {
        "besoksdatum": day,
        "verksamhet": ("kost", "arbetsmarknad", "komvux", "turism", "kultur", "fritid")[number // 2 % 6],
        "enhet": f"{PLACES[number % len(PLACES)]} {number % 40}",
        "initiativ": ("inbjudan", "eget", "inbjudan")[number % 3],
        "inbjuden_av": "Enhetschefen",
        "dialog_med": ["personal", "brukare"][: 1 + number % 2],
        "pa_gang": SENTENCES[number % len(SENTENCES)],
        "muntlig_sammanfattning": number % 5 == 0,
        "anstalld_i_verksamheten": False,
        "narstaende_anstalld": number % 50 == 0,
        "ordforandebeslut": {
            "datum": (now.date() - timedelta(days=9)).isoformat(),
            "referens": f"§ {number % 90}",
        },
        "ersattning_begars": number % 4 != 0,
        "intygar_ingen_sekretess": True,
    }


def _social(number: int, day: str, _now: datetime) -> dict[str, Any]:
    return {
        "besoksdatum": day,
        "kontaktomrade": ("aldreomsorg", "hemtjanst", "lss", "ifo")[number // 2 % 4],
        "enhet": f"{PLACES[number % len(PLACES)]} {number % 40}",
        "aktivitet": ("verksamhetsbesok", "brukartraff", "verksamhetsbesok", "kontakt")[number // 8 % 4],
        "timmar": 1 + number % 8,
        "heldag": number % 16 == 1,
        "kallad_av_enhetschef": number % 6 != 1,
        "traffade": ["brukare", "personal", "chef"][: 1 + number % 3],
        "arbetsplan_genomgangen": number % 10 != 1,
        "synpunkter": SENTENCES[number % len(SENTENCES)],
        "rapportform": "skriftlig",
        "anstalld_i_verksamheten": False,
        "inga_personalarenden": True,
        "intygar_ingen_sekretess": True,
    }


_WRITTEN = {"valfard": _welfare, "social": _social}
_LONGEST = {"valfard": "sammanfattning", "social": "iakttagelser"}


def write_load(load: Sequence[Report], path: Path) -> None:
    """One body a line, in the order in which they are sent."""
    path.write_bytes(b"\n".join(_bodies(load)))


def _bodies(load: Sequence[Report]) -> Iterator[bytes]:
    return (json.dumps(report.body, ensure_ascii=False).encode() for report in load)


def _write_yaml(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(yaml.safe_dump(dict(content), allow_unicode=True, sort_keys=False), "utf-8")
