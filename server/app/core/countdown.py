"""So many seconds, for several things together that one after the other are waited for."""

from __future__ import annotations

import time


class Countdown:
    """Begins when it is first asked for; ``left`` is never below 0."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: float | None = None

    def left(self) -> float:
        if self._until is None:
            self._until = time.monotonic() + self._seconds
        return max(0.0, self._until - time.monotonic())
