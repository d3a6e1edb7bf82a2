"""What a mailbox of bounces must be able to do, whether it is a folder here or lies on a server elsewhere.

All of it blocks, and belongs in a thread.
"""

from collections.abc import Sequence
from typing import Protocol


class UnknownMailbox(ValueError):
    """The address of the mailbox is none that can be read; its text holds no password."""


class MailboxLost(Exception):
    """The mailbox cannot be reached, and with it none of its mails; named by the step, without its words."""


class Mail(Protocol):
    def read(self, most: int) -> bytes:
        """The mail's first bytes: whoever sent it does not decide how much memory it takes.

        Raises:
            OSError: this one cannot be read.
            MailboxLost: none can.
        """
        ...

    def put_away(self, *, understood: bool) -> None:
        """Let it be new no more; what was not understood stays unread for a person. Raises as `read`."""
        ...


class Mailbox(Protocol):
    def new(self, most: int) -> Sequence[Mail]:
        """Some of the mails that were not put away, the oldest first; raises `MailboxLost`."""
        ...

    def close(self) -> None:
        """Let go of what is held between two looks."""
        ...
