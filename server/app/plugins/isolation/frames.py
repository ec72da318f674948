"""How server and plugin process talk: JSON texts, each behind its length in four bytes."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Final

HEADER: Final = struct.Struct(">I")
_CHUNK: Final = 1 << 16  # what a pipe holds


def encode(body: bytes) -> bytes:
    return HEADER.pack(len(body)) + body


def frames(descriptor: int) -> Iterator[bytes]:
    """The frames that come through a blocking pipe, until the other side closes it."""
    unread = bytearray()
    while True:
        while len(unread) < HEADER.size or len(unread) < (end := HEADER.size + HEADER.unpack_from(unread)[0]):
            part = os.read(descriptor, _CHUNK)
            if not part:
                return
            unread += part
        body = bytes(unread[HEADER.size : end])
        del unread[:end]
        yield body


def write_frame(descriptor: int, body: bytes) -> None:
    """Write a frame to a blocking pipe; raises ``BrokenPipeError`` when nobody reads it."""
    view = memoryview(encode(body))
    while view:
        view = view[os.write(descriptor, view) :]
