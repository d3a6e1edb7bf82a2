"""Files are inspected before anything is promised, in a process of its own.

Readers of pictures and PDF have faults, and a file made to use one, or to take all memory or for ever, takes
down that process and not the service. They are loaded there alone: 11 MB that the service is without.
"""

import asyncio
import resource
import signal
import warnings
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date

from chassis.child import Child
from chassis.personal_numbers import Kind
from chassis.stopping import end_with_the_parent
from intake.dialects import File
from intake.refusals import Refused

SECONDS = 15
"""Of the processor's time: a picture of the most pixels takes about ten; the kernel ends the process then."""

SECONDS_ON_THE_CLOCK = 60
"""The same on a machine that has much else to do; nothing waits longer than this for one file."""

PROCESSES = 2
"""One with a heavy file leaves the way free for the others; each may take `MEMORY_BYTES`."""

MEMORY_BYTES = 2 * 1024**3
"""Address space of the process: the largest picture twice, and the libraries."""

FILES_PER_PROCESS = 500
"""A process starts in half a second; what its libraries leak goes when it goes."""

_UNREADABLE = "Filen gick inte att läsa. Öppna den, spara den på nytt och skicka den igen."
_TOO_HEAVY = (
    "Det gick inte att kontrollera filen på rimlig tid. Spara den på nytt, gärna mindre, och skicka den."
)


@dataclass(frozen=True)
class Inspected:
    """A file fit to keep; `personal_number` is the surest kind that was found in its text or its old name."""

    name: str
    media_type: str
    content: bytes
    personal_number: Kind | None


class Inspector:
    """Inspects a few files at once, each in a process of its own; the others wait for their turn."""

    def __init__(self, files_per_process: int = FILES_PER_PROCESS, processes: int = PROCESSES) -> None:
        self._processes = [_Process(files_per_process) for _ in range(processes)]
        self._idle = asyncio.LifoQueue[_Process]()
        for process in self._processes:
            self._idle.put_nowait(process)

    async def inspect(self, file: File, today: date) -> Inspected:
        """As `inspect`; a file that takes too long or too much, or kills the process, is `Refused` too."""
        process = await self._idle.get()
        try:
            return await process.inspect(file, today)
        finally:
            self._idle.put_nowait(process)

    async def close(self) -> None:
        await asyncio.gather(*(process.close() for process in self._processes))


class _Process:
    """Inspects one file at a time; it is replaced when worn out or dead, and not started before it is needed.

    What kills a process takes down whatever waits for it, so nothing may.
    """

    def __init__(self, files: int) -> None:
        self._child = Child(files, _prepare)

    async def inspect(self, file: File, today: date) -> Inspected:
        pool = self._child.for_more()
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, _in_time, file, today)
        except BrokenProcessPool:
            self._child.replace(pool)
            raise Refused(_TOO_HEAVY) from None

    async def close(self) -> None:
        await self._child.close()


def _in_time(file: File, today: date) -> Inspected:
    """The alarms have no handler, so they end the process even in the middle of a library's C code.

    What a library fails with is the file's fault, and sending it again would not help.
    The readers are loaded here, in the process, and before it is timed.
    """
    from intake.inspection import inspect  # noqa: PLC0415

    _set_alarms(SECONDS, SECONDS_ON_THE_CLOCK)
    try:
        return inspect(file, today)
    except MemoryError:
        raise Refused(_TOO_HEAVY) from None
    except Refused:
        raise
    except Exception:
        raise Refused(_UNREADABLE) from None
    finally:
        _set_alarms(0, 0)


def _set_alarms(of_work: int, on_the_clock: int) -> None:
    """Zero takes an alarm back."""
    signal.setitimer(signal.ITIMER_PROF, of_work)
    signal.alarm(on_the_clock)


def _prepare() -> None:
    """Ctrl-C is the service's to answer; memory has an end; when the service is killed, so is this.

    A library's warnings may quote the file, and are not said.
    """
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    end_with_the_parent()
