"""Programs that check what is deployed: hadolint, systemd-analyze, kubectl and their like."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from support.child_process import NotInstalled
from support.missing import skipping_if_missing

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
SERVICES = ("intake", "validation", "archive", "notification")
PORTS = {"intake": 8081, "validation": 8082, "notification": 8083, "archive": 8084}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a checker said; several of them print a fault and still end with 0."""

    code: int
    output: str
    remarks: str


def verdict(program: str, *words: str | Path, environment: Mapping[str, str] | None = None) -> Verdict:
    """Run the checker; where it is not installed, the test is skipped, and fails in CI."""
    with skipping_if_missing():
        command = [find(program), *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return Verdict(done.returncode, done.stdout, done.stderr)


def find(program: str) -> str:
    """The program on the path, or beside the Python that runs the tests; raises `NotInstalled`."""
    beside = str(Path(sys.executable).parent)
    if found := shutil.which(program) or shutil.which(program, path=beside):
        return found
    raise NotInstalled(f"{program} is not installed")
