"""An SMTP server that takes every mail it is sent, and misbehaves at the step it is told to."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from enum import Enum, auto
from types import TracebackType
from typing import Literal, Self, TypeAlias, cast


class Act(Enum):
    """What the sink does at a step instead of answering."""

    HANG = auto()
    """Answers only when `resume` is set."""
    DROP = auto()
    """Closes the connection."""


Step: TypeAlias = Literal["banner", "EHLO", "MAIL", "RCPT", "DATA", "dot"]
Script: TypeAlias = Mapping[Step, str | Act]

_USUAL = {
    "banner": "220 sink.example ESMTP",
    "EHLO": "250 sink.example",
    "DATA": "354 Go on",
    "dot": "250 2.0.0 Ok: queued as 4711",
    "QUIT": "221 Bye",
}


@dataclass(frozen=True)
class ReceivedMail:
    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=default)


@dataclass
class SmtpSink:
    """`async with SmtpSink() as sink:` listens on loopback; `sink.mails` is what it took.

    A mail counts as taken once its dot has come and the script does not refuse it, whether or not
    the sender hears of it: that is the gap of RFC 1047.
    """

    script: Script = field(default_factory=dict)
    mails: list[ReceivedMail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    resume: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the sink hangs."""
    once: dict[str, str | Act] = field(default_factory=dict)
    """What it does at a step the next time only."""
    port: int = 0
    _server: asyncio.Server | None = None
    _talks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def open_lines(self) -> int:
        return len(self._talks)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._welcome, "127.0.0.1", self.port, limit=2**22, backlog=512
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.create_task(_Talk(self, reader, writer).run())
        self._talks.add(talk)
        talk.add_done_callback(self._talks.discard)


class _Dropped(Exception):
    """The script says to hang up."""


class _Talk:
    """One connection; its commands are answered in order, pipelined or not."""

    def __init__(self, sink: SmtpSink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._sink = sink
        self._reader = reader
        self._writer = writer
        self._sender = ""
        self._recipients: list[str] = []

    async def run(self) -> None:
        try:
            await self._answer("banner")
            while line := await self._reader.readline():
                await self._obey(line.decode().strip())
        except (_Dropped, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writer.close()

    async def _obey(self, command: str) -> None:
        verb = command.split(" ", 1)[0].upper()
        self._sink.commands.append(command)
        if verb == "MAIL":
            self._sender, self._recipients = _path(command), []
        accepted = await self._answer(verb)
        if verb == "RCPT" and accepted:
            self._recipients.append(_path(command))
        if verb == "DATA" and accepted:
            await self._take()
        if verb == "QUIT":
            raise _Dropped

    async def _take(self) -> None:
        content = await self._content()
        answer = self._sink.script.get("dot", _USUAL["dot"])
        if isinstance(answer, Act) or answer.startswith("2"):
            self._sink.mails.append(ReceivedMail(self._sender, tuple(self._recipients), content))
        await self._answer("dot")

    async def _content(self) -> bytes:
        lines = []
        while (line := await self._reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    async def _answer(self, step: str) -> bool:
        """Whether the answer was yes."""
        usual = _USUAL.get(step, "250 Ok")
        script = cast("Mapping[str, str | Act]", self._sink.script)
        answer = self._sink.once.pop(step, script.get(step, usual))
        if answer is Act.DROP:
            raise _Dropped
        if answer is Act.HANG:
            self._sink.reached.set()
            await self._sink.resume.wait()
        words = usual if isinstance(answer, Act) else answer
        self._writer.write(f"{words}\r\n".encode())
        await self._writer.drain()
        return words[0] in "23"


def _path(command: str) -> str:
    return command.partition("<")[2].partition(">")[0]


@contextmanager
def relay_aside() -> Iterator[SmtpSink]:
    """A mail relay in a thread of its own, so that it outlives single tests and never waits for them."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    sink = SmtpSink()
    try:
        asyncio.run_coroutine_threadsafe(sink.__aenter__(), loop).result()
        yield sink
        asyncio.run_coroutine_threadsafe(sink.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
