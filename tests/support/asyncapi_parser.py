"""The reference parser of AsyncAPI, installed by npm beside its check the first time that it is asked."""

import shutil
import subprocess
from pathlib import Path

from support.child_process import NotInstalled

FOLDER = Path(__file__).parents[1] / "asyncapi"
_LOCK = FOLDER / "package-lock.json"
_INSTALLED = FOLDER / "node_modules" / ".package-lock.json"


def faults_of(document: Path) -> list[str]:
    """What the parser has against the document, a line each; raises `NotInstalled` without Node or npm."""
    _install()
    node = [_program("node"), "check.mjs", str(document)]
    done = subprocess.run(node, cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _install() -> None:
    """No package's own scripts are run: one of them would tell its maker of us."""
    npm = [_program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    if _INSTALLED.exists() and _INSTALLED.stat().st_mtime >= _LOCK.stat().st_mtime:
        return
    done = subprocess.run(npm, cwd=FOLDER, capture_output=True, text=True, timeout=110, check=False)
    if done.returncode != 0:
        raise NotInstalled(f"npm ci in tests/asyncapi: {done.stderr[-500:]}")


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise NotInstalled(f"the check of AsyncAPI needs {name} on the path")
    return path
