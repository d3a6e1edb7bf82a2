"""A mailbox as a folder: new mails lie in `new`, and go to `cur` once they are read.

https://cr.yp.to/proto/maildir.html. Nothing is ever removed.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

SEEN = ":2,S"
UNSEEN = ":2,"
"""What was not understood is left unread, so that it meets the eye of a person with a mail program."""


class UnknownMailbox(ValueError):
    """The address of the mailbox is not maildir:///folder."""


@dataclass(frozen=True)
class Maildir:
    folder: Path

    def new(self, most: int) -> Sequence[Path]:
        """Some of the mails that nobody has read, by name; none if there is no such folder yet.

        Folders, links and other things that are no mail are passed over.
        """
        try:
            with os.scandir(self.folder / "new") as entries:
                names = [one.name for one in entries if one.is_file(follow_symlinks=False)]
        except FileNotFoundError:
            return []
        return [self.folder / "new" / name for name in sorted(names)[:most]]

    def put_away(self, mail: Path, flags: str) -> None:
        """Keep it among those that were read; raises `OSError`."""
        read = self.folder / "cur"
        read.mkdir(exist_ok=True)
        mail.rename(read / f"{mail.name.partition(':')[0]}{flags}")


def read_up_to(mail: Path, most: int) -> bytes:
    """The mail's first bytes: whoever sent it does not decide how much memory it takes."""
    with mail.open("rb") as file:
        return file.read(most)


def maildir_at(url: str) -> Maildir:
    """The mailbox at `maildir:///folder`; raises `UnknownMailbox`."""
    parts = urlsplit(url)
    if parts.scheme != "maildir" or parts.netloc or not parts.path.startswith("/"):
        raise UnknownMailbox("A mailbox of bounces is written maildir:///var/mail/bounces")
    return Maildir(Path(unquote(parts.path)))
