"""The figures of a run: for each thing measured its values, one a round, kept as JSON beside the machine."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results.json")
PEERS = ("aio-pika", "aiormq", "faststream", "taskiq", "taskiq-aio-pika", "dramatiq", "celery", "uvloop")


@dataclass
class Figures:
    """Values by the name of what was measured (`road.sqlite.per_second`), and what did not add up."""

    values: dict[str, list[float]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def note(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)

    def state(self) -> dict[str, list[float]]:
        return {name: [*values] for name, values in self.values.items()}

    def median(self, name: str) -> float | None:
        values = self.values.get(name)
        return statistics.median(values) if values else None


def kept(path: Path = RESULTS) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8")) if path.exists() else {"machine": {}, "values": {}}


def keep(figures: Figures, machine: Mapping[str, str], path: Path = RESULTS) -> dict[str, Any]:
    """Keep them in the place of older ones of the same name; what was not measured now stays."""
    results = {"machine": dict(machine), "values": {**kept(path)["values"], **figures.values}}
    path.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n", "utf-8")
    return results


def machine(rabbitmq: str, postgresql: str, peers_python: Path) -> dict[str, str]:
    """What the figures depend on: cores and versions."""
    return {
        "cores": f"{os.cpu_count()}, {_processor()}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{_system()}, Linux {platform.release()}",
        "Python": platform.python_version(),
        "RabbitMQ": rabbitmq,
        "PostgreSQL": postgresql,
        "aiohttp": version("aiohttp"),
        **_versions(peers_python, PEERS),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown")


def _system() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())


def _versions(python: Path, names: Iterable[str]) -> dict[str, str]:
    if not python.exists():
        return {}
    question = f"from importlib.metadata import version as v; print(*map(v, {[*names]!r}))"
    answer = subprocess.run([str(python), "-c", question], check=True, capture_output=True, text=True)
    return dict(zip(names, answer.stdout.split(), strict=True))
