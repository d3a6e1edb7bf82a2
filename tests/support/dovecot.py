"""A Dovecot of the tests' own: own folders, loopback only, no look at /etc/dovecot.

It needs root, since its daemons are of several accounts. Methods block, so that they serve fixtures.
"""

import os
import pwd
import shutil
import signal
import ssl
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.child_process import Child, NotInstalled
from support.ports import free_port
from support.rabbitmq import listens

START_SECONDS = 30
"""Measured below 1."""

PASSWORD = "hemligt å/@ %"

CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
first_valid_uid = 1
mail_uid = nobody
mail_gid = nogroup
mail_location = maildir:{folder}/mail/%u
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
passdb {{
  driver = static
  args = password={{PLAIN.B64}}{password}
}}
userdb {{
  driver = static
  args = home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  mailbox Klart {{
    auto = create
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-reader {{
    mode = 0600
  }}
}}
"""

_NEW = count()


class Dovecot:
    """One Dovecot, with an empty mailbox for each user that is asked for; mails are laid in as files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = find_program()
        self.port, self.tls_port = free_port(), free_port()
        self._server: Child | None = None
        self._lay_out()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        if self._server is not None and self._server.running:
            return
        self._server = Child(
            [self._program, "-F", "-c", str(self._folder / "dovecot.conf")],
            environment={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "LANG": "C"},
            log=self._folder / "output.log",
        )
        self._server.wait_until(lambda: listens(self.port), seconds=START_SECONDS)

    def stop(self) -> None:
        """End the conversations too, which the master leaves to themselves."""
        if self._server is not None:
            self._server.end(signal.SIGTERM)
            with suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGKILL)
            self._server = None

    def fresh_box(self) -> "Box":
        box = Box(self._folder / "mail" / f"kansli{next(_NEW)}")
        box.make()
        return box

    def trusting(self) -> ssl.SSLContext:
        """What a client needs to trust the certificate, which the tests made."""
        return ssl.create_default_context(cafile=self._folder / "cert.pem")

    def _lay_out(self) -> None:
        """The folder is open to look into: the daemons are not of our account."""
        self._folder.chmod(0o755)
        (self._folder / "mail").mkdir()
        _give_away(self._folder / "mail")
        _write_certificate(self._folder)
        config = CONFIG.format(
            folder=self._folder,
            port=self.port,
            tls_port=self.tls_port,
            password=b64encode(PASSWORD.encode()).decode(),
        )
        (self._folder / "dovecot.conf").write_text(config)


class Box:
    """The mailbox of one user, seen from the server's own disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.user = folder.name

    def make(self) -> None:
        for folder in (self._folder, *(self._folder / name for name in ("new", "cur", "tmp"))):
            folder.mkdir()
            _give_away(folder)

    def lay_in(self, mail: bytes) -> None:
        """As a mail server delivers: written aside, and whole at once."""
        name = f"{next(_NEW):06}.test"
        path = self._folder / "tmp" / name
        path.write_bytes(mail)
        _give_away(path)
        path.rename(self._folder / "new" / name)

    def flags(self, folder: str = "") -> list[str]:
        """Of each mail, in the order in which they came: F for flagged, S for seen."""
        box = self._folder / folder
        mails = [*(box / "new").iterdir(), *(box / "cur").iterdir()]
        return [path.name.partition(":2,")[2] for path in sorted(mails)]

    def forget_flags(self) -> None:
        """As a server does that agrees to flags and keeps none."""
        for path in (self._folder / "cur").iterdir():
            path.rename(path.with_name(f"{path.name.partition(':')[0]}:2,"))


def _give_away(path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(path, nobody.pw_uid, nobody.pw_gid)


def _write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def find_program() -> str:
    """Find Dovecot with IMAP; raises `NotInstalled`."""
    found = shutil.which("dovecot", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None or not Path("/usr/lib/dovecot/imap").exists():
        raise NotInstalled("Dovecot is not installed (dovecot-imapd)")
    if os.geteuid() != 0:
        raise NotInstalled("Dovecot starts as root only")
    return found
