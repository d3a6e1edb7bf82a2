"""What processes took of the machine: CPU and memory, from `/proc`."""

import os
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of the processes, with that of their children that have ended."""
    return sum(_ticks(pid) for pid in pids) / TICKS


def _ticks(pid: int) -> int:
    after_name = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, after_name[11:15]))


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children = [child for task in (PROC / str(pid) / "task").iterdir() for child in _children(task)]
    return [pid, *(member for child in children for member in family(child))]


def _children(task: Path) -> list[int]:
    return [int(word) for word in (task / "children").read_text().split()]


def resident_mb(pid: int) -> float:
    """Megabytes of the process in memory (RSS), what it shares with others included."""
    lines = (PROC / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
