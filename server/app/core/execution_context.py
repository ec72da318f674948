"""What is known about the execution that the current thread works on: its job, and whether it was cancelled.

The signature of ``ToolRunner.run`` is fixed, so these travel beside the arguments.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


class Cancellation:
    """A one-way switch; whoever holds something to stop hangs a stop function on it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requested = False
        self._stop: Callable[[], None] | None = None

    @property
    def requested(self) -> bool:
        return self._requested

    def request(self) -> None:
        """Flip the switch; a stop function that is armed is called in this thread."""
        with self._lock:
            self._requested = True
            stop = self._stop
            if stop is not None:
                stop()

    def wait(self, seconds: float) -> None:
        """Return after so many seconds, or at once when a request comes."""
        requested = threading.Event()
        with self.armed(requested.set):
            requested.wait(seconds)

    @contextmanager
    def armed(self, stop: Callable[[], None]) -> Iterator[None]:
        """While the block runs, a request calls ``stop``; a request that came earlier calls it at once.

        ``stop`` is never called after the block has ended.
        """
        with self._lock:
            self._stop = stop
            if self._requested:
                stop()
        try:
            yield
        finally:
            with self._lock:
                self._stop = None


@dataclass(frozen=True)
class ExecutionContext:
    job_id: str | None = None
    cancellation: Cancellation = field(default_factory=Cancellation)


_current: ContextVar[ExecutionContext | None] = ContextVar("execution_context", default=None)


def current_execution() -> ExecutionContext:
    """The context of this thread's execution; outside of any job, one that nothing can cancel."""
    return _current.get() or ExecutionContext()


@contextmanager
def execution_scope(context: ExecutionContext) -> Iterator[None]:
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
