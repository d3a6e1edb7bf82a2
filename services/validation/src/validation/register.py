"""Who is kontaktpolitiker for what: the committees' registers, as their files say it."""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis.faults import HasId, read_named
from chassis.folders import files_in
from validation.findings import Outcome
from validation.texts import folded

Key = TypeVar("Key")

_IN_CEL = frozenset({"id", "name", "email", "role", "units", "employed_in", "relatives_in"})


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Unit(_Entry):
    id: str
    name: str


class Kontaktpolitiker(_Entry):
    """One term of office; the same person's id recurs with every further term. Both days count."""

    id: str
    name: str
    email: str
    role: Literal["member", "substitute"]
    units: tuple[str, ...]
    since: date = Field(alias="from")
    until: date = Field(alias="to", default=date.max)
    employed_in: tuple[str, ...] = ()
    relatives_in: tuple[str, ...] = ()
    personal_number_hash: str | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until < self.since:
            raise ValueError(f"the term of {self.id} ends before it begins")
        return self

    @cached_property
    def in_cel(self) -> Mapping[str, Any]:
        """Give the entry as rules see it; the keyed hash stays outside."""
        return self.model_dump(mode="json", include=set(_IN_CEL))

    def in_office(self, day: date) -> bool:
        return self.since <= day <= self.until


class Committee(_Entry, HasId):
    """The part of a committee's file that a judgement needs."""

    id: str
    name: str
    units: tuple[Unit, ...] = ()
    kontaktpolitiker: tuple[Kontaktpolitiker, ...] = ()
    rules: Mapping[str, Outcome] = {}

    @model_validator(mode="after")
    def _names_only_its_units(self) -> Self:
        known = {unit.id for unit in self.units}
        for term in self.kontaktpolitiker:
            if strange := {*term.units, *term.employed_in, *term.relatives_in} - known:
                raise ValueError(f"{term.id} names units the committee lacks: {sorted(strange)}")
        return self

    def by_email(self, email: str, day: date) -> Kontaktpolitiker | None:
        """Find who in office that day has the address, however it is written."""
        return self._first(self._by_address.get(folded(email), ()), day)

    def by_personal_number(self, keyed_hash: str, day: date) -> Kontaktpolitiker | None:
        return self._first(self._by_hash.get(keyed_hash, ()), day)

    def find(self, email: str | None, personal_number_hash: str | None, day: date) -> Kontaktpolitiker | None:
        """Find the person; the number decides before the address, since addresses are shared."""
        known = personal_number_hash and self.by_personal_number(personal_number_hash, day)
        return known or (self.by_email(email, day) if email else None)

    def unit_name(self, unit: str) -> str:
        """Give the unit's name, or its id when the committee does not have it."""
        return self.unit_names.get(unit, unit)

    @cached_property
    def unit_names(self) -> Mapping[str, str]:
        """Give the name of each unit by its id."""
        return {unit.id: unit.name for unit in reversed(self.units)}

    @cached_property
    def in_cel(self) -> Mapping[str, Any]:
        """Give the committee as rules see it."""
        return {"id": self.id, "name": self.name, "units": self.unit_names}

    @cached_property
    def _by_address(self) -> Mapping[str, list[Kontaktpolitiker]]:
        return _grouped((folded(term.email), term) for term in self.kontaktpolitiker)

    @cached_property
    def _by_hash(self) -> Mapping[str | None, list[Kontaktpolitiker]]:
        return _grouped((term.personal_number_hash, term) for term in self.kontaktpolitiker)

    @staticmethod
    def _first(terms: Iterable[Kontaktpolitiker], day: date) -> Kontaktpolitiker | None:
        return next((term for term in terms if term.in_office(day)), None)


def _grouped(terms: Iterable[tuple[Key, Kontaktpolitiker]]) -> dict[Key, list[Kontaktpolitiker]]:
    """Gather the terms of office under each key, in the order of the file."""
    gathered: dict[Key, list[Kontaktpolitiker]] = {}
    for key, term in terms:
        gathered.setdefault(key, []).append(term)
    return gathered


Committees = Mapping[str, Committee]


find_committees = files_in("committees", ".yaml")


def load_committees(folder: Path, today: date) -> Committees:
    """Read `committees/<id>.yaml` of a configuration folder; raises `BrokenFolder` naming the file."""
    return {name: load_committee(path, today) for name, path in find_committees([folder]).items()}


def load_committee(path: Path, today: date) -> Committee:
    """Read one committee's file; raises `BrokenFolder`."""
    return read_named(path, Committee, today)


def committee_from(content: Any) -> Committee:
    """Make a committee out of parsed YAML or JSON; raises `pydantic.ValidationError`."""
    return Committee.model_validate(content)
