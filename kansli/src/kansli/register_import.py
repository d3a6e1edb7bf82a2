"""`kansli import register`: the committee's list of kontaktpolitiker, brought into its file.

The file is a person's own: its comments, its order and its form stay, and only what differs is
written. Nobody is removed: a term of office ends by its last day.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from chassis.personal_numbers import NoPersonalNumber, hashed
from kansli.committee_files import check_loads, edited, file_of_committee, flow, write_whole
from kansli.spreadsheets import BadCell, BadTable, Row, read_rows
from validation.register import Committee, Kontaktpolitiker, load_committees
from validation.texts import folded

_HEADS = {
    "id": ("id",),
    "name": ("namn", "name"),
    "email": ("e-post", "epost", "e-postadress", "email", "e-mail"),
    "personal_number": ("personnummer", "personal number", "personal_number"),
    "role": ("roll", "role"),
    "units": ("verksamheter", "verksamhet", "kontaktområden", "kontaktområde", "units"),
    "from": ("från", "from"),
    "to": ("till", "to"),
    "employed_in": ("anställd i", "employed in", "employed_in"),
    "relatives_in": ("närstående i", "relatives in", "relatives_in"),
}
_COLUMN_OF = {head: column for column, heads in _HEADS.items() for head in heads}
_REQUIRED = ("name", "email", "role", "units", "from")
_ROLES = {"ledamot": "member", "member": "member", "ersättare": "substitute", "substitute": "substitute"}
_LISTS = ("units", "employed_in", "relatives_in")
_NUMBERED = re.compile(r"kp-(\d+)")


@dataclass(frozen=True, slots=True)
class Change:
    """What the table does to one term of office: `sign` is `+`, `~`, `=` or `?`."""

    sign: str
    person: str
    since: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = {"+": "new", "~": f"changed: {', '.join(self.fields)}", "=": "same", "?": "not in the file"}
        return f"{self.sign} {self.person} from {self.since}  {what[self.sign]}"


Term = dict[str, Any]
"""A term of office with the keys of the committee's file; dates as text, absent when not said."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to a committee's file, and the text that it would then have."""

    path: Path
    changes: Sequence[Change]
    text: str

    @property
    def changes_anything(self) -> bool:
        return any(change.sign in "+~" for change in self.changes)


def plan_register(table: Path, config: Path, committee_id: str, key: str | None, today: date) -> Plan:
    """Match the table with the committee's file; nothing is written.

    Raises:
        BadTable: a line of the table is wrong, or the file would not load with it.
        BrokenFolder: the committee's file cannot be used as it is.
    """
    committee, path = _committee(config, committee_id, today)
    rows = read_rows(table, _COLUMN_OF.get)
    register = _Register(committee, [row["id"] for row in rows])
    _take_all(table, rows, register, _Reader(committee, key, today))
    plan = Plan(path, [*register.changes()], edited(path, lambda content: _edit_all(content, register)))
    check_loads(config, path, plan.text, today)
    return plan


def write_register(plan: Plan) -> None:
    if plan.changes_anything:
        write_whole(plan.path, plan.text)


def _committee(config: Path, committee_id: str, today: date) -> tuple[Committee, Path]:
    committees = load_committees(config, today)
    path = file_of_committee(config, committee_id, today)
    return committees[committee_id], path


class _Reader:
    """Reads the cells of one committee's table."""

    def __init__(self, committee: Committee, key: str | None, today: date) -> None:
        self._units = {folded(name): unit.id for unit in committee.units for name in (unit.name, unit.id)}
        self._key = key
        self._today = today

    def term(self, row: Row) -> Term:
        """What the line says; a column that the table lacks says nothing.

        Raises:
            BadCell: the first cell that cannot be taken.
        """
        term: Term = {"name": _filled(row, "name"), "email": _address(row), "role": _role(row)}
        term["units"] = self._unit_ids(row, "units")
        term["from"] = _day(row, "from")
        if row["to"]:
            term["to"] = _last_day(row, term["from"])
        term |= {column: self._unit_ids(row, column) for column in _LISTS[1:] if row.has(column)}
        if row["personal_number"]:
            term["personal_number_hash"] = self._hash(row["personal_number"])
        return term

    def _unit_ids(self, row: Row, column: str) -> list[str]:
        names = [folded(name) for name in re.split(r"[|,]", row[column]) if name.strip()]
        if any(name not in self._units for name in names):
            raise BadCell(f"{column} names a unit that the committee lacks; write its id or name")
        return list(dict.fromkeys(self._units[name] for name in names))

    def _hash(self, number: str) -> str:
        if self._key is None:
            raise BadCell("there is no key for personnummer; say --data or --personal-number-key-file")
        try:
            return hashed(number, self._key, self._today)
        except NoPersonalNumber:
            raise BadCell("personnummer is none; write ÅÅÅÅMMDD-NNNN") from None


def _filled(row: Row, column: str) -> str:
    if not row[column]:
        raise BadCell(f"{column} is empty; fill it in")
    return row[column]


def _address(row: Row) -> str:
    address = _filled(row, "email")
    if address.count("@") != 1 or " " in address:
        raise BadCell("email is no address; write one such as name@kommunen.example")
    return address


def _role(row: Row) -> str:
    try:
        return _ROLES[folded(row["role"])]
    except KeyError:
        raise BadCell("role is neither ledamot (member) nor ersättare (substitute); write one") from None


