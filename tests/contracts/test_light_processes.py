"""What is seldom needed is loaded when it is: every process holds its libraries for as long as it lives."""

import subprocess
import sys
from datetime import date
from pathlib import Path

from kansli.example import write_example
from kansli.places import shipped_example
from support.houses import SHIPPED_FORMS, free_addresses, listens_of, plain_environment

SELDOM = {
    "alembic": "tables",
    "cryptography": "what is sealed, signed, or signed in with",
    "dkim": "letters that are signed here",
    "fontTools": "paper, in the process that prints",
    "holidays": "nothing that runs",
    "joserfc": "sign-in",
    "lxml": "a record",
    "obstore": "a file that came along, or a packet",
    "pikepdf": "PDF, in the process that inspects",
    "PIL": "pictures, in the process that inspects",
    "prompt_toolkit": "nothing that runs",
    "pypdfium2": "PDF, in the process that inspects",
    "rich": "nothing that runs",
    "sqlalchemy.orm": "nothing that runs",
    "typer": "nothing that runs",
    "typst": "paper, in the process that prints",
}
"""Each with what it is loaded for."""

START_AND_STOP = """
import asyncio, sys
from contextlib import AsyncExitStack
from pathlib import Path
import kansli.commands
from chassis.beforehand import see_to_tables
from kansli.house import Plan, build_house

async def start_and_stop(house):
    async with AsyncExitStack() as stack:
        for service in house:
            await stack.enter_async_context(service.running())

config, data, forms = map(Path, sys.argv[1:])
house = build_house(Plan(config, data, [forms]))
see_to_tables(house)
asyncio.run(start_and_stop(house))
print(*sys.modules)
"""


def test_a_house_that_has_started_holds_nothing_that_is_seldom_needed(tmp_path: Path) -> None:
    """All four services, with an example's forms and committees, before the first submission."""
    config = write_example(shipped_example(), tmp_path / "example", date(2026, 11, 20)).config
    told = _loaded(START_AND_STOP, config, tmp_path / "data", SHIPPED_FORMS)
    assert [name for name in SELDOM if name in told] == []
    assert "notification.__main__" in told


READ_FIRST = """
import sys, archive.__main__
print(*sys.modules)
"""


def test_what_nobody_uses_is_left_out_whatever_is_loaded_first() -> None:
    """The archive's own modules come before the chassis in the order of letters."""
    assert {"rich", "sqlalchemy.orm"}.isdisjoint(_loaded(READ_FIRST))


READ_BY_A_CHILD = """
import sys, kansli.__main__
print(*sys.modules)
"""


def test_a_process_that_inspects_or_prints_holds_no_house() -> None:
    """It begins by reading what its parent was started with: of a service nothing, of a house the command."""
    told = _loaded(READ_BY_A_CHILD)
    assert {"sqlalchemy", "aiohttp", "pydantic", "kansli.commands"}.isdisjoint(told)


def _loaded(program: str, *arguments: object) -> set[str]:
    """The names of the modules that the program prints at last."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=plain_environment() | listens_of(free_addresses()),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())
