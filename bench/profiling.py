"""Where a service's time goes: `python -m bench.profiling intake` prints its costliest functions.

The service runs under Python's own profiler, which makes it slower by half: what it tells is shares, not
speed, and of the thread that the event loop runs in.
"""

import argparse
import asyncio
import pstats
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from bench.road import Tried
from bench.servers import Way, servers_of_a_run, start
from support.houses import SERVICES

WARM_UP = 400
IN_FLIGHT = 2000


async def profile(service: str, way: Way, count: int, sort: str) -> None:
    """Carry the load, end the service in good order so that it writes what it saw, and print that."""
    async with servers_of_a_run() as servers:
        with servers.house(way, only=()) as house:
            process, kept = house.process(service), Path(house.folder / "profile")
            process.command = profiled(process.command, kept)
            await asyncio.to_thread(start, house, SERVICES)
            tried = Tried(house, servers)
            await tried.passage(WARM_UP)
            passage = await tried.passage(count, IN_FLIGHT)
            print(f"{passage.per_second:.0f} a second under the profiler")
            await asyncio.to_thread(house.stop)
            pstats.Stats(str(kept)).strip_dirs().sort_stats(sort).print_stats(50)


def profiled(command: Sequence[str], kept: Path) -> list[str]:
    """The same command under the profiler: a module of Python's, or a program written in it."""
    python, *rest = command if command[0] == sys.executable else [sys.executable, *command]
    return [python, "-m", "cProfile", "-o", str(kept), *rest]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.profiling", description=__doc__)
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--way", choices=get_args(Way), default="sqlite")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--sort", choices=["tottime", "cumtime"], default="tottime")
    told = parser.parse_args()
    asyncio.run(profile(told.service, told.way, told.count, told.sort))


if __name__ == "__main__":
    main()