def _day(row: Row, column: str) -> str:
    try:
        return date.fromisoformat(_filled(row, column)).isoformat()
    except ValueError:
        raise BadCell(f"{column} is no date; write ÅÅÅÅ-MM-DD") from None


def _last_day(row: Row, since: str) -> str:
    last = _day(row, "to")
    if last < since:
        raise BadCell("to comes before from; the term would end before it begins")
    return last


class _Register:
    """The terms of office in the file, and what the table makes of them."""

    def __init__(self, committee: Committee, given_ids: Sequence[str]) -> None:
        self._given_ids = given_ids
        self._former = [_term(entry) for entry in committee.kontaktpolitiker]
        self.terms: list[Term] = [dict(term) for term in self._former]
        self._taken: set[int] = set()

    def take(self, term: Term, given_id: str, has: Callable[[str], bool]) -> None:
        """Change the person's term that begins the same day, or add one.

        Raises:
            BadCell: nobody can tell whose term it is, or the table has it already.
        """
        person = self._person(term, given_id) or given_id or self._free_id()
        place = self._place(person, term["from"])
        if place in self._taken:
            raise BadCell("an earlier line has the same person and first day; leave one out")
        if place == len(self.terms):
            self.terms.append({"id": person})
        self._taken.add(place)
        if has("to"):
            self.terms[place].pop("to", None)
        self.terms[place] |= term

    def changes(self) -> Iterator[Change]:
        for place, term in enumerate(self.terms):
            yield Change(self._sign(place), term["id"], term["from"], tuple(self.changed(place)))

    def changed(self, place: int) -> list[str]:
        """The fields that differ from the file; of a new term, every field."""
        before = self._former[place] if place < len(self._former) else {}
        after = self.terms[place]
        return [
            field for field in {**before, **after} if _comparable(field, before) != _comparable(field, after)
        ]

    def _sign(self, place: int) -> str:
        if place >= len(self._former):
            return "+"
        if place not in self._taken:
            return "?"
        return "~" if self.changed(place) else "="

    def _person(self, term: Term, given_id: str) -> str | None:
        """Whose line it is: by number, then by address, then by id."""
        number = term.get("personal_number_hash")
        if known := {one["id"] for one in self.terms if number and _number(one) == number}:
            return _the_only(known)
        if known := {one["id"] for one in self.terms if _shares_address(one, term)}:
            return _the_only(known, given_id)
        return next((one["id"] for one in self.terms if one["id"] == given_id), None)

    def _place(self, person: str, since: str) -> int:
        of_person = (n for n, one in enumerate(self.terms) if one["id"] == person and one["from"] == since)
        return next(of_person, len(self.terms))

    def _free_id(self) -> str:
        ids = [*self._given_ids, *(one["id"] for one in self.terms)]
        taken = [int(found[1]) for one in ids if (found := _NUMBERED.fullmatch(one))]
        return f"kp-{max(taken, default=0) + 1}"


def _comparable(field: str, term: Term) -> Any:
    """Equal when nobody would call it a change: the order of a list, how an address is written."""
    if field in _LISTS:
        return sorted(term.get(field, ()))
    return folded(term.get(field, "")) if field == "email" else term.get(field)


def _number(term: Term) -> str | None:
    number: str | None = term.get("personal_number_hash")
    return number


def _shares_address(one: Term, other: Term) -> bool:
    """Whether it may be the same person: an address is shared by people whose numbers differ."""
    numbers = {_number(one), _number(other)} - {None}
    return len(numbers) < 2 and folded(one["email"]) == folded(other["email"])


def _the_only(people: set[str], given_id: str = "") -> str:
    if given_id in people:
        return given_id
    if len(people) > 1:
        raise BadCell("several people match; write the id of the one it is")
    return next(iter(people))


def _term(entry: Kontaktpolitiker) -> Term:
    """The entry as the file writes it; what it leaves out is left out."""
    said = entry.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {field: value for field, value in said.items() if value is not None}


def _take_all(table: Path, rows: Sequence[Row], register: _Register, reader: _Reader) -> None:
    faults = [*_missing_columns(table, rows)]
    for row in rows if not faults else ():
        try:
            register.take(reader.term(row), row["id"], row.has)
        except BadCell as bad:
            faults.append(f"{table}:{row.line}: {bad}")
    if faults:
        raise BadTable(faults)


def _missing_columns(table: Path, rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        yield f"{table}:2: no line below the heads; write one for each kontaktpolitiker"
    for column in _REQUIRED:
        if rows and not rows[0].has(column):
            yield f"{table}:1: no column {column}; add one with the head {' or '.join(_HEADS[column])}"


def _edit_all(content: CommentedMap, register: _Register) -> None:
    entries = content.setdefault("kontaktpolitiker", CommentedSeq())
    for place, term in enumerate(register.terms):
        if place == len(entries):
            entries.append(flow(CommentedMap()))
        _edit(entries[place], term, register.changed(place))


def _edit(entry: CommentedMap, term: Term, fields: Sequence[str]) -> None:
    for field in fields:
        if field in term:
            entry[field] = _written(field, term[field])
        else:
            del entry[field]


def _written(field: str, value: Any) -> Any:
    if field in {"from", "to"}:
        return date.fromisoformat(value)
    return flow(CommentedSeq(value)) if field in _LISTS else value
