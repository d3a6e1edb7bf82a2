"""A mailbox on a mail server (IMAP, RFC 3501), read as carefully as one that is a folder here.

What was understood is flagged as read, and moved to a folder if one is named. What was not is left unread
and flagged for attention, so that it is not read anew at each look and meets the eye of a person.
Nothing is ever removed: `imap_tools` expunges with each flag that it sets, so flags are set here.
"""

import imaplib
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import structlog
from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError

from chassis.loopback import is_loopback
from notification.mailboxes import MailboxLost, UnknownMailbox

log = structlog.get_logger()

TIMEOUT_S = 30.0
"""For the connection and for each answer; a look that stops here is made again later."""

_SEEN, _FLAGGED = r"\Seen", r"\Flagged"

_LOSS = (imaplib.IMAP4.abort, OSError)
_REFUSAL = (imaplib.IMAP4.error, ImapToolsError, ValueError)
"""The server said no, or what is asked for cannot be written in its language; no word of it is passed on."""


class Encryption(StrEnum):
    FROM_THE_START = "from-the-start"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True)
class Account:
    """Where the mailbox lies, and who may read it."""

    host: str
    port: int
    encryption: Encryption
    user: str
    password: str = field(repr=False)
    folder: str
    put_away_in: str | None = None
    """The folder for what is done; it must be there."""

    @property
    def is_ascii(self) -> bool:
        """Whether LOGIN will do, which any server knows; the rest is for AUTHENTICATE (RFC 4616)."""
        return f"{self.user}{self.password}".isascii()

    @property
    def is_new(self) -> str:
        """What is new: all that was not moved, when it is moved; else a person's reading it would hide it."""
        return "UNFLAGGED UNDELETED" if self.put_away_in else "UNSEEN UNFLAGGED UNDELETED"


@dataclass(eq=False)
class ImapMailbox:
    """One connection, kept from look to look and made anew when it was lost.

    The lock is for the end of the service, which may come while a thread still waits for an answer.
    """

    account: Account
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)
    _connection: BaseMailBox | None = field(default=None, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)
    _harmful: set[str] = field(default_factory=set, init=False, repr=False)
    """The mails at which the server failed, or even hung up: they come after all others."""
    _done: set[str] = field(default_factory=set, init=False, repr=False)
    """What was put away on this connection and not seen to be so yet: mails keep their numbers on it."""
    _forgetful: bool = field(default=False, init=False, repr=False)

    def new(self, most: int) -> Sequence["ImapMail"]:
        """In the order in which they came in (RFC 3501 § 2.3.1.1)."""
        with self._lock, self._connected("SEARCH") as connection:
            connection.client.noop()
            uids = self._undone(connection.uids(self.account.is_new, charset=None))
        in_turn = sorted(uids, key=lambda uid: (uid in self._harmful, int(uid)))
        return [ImapMail(self, uid) for uid in in_turn[:most]]

    def close(self) -> None:
        with self._lock:
            self._hang_up()

    def read(self, uid: str, most: int) -> bytes:
        """The server is asked for no more than that, and not to note that it was read (§ 6.4.5)."""
        with self._lock, self._at_mail("FETCH", uid) as connection:
            _, answer = connection.client.uid("FETCH", uid, f"(BODY.PEEK[]<0.{most}>)")
            return _content(answer)

    def put_away(self, uid: str, *, understood: bool) -> None:
        """First flagged, then moved: in between it is merely read once more."""
        with self._lock, self._at_mail("STORE", uid) as connection:
            _agreed(connection.client.uid("STORE", uid, "+FLAGS", _SEEN if understood else _FLAGGED))
            if understood and self.account.put_away_in:
                connection.move(uid, self.account.put_away_in)
            self._done.add(uid)

    def _undone(self, uids: Collection[str]) -> Collection[str]:
        """Without what was put away: a server that agrees to flags and keeps none offers it without end."""
        self._done.intersection_update(uids)
        if self._done and not self._forgetful:
            log.warning("flags.forgotten", mails=len(self._done))
        self._forgetful = self._forgetful or bool(self._done)
        return [uid for uid in uids if uid not in self._done]

    @contextmanager
    def _connected(self, step: str) -> Iterator[BaseMailBox]:
        """Whatever goes wrong here is no matter of one mail: the connection is given up."""
        try:
            self._connection = self._connection or self._log_in()
            yield self._connection
        except (*_LOSS, *_REFUSAL) as error:
            self._hang_up()
            raise MailboxLost(f"{step} {type(error).__name__}") from None

    @contextmanager
    def _at_mail(self, step: str, uid: str) -> Iterator[BaseMailBox]:
        """A refusal is about this mail, a loss about all, as mails are numbered within a connection."""
        if self._connection is None:
            raise MailboxLost(step)
        self._harmful.add(uid)
        try:
            yield self._connection
            self._harmful.discard(uid)
        except _LOSS as error:
            self._hang_up()
            raise MailboxLost(f"{step} {type(error).__name__}") from None
        except _REFUSAL as error:
            raise UnreadableMail(f"{step} {type(error).__name__}") from None

    def _log_in(self) -> BaseMailBox:
        """Raises whatever comes; a server that cannot move a mail would have to delete it."""
        account, connection = self.account, self._connect()
        try:
            log_in = connection.login if account.is_ascii else connection.login_utf8
            log_in(account.user, account.password, initial_folder=None)
            if account.put_away_in and "MOVE" not in _capabilities(connection):
                raise MailboxLost("MOVE")
            connection.folder.set(account.folder)
        except BaseException:
            _shut(connection)
            raise
        return connection

    def _connect(self) -> BaseMailBox:
        account = self.account
        match account.encryption:
            case Encryption.FROM_THE_START:
                return MailBox(account.host, account.port, timeout=TIMEOUT_S, ssl_context=self.tls)
            case Encryption.STARTTLS:
                return MailBoxStartTls(account.host, account.port, timeout=TIMEOUT_S, ssl_context=self.tls)
            case Encryption.NONE:
                return MailBoxUnencrypted(account.host, account.port, timeout=TIMEOUT_S)

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        self._done.clear()
        if connection is not None:
            _shut(connection)


