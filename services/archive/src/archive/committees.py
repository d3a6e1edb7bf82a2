"""The committees as the archive knows them: who is asked, what stands on the agenda, and when they meet."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from archive.calendar import Meeting
from chassis.folders import BrokenFolder, files_in
from chassis.yaml_files import read_yaml


class _Read(BaseModel):
    """Strict in what is used, silent about the rest: the file is shared by four services."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Secretary(_Read):
    name: str


class Unit(_Read):
    id: str
    name: str


class Committee(_Read):
    id: str
    name: str
    secretary: Secretary
    agenda_item: str
    proposal: str
    meetings: tuple[Meeting, ...] = Field(default=(), strict=False)
    units: tuple[Unit, ...] = Field(default=(), strict=False)

    @field_validator("meetings")
    @classmethod
    def _one_a_day_in_order(cls, meetings: tuple[Meeting, ...]) -> tuple[Meeting, ...]:
        """A meeting is addressed by its date, so that a date can hold only one."""
        if len({meeting.date for meeting in meetings}) < len(meetings):
            raise ValueError("två sammanträden har samma datum")
        return tuple(sorted(meetings, key=lambda meeting: meeting.date))

    @property
    def unit_names(self) -> Mapping[str, str]:
        return {unit.id: unit.name for unit in self.units}


Committees = Mapping[str, Committee]
"""Committees by their id."""


find_committees = files_in("committees", ".yaml")


def load_committees(folder: Path, today: date) -> Committees:
    """Read `committees/*.yaml` of a configuration folder.

    Raises `BrokenFolder` naming the file and the field.
    """
    return {name: load_committee(path, today) for name, path in find_committees([folder]).items()}


def load_committee(path: Path, today: date) -> Committee:
    """Read one committee's file; raises `BrokenFolder`."""
    committee = _parsed(path, _content(path, today))
    if committee.id != path.stem:
        raise BrokenFolder(f"{path}: id är {committee.id!r} men filen heter {path.name}")
    return committee


def _content(path: Path, today: date) -> Any:
    try:
        return read_yaml(path, today)
    except (yaml.YAMLError, UnicodeDecodeError) as trouble:
        raise BrokenFolder(f"{path}: {trouble}") from trouble


def _parsed(path: Path, content: Any) -> Committee:
    try:
        return Committee.model_validate(content)
    except ValidationError as trouble:
        raise BrokenFolder("\n".join(_complaints(path, trouble))) from trouble


def _complaints(path: Path, trouble: ValidationError) -> Iterator[str]:
    for error in trouble.errors(include_url=False, include_input=False):
        place = ".".join(str(step) for step in error["loc"])
        yield f"{path}: {place}: {error['msg'].removeprefix('Value error, ')}"
