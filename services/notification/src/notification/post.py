"""The road out: a letter is handed to a relay or laid in a folder, and what is known of it told.

    NotDelivered
    ├── Refused         never: the relay turned this letter down
    ├── NotYet          the same letter may be sent again
    │   ├── Deferred    the relay asked us to come back
    │   └── Unsent      the relay was lost before the letter was its own
    │       └── Unreached   the relay was not there, or let nobody in: no matter of this letter
    └── Uncertain       the relay may have the letter or not

With the final dot both sides own the letter (RFC 1047); what is lost after it leaves us not knowing.
So the dialogue is walked here step by step, and a letter has one recipient, hence one answer.
No error's text holds an address; the relay's own words may, and stay in `answer`.
"""

import asyncio
import os
import re
import secrets
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from aiosmtplib import SMTP, SMTPException, SMTPResponseException, SMTPServerDisconnected
from aiosmtplib.protocol import SMTPProtocol
from aiosmtplib.response import SMTPResponse

from chassis.crash_points import crash_point
from notification.recipients import is_mailbox

COMMAND_TIMEOUT_S = 300.0
"""What RFC 5321 § 4.5.3.2 asks a client to wait for the greeting and for each command."""

FINAL_TIMEOUT_S = 600.0
"""For the answer to the dot (RFC 5321 § 4.5.3.2.6): who gives up sooner sends letters twice."""

LETTERS_A_LINE = 100
"""Relays hang up on who sends without end; Postfix speaks of 100 letters a connection itself."""

IDLE_S = 20.0
"""A line waits so long for another letter; a relay under stress gives it ten seconds, at rest minutes."""

_QUIT_TIMEOUT_S = 5.0
"""A courtesy when the letters are already delivered; nobody should wait for it."""

_RSET_TIMEOUT_S = 10.0
"""A line that does not answer this soon is left for a new one."""

_CLOSING = 421

_TAKEN = 250
_START_INPUT = 354


class NotDelivered(Exception):
    """The letter was not seen to be delivered."""

    def __init__(self, step: str, *, code: int | None = None, answer: str = "") -> None:
        super().__init__(f"{step}: {code or answer}")
        self.step = step
        self.code = code
        self.answer = answer


class Refused(NotDelivered):
    """The relay refuses this letter for good (5xx); sending it again will not help."""


class NotYet(NotDelivered):
    """The letter is still ours alone; sending it again makes no second copy."""


class Deferred(NotYet):
    """The relay asks us to come back later (4xx)."""


class Unsent(NotYet):
    """The relay was lost before the letter was sent."""


class Unreached(Unsent):
    """The relay is not there or does not let us in, whatever letter we bring."""


class Uncertain(NotDelivered):
    """The letter was sent and no answer came: the relay may have it or not."""


class UnknownPost(ValueError):
    """The address of the post office is neither file:///folder, smtp://host nor smtps://host."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The relay owns the letter now; that it arrives is another thing."""

    answer: str
    """The relay's own words, often its queue number."""


class Post(Protocol):
    async def deliver(self, letter: bytes, sender: str, recipient: str, letter_id: str) -> Receipt:
        """Hand over the letter for one recipient; raises `NotDelivered`.

        When cancelled after the dot it is as uncertain as a lost answer: the caller remembers
        that it was sending, before it sends.
        """
        ...

    async def close(self) -> None:
        """Hang up; nothing is sent any more."""
        ...


def open_post(url: str) -> Post:
    """Open the post at `file:///folder`, `smtp://[user:password@]host[:port]` or `smtps://…`.

    `?starttls=required|if-offered|never`: whoever listens on the road must not decide
    whether we speak in clear, so encryption is required except on loopback.
    Raises `UnknownPost`, without the password in its text.
    """
    try:
        return _post_at(urlsplit(url))
    except ValueError as error:
        raise UnknownPost(f"Not an address of a post office: {error}") from None


def _post_at(url: SplitResult) -> Post:
    if url.scheme == "file":
        return EmlFolder(_folder_of(url))
    if url.scheme in ("smtp", "smtps"):
        return SmtpPost(_relay_of(url))
    raise ValueError("it begins with file:///, smtp:// or smtps://")


class EmlFolder:
    """Letters as files, `<letter id>.eml`: a house to try needs no relay."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, letter: bytes, sender: str, recipient: str, letter_id: str) -> Receipt:
        """Lay the letter in the folder, whole or not at all; the same letter twice is one file."""
        try:
            path = await asyncio.to_thread(self._lay, letter, _file_name(letter_id))
        except OSError as error:
            raise Unsent("write", answer=os.strerror(error.errno) if error.errno else "failed") from None
        return Receipt(path.name)

    async def close(self) -> None:
        """There is nothing to hang up."""

    def _lay(self, letter: bytes, name: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / name
        draft = self._folder / f".{name}.{secrets.token_hex(4)}"
        try:
            _write_through(draft, letter)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(self._folder)
        return path


def _folder_of(url: SplitResult) -> Path:
    if url.netloc or not url.path.startswith("/"):
        raise ValueError("a folder is written with three slashes, file:///var/kansli/letters")
    return Path(unquote(url.path))


def _file_name(letter_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}", letter_id):
        raise ValueError("The letter's id cannot name a file")
    return f"{letter_id}.eml"


def _write_through(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Bring the folder itself to the disk: without it a power cut undoes a rename."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class StartTls(StrEnum):
    REQUIRED = "required"
    IF_OFFERED = "if-offered"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Relay:
    """Where the municipality's mail goes out, and how to speak with it."""

    host: str
    port: int
    encrypted: bool = False
    """TLS from the first byte (smtps); STARTTLS is then out of the question."""
    starttls: StartTls = StartTls.REQUIRED
    user: str | None = None
    password: str = ""


