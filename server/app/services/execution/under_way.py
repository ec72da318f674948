"""What this process executes at the moment, and how to stop it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from server.app.core.execution_context import Cancellation


class UnderWay:
    """The jobs that threads of this process work on, by id. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancellations: dict[str, Cancellation] = {}
        self._watchers: Counter[str] = Counter()
        self._abandoned: set[str] = set()

    @property
    def ids(self) -> frozenset[str]:
        """The jobs that are under way."""
        with self._lock:
            return frozenset(self._cancellations)

    def watch(self, job_id: str) -> Cancellation:
        """What stops this job; it is under way from now on, until all who watch it have left it."""
        with self._lock:
            self._watchers[job_id] += 1
            return self._cancellations.setdefault(job_id, Cancellation())

    def leave(self, job_id: str) -> None:
        """The end of one ``watch``."""
        with self._lock:
            self._watchers[job_id] -= 1
            if not self._watchers[job_id]:
                del self._watchers[job_id]
                self._cancellations.pop(job_id, None)
                self._abandoned.discard(job_id)

    @contextmanager
    def watched(self, job_id: str) -> Iterator[Cancellation]:
        """Work on this job."""
        try:
            yield self.watch(job_id)
        finally:
            self.leave(job_id)

    def stop(self, job_id: str) -> None:
        """Stop the work on this job, if there is any."""
        with self._lock:
            cancellation = self._cancellations.get(job_id)
        if cancellation is not None:
            cancellation.request()

    def abandon(self, job_id: str) -> None:
        """Nobody waits for this job, which may be yet to be made."""
        with self._lock:
            self._abandoned.add(job_id)

    def dealt_with(self, job_id: str) -> None:
        """What was abandoned has been found, and has ended."""
        with self._lock:
            self._abandoned.discard(job_id)

    def is_abandoned(self, job_id: str) -> bool:
        """Whether whoever makes this job finds that nobody waits for it."""
        with self._lock:
            return job_id in self._abandoned