@dataclass(frozen=True)
class ImapMail:
    mailbox: ImapMailbox
    uid: str

    def read(self, most: int) -> bytes:
        return self.mailbox.read(self.uid, most)

    def put_away(self, *, understood: bool) -> None:
        self.mailbox.put_away(self.uid, understood=understood)


class UnreadableMail(OSError):
    """The server would not give or flag this mail, or somebody has taken it away."""


class _NoContent(ValueError):
    """The answer holds no mail."""


def _capabilities(connection: BaseMailBox) -> str:
    """What the server can do after the login, which is more than before (RFC 3501 § 6.2.3)."""
    _, answer = connection.client.capability()
    return (answer[0] or b"").decode("ascii", "replace").upper()


def _content(answer: Sequence[Any]) -> bytes:
    """The literal in the answer (RFC 3501 § 7.4.2)."""
    for piece in answer:
        if isinstance(piece, tuple):
            return bytes(piece[1])
    raise _NoContent


def _agreed(answer: tuple[str, Any]) -> None:
    if answer[0] != "OK":
        raise imaplib.IMAP4.error(answer[0])


def _shut(connection: BaseMailBox) -> None:
    """Without a farewell, for which a server that is lost would have to be waited for."""
    with suppress(OSError):
        connection.client.shutdown()


def imap_at(url: str) -> ImapMailbox:
    """The mailbox at `imaps://user:password@host[:993]/INBOX`, or `imap://…?starttls=required|never`.

    `?put-away=Folder` names the folder for what is done. Whoever listens on the road must not read the
    password, so encryption is required except on loopback. Raises `UnknownMailbox`.
    """
    try:
        return ImapMailbox(_account_of(_parts_of(url)))
    except ValueError as error:
        raise UnknownMailbox(f"Not an address of a mailbox: {error}") from None


def _parts_of(url: str) -> SplitResult:
    """`urlsplit` tells what it cannot read, the password with it."""
    try:
        return urlsplit(url)
    except ValueError:
        raise ValueError("it has signs that no address has; in a password they are written as %…") from None


def _account_of(url: SplitResult) -> Account:
    if not url.hostname:
        raise ValueError("there is no host")
    if not url.username or not url.password:
        raise ValueError("it has a user and a password, written imaps://user:password@host/INBOX")
    encryption, asked = _encryption_of(url, url.hostname), _asked(url)
    return Account(
        host=url.hostname,
        port=_port_of(url) or (993 if encryption is Encryption.FROM_THE_START else 143),
        encryption=encryption,
        user=unquote(url.username),
        password=unquote(url.password),
        folder=unquote(url.path.strip("/")) or "INBOX",
        put_away_in=asked.get("put-away"),
    )


def _port_of(url: SplitResult) -> int | None:
    """A sign in the password that should have been written as %… ends up here: nothing of it is told."""
    try:
        return url.port
    except ValueError:
        raise ValueError("the port is no number; signs such as / in a password are written %2F") from None


def _asked(url: SplitResult) -> Mapping[str, str]:
    asked = parse_qs(url.query, strict_parsing=True) if url.query else {}
    if asked.keys() - {"starttls", "put-away"}:
        raise ValueError("starttls and put-away are the only things to set after the question mark")
    return {name: values[-1] for name, values in asked.items()}


def _encryption_of(url: SplitResult, host: str) -> Encryption:
    asked = _asked(url).get("starttls")
    if url.scheme == "imaps":
        if asked:
            raise ValueError("imaps is encrypted from the start and has no starttls")
        return Encryption.FROM_THE_START
    usual = "never" if is_loopback(host) else "required"
    if url.scheme != "imap" or (asked or usual) not in ("required", "never"):
        raise ValueError("it begins with maildir:///, imaps:// or imap://, and starttls is required or never")
    if asked == "never" and not is_loopback(host):
        raise ValueError("without encryption only on this machine")
    return Encryption.STARTTLS if (asked or usual) == "required" else Encryption.NONE
