"""What drives a pipeline and watches its end: `python -m bench.peers.driver URL --in-flight N --seconds S`.

It takes the seed from the first queue, as its library wrote it, says `seeded`, and publishes those very bytes
again and again: so many at a time, or at a steady pace. It says `full` when it begins to count what comes out
of the last queue, and ends with one line of JSON. It writes its own AMQP, so that it takes little of the
machine whatever it drives.
"""

import argparse
import asyncio
import json
import struct
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import unquote, urlsplit

import uvloop
from pamqp import commands, frame

from bench.peers import QUEUES
from bench.peers.frames import BODY, HEADER, METHOD, Frames

CHANNEL = 1
DELIVER, CONFIRM = (60, 60), (60, 80)
ACK_EVERY = 50
WARM_UP_S = 2.0
FIRST_WITHIN_S = 60.0
DRAIN_WITHIN_S = 30.0


@dataclass
class Wire(asyncio.Protocol):
    """One connection with one channel; hears of the end of each message, and otherwise of single answers."""

    answers: "asyncio.Queue[tuple[bytes, bytes]]" = field(default_factory=asyncio.Queue)
    arrived: int = 0
    on_arrival: "Pipeline | None" = None
    _frames: Frames = field(default_factory=Frames)
    _transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            sys.exit(f"the connection was lost: {exc}")

    def write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        for kind, payload, whole in self._frames.cut(data):
            method = struct.unpack_from(">HH", payload) if kind == METHOD else None
            if method == DELIVER:
                self._delivered(payload)
            elif self.on_arrival is None and method != CONFIRM:
                self.answers.put_nowait((payload, whole))

    def _delivered(self, payload: bytes) -> None:
        self.arrived += 1
        if self.arrived % ACK_EVERY == 0:
            [tag] = struct.unpack_from(">Q", payload, 5 + payload[4])
            self.write(frame.marshal(commands.Basic.Ack(tag, multiple=True), CHANNEL))
        if self.on_arrival is not None:
            self.on_arrival.note_arrival()

    async def say(self, method: frame.FrameTypes, channel: int = CHANNEL) -> None:
        self.write(frame.marshal(method, channel))

    async def heard(self) -> tuple[frame.FrameTypes, bytes]:
        """The next answer: decoded, and as it was."""
        _, whole = await self.answers.get()
        return frame.unmarshal(whole)[2], whole


async def connect(url: str) -> Wire:
    """A connection with a channel that confirms, and never a heartbeat."""
    parts = urlsplit(url)
    _, wire = await asyncio.get_running_loop().create_connection(
        Wire, parts.hostname or "", parts.port or 5672
    )
    wire.write(b"AMQP\x00\x00\x09\x01")
    await wire.heard()
    await wire.say(commands.Connection.StartOk({}, "PLAIN", f"\0{parts.username}\0{parts.password}", "C"), 0)
    tune, _ = await wire.heard()
    assert isinstance(tune, commands.Connection.Tune)
    await wire.say(commands.Connection.TuneOk(tune.channel_max, tune.frame_max, 0), 0)
    for method, channel in (
        (commands.Connection.Open(unquote(parts.path[1:]) or "/"), 0),
        (commands.Channel.Open(), CHANNEL),
        (commands.Confirm.Select(), CHANNEL),
    ):
        await wire.say(method, channel)
        await wire.heard()
    return wire


async def take_seed(wire: Wire) -> bytes:
    """What publishes the seed again, byte for byte as its library did."""
    await wire.say(commands.Basic.Get(queue=QUEUES[0], no_ack=True))
    got, _ = await wire.heard()
    if not isinstance(got, commands.Basic.GetOk):
        sys.exit("there is no seed in the first queue")
    content = [(await wire.heard())[1] for _ in (HEADER, BODY)]
    publish = commands.Basic.Publish(exchange=got.exchange, routing_key=str(got.routing_key), mandatory=True)
    return b"".join([frame.marshal(publish, CHANNEL), *content])


@dataclass
class Pipeline:
    """What is on its way: the moments of sending, and how long each took that has come out."""

    wire: Wire
    seed: bytes
    in_flight: int
    sent: int = 0
    refills: bool = False
    took: list[float] = field(default_factory=list)
    _sent_at: deque[float] = field(default_factory=deque)
    _first: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, count: int = 1) -> None:
        self.sent += count
        self._sent_at.extend([time.perf_counter()] * count)
        self.wire.write(self.seed * count)

    def note_arrival(self) -> None:
        """Which of several it is does not matter, and of one it is plain."""
        self.took.append(time.perf_counter() - self._sent_at.popleft())
        self._first.set()
        if self.refills:
            self.send()

    async def await_first(self) -> None:
        """The pipeline is there when one message has come through."""
        self.send()
        async with asyncio.timeout(FIRST_WITHIN_S):
            await self._first.wait()

    async def drain(self) -> None:
        """Raises `TimeoutError` when something does not come out, exits when too much does."""
        self.refills = False
        async with asyncio.timeout(DRAIN_WITHIN_S):
            while len(self.took) < self.sent:
                await asyncio.sleep(0.05)
        if self.wire.arrived != self.sent:
            sys.exit(f"{self.sent} went in, {self.wire.arrived} came out")


async def throughput(pipeline: Pipeline, seconds: float) -> dict[str, float]:
    """Messages a second with the pipeline kept full."""
    pipeline.refills = True
    pipeline.send(pipeline.in_flight)
    await asyncio.sleep(WARM_UP_S)
    print("full", flush=True)
    before, begun = len(pipeline.took), time.perf_counter()
    await asyncio.sleep(seconds)
    count, lasted = len(pipeline.took) - before, time.perf_counter() - begun
    await pipeline.drain()
    return {"per_second": count / lasted, "through": len(pipeline.took) - before}


async def latency(pipeline: Pipeline, seconds: float, per_second: float) -> dict[str, list[float]]:
    """Seconds that each message took at a steady pace."""
    print("full", flush=True)
    begun = time.perf_counter()
    for number in range(round(seconds * per_second)):
        await asyncio.sleep(begun + number / per_second - time.perf_counter())
        pipeline.send()
    await pipeline.drain()
    return {"took": pipeline.took[1:]}


async def drive(arguments: argparse.Namespace) -> None:
    wire = await connect(arguments.url)
    pipeline = Pipeline(wire, await take_seed(wire), arguments.in_flight)
    print("seeded", flush=True)
    await wire.say(commands.Basic.Consume(queue=QUEUES[-1]))
    await wire.heard()
    wire.on_arrival = pipeline
    await pipeline.await_first()
    if arguments.per_second:
        told: object = await latency(pipeline, arguments.seconds, arguments.per_second)
    else:
        told = await throughput(pipeline, arguments.seconds)
    print(json.dumps(told))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--in-flight", type=int, default=1)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--per-second", type=float)
    uvloop.run(drive(parser.parse_args()))


if __name__ == "__main__":
    main()
