"""AMQP 0-9-1's frames, as they lie on the wire (section 4.2.3): type, channel, size, payload, end."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

METHOD, HEADER, BODY = 1, 2, 3
HEAD_BYTES, END_BYTES = 7, 1


@dataclass
class Frames:
    """Bytes from the wire, cut into frames."""

    _rest: bytes = b""

    def cut(self, data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
        """Each frame as its type, its payload, and all its bytes."""
        heard, at = self._rest + data, 0
        while len(heard) - at >= HEAD_BYTES:
            kind, _, size = struct.unpack_from(">BHI", heard, at)
            end = at + HEAD_BYTES + size + END_BYTES
            if len(heard) < end:
                break
            yield kind, heard[at + HEAD_BYTES : end - END_BYTES], heard[at:end]
            at = end
        self._rest = heard[at:]
