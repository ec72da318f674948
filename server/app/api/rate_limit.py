"""A token bucket for each caller: it holds a minute's requests, fills at a steady rate, and each request takes one."""

from __future__ import annotations

import time
from collections.abc import Callable


class RateLimit:
    """For one thread, the event loop's. At most ``max_callers`` buckets are kept; the one that was not asked for the
    longest time goes first, and whose bucket is gone starts with a full one."""

    def __init__(
        self, per_minute: int, *, max_callers: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._size = float(per_minute)
        self._per_second = per_minute / 60.0
        self._max = max_callers
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def seconds_to_wait(self, caller: str) -> float:
        """Take a token: 0.0 if there was one, else the seconds until there will be."""
        now = self._clock()
        tokens, at = self._buckets.pop(caller, (self._size, now))
        tokens = min(self._size, tokens + (now - at) * self._per_second)
        granted = tokens >= 1.0
        self._buckets[caller] = (tokens - 1.0 if granted else tokens, now)
        if len(self._buckets) > self._max:
            del self._buckets[next(iter(self._buckets))]
        return 0.0 if granted else (1.0 - tokens) / self._per_second
