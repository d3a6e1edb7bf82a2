"""The guidelines that forms follow, and when they are about to stop applying.

A guideline is decided for a time; reports are judged by it until somebody notices that it is over.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from chassis.faults import read_model
from chassis.folders import folders_with
from notification.recipients import Committee
from notification.workdays import moment_on, workday_from


class _Part(BaseModel):
    """A part of a form's file; what other services need of it is left to them."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)


class Guideline(_Part):
    title: str = Field(min_length=1)
    reference: str = ""
    valid_to: date | None = None
    """The last day on which it applies; None for until further notice."""
    owner: str = ""
    """Who sees to it that there is a new one, such as a department."""


class GuidedForm(_Part):
    committee: str
    title: str = Field(min_length=1)
    guideline: Guideline | None = None


GuidedForms = Mapping[str, GuidedForm]
"""The forms by their name."""

find_forms = folders_with("form.yaml")


def load_form(folder: Path, today: date) -> GuidedForm:
    """Read one form; raises `BrokenFolder`."""
    return read_model(folder / "form.yaml", GuidedForm, today)


@dataclass(frozen=True, slots=True)
class Ending:
    """A guideline that stops applying, and the forms that follow it."""

    guideline: Guideline
    last_day: date
    forms: tuple[str, ...]
    """Their titles."""

    def turns(self, days_before: tuple[int, ...], at: time) -> Iterator[tuple[str, datetime]]:
        """When to tell of it, each under a name: so many days before, and when it is over."""
        for days in days_before:
            yield str(days), moment_on(workday_from(self.last_day - timedelta(days=days)), at)
        yield "over", moment_on(workday_from(self.last_day + timedelta(days=1)), at)

    def struck(self, days_before: tuple[int, ...], at: time, now: datetime) -> str | None:
        """The turn whose hour has struck; of several that were missed only the last is of use."""
        turns = sorted(self.turns(days_before, at), key=lambda turn: turn[1])
        names = [name for name, moment in turns if moment <= now]
        return names[-1] if names else None


def titles_of(committee: Committee, forms: GuidedForms) -> Mapping[str, str]:
    """The titles of the committee's forms, by their names."""
    return {name: form.title for name, form in sorted(forms.items()) if form.committee == committee.id}


def endings(committee: Committee, forms: GuidedForms) -> Iterator[Ending]:
    """The committee's guidelines that have a last day; one that several forms follow comes once."""
    titles: dict[Guideline, list[str]] = {}
    for form in forms.values():
        if form.committee == committee.id and form.guideline is not None:
            titles.setdefault(form.guideline, []).append(form.title)
    for guideline, of_forms in titles.items():
        if guideline.valid_to is not None:
            yield Ending(guideline, guideline.valid_to, tuple(sorted(of_forms)))
