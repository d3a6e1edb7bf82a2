"""Places where a test may have the process die as from `kill -9`.

`KANSLI_CRASH_AT=validation.after_commit:3` ends it the third time that it comes by.
"""

import os
from collections import Counter

KILLED = 137
"""The exit code of a process that got SIGKILL, as a shell reports it."""

_passed: Counter[str] = Counter()


def crash_point(name: str) -> None:
    armed, _, times = os.environ.get("KANSLI_CRASH_AT", "").partition(":")
    if armed == name:
        _passed[name] += 1
        if _passed[name] >= int(times or 1):
            os._exit(KILLED)
