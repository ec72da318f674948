"""What is known about the run that the current thread works on, in the server as in a plugin's own process.

The signatures of ``ToolRunner.run`` and of a plugin's ``run`` are fixed, so this travels beside their arguments.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

logger = logging.getLogger(__name__)


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


@dataclass
class RunContext:
    """One start of a job. ``attempt`` counts its starts from 1. ``timeout_seconds`` is how long it may take, ``None``
    where nothing stops it. ``traceparent`` is for requests that the run makes itself (W3C Trace Context).

    ``error_category`` (``tool_error``, ``validation_error`` or ``system_error``) and ``error_details`` are set when it
    has failed, before the handlers of its end are called.
    """

    job_id: str | None = None
    cancellation: Cancellation = field(default_factory=Cancellation)
    attempt: int = 1
    timeout_seconds: float | None = None
    traceparent: str | None = None
    error_category: str | None = None
    error_details: Mapping[str, Any] = field(default_factory=dict)
    _handlers: list[Callable[[], object]] = field(default_factory=list, repr=False)

    @property
    def recovery_attempted(self) -> bool:
        """Whether it is the repetition of a run that was lost."""
        return self.attempt > 1

    def on_end(self, handler: Callable[[], object]) -> None:
        """Call this when the run has ended, well or not, within its time; not if its process was killed."""
        self._handlers.append(handler)

    def failed(self, category: str, details: Mapping[str, Any]) -> None:
        self.error_category, self.error_details = category, details

    def end(self) -> None:
        """Call the handlers, the newest first; one that fails keeps none of the others from its turn."""
        while self._handlers:
            try:
                self._handlers.pop()()
            except BaseException as failure:  # noqa: BLE001  # a plugin's handler may raise anything
                logger.warning("what a run wanted done at its end failed: %s", type(failure).__name__)


_current: ContextVar[RunContext | None] = ContextVar("run_context", default=None)


def current_execution() -> RunContext:
    """The context of this thread's run; outside of any, one that nothing can cancel."""
    return _current.get() or RunContext()


class execution_scope:  # noqa: N801  # as contextmanager would make it, at a quarter of its price
    """The block belongs to this run."""

    __slots__ = ("_context", "_token")

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._token = _current.set(self._context)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _current.reset(self._token)
