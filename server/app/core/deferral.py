"""What a piece of work leaves for later, so that it can be done for many pieces at once.

A thread that carries out one piece after the other collects what they leave, and does it before anybody hears that
they have ended. Where nobody collects, nothing is left: it is done at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Rest = Callable[[], object]

_local = threading.local()


def defer(rest: Rest) -> None:
    """Let this be done by whoever collects what this thread's work leaves; do it now if nobody does."""
    collected: list[Rest] | None = getattr(_local, "collected", None)
    if collected is None:
        rest()
    else:
        collected.append(rest)


class Deferring:
    """Collects in ``rests`` what the block leaves, in order; whoever enters it must see to it."""

    __slots__ = ("_outer", "rests")

    def __init__(self) -> None:
        self.rests: list[Rest] = []

    def __enter__(self) -> Self:
        self._outer = getattr(_local, "collected", None)
        _local.collected = self.rests
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _local.collected = self._outer
