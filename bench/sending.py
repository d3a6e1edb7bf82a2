"""The load generator: a process of its own that posts bodies over kept connections.

It reads its load before it says `ready`. Each line of its standard input is a number: how many of the load
may be on their way by now; what was answered is written when all have their 202. It knows no more of HTTP
than it needs, so that it takes little of the machine.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

AGAIN_AFTER_S = 0.1
"""A platform that is told 429 or 503 sends the same again."""

TAKEN = 202
LATER = (429, 503)


@dataclass
class Load:
    """What is to be posted and what was answered, by its place in the load; times are since the epoch."""

    requests: list[bytes]
    repeated: int = 0
    sent: list[float] = field(init=False)
    answered: list[float] = field(init=False)
    answers: list[bytes] = field(init=False)
    waiting: deque[int] = field(default_factory=deque)
    idle: "deque[Line]" = field(default_factory=deque)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    _left: int = field(init=False)

    def __post_init__(self) -> None:
        count = self._left = len(self.requests)
        self.sent, self.answered, self.answers = [0.0] * count, [0.0] * count, [b""] * count

    def offer(self, number: int) -> None:
        """Have it posted now, or as soon as a connection is idle."""
        if self.idle:
            self.idle.popleft().post(number)
        else:
            self.waiting.append(number)

    def take(self, number: int, status: int, body: bytes) -> None:
        if status in LATER:
            self.repeated += 1
            asyncio.get_running_loop().call_later(AGAIN_AFTER_S, self.offer, number)
        elif status == TAKEN:
            self._note(number, body)
        else:
            sys.exit(f"answered {status}: {body.decode(errors='replace')}")

    def _note(self, number: int, body: bytes) -> None:
        self.answered[number], self.answers[number] = time.time(), body
        self._left -= 1
        if not self._left:
            self.done.set()


class Line(asyncio.Protocol):
    """One kept connection, with one request at a time."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._heard = b""
        self._number = -1
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._load.idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._load.done.is_set():
            sys.exit(f"a connection was lost: {exc}")

    def post(self, number: int) -> None:
        assert self._transport is not None
        self._number = number
        self._load.sent[number] = self._load.sent[number] or time.time()
        self._transport.write(self._load.requests[number])

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, end, body = self._heard.partition(b"\r\n\r\n")
        if end and len(body) >= _length(head):
            self._heard = b""
            self._load.take(self._number, int(head[9:12]), body)
            self._rest()

    def _rest(self) -> None:
        if self._load.waiting:
            self.post(self._load.waiting.popleft())
        else:
            self._load.idle.append(self)


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0])


async def send(load: Load, address: str, at_once: int, per_second: float | None) -> None:
    target, loop = urlsplit(address), asyncio.get_running_loop()
    for _ in range(at_once):
        await loop.create_connection(lambda: Line(load), str(target.hostname), int(target.port or 80))
    print("ready", flush=True)
    handing = asyncio.create_task(_at_pace(load, per_second) if per_second else _as_allowed(load))
    await load.done.wait()
    handing.cancel()


async def _as_allowed(load: Load) -> None:
    offered = 0
    while line := await asyncio.to_thread(sys.stdin.readline):
        allowed = min(int(line), len(load.requests))
        for number in range(offered, allowed):
            load.offer(number)
        offered = max(offered, allowed)


async def _at_pace(load: Load, per_second: float) -> None:
    await asyncio.to_thread(sys.stdin.readline)
    begun = time.monotonic()
    for number in range(len(load.requests)):
        await asyncio.sleep(begun + number / per_second - time.monotonic())
        load.offer(number)


def request(body: bytes, host: str, key: str) -> bytes:
    """The whole request, with an idempotency key as platforms send it: the submission's own reference."""
    head = [
        "POST /v1/submissions HTTP/1.1",
        f"Host: {host}",
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
        f"Idempotency-Key: {json.loads(body)['reference']}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


def told() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("load", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--key", required=True)
    parser.add_argument("--at-once", type=int, required=True)
    parser.add_argument("--per-second", type=float)
    return parser.parse_args()


def main() -> None:
    arguments = told()
    bodies = arguments.load.read_bytes().split(b"\n")
    host = urlsplit(arguments.address).netloc
    load = Load([request(body, host, arguments.key) for body in bodies])
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        runner.run(send(load, arguments.address, arguments.at_once, arguments.per_second))
    arguments.answers.write_text(json.dumps(_log(load, bodies)))


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster loop where it is installed, as it is beside the peers."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if find_spec("uvloop"):
        factory = import_module("uvloop").new_event_loop
    return factory


def _log(load: Load, bodies: list[bytes]) -> dict[str, object]:
    rows = zip(bodies, load.answers, load.sent, load.answered, strict=True)
    return {
        "repeated": load.repeated,
        "answers": [
            (json.loads(body)["reference"], json.loads(answer)["id"], sent, answered)
            for body, answer, sent, answered in rows
        ],
    }


if __name__ == "__main__":
    main()
