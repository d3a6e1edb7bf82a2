import os
import subprocess
import sys

import pytest

from chassis.crash_points import KILLED

PASSING = "from chassis.crash_points import crash_point\nfor n in range(5):\n crash_point('a.b'); print(n)"


@pytest.mark.parametrize(
    ("armed", "passed", "code"),
    [("a.b", 0, KILLED), ("a.b:3", 2, KILLED), ("a.c", 5, 0), ("", 5, 0)],
)
def test_the_process_dies_where_and_when_it_is_told(armed: str, passed: int, code: int) -> None:
    """And nowhere else."""
    environment = os.environ | {"KANSLI_CRASH_AT": armed, "PYTHONUNBUFFERED": "1"}
    done = subprocess.run([sys.executable, "-c", PASSING], env=environment, capture_output=True, check=False)
    assert (done.returncode, len(done.stdout.split())) == (code, passed)
