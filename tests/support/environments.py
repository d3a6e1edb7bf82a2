"""Each service installed as its users install it: an environment of its own, from its lock, by hash.

And later versions of a service, made of a copy of its source: one that says more in the events of now,
one that says another version of an event, and one that reads both.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from support.child_process import NotInstalled
from support.houses import REPOSITORY, SERVICES, House, Process

PACKAGES = {"chassis": REPOSITORY / "chassis"} | {
    service: REPOSITORY / "services" / service for service in SERVICES
}

AT_ONCE = 2
"""One environment takes one core for six seconds."""

PINNED = re.compile(r"^([\w.-]+)==([\w.]+)", re.MULTILINE)
REVISION = re.compile(r'^revision = "(\w+)"', re.MULTILINE)
VERSION = re.compile(r'^version = ".*"', re.MULTILINE)
LATER_VERSION = "99.0"

INSTALLED = """
import json
from importlib.metadata import distributions
print(json.dumps({found.name.lower().replace("_", "-"): found.version for found in distributions()}))
"""
IMPORTABLE = "import sys; from importlib.util import find_spec; print(*filter(find_spec, sys.argv[1:]))"


@dataclass(frozen=True)
class Environment:
    """A service's own Python, with the chassis, the service, and what its lock names."""

    service: str
    python: Path

    def install(self, *wheels: Path) -> None:
        """Put these packages in the place of what is there of them."""
        _pip("--python", self.python, "install", "--no-deps", "--no-index", *wheels)

    def installed(self) -> dict[str, str]:
        """The version of each package that is there, by its name."""
        found: dict[str, str] = json.loads(self._run(INSTALLED))
        return found

    def importable(self, names: Iterable[str]) -> set[str]:
        """Which of the names a program of this environment could import."""
        return set(self._run(IMPORTABLE, *names).split())

    def _run(self, program: str, *words: str) -> str:
        command = [str(self.python), "-I", "-c", program, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def locked(service: str) -> dict[str, str]:
    """The version of each library that the service's lock names, on whatever platform."""
    return dict(PINNED.findall(_lock(service).read_text("utf-8")))


def environments(folder: Path, packages: Mapping[str, Path]) -> dict[str, Environment]:
    """An environment for each service in the folder.

    Raises:
        NotInstalled: the libraries could not be had.
    """

    def make(service: str) -> Environment:
        return _environment(folder / service, service, [packages["chassis"], packages[service]])

    with ThreadPoolExecutor(AT_ONCE) as builders:
        return dict(zip(SERVICES, builders.map(make, SERVICES), strict=True))


def _environment(folder: Path, service: str, packages: Iterable[Path]) -> Environment:
    """Compiled when it is first imported, which takes less time than compiling all that is there."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    environment = Environment(service, folder / "bin" / "python")
    try:
        by_lock = ("--no-compile", "--require-hashes", "--requirement", _lock(service))
        _pip("--python", environment.python, "install", *by_lock)
    except subprocess.CalledProcessError as failed:
        raise NotInstalled(f"{service}'s libraries by its lock: {failed.stderr[-500:]}") from None
    environment.install(*packages)
    return environment


def wheels(folder: Path, sources: Iterable[Path] = PACKAGES.values()) -> dict[str, Path]:
    """The packages as wheels, by import name, built by what the tests' own environment has locked."""
    _pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, *sources)
    return {path.name.partition("-")[0].removeprefix("kansli_"): path for path in folder.glob("*.whl")}


def later_version(service: str, folder: Path, *, events: str, migration: str = "") -> Path:
    """A wheel of the service with other events, and where there is a migration, tables that have more.

    `migration` is what `upgrade` does.
    """
    copy = shutil.copytree(PACKAGES[service], folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    project = copy / "pyproject.toml"
    project.write_text(VERSION.sub(f'version = "{LATER_VERSION}"', project.read_text("utf-8")), "utf-8")
    package = copy / "src" / service
    with (package / "events.py").open("a", encoding="utf-8") as file:
        file.write(events)
    if migration:
        _add_migration(package / "migrations", service, migration)
    return wheels(folder, [copy])[service]


def _add_migration(history: Path, service: str, does: str) -> None:
    """One after the last of now."""
    (head,) = REVISION.findall(max(history.glob(f"{service}_*.py")).read_text("utf-8"))
    revision = f'revision = "{service}_later"\ndown_revision = "{head}"\nbranch_labels = depends_on = None'
    imports = "import sqlalchemy as sa\nfrom alembic import op"
    text = f"{imports}\n\n{revision}\n\n\ndef upgrade() -> None:\n    {does}\n"
    (history / f"{service}_later.py").write_text(text, "utf-8")


def installed_apart(house: House, own: Mapping[str, Environment]) -> House:
    """The same house, each service run by the Python of its own environment, and by nothing of ours."""
    processes = {
        service: _moved(process, own[service].python) for service, process in house.processes.items()
    }
    return replace(house, processes=processes)


def _moved(process: Process, python: Path) -> Process:
    """Without the tests' path, and (`-P`) without the folder that they are started in."""
    environment = {name: told for name, told in process.environment.items() if name != "PYTHONPATH"}
    command = [str(python), "-P", *process.command[1:]]
    return replace(process, command=command, environment=environment)


def _lock(service: str) -> Path:
    return PACKAGES[service] / "requirements.txt"


def _pip(*words: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, words)]
    subprocess.run(command, capture_output=True, text=True, check=True)
