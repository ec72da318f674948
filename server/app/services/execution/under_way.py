"""What this process executes at the moment, and how to stop it."""

from __future__ import annotations

import threading
from types import TracebackType

from server.app.core.execution_context import Cancellation


class UnderWay:
    """The jobs that threads of this process work on, by id. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancellations: dict[str, Cancellation] = {}
        self._watchers: dict[str, int] = {}
        self._abandoned: set[str] = set()

    @property
    def ids(self) -> frozenset[str]:
        """The jobs that are under way."""
        with self._lock:
            return frozenset(self._cancellations)

    def watch(self, job_id: str) -> Cancellation:
        """What stops this job; it is under way from now on, until all who watch it have left it."""
        with self._lock:
            self._watchers[job_id] = self._watchers.get(job_id, 0) + 1
            return self._cancellations.setdefault(job_id, Cancellation())

    def leave(self, job_id: str) -> None:
        """The end of one ``watch``."""
        with self._lock:
            self._watchers[job_id] -= 1
            if not self._watchers[job_id]:
                del self._watchers[job_id]
                self._cancellations.pop(job_id, None)
                self._abandoned.discard(job_id)

    def watched(self, job_id: str) -> _Watched:
        """Work on this job."""
        return _Watched(self, job_id)

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


class _Watched:
    __slots__ = ("_job_id", "_under_way")

    def __init__(self, under_way: UnderWay, job_id: str) -> None:
        self._under_way = under_way
        self._job_id = job_id

    def __enter__(self) -> Cancellation:
        return self._under_way.watch(self._job_id)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._under_way.leave(self._job_id)
