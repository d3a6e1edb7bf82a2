"""`kansli import history`: visits from before go-live, so that yearly limits hold from the first day."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from chassis.personal_numbers import NoPersonalNumber, hashed
from kansli.spreadsheets import BadCell, BadTable, Row, read_rows
from validation.forms import Form
from validation.history import WRONG, needed
from validation.schemas import Field
from validation.texts import folded

PART = 1_000
"""Visits in one call: a second or two of validation's time."""

_PERSON_HEADS = {
    "id": "id",
    "e-post": "email",
    "epost": "email",
    "email": "email",
    "e-mail": "email",
    "personnummer": "personal_number",
    "personal_number": "personal_number",
}
_PERSON = ("id", "personal_number", "email")
_SIGNS = {"new": "+", "same": "=", "reported": "=", "unknown-person": "!", "invalid": "!"}

Visit = dict[str, Any]


class Teller(Protocol):
    """Whoever passes something on to a service's admin address."""

    async def tell(self, service: str, path: str, content: Mapping[str, Any]) -> Any: ...


def read_visits(table: Path, form: Form, key: str | None, today: date) -> list[Visit]:
    """Read the visits, each value of the type that the newest schema gives its field.

    Raises:
        BadTable: a column that the form's facts need is missing, or a line is wrong.
    """
    root = form.schema(form.newest).root
    rows = read_rows(table, _columns(root).get)
    _check_columns(table, rows, needed(form))
    visits, faults = [], []
    for row in rows:
        try:
            visits.append(_visit(row, root, key, today))
        except BadCell as bad:
            faults.append(f"{table}:{row.line}: {bad}")
    if faults:
        raise BadTable(faults)
    return visits


async def send_visits(teller: Teller, form: str, visits: Sequence[Visit], dry_run: bool) -> list[Any]:
    """Look at all of them first, and store them only when none is wrong; the answer is a row for each."""
    rows = await _send(teller, form, visits, dry_run=True)
    if dry_run or any(row["result"] in WRONG for row in rows):
        return rows
    return await _send(teller, form, visits, dry_run=False)


async def _send(teller: Teller, form: str, visits: Sequence[Visit], *, dry_run: bool) -> list[Any]:
    rows: list[Any] = []
    for first in range(0, len(visits), PART):
        part = {"form": form, "dry_run": dry_run, "visits": visits[first : first + PART]}
        rows += (await teller.tell("validation", "/admin/history", part))["rows"]
    return rows


def shown(table: Path, rows: Sequence[Mapping[str, Any]]) -> str:
    """A line for each visit, and how many there are of each kind."""
    lines = [_line(table, row) for row in rows]
    counts = Counter(row["result"] for row in rows)
    summary = ", ".join(f"{counts[result]} {result}" for result in _SIGNS if counts[result])
    nothing = ["nothing is stored while a line is wrong"] if any(counts[one] for one in WRONG) else []
    return "\n".join([*lines, summary, *nothing])


def _line(table: Path, row: Mapping[str, Any]) -> str:
    words = f"{row['result']}: {row['detail']}" if row["detail"] else row["result"]
    return f"{_SIGNS[row['result']]} {table}:{row['line']}: {words}"


def _columns(root: Field) -> dict[str, str]:
    """The column of each head: the person's, and every field by name or title; a part as `field.part`."""
    fields: dict[str, str] = {}
    for name in sorted(root.properties):
        field = root.child(name)
        parts = {f"{name}.{part}": f"{name}.{part}" for part in sorted(field.properties)}
        fields |= parts or {name: name, folded(field.title): name}
    return fields | _PERSON_HEADS


def _check_columns(table: Path, rows: Sequence[Row], names: Sequence[str]) -> None:
    if not rows:
        raise BadTable([f"{table}:2: no line below the heads; write one for each visit"])
    faults = [f"{table}:1: no column {name}, which the form's facts need" for name in names]
    missing = [fault for name, fault in zip(names, faults, strict=True) if not rows[0].has(name)]
    if not any(rows[0].has(column) for column in _PERSON):
        missing.append(f"{table}:1: no column for the person; add e-post, personnummer or id")
    if missing:
        raise BadTable(missing)


def _visit(row: Row, root: Field, key: str | None, today: date) -> Visit:
    visit = {"line": row.line, "data": _data(row, root), **_person(row, key, today)}
    if len(visit) == 2:
        raise BadCell("nobody is named; fill in e-post, personnummer or id")
    return visit


def _person(row: Row, key: str | None, today: date) -> dict[str, str]:
    told = {"person_id": row["id"], "email": row["email"]}
    if row["personal_number"]:
        told["personal_number_hash"] = _hash(row["personal_number"], key, today)
    return {name: value for name, value in told.items() if value}


def _hash(number: str, key: str | None, today: date) -> str:
    if key is None:
        raise BadCell("there is no key for personnummer; say --data or --personal-number-key-file")
    try:
        return hashed(number, key, today)
    except NoPersonalNumber:
        raise BadCell("personnummer is none; write ÅÅÅÅMMDD-NNNN") from None


def _data(row: Row, root: Field) -> dict[str, Any]:
    """What the cells say; an empty cell leaves its field out."""
    data: dict[str, Any] = {}
    for column in row.cells:
        if column not in _PERSON and row[column]:
            name, _, part = column.partition(".")
            field = root.child(name)
            if part:
                data.setdefault(name, {})[part] = _value(column, row[column], field.child(part))
            else:
                data[name] = _value(column, row[column], field)
    return data


def _value(column: str, cell: str, field: Field) -> Any:
    if field.kind == "array":
        return [_value(column, item.strip(), field.child(0)) for item in cell.split("|") if item.strip()]
    try:
        return _READ.get(field.kind or "", str)(cell)
    except (ValueError, KeyError):
        raise BadCell(f"{column} is no {_WANTED[field.kind or '']}") from None


def _yes_or_no(cell: str) -> bool:
    return {"ja": True, "true": True, "nej": False, "false": False}[folded(cell)]


def _number(cell: str) -> float:
    return float(cell.replace(",", "."))


_READ: Mapping[str, Callable[[str], Any]] = {"number": _number, "integer": int, "boolean": _yes_or_no}
_WANTED = {
    "number": "number; write one such as 5,5",
    "integer": "whole number; write one such as 5",
    "boolean": "answer; write ja or nej",
}
