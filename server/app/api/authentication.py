"""From the headers of a request to its caller. Keys come in headers only; an address ends up in logs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol

from server.app.access.caller import ANYBODY, Caller

KEPT_SECONDS: Final = 1.0
"""A revoked key opens nothing after this time."""

_MAX_KEPT: Final = 1024
_NO_KEY: Final = b""
_NO_ONES: Final = b"?"


class Keys(Protocol):
    def caller_of(self, text: str) -> Caller | None: ...

    def none_was_made(self) -> bool: ...


class Authentication:
    """For the event loop's thread. What the database said is believed for a second.

    Without a key nobody is let in, unless ``key_required`` is off and no key was ever made.
    """

    def __init__(self, *, key_required: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._key_required = key_required
        self._clock = clock
        self._kept: dict[bytes, tuple[float, Caller | None]] = {}

    async def caller(
        self, headers: Iterable[tuple[bytes, bytes]], keys: Keys, blocking: Callable[..., Awaitable[Caller | None]]
    ) -> Caller | None:
        """The caller, or ``None`` for somebody who is not let in; ``blocking`` calls a function in a thread."""
        given = key_in(headers)
        now = self._clock()
        # A digest is the name in this memory, so that it holds no key and finding one tells nothing about another.
        name = _NO_KEY if given is None else hashlib.sha256(given).digest()
        kept = self._kept.get(name)
        if kept is not None and now - kept[0] < KEPT_SECONDS:
            return kept[1]
        found = await blocking(self._look_up, given, keys)
        self._kept.pop(name, None)
        if len(self._kept) >= _MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = (now, found)
        return found

    def _look_up(self, given: bytes | None, keys: Keys) -> Caller | None:
        if given is not None:
            return keys.caller_of(given.decode("ascii", "replace"))
        return ANYBODY if not self._key_required and keys.none_was_made() else None


def key_in(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The key in ``X-API-Key``, or else in ``Authorization: Bearer``; ``None`` if neither header is there.

    Another scheme than Bearer is a wrong key, not a missing one, and so is a header that comes twice: whatever stands
    before this server may have looked at the other one.
    """
    key, bearer = None, None
    for name, value in headers:
        if name == b"x-api-key":
            key = value if key is None else _NO_ONES
        elif name == b"authorization":
            scheme, _, token = value.partition(b" ")
            is_one = bearer is None and scheme.lower() == b"bearer"
            bearer = token.strip() if is_one else _NO_ONES
    return bearer if key is None else key
