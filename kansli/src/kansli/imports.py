"""`kansli import`: what the municipality knew before Kansli did."""

import argparse
import os
from pathlib import Path
from typing import Any

from chassis.clock import day_in_stockholm, system_clock
from kansli.house import PERSONAL_NUMBER_KEY
from kansli.register_import import plan_register, write_register

_KEY_NAME = "INTAKE_PERSONAL_NUMBER_KEY"


def add_import(commands: Any) -> None:
    parser = commands.add_parser("import", help="bring in the register from before go-live")
    kinds = parser.add_subparsers(required=True, metavar="KIND")
    _add_register(kinds)


def _add_register(kinds: Any) -> None:
    parser = kinds.add_parser("register", help="a committee's kontaktpolitiker, from a CSV file")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--committee", required=True, metavar="ID", help="whose kontaktpolitiker they are")
    parser.add_argument(
        "--config", type=Path, default=Path("config"), help="folder with committees/ (default: config)"
    )
    parser.add_argument(
        "--data", type=Path, default=Path("var"), help="the house's folder, with its key (default: var)"
    )
    parser.add_argument(
        "--personal-number-key-file", type=Path, help="file with the key of the personnummer hashes"
    )
    parser.add_argument("--dry-run", action="store_true", help="list what would change, and change nothing")
    parser.set_defaults(run=_register)


def _register(options: argparse.Namespace) -> int:
    """Print what changes in the committee's file, and change it unless it is a dry run."""
    today = day_in_stockholm(system_clock())
    plan = plan_register(options.file, options.config, options.committee, _key(options), today)
    for change in plan.changes:
        print(change)
    if not options.dry_run:
        write_register(plan)
    return 0


def _key(options: argparse.Namespace) -> str | None:
    """Intake's key, wherever it lies; none is made here, since intake would not have it."""
    if options.personal_number_key_file:
        return str(options.personal_number_key_file.read_text("utf-8").strip())
    if key := os.environ.get(_KEY_NAME):
        return key
    named = os.environ.get(f"{_KEY_NAME}_FILE")
    path = Path(named) if named else options.data / PERSONAL_NUMBER_KEY
    return str(path.read_text("utf-8").strip()) if named or path.exists() else None
