"""`python -m bench`: measure the house beside its peers; `--help` says what can be chosen."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from bench import backlog, growth, intake_alone, judging, latency, letters, memory, pipelines, printing, road
from bench.audit import DoesNotAddUp
from bench.figures import keep
from bench.report import write_report
from bench.run import QUICK, Run, Sizes
from bench.servers import servers_of_a_run, versions_of
from support.houses import Late

Part = Callable[[Run], Awaitable[None]]

PARTS: dict[str, Part] = {
    "peers": lambda run: pipelines.measure(run, list(pipelines.peers(run.servers.folder))),
    "a": lambda run: road.measure(run, ("sqlite", "postgresql")),
    "b": lambda run: road.measure(run, ("embedded",)),
    "c": intake_alone.measure,
    "d": judging.measure,
    "e": latency.measure,
    "f": printing.measure,
    "g": growth.measure,
    "h": backlog.measure,
    "i": memory.measure,
    "letters": letters.measure,
}
"""By the letter of what is measured; those that are compared come in every round, beside each other."""

A_MILLION = 1_000_000
ONCE = frozenset({*"dfghi", "letters"})


async def measure(sizes: Sizes, parts: Sequence[str]) -> list[str]:
    """Measure and write down; returns what did not add up."""
    async with servers_of_a_run() as servers:
        run = Run(servers, sizes)
        for run.round in range(sizes.rounds):
            for name in parts:
                if run.round == 0 or name not in ONCE:
                    await _one(run, name)
        write_report(keep(run.figures, versions_of(servers)))
        return run.figures.complaints


async def _one(run: Run, name: str) -> None:
    """A part that fails gives no figure, and takes no other along."""
    print(f"round {run.round + 1}: {name}", flush=True)
    before = run.figures.state()
    try:
        await PARTS[name](run)
    except (DoesNotAddUp, Late, RuntimeError, TimeoutError) as wrong:
        run.figures.values = before
        run.figures.complaints.append(f"{name} gives no figure: {wrong}")
        print(run.figures.complaints[-1], file=sys.stderr, flush=True)


def chosen(told: argparse.Namespace) -> Sizes:
    sizes = QUICK if told.quick else Sizes()
    grown = tuple(map(int, told.grown.split(","))) if told.grown else sizes.grown
    return replace(
        sizes,
        rounds=told.rounds or sizes.rounds,
        backlog=told.backlog or sizes.backlog,
        grown=(*grown, A_MILLION) if told.full else grown,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--only", default=",".join(PARTS), help="parts, divided by commas: " + ", ".join(PARTS)
    )
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--backlog", type=int, help="submissions that wait at the broker (h)")
    parser.add_argument("--grown", help="submissions already stored, divided by commas (g)")
    parser.add_argument("--full", action="store_true", help="also with a million submissions stored (g)")
    parser.add_argument(
        "--quick", action="store_true", help="small loads, one round: whether the bench works"
    )
    told = parser.parse_args()
    sizes = chosen(told)
    if complaints := asyncio.run(measure(sizes, told.only.split(","))):
        sys.exit(f"{len(complaints)} measurements give no figure; docs/performance.md has none of them")


if __name__ == "__main__":
    main()
