"""Identifiers of jobs and of server processes, and other texts that nobody can guess."""

from __future__ import annotations

import os
import re
import threading
import time
from typing import Final

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_AT_ONCE: Final = 1024


class _Randomness:
    """Random bytes of the system, fetched for many texts at once: each fetch lets go of the interpreter, and under
    load it takes long to get it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fetched = b""

    def take(self, count: int) -> str:
        with self._lock:
            if len(self._fetched) < count:
                self._fetched = os.urandom(_AT_ONCE)
            taken, self._fetched = self._fetched[:count], self._fetched[count:]
        return taken.hex()

    def forget(self) -> None:
        self._lock = threading.Lock()
        self._fetched = b""


_randomness: Final = _Randomness()
os.register_at_fork(after_in_child=_randomness.forget)  # or parent and child would make the same ids


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): it begins with the time, so that ids made together lie together in an index."""
    milliseconds = f"{time.time_ns() // 1_000_000:012x}"
    random = _randomness.take(10)
    variant = "89ab"[int(random[3], 16) & 3]
    return f"{milliseconds[:8]}-{milliseconds[8:]}-7{random[:3]}-{variant}{random[4:7]}-{random[7:19]}"


def new_ticket() -> str:
    """32 hexadecimal digits that nobody can guess."""
    return _randomness.take(16)


def is_id(text: str) -> bool:
    """Whether ``text`` could be one of ours; what could not be needs no look into the database."""
    return _ID.fullmatch(text) is not None
