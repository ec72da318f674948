"""How server and plugin process talk: JSON texts, each behind its length in four bytes."""

from __future__ import annotations

import os
import struct
from typing import Final

HEADER: Final = struct.Struct(">I")
MAX_FRAME: Final = 2**32 - 1


def encode(body: bytes) -> bytes:
    return HEADER.pack(len(body)) + body


def read_frame(descriptor: int) -> bytes | None:
    """The next frame of a blocking pipe; ``None`` when the other side has closed it."""
    header = _read_exactly(descriptor, HEADER.size)
    return None if header is None else _read_exactly(descriptor, HEADER.unpack(header)[0])


def write_frame(descriptor: int, body: bytes) -> None:
    """Write a frame to a blocking pipe; raises ``BrokenPipeError`` when nobody reads it."""
    view = memoryview(encode(body))
    while view:
        view = view[os.write(descriptor, view) :]


def _read_exactly(descriptor: int, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(descriptor, min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
