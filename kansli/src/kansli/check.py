"""`kansli check`: every file that a municipality writes, read as the services would, before they do."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import archive.committees
import archive.forms
import intake.forms
import notification.recipients
import validation.forms
import validation.register
from archive.committees import Committee as MeetingCommittee
from chassis.callers import load_callers
from chassis.clock import day_in_stockholm, system_clock
from chassis.faults import Fault, Faulty, refusal
from chassis.folders import BrokenFolder, Problem
from intake.mappings import check_mapping
from kansli.example import write_example
from kansli.known_keys import CALLERS, COMMITTEE, strangers
from kansli.places import forms_folders, shipped_example
from validation.check import check_forms, check_guideline, check_overrides, check_register
from validation.forms import Form
from validation.register import Committee

Problems = Iterator[Problem]


def run(config: Path | None, added_forms: Sequence[Path]) -> int:
    """Print what is wrong, then what deserves attention; 1 if anything is wrong, else 0.

    Without a configuration, the example's is looked through.
    """
    today = day_in_stockholm(system_clock())
    folders = forms_folders(added_forms)
    with tempfile.TemporaryDirectory() as scratch:
        folder = config or write_example(shipped_example(), Path(scratch), today).config
        errors, warnings = look_through(folder, folders, today)
    for kind, problems in (("error", errors), ("warning", warnings)):
        for problem in problems:
            print(f"{kind}: {_from_here(problem)}")
    print(f"{len(errors)} errors, {len(warnings)} warnings")
    return 1 if errors else 0


def look_through(config: Path, forms: Sequence[Path], today: date) -> tuple[list[Problem], list[Problem]]:
    """Find the errors and the warnings; a file that several services read is told of once."""
    errors = [*_form_errors(forms, today), *_config_errors(config, today), *_overrides(config, forms, today)]
    return [*dict.fromkeys(errors)], [*dict.fromkeys(_warnings(config, forms, today))]


def _from_here(problem: Problem) -> Problem:
    here, file = Path.cwd(), problem.file
    return Problem(file.relative_to(here), problem.line, problem.words) if here in file.parents else problem


def _form_errors(folders: Sequence[Path], today: date) -> Problems:
    try:
        found = intake.forms.find_forms(folders)
    except BrokenFolder as broken:
        yield Problem(folders[-1], None, str(broken))
        return
    yield from check_forms(folders)
    for folder in found.values():
        yield from _refused(lambda folder: archive.forms.load_form(folder, today), folder)
        yield from _mapping_errors(folder)
    yield from _twice_mapped(found)


def _twice_mapped(found: Mapping[str, Path]) -> Problems:
    forms = _readable(found, intake.forms.load_form)
    for name, place, words in intake.forms.mapped_twice(forms):
        yield from refusal(found[name] / intake.forms.MAPPING_FILE, Faulty([Fault(place, words)])).problems


def _mapping_errors(folder: Path) -> Problems:
    """What is wrong with how a platform's elements become the form's fields."""
    try:
        form = intake.forms.load_form(folder)
    except BrokenFolder as broken:
        yield from broken.problems
        return
    faults = [Fault(place, words) for place, words in check_mapping(form.open_e, form.schemas)]
    yield from refusal(folder / intake.forms.MAPPING_FILE, Faulty(faults)).problems


def _config_errors(config: Path, today: date) -> Problems:
    callers = config / "callers.yaml"
    yield from strangers(callers, CALLERS)
    yield from _refused(lambda path: load_callers(path.parent, today), callers)
    paths = _committee_files(config)
    if not paths:
        yield Problem(config / "committees", None, "there is no committee; add committees/<id>.yaml")
    for path in paths.values():
        yield from strangers(path, COMMITTEE)
        for load in _COMMITTEE_READERS:
            yield from _refused(partial(load, today=today), path)


_COMMITTEE_READERS: Sequence[Callable[..., Any]] = [
    validation.register.load_committee,
    archive.committees.load_committee,
    notification.recipients.load_committee,
]


def _committee_files(config: Path) -> Mapping[str, Path]:
    return validation.register.find_committees([config])


def _refused(load: Callable[[Path], object], path: Path) -> Problems:
    try:
        load(path)
    except BrokenFolder as broken:
        yield from broken.problems or [Problem(path, None, str(broken))]


def _overrides(config: Path, folders: Sequence[Path], today: date) -> Problems:
    """A committee may set the outcome of a rule, and a rule that is misspelt would stay as it was."""
    forms, paths = _forms(folders), _committee_files(config)
    for name, register in _registers(config, today).items():
        for place, words in check_overrides(register, forms):
            yield from refusal(paths[name], Faulty([Fault(place, words)])).problems


def _warnings(config: Path, folders: Sequence[Path], today: date) -> Problems:
    """Of what can be read; what cannot is an error."""
    forms, paths, registers = _forms(folders), _committee_files(config), _registers(config, today)
    calendars = _readable(paths, partial(archive.committees.load_committee, today=today))
    for name, register in registers.items():
        yield from _of_register(paths[name], register, forms, today)
    for name, calendar in calendars.items():
        yield from _without_meeting(paths[name], calendar, today)
    for name, form in forms.items():
        yield from _of_form(_form_folders(folders)[name] / "form.yaml", form, registers, today)


def _forms(folders: Sequence[Path]) -> dict[str, Form]:
    return _readable(_form_folders(folders), validation.forms.load_form)


def _form_folders(folders: Sequence[Path]) -> Mapping[str, Path]:
    """None where one of the folders is not there, which is an error by itself."""
    try:
        return validation.forms.find_forms(folders)
    except BrokenFolder:
        return {}


def _registers(config: Path, today: date) -> dict[str, Committee]:
    load = partial(validation.register.load_committee, today=today)
    return _readable(_committee_files(config), load)


def _readable(paths: Mapping[str, Path], load: Callable[[Path], Any]) -> dict[str, Any]:
    return {name: load(path) for name, path in paths.items() if not [*_refused(load, path)]}


def _of_register(path: Path, register: Committee, forms: Mapping[str, Form], today: date) -> Problems:
    if _needs_people(register, forms):
        for place, words in check_register(register, today):
            yield from refusal(path, Faulty([Fault(place, words)])).problems


def _needs_people(register: Committee, forms: Mapping[str, Form]) -> bool:
    """A committee without kontaktpolitiker, whose forms look nobody up, lacks none."""
    own = [form for form in forms.values() if form.committee == register.id]
    return bool(register.kontaktpolitiker) or any(form.text.person == "register" for form in own)


def _without_meeting(path: Path, committee: MeetingCommittee, today: date) -> Problems:
    if not any(meeting.date >= today and not meeting.cancelled for meeting in committee.meetings):
        words = "no coming meeting; add one, or what comes waits for a date"
        yield from refusal(path, Faulty([Fault(("meetings",), words)])).problems


def _of_form(path: Path, form: Form, registers: Mapping[str, Committee], today: date) -> Problems:
    if form.committee not in registers:
        words = f"its committee {form.committee} is not in the configuration; what comes for it waits"
        yield from refusal(path, Faulty([Fault(("committee",), words)])).problems
    for words in check_guideline(form, today):
        yield from refusal(path, Faulty([Fault(("guideline", "valid_to"), words)])).problems
