"""A Postfix of the tests' own: own folders, loopback only, no look at /etc/postfix or the network.

It needs root, since its daemons are of two accounts. Methods block, so that they serve fixtures.
"""

import grp
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Self

from support.child_process import Child, NotInstalled
from support.ports import free_port
from support.rabbitmq import listens

START_SECONDS = 30
"""Measured 1."""

DOMAIN = "kommunen.example"
"""Its mailboxes are here."""

AWAY = "grannkommunen.example"
"""Mail to this domain goes on to another server, on `away_port`."""

MAILBOXES = ("kansli", "nora", "ny")

MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
myhostname = post.{domain}
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
smtp_host_lookup = native
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
relay_domains = {away}
relay_recipient_maps =
transport_maps = inline:{{ {{ {away} = smtp:[127.0.0.1]:{away_port} }} }}
smtpd_recipient_restrictions = reject_unlisted_recipient,
    check_policy_service unix:private/greylist, permit_mynetworks, reject
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
"""

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
flush unix n - n 1000? 0 flush
greylist unix - n n - 0 spawn user=nobody argv=/bin/sh {folder}/conf/greylist
postlog unix-dgram n - n - 1 postlogd
"""

GREYLIST = """\
while read -r line; do
    case "$line" in
    recipient=ny@*) new=yes ;;
    "")
        if [ "$new" ] && mkdir {folder}/mail/greylisted; then answer=DEFER; else answer=DUNNO; fi
        printf 'action=%s Kom igen\\n\\n' $answer
        ;;
    esac
done
"""
"""Who writes to `ny` for the first time is asked to come back (Postfix, SMTPD_POLICY_README)."""


ENVIRONMENT = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "LANG": "C"}


class Postfix:
    """One Postfix, with a maildir for each mailbox of its domain."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs = find_programs()
        self.port, self.away_port = free_port(), free_port()
        self._master: Child | None = None
        self._lay_out()

    def __enter__(self) -> Self:
        """Start the master itself: `postfix start-fg` is a script, and its end would not be the master's."""
        self._master = Child(
            [str(DAEMONS / "master"), "-c", str(self._folder / "conf"), "-d"],
            environment=ENVIRONMENT,
            log=self._folder / "output.log",
        )
        self._master.wait_until(lambda: listens(self.port), seconds=START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        if self._master is not None:
            self._master.end(signal.SIGTERM)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?starttls=never"

    def maildir(self, mailbox: str) -> Path:
        return self._folder / "mail" / mailbox

    def mails(self, mailbox: str) -> list[bytes]:
        """What came to the mailbox and was not read."""
        return [path.read_bytes() for path in sorted((self.maildir(mailbox) / "new").glob("*"))]

    def count(self, mailbox: str) -> int:
        return sum(1 for _ in (self.maildir(mailbox) / "new").glob("*"))

    def _lay_out(self) -> None:
        """The folder is open to look into: the daemons are not of our account."""
        self._folder.chmod(0o755)
        for name in ("conf", "queue", "data", "mail"):
            (self._folder / name).mkdir()
        owner, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        os.chown(self._folder / "data", owner.pw_uid, owner.pw_gid)
        os.chown(self._folder / "mail", nobody.pw_uid, nobody.pw_gid)
        (self._folder / "conf" / "main.cf").write_text(self._main(nobody))
        (self._folder / "conf" / "master.cf").write_text(MASTER.format(port=self.port, folder=self._folder))
        (self._folder / "conf" / "greylist").write_text(GREYLIST.format(folder=self._folder))
        self._make_queue()

    def _make_queue(self) -> None:
        check = [str(self._programs / "postfix"), "-c", str(self._folder / "conf"), "check"]
        subprocess.run(check, env=ENVIRONMENT, check=True, capture_output=True)

    def _main(self, owner: pwd.struct_passwd) -> str:
        return MAIN.format(
            folder=self._folder,
            daemons=DAEMONS,
            domain=DOMAIN,
            away=AWAY,
            away_port=self.away_port,
            mailboxes=", ".join(f"{{ {name}@{DOMAIN} = {name}/ }}" for name in MAILBOXES),
            uid=owner.pw_uid,
            gid=owner.pw_gid,
        )


DAEMONS = Path("/usr/lib/postfix/sbin")


def find_programs() -> Path:
    """Find the folder of Postfix's programs; raises `NotInstalled`."""
    found = shutil.which("postfix", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None or not DAEMONS.exists():
        raise NotInstalled("Postfix is not installed (postfix)")
    if os.geteuid() != 0:
        raise NotInstalled("Postfix starts as root only")
    grp.getgrnam("postdrop")
    return Path(found).parent
