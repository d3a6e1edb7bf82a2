"""Who is kontaktpolitiker for what: the committees' registers, as their files say it."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from chassis.folders import BrokenFolder, complaints, files_in
from chassis.yaml_files import read_yaml
from validation.findings import Outcome
from validation.texts import folded


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

    def in_office(self, day: date) -> bool:
        return self.since <= day <= self.until


class Committee(_Entry):
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
        address = folded(email)
        return self._first(term for term in self._in_office(day) if folded(term.email) == address)

    def by_personal_number(self, keyed_hash: str, day: date) -> Kontaktpolitiker | None:
        return self._first(term for term in self._in_office(day) if term.personal_number_hash == keyed_hash)

    def find(self, email: str | None, personal_number_hash: str | None, day: date) -> Kontaktpolitiker | None:
        """Find the person; the number decides before the address, since addresses are shared."""
        known = personal_number_hash and self.by_personal_number(personal_number_hash, day)
        return known or (self.by_email(email, day) if email else None)

    def unit_name(self, unit: str) -> str:
        """Give the unit's name, or its id when the committee does not have it."""
        return next((known.name for known in self.units if known.id == unit), unit)

    def _in_office(self, day: date) -> Iterable[Kontaktpolitiker]:
        return (term for term in self.kontaktpolitiker if term.in_office(day))

    @staticmethod
    def _first(terms: Iterable[Kontaktpolitiker]) -> Kontaktpolitiker | None:
        return next(iter(terms), None)


Committees = Mapping[str, Committee]


find_committees = files_in("committees", ".yaml")


def load_committees(folder: Path, today: date) -> Committees:
    """Read `committees/<id>.yaml` of a configuration folder; raises `BrokenFolder` naming the file."""
    return {name: load_committee(path, today) for name, path in find_committees([folder]).items()}


def load_committee(path: Path, today: date) -> Committee:
    """Read one committee's file; raises `BrokenFolder`."""
    try:
        committee = committee_from(read_yaml(path, today))
    except ValidationError as error:
        raise BrokenFolder(f"{path}: {complaints(error)}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BrokenFolder(f"{path}: {error}") from error
    if committee.id != path.stem:
        raise BrokenFolder(f"{path}: id is {committee.id}, so the file must be {committee.id}.yaml")
    return committee


def committee_from(content: Any) -> Committee:
    """Make a committee out of parsed YAML or JSON; raises `pydantic.ValidationError`."""
    return Committee.model_validate(content)
