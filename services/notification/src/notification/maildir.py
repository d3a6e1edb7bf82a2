"""A mailbox as a folder: new mails lie in `new`, and go to `cur` once they are read.

https://cr.yp.to/proto/maildir.html. Nothing is ever removed.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from notification.mailboxes import UnknownMailbox

SEEN = ":2,S"
UNSEEN = ":2,"
"""What was not understood is left unread, so that it meets the eye of a person with a mail program."""


@dataclass(frozen=True)
class MaildirMail:
    path: Path

    def read(self, most: int) -> bytes:
        with self.path.open("rb") as file:
            return file.read(most)

    def put_away(self, *, understood: bool) -> None:
        """Keep it among those that were read."""
        read = self.path.parent.parent / "cur"
        read.mkdir(exist_ok=True)
        flags = SEEN if understood else UNSEEN
        self.path.rename(read / f"{self.path.name.partition(':')[0]}{flags}")


@dataclass(frozen=True)
class Maildir:
    folder: Path

    def new(self, most: int) -> Sequence[MaildirMail]:
        """By name, which begins with the time; none if there is no such folder yet.

        Folders, links and other things that are no mail are passed over.
        """
        try:
            with os.scandir(self.folder / "new") as entries:
                names = [one.name for one in entries if one.is_file(follow_symlinks=False)]
        except FileNotFoundError:
            return []
        return [MaildirMail(self.folder / "new" / name) for name in sorted(names)[:most]]

    def close(self) -> None:
        """Nothing is held."""


def maildir_at(url: str) -> Maildir:
    """The mailbox at `maildir:///folder`; raises `UnknownMailbox`."""
    parts = urlsplit(url)
    if parts.scheme != "maildir" or parts.netloc or not parts.path.startswith("/"):
        raise UnknownMailbox("A mailbox of bounces is written maildir:///var/mail/bounces")
    return Maildir(Path(unquote(parts.path)))
