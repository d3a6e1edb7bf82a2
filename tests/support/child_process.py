"""Servers of the tests' own: child processes that cannot outlive the tests.

ServerMissing
├── NotInstalled    never: the machine lacks the program
└── NotReady        the program ended, or was not up in time
"""

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

INTERVAL = 0.05
"""Seconds between two looks at a server: far below the time it takes, far above a look's cost."""

WATCHMAN = 'read -r nothing; kill -s "$0" -- "-$1"'


class ServerMissing(Exception):
    """A server that the tests need is not there."""


class NotInstalled(ServerMissing):
    """The machine lacks a program that the tests need."""


class NotReady(ServerMissing):
    """A server was started and did not come up."""


class Child:
    """A running server, and the watchman who ends it should the tests die before they could.

    The server leads a process group of its own: Ctrl-C reaches the tests alone, and they end it in
    good order. The watchman reads from a pipe that only the tests hold open; whatever ends them,
    SIGKILL included, closes it, and he sends the group his one signal. Linux's own death signal
    would not do: it comes when the *thread* that started the server ends.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        account: pwd.struct_passwd | None = None,
        watchman_sends: signal.Signals = signal.SIGKILL,
    ) -> None:
        self._log = log
        with log.open("ab") as output:
            self._server = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **identity(account),
            )
        self._watchman = subprocess.Popen(
            ["/bin/sh", "-c", WATCHMAN, watchman_sends.name.removeprefix("SIG"), str(self.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._server.pid

    @property
    def running(self) -> bool:
        return self._server.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What it ended with: minus the signal's number if one ended it, None while it runs."""
        return self._server.poll()

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait for the server; one that ends or is late is ended: `NotReady`, with its last lines."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running or time.monotonic() > deadline:
                self.end(signal.SIGKILL)
                raise NotReady(f"{self._server.args!r}\n{self._last_lines()}")
            time.sleep(INTERVAL)

    def end(self, how: signal.Signals, *, seconds: float = 30) -> None:
        """End the server by its pid and wait for it; kill it if it does not heed the signal."""
        self._server.send_signal(how)
        try:
            self._server.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._server.wait()
        finally:
            self._dismiss_watchman()

    def _dismiss_watchman(self) -> None:
        self._watchman.kill()
        self._watchman.communicate()

    def _last_lines(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])


class Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def identity(account: pwd.struct_passwd | None) -> Identity:
    """Make `subprocess` run as the account alone, without any group of ours."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
