"""Prometheus's own checker of what it is to read: metrics, rules, and tests of rules."""

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from support.child_process import NotInstalled

TIMEOUT_S = 60


def faults_of_metrics(exposition: str) -> str:
    """What promtool has against what a service answers at `/metrics`; empty when it has nothing."""
    return _said(["check", "metrics"], exposition)


def faults_of_rules(file: Path) -> str:
    """What promtool has against a file of rules; empty when it has nothing."""
    return _said(["check", "rules", "--lint-fatal", str(file)])


def faults_of_configuration(file: Path) -> str:
    """What promtool has against a configuration of Prometheus; empty when it has nothing."""
    return _said(["check", "config", str(file)])


def faults_found_by(tests: Path) -> str:
    """Which of the tests of rules fail, and how; empty when none does."""
    return _said(["test", "rules", str(tests)])


def faults_of_expressions(expressions: Iterable[str], folder: Path) -> str:
    """What promtool has against any of the expressions, each as a rule of its own."""
    rules = [
        {"record": f"kansli:expression:{number}", "expr": expr} for number, expr in enumerate(expressions)
    ]
    file = folder / "expressions.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "expressions", "rules": rules}]}), "utf-8")
    return faults_of_rules(file)


def _said(arguments: Sequence[str], told: str = "") -> str:
    """Raises `NotInstalled` where there is no promtool."""
    program = shutil.which("promtool")
    if program is None:
        raise NotInstalled("promtool, which Debian has in its package prometheus")
    done = subprocess.run(
        [program, *arguments], input=told, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    said = f"{done.stdout}{done.stderr}".strip()
    return said if done.returncode or "FAILED" in said or arguments[:2] == ["check", "metrics"] else ""
