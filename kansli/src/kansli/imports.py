"""`kansli import`: what the municipality knew before Kansli did."""

import argparse
import asyncio
import os
from pathlib import Path
from typing import Any

from archive.foreign_calendars import DeadlineRule, deadline_rule
from chassis.clock import day_in_stockholm, system_clock
from chassis.folders import BrokenFolder
from kansli.calendar_import import plan_calendar, write_calendar
from kansli.history_import import read_visits, send_visits, shown
from kansli.house import PERSONAL_NUMBER_KEY
from kansli.operators import Operator, add_admin
from kansli.places import forms_folders
from kansli.register_import import plan_register, write_register
from validation.forms import load_forms
from validation.history import WRONG

_KEY_NAME = "INTAKE_PERSONAL_NUMBER_KEY"


def add_import(commands: Any) -> None:
    parser = commands.add_parser(
        "import", help="bring in the register, the calendar and the visits from before go-live"
    )
    kinds = parser.add_subparsers(required=True, metavar="KIND")
    _add_register(kinds)
    _add_calendar(kinds)
    _add_history(kinds)


def _add_register(kinds: Any) -> None:
    parser = kinds.add_parser("register", help="a committee's kontaktpolitiker, from a CSV file")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--committee", required=True, metavar="ID", help="whose kontaktpolitiker they are")
    parser.add_argument(
        "--config", type=Path, default=Path("config"), help="folder with committees/ (default: config)"
    )
    _add_key(parser)
    _add_dry_run(parser)
    parser.set_defaults(run=_register)


def _add_calendar(kinds: Any) -> None:
    parser = kinds.add_parser("calendar", help="a committee's meetings, from an .ics or a CSV file")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--committee", required=True, metavar="ID", help="whose meetings they are")
    parser.add_argument(
        "--config", type=Path, default=Path("config"), help="folder with committees/ (default: config)"
    )
    parser.add_argument(
        "--deadline",
        type=_deadline_rule,
        metavar="RULE",
        help='when reports are due where the file does not say it, such as "-12 days 12:00"',
    )
    _add_dry_run(parser)
    parser.set_defaults(run=_calendar)


def _add_history(kinds: Any) -> None:
    parser = kinds.add_parser("history", help="visits from before go-live, from a CSV file")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--form", required=True, help="the form that the visits would have come by")
    parser.add_argument(
        "--forms", type=Path, action="append", default=[], help="a folder of more forms; may be repeated"
    )
    _add_key(parser)
    _add_dry_run(parser)
    add_admin(parser)
    parser.set_defaults(run=_history)


def _add_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, default=Path("var"), help="the house's folder, with its key (default: var)"
    )
    parser.add_argument(
        "--personal-number-key-file", type=Path, help="file with the key of the personnummer hashes"
    )


def _add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="list what would change, and change nothing")


def _register(options: argparse.Namespace) -> int:
    """Print what changes in the committee's file, and change it unless it is a dry run."""
    today = day_in_stockholm(system_clock())
    plan = plan_register(options.file, options.config, options.committee, _key(options), today)
    for change in plan.changes:
        print(change)
    if not options.dry_run:
        write_register(plan)
    return 0


def _calendar(options: argparse.Namespace) -> int:
    """Print what changes in the committee's calendar, and change it unless it is a dry run."""
    today = day_in_stockholm(system_clock())
    plan = plan_calendar(options.file, options.config, options.committee, options.deadline, today)
    for change in plan.changes:
        print(change)
    if not options.dry_run:
        write_calendar(plan)
    return 0


def _deadline_rule(text: str) -> DeadlineRule:
    try:
        return deadline_rule(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _history(options: argparse.Namespace) -> int:
    """Print what becomes of each line; 1 if one of them is wrong, and then nothing is stored."""
    form = load_forms(forms_folders(options.forms)).get(options.form)
    if form is None:
        raise BrokenFolder(f"there is no form {options.form}; a form of your own needs --forms")
    visits = read_visits(options.file, form, _key(options), day_in_stockholm(system_clock()))
    operator = Operator(dict(options.admin))
    rows = asyncio.run(send_visits(operator, form.name, visits, options.dry_run))
    print(shown(options.file, rows))
    return 1 if any(row["result"] in WRONG for row in rows) else 0


def _key(options: argparse.Namespace) -> str | None:
    """Intake's key, wherever it lies; none is made here, since intake would not have it."""
    if options.personal_number_key_file:
        return str(options.personal_number_key_file.read_text("utf-8").strip())
    if key := os.environ.get(_KEY_NAME):
        return key
    named = os.environ.get(f"{_KEY_NAME}_FILE")
    path = Path(named) if named else options.data / PERSONAL_NUMBER_KEY
    return str(path.read_text("utf-8").strip()) if named or path.exists() else None