def _relay_of(url: SplitResult) -> Relay:
    if not url.hostname:
        raise ValueError("there is no host")
    encrypted = url.scheme == "smtps"
    return Relay(
        host=url.hostname,
        port=url.port or (465 if encrypted else 25),
        encrypted=encrypted,
        starttls=_starttls_of(url, url.hostname),
        user=unquote(url.username) if url.username else None,
        password=unquote(url.password or ""),
    )


def _starttls_of(url: SplitResult, host: str) -> StartTls:
    asked = parse_qs(url.query, strict_parsing=True) if url.query else {}
    if asked.keys() - {"starttls"}:
        raise ValueError("starttls is the only thing to set after the question mark")
    usual = StartTls.IF_OFFERED if _is_loopback(host) else StartTls.REQUIRED
    return StartTls(asked.get("starttls", [usual])[-1])


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass
class Line:
    """A conversation with the relay that goes on for several letters."""

    client: SMTP
    letters: int = 0
    good_until: float = 0.0
    """On the loop's clock."""

    def usable(self, now: float) -> bool:
        return self.client.is_connected and self.letters < LETTERS_A_LINE and now < self.good_until


@dataclass(frozen=True, slots=True)
class Envelope:
    """From whom, to whom, and by which id a report of the letter's fate names it (RFC 3461)."""

    sender: str
    recipient: str
    letter_id: str

    def tracing(self) -> list[str]:
        """A report names the letter by our id and brings its headers back, not its text."""
        return ["RET=HDRS", f"ENVID={xtext(self.letter_id)}"]

    def news_wanted(self) -> list[str]:
        return ["NOTIFY=SUCCESS,FAILURE,DELAY", f"ORCPT=rfc822;{xtext(self.recipient)}"]


def xtext(text: str) -> str:
    """Write the text so that no character ends an option or is lost on the road (RFC 3461 § 4)."""
    return "".join(
        character if "!" <= character <= "~" and character not in "+=" else f"+{ord(character):02X}"
        for character in text
    )


