"""What an inspection's process is made to do instead, by a name that the process can find."""

import os
import signal
import time
from datetime import date
from pathlib import Path

from intake.dialects import File
from intake.inspection import Inspected


def dying(_file: File, _today: date) -> None:
    os.kill(os.getpid(), signal.SIGALRM)


def meeting(file: File, _today: date) -> Inspected:
    """Shows itself, and waits until the other one does."""
    Path(file.name).touch()
    while not Path(file.content.decode()).exists():
        time.sleep(0.01)
    return Inspected(file.name, "", b"", None)
