"""What each process holds in memory (RSS) once it has carried some hundred submissions."""

from bench.road import memory_of, warmed
from bench.run import Run
from bench.servers import Way

WAYS: tuple[Way, ...] = ("sqlite", "embedded")


async def measure(run: Run) -> None:
    for way in WAYS:
        async with warmed(run.servers, way) as tried:
            for process, megabytes in memory_of(tried.house).items():
                run.figures.note(f"memory.{process}.mb", megabytes)
            await tried.audit()