class SmtpPost:
    """Speaks with the relay on as many lines as letters are sent side by side, each for several letters.

    A line that broke since its last letter costs the next one nothing: that goes on a new line.
    """

    def __init__(
        self,
        relay: Relay,
        *,
        command_timeout: float = COMMAND_TIMEOUT_S,
        final_timeout: float = FINAL_TIMEOUT_S,
        idle: float = IDLE_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.relay = relay
        self._command_timeout = command_timeout
        self._final_timeout = final_timeout
        self._idle_s = idle
        self._tls = tls
        self._idle: list[Line] = []

    async def deliver(self, letter: bytes, sender: str, recipient: str, letter_id: str) -> Receipt:
        _check("MAIL", sender)
        _check("RCPT", recipient)
        envelope = Envelope(sender, recipient, letter_id)
        if line := await self._old_line():
            try:
                return await self._send(line, envelope, letter)
            except NotYet:
                if line.client.is_connected:
                    raise
        return await self._send(await self._new_line(), envelope, letter)

    async def close(self) -> None:
        lines, self._idle = self._idle, []
        await asyncio.gather(*(_hang_up(line) for line in lines))

    async def _old_line(self) -> Line | None:
        """The line that was used last and still answers; RSET forgets whatever letter went before."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            line = self._idle.pop()
            if not line.usable(now):
                await _hang_up(line)
            elif await self._answers(line):
                return line
        return None

    async def _answers(self, line: Line) -> bool:
        try:
            await line.client.rset(timeout=min(self._command_timeout, _RSET_TIMEOUT_S))
        except (SMTPException, OSError):
            line.client.close()
            return False
        return True

    async def _new_line(self) -> Line:
        client = self._client()
        try:
            await self._introduce(client)
        except BaseException:
            client.close()
            raise
        return Line(client)

    async def _send(self, line: Line, envelope: Envelope, letter: bytes) -> Receipt:
        """Send one letter; what the relay answered leaves the line whole, what was lost does not."""
        whole = False
        try:
            await _address(line.client, envelope)
            protocol = await _open_data(line.client)
            receipt = await self._hand_over(protocol, letter)
            whole = True
            return receipt
        except (Refused, Deferred) as answer:
            whole = answer.code != _CLOSING
            raise
        finally:
            self._put_by(line, whole)

    def _put_by(self, line: Line, whole: bool) -> None:
        """Keep the line for the next letter, or let it go; one that nobody needs hangs up by itself."""
        if not whole:
            line.client.close()
            return
        loop = asyncio.get_running_loop()
        line.letters += 1
        line.good_until = loop.time() + self._idle_s
        self._idle.append(line)
        loop.call_later(self._idle_s, self._let_go, line)

    def _let_go(self, line: Line) -> None:
        if line in self._idle and asyncio.get_running_loop().time() >= line.good_until:
            self._idle.remove(line)
            line.client.close()

    def _client(self) -> SMTP:
        """`start_tls=False` because this class decides when, and sees what happens."""
        return SMTP(
            hostname=self.relay.host,
            port=self.relay.port,
            use_tls=self.relay.encrypted,
            start_tls=False,
            tls_context=self._tls,
            timeout=self._command_timeout,
        )

    async def _introduce(self, client: SMTP) -> None:
        """Come in. A relay that does not let us in says nothing of the letter, whatever its code."""
        with _knocking("connect"):
            await client.connect()
        with _knocking("EHLO"):
            await client.ehlo()
        if self._encrypts(client):
            with _knocking("STARTTLS"):
                await client.starttls()
                await client.ehlo()
        if self.relay.user is not None:
            with _knocking("AUTH"):
                await client.login(self.relay.user, self.relay.password)

    def _encrypts(self, client: SMTP) -> bool:
        """When STARTTLS is required and not offered it is tried all the same, and fails there."""
        if self.relay.encrypted or self.relay.starttls is StartTls.NEVER:
            return False
        return self.relay.starttls is StartTls.REQUIRED or client.supports_extension("starttls")

    async def _hand_over(self, protocol: SMTPProtocol, letter: bytes) -> Receipt:
        """Write the letter and its dot at once; from there on nobody can know."""
        crash_point("notification.before_dot")
        with _before_the_dot("DATA"):
            protocol.write(_with_dot(letter))
        with _after_the_dot():
            answer = await protocol.read_response(timeout=self._final_timeout)
        if answer.code != _TAKEN:
            raise _judgement("dot", answer) or Uncertain("dot", code=answer.code, answer=answer.message)
        return Receipt(answer.message)


def _check(step: str, address: str) -> None:
    """Look at the address before aiosmtplib does, which sends what it can make out of a bad one."""
    if not is_mailbox(address):
        raise Refused(step, answer="not an address")


async def _hang_up(line: Line) -> None:
    with suppress(SMTPException, OSError):
        await line.client.quit(timeout=_QUIT_TIMEOUT_S)
    line.client.close()


async def _address(client: SMTP, envelope: Envelope) -> None:
    traced = client.supports_extension("dsn")
    with _before_the_dot("MAIL"):
        await client.mail(envelope.sender, options=envelope.tracing() if traced else [])
    with _before_the_dot("RCPT"):
        await client.rcpt(envelope.recipient, options=envelope.news_wanted() if traced else [])


async def _open_data(client: SMTP) -> SMTPProtocol:
    """Ask to send and hear yes; `client.data` would not tell a loss here from one after the dot."""
    with _before_the_dot("DATA"):
        answer = await client.execute_command(b"DATA")
        if answer.code != _START_INPUT:
            raise SMTPResponseException(answer.code, answer.message)
        if client.protocol is None:
            raise SMTPServerDisconnected("Connection lost")
        return client.protocol


def _with_dot(letter: bytes) -> bytes:
    """End lines in CRLF, double a leading dot, close with a dot alone (RFC 5321 § 4.5.2)."""
    lines = (b"." + line if line.startswith(b".") else line for line in letter.splitlines())
    return b"\r\n".join((*lines, b".", b""))


@contextmanager
def _knocking(step: str) -> Iterator[None]:
    try:
        yield
    except SMTPResponseException as answer:
        raise Unreached(step, code=answer.code, answer=answer.message) from None
    except (SMTPException, OSError) as loss:
        raise Unreached(step, answer=type(loss).__name__) from None


@contextmanager
def _before_the_dot(step: str) -> Iterator[None]:
    try:
        yield
    except SMTPResponseException as error:
        answer = SMTPResponse(error.code, error.message)
        raise _judgement(step, answer) or Unsent(step, code=error.code, answer=error.message) from None
    except (SMTPException, OSError) as loss:
        raise Unsent(step, answer=type(loss).__name__) from None


@contextmanager
def _after_the_dot() -> Iterator[None]:
    try:
        yield
    except (SMTPException, OSError) as loss:
        raise Uncertain("dot", answer=type(loss).__name__) from None


def _judgement(step: str, answer: SMTPResponse) -> NotDelivered | None:
    """Judge the letter by the relay's code; nothing if it is no code of refusal."""
    kinds: dict[int, type[NotDelivered]] = {4: Deferred, 5: Refused}
    kind = kinds.get(answer.code // 100)
    return kind(step, code=answer.code, answer=answer.message) if kind else None
