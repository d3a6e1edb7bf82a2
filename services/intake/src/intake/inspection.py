"""Files are looked at before anything is promised: what they are, whether they do harm, what they show.

It happens in a process of its own. Readers of pictures and PDF have faults, and a file made to use one,
or to take all memory or for ever, takes down that process and not the service.

Not covered, and said so to the secretary: what is written in scanned pages and in pictures.
"""

import asyncio
import os
import resource
import signal
import warnings
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context, parent_process
from threading import Thread

from chassis.personal_numbers import Kind, find
from intake import documents, pictures
from intake.dialects import File
from intake.file_names import extension_of, safe_name
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

_ALLOWED = "Skicka PDF, JPEG eller PNG."
_UNREADABLE = "Filen gick inte att läsa. Öppna den, spara den på nytt och skicka den igen."
_TOO_HEAVY = (
    "Det gick inte att kontrollera filen på rimlig tid. Spara den på nytt, gärna mindre, och skicka den."
)
_DISAGREES = "Filens innehåll stämmer inte med filändelsen eller den angivna typen. Rätta namnet eller typen."
_HEIC = "Filen är en HEIC-bild. Spara den som JPEG och skicka den igen."
_OFFICE = "Filen är ett Office-dokument. Spara det som PDF och skicka den i stället."
_ZIP = "Filen är ett zip-arkiv. Packa upp det och skicka filerna var för sig, som PDF, JPEG eller PNG."
_SVG = "Filen är en SVG-bild. Spara den som PNG eller PDF och skicka den i stället."
_HTML = "Filen är en webbsida. Skriv ut den som PDF och skicka den i stället."
_EMPTY = "Filen är tom. Kontrollera den och skicka den igen."


@dataclass(frozen=True)
class FileType:
    """A type that is taken: its own name, its form in Pillow, and what else it may be called."""

    media_type: str
    form: str
    extensions: tuple[str, ...]
    aliases: tuple[str, ...] = ()

    def agrees(self, file: File) -> bool:
        declared = file.media_type.partition(";")[0].strip().lower()
        named = extension_of(file.name)
        return declared in (self.media_type, *self.aliases) and named in ("", *self.extensions)


_TAKEN = {
    b"%PDF-": FileType("application/pdf", "PDF", ("pdf",), ("application/x-pdf",)),
    b"\xff\xd8\xff": FileType("image/jpeg", "JPEG", ("jpg", "jpeg"), ("image/jpg", "image/pjpeg")),
    b"\x89PNG\r\n\x1a\n": FileType("image/png", "PNG", ("png",)),
}


@dataclass(frozen=True)
class Inspected:
    """A file fit to keep; `personal_number` is the surest kind that was found in its text or its old name."""

    name: str
    media_type: str
    content: bytes
    personal_number: Kind | None


def inspect(file: File, today: date) -> Inspected:
    """Look the file through, in this process.

    Raises:
        Refused: it is none of the types taken, not what it says it is, broken, or does something of its own.
    """
    file_type = _recognised(file)
    name = safe_name(file.name, file_type.extensions[0])
    text = documents.text_of(file.content) if file_type.form == "PDF" else ""
    content = file.content if file_type.form == "PDF" else pictures.redrawn(file.content, file_type.form)
    return Inspected(
        name, file_type.media_type, content, _surest(text + _lost(file.name, name, today), today)
    )


def _recognised(file: File) -> FileType:
    file_type = next((known for start, known in _TAKEN.items() if file.content.startswith(start)), None)
    if file_type is None:
        raise Refused(_why_not(file.content[:4096]))
    if not file_type.agrees(file):
        raise Refused(f"{_DISAGREES} {_ALLOWED}")
    return file_type


def _why_not(start: bytes) -> str:
    """The sentence for a type that is known by its beginning, and what to send instead."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    known = {
        _EMPTY: not start,
        _HEIC: start[4:8] == b"ftyp" and start[8:12] in {b"heic", b"heix", b"hevc", b"mif1", b"msf1"},
        _OFFICE: start.startswith(b"\xd0\xcf\x11\xe0") or b"[Content_Types].xml" in start,
        _ZIP: start.startswith(b"PK"),
        _SVG: b"<svg" in text,
        _HTML: text.startswith((b"<!doctype html", b"<html")) or b"<html" in text,
    }
    return next(
        (sentence for sentence, is_it in known.items() if is_it), f"Filtypen tas inte emot. {_ALLOWED}"
    )


def _surest(text: str, today: date) -> Kind | None:
    return min((number.kind for number in find(text, today)), default=None)


def _lost(old_name: str, new_name: str, today: date) -> str:
    """The old name, if a number in it went with what was taken away; else nothing."""
    before, after = (len(list(find(name, today))) for name in (old_name, new_name))
    return f"\n{old_name}" if after < before else ""


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
        self._files = files
        self._pool = _new_pool()
        self._inspected = 0

    async def inspect(self, file: File, today: date) -> Inspected:
        self._renew_when_worn_out()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, _in_time, file, today)
        except BrokenProcessPool:
            self._replace()
            raise Refused(_TOO_HEAVY) from None

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    def _renew_when_worn_out(self) -> None:
        if self._inspected >= self._files:
            self._replace()
        self._inspected += 1

    def _replace(self) -> None:
        self._pool.shutdown(wait=False)
        self._pool, self._inspected = _new_pool(), 0


def _in_time(file: File, today: date) -> Inspected:
    """The alarms have no handler, so they end the process even in the middle of a library's C code.

    What a library fails with is the file's fault, and sending it again would not help.
    """
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


def _new_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare)


def _prepare() -> None:
    """Ctrl-C is the service's to answer; memory has an end; when the service is killed, so is this.

    A library's warnings may quote the file, and are not said.
    """
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    Thread(target=_leave_with_the_service, daemon=True).start()


def _leave_with_the_service() -> None:
    if service := parent_process():
        service.join()
    os._exit(0)
