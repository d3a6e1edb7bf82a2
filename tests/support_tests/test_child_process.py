import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from support.child_process import Child, NotReady

STUBBORN = "trap '' TERM; echo deaf; while :; do sleep 1; done"
TESTS_THAT_DIE = """
import os, signal, sys
from pathlib import Path
from support.child_process import Child

child = Child(["sleep", "600"], environment={}, log=Path(sys.argv[1]))
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def shell(script: str, folder: Path) -> Child:
    return Child(
        ["/bin/sh", "-c", script],
        environment={"PATH": os.environ["PATH"]},
        log=folder / "log",
    )


def says(word: str, folder: Path) -> Callable[[], bool]:
    return lambda: word in (folder / "log").read_text()


def end_of(pid: int) -> None:
    """Block until the process is gone, also one that is not our child."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        assert select.select([descriptor], [], [], 10)[0]


def test_an_ended_child_is_gone(tmp_path: Path) -> None:
    """A child that was ended is not running."""
    child = shell("sleep 600", tmp_path)
    assert child.running
    child.end(signal.SIGTERM)
    assert not child.running


def test_a_child_that_does_not_heed_the_signal_is_killed(tmp_path: Path) -> None:
    """Ending has an end, whatever the child thinks of it."""
    child = shell(STUBBORN, tmp_path)
    child.wait_until(says("deaf", tmp_path), seconds=10)
    child.end(signal.SIGTERM, seconds=0.1)
    assert not child.running


def test_a_child_that_ended_already_can_be_ended(tmp_path: Path) -> None:
    """A fixture can clear up after a test that killed the server."""
    child = shell("sleep 600", tmp_path)
    os.kill(child.pid, signal.SIGKILL)
    child.end(signal.SIGTERM)
    assert not child.running


def test_a_child_that_ends_at_once_tells_what_it_said(tmp_path: Path) -> None:
    """A failed start shows the server's last words and does not wait for the deadline."""
    with pytest.raises(NotReady, match="port is taken"):
        shell("echo port is taken; exit 1", tmp_path).wait_until(lambda: False, seconds=60)


def test_a_child_that_is_late_is_ended(tmp_path: Path) -> None:
    """A server that does not come up is not left behind."""
    child = shell("sleep 600", tmp_path)
    with pytest.raises(NotReady):
        child.wait_until(lambda: False, seconds=0.1)
    assert not child.running


def test_a_child_ends_with_tests_that_were_killed(tmp_path: Path) -> None:
    """Even SIGKILL of the tests leaves no server behind."""
    tests = subprocess.run(
        [sys.executable, "-c", TESTS_THAT_DIE, tmp_path / "log"],
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tests.returncode == -signal.SIGKILL
    end_of(int(tests.stdout))
