"""However the bytes of a broker come in, the driver sees the frames that were sent."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from bench.peers.frames import Frames

PAYLOADS = st.lists(st.tuples(st.integers(1, 3), st.binary(max_size=300)), max_size=8)


def on_the_wire(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, 1, len(payload)) + payload + b"\xce"


@given(sent=PAYLOADS, cuts=st.lists(st.integers(1, 50), min_size=1))
def test_frames_are_the_same_however_they_are_cut(sent: list[tuple[int, bytes]], cuts: list[int]) -> None:
    """Each comes whole, once, in its order, and with all its bytes."""
    wire = b"".join(on_the_wire(kind, payload) for kind, payload in sent)
    frames, seen = Frames(), []
    for number in range(len(wire)):
        size = cuts[number % len(cuts)]
        piece, wire = wire[:size], wire[size:]
        seen += [(kind, payload, whole) for kind, payload, whole in frames.cut(piece)]
    assert seen == [(kind, payload, on_the_wire(kind, payload)) for kind, payload in sent]
