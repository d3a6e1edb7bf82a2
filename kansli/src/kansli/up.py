"""`kansli up`: the house in one process, until it is told to stop."""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TextIO

from chassis.beforehand import see_to_tables
from chassis.cli import FOR_US_ALONE
from chassis.clock import day_in_stockholm, system_clock
from chassis.garbage import spare_what_stays
from chassis.logs import write_logs
from chassis.service import Service, until_signal
from kansli.example import KEY, Example, write_example
from kansli.house import Plan, build_house
from kansli.places import forms_folders, shipped_example
from kansli.platform import NotTaken, Platform
from kansli.tables import table

LOG_FILE = "kansli.log"
OUTCOME_WITHIN_S = 30.0


def run(config: Path | None, data: Path, forms: Sequence[Path], with_example: bool) -> None:
    """Run the house; with the example, send its samples and print what became of each."""
    os.umask(FOR_US_ALONE)
    data.mkdir(parents=True, exist_ok=True)
    example = None
    if with_example:
        today = day_in_stockholm(system_clock())
        example = write_example(shipped_example(), data / "example", today)
    with _log_stream(data, with_example) as stream:
        write_logs(stream)
        plan = Plan(config or (example.config if example else Path("config")), data, forms_folders(forms))
        house = build_house(plan)
        see_to_tables(house)
        asyncio.run(_run(house, example, data))


def _log_stream(data: Path, with_example: bool) -> TextIO:
    """Beside a table for people, logs go to a file; otherwise to where operators look for them."""
    if with_example:
        return (data / LOG_FILE).open("a", encoding="utf-8")
    return open(sys.stdout.fileno(), "w", encoding="utf-8", buffering=1, closefd=False)


async def _run(house: Sequence[Service], example: Example | None, data: Path) -> None:
    async with AsyncExitStack() as stack:
        for service in house:
            await stack.enter_async_context(service.running())
        spare_what_stays()
        stop = until_signal()
        addresses = {service.name: f"http://{service.settings.listen}" for service in house}
        if example is not None:
            await _show(example, addresses, data)
        await stop.wait()
        sys.stderr.write("Stopping: what has been begun is finished first.\n")


async def _show(example: Example, addresses: dict[str, str], data: Path) -> None:
    """Send the samples and print what became of each, and where to look."""
    platform = Platform(addresses["intake"], KEY)
    rows = [await _sent(platform, name, sample) for name, sample in example.samples()]
    print(table(["sample", "outcome", "rules", "meeting"], rows))
    print()
    print(f"Meetings   {addresses['archive']}/")
    print(f"Submit     {addresses['intake']}/v1/submissions  (key: {KEY})")
    print(f"Letters    {data / 'letters'}")
    print(f"Settings   {example.config}")
    print(f"Log        {data / LOG_FILE}")
    print("Ctrl-C stops the house.", flush=True)


async def _sent(platform: Platform, name: str, sample: bytes) -> list[str]:
    try:
        receipt = await platform.send(sample)
    except NotTaken as refused:
        return [name, "not taken", str(refused), ""]
    told = await platform.outcome(receipt["id"], OUTCOME_WITHIN_S)
    rules = ", ".join(dict.fromkeys(finding["rule"] for finding in told["findings"]))
    meeting = told["meeting"] or {}
    return [
        name,
        told["status"],
        rules,
        " ".join(filter(None, (meeting.get("committee"), meeting.get("date")))),
    ]
