"""`python -m bench`: measure the house."""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.road import pass_through
from bench.servers import Way, servers_on
from support.smtp_sink import SmtpSink

WAYS: tuple[Way, ...] = ("sqlite", "postgresql", "embedded")


async def run(rounds: int, count: int, in_flight: int, ways: tuple[Way, ...]) -> None:
    async with SmtpSink() as relay:
        with folder_of_run() as folder, servers_on(folder, relay) as servers:
            for _ in range(rounds):
                for way in ways:
                    passage = await pass_through(servers, way, count, in_flight)
                    cost = {name: round(1e6 * spent / count) for name, spent in passage.cpu.items()}
                    print(f"{way:<12}{passage.per_second:8.0f}/s  CPU µs each {cost}", flush=True)


@contextmanager
def folder_of_run() -> Iterator[Path]:
    """A folder on the disk that PostgreSQL's own account may enter too."""
    with TemporaryDirectory(prefix="kansli-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--in-flight", type=int, default=2000)
    parser.add_argument("--ways", default=",".join(WAYS))
    told = parser.parse_args()
    asyncio.run(run(told.rounds, told.count, told.in_flight, tuple(told.ways.split(","))))


if __name__ == "__main__":
    main()
