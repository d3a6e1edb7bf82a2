"""`kansli check`: every file that a municipality writes, read as the services would, before they do."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path

from archive.committees import load_committees as load_meetings
from archive.forms import load_forms as load_printed_forms
from chassis.callers import load_callers
from chassis.clock import day_in_stockholm, system_clock
from chassis.folders import BrokenFolder
from intake.forms import load_forms as load_form_names
from kansli.example import write_example
from kansli.places import forms_folders, shipped_example
from notification.recipients import load_committees as load_recipients
from validation.check import check_forms, check_guideline, check_overrides, check_register
from validation.forms import Forms, load_forms
from validation.register import Committees, load_committees


def run(config: Path | None, added_forms: Sequence[Path]) -> int:
    """Print what is wrong, then what deserves attention; 1 if anything is wrong, else 0.

    Without a configuration, the example's is looked through.
    """
    today = day_in_stockholm(system_clock())
    folders = forms_folders(added_forms)
    with tempfile.TemporaryDirectory() as scratch:
        folder = config or write_example(shipped_example(), Path(scratch), today).config
        errors = [*_form_errors(folders), *_config_errors(folder, today)]
        warnings = [] if errors else list(_warnings(folder, folders, today))
    for kind, messages in (("error", errors), ("warning", warnings)):
        for message in messages:
            print(f"{kind}: {message}")
    print(f"{len(errors)} errors, {len(warnings)} warnings")
    return 1 if errors else 0


def _form_errors(folders: Sequence[Path]) -> Iterator[str]:
    yield from _refusals(lambda: load_form_names(folders))
    for problem in check_forms(folders):
        yield f"{problem.file}: {problem.message}"


def _config_errors(folder: Path, today: date) -> Iterator[str]:
    """The same file may be wrong for several services, each in its own words."""
    loaders: list[Callable[[Path, date], object]] = [
        load_callers,
        load_committees,
        load_meetings,
        load_recipients,
    ]
    yield from dict.fromkeys(
        refusal for load in loaders for refusal in _refusals(partial(load, folder, today))
    )


def _refusals(load: Callable[[], object]) -> Iterator[str]:
    try:
        load()
    except BrokenFolder as broken:
        yield str(broken)


def _warnings(folder: Path, folders: Sequence[Path], today: date) -> Iterator[str]:
    committees, forms = load_committees(folder, today), load_forms(folders)
    load_printed_forms(folders, today)
    for committee in committees.values():
        place = f"{folder}/committees/{committee.id}.yaml"
        for warning in (*check_register(committee, today), *check_overrides(committee, forms)):
            yield f"{place}: {warning}"
    yield from _without_meeting(folder, today)
    yield from _of_forms(forms, committees, today)


def _without_meeting(folder: Path, today: date) -> Iterator[str]:
    for committee in load_meetings(folder, today).values():
        if not any(meeting.date >= today and not meeting.cancelled for meeting in committee.meetings):
            yield f"{folder}/committees/{committee.id}.yaml: no coming meeting"


def _of_forms(forms: Forms, committees: Committees, today: date) -> Iterator[str]:
    for form in forms.values():
        if form.committee not in committees:
            yield f"{form.name}: its committee {form.committee} is not in the configuration"
        for warning in check_guideline(form, today):
            yield f"{form.name}: {warning}"
