"""Schemathesis, which asks a running service all that its document allows and much that it does not."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("schemathesis")


async def found_by_schemathesis(
    url: str, folder: Path, settings: str, *, examples: int, headers: Sequence[str] = ()
) -> str:
    """What it tells when it found something, else nothing; `folder` is where it reads its settings."""
    (folder / "schemathesis.toml").write_text(settings, "utf-8")
    command = [str(PROGRAM), "run", f"{url}/openapi.json", "--no-color", "--seed", "1"]
    command += ["--max-examples", str(examples), *(word for told in headers for word in ("--header", told))]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=folder, capture_output=True, text=True, check=False
    )
    fine = done.returncode == 0 and "No issues found" in done.stdout
    return "" if fine else (done.stdout + done.stderr)[-15000:]
