"""Workers inside the server process: threads that take queued jobs from the job table, one at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from server.app.jobs.job import Job
from server.app.jobs.store import JobStore

_LOOK_SECONDS: Final = 2.0

logger = logging.getLogger(__name__)


class EmbeddedWorkers:
    """A ``Dispatcher``: a job is kept in the table, and a sleeping worker is woken.

    Workers also look by themselves every two seconds, so a job that somebody else put there is found too.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._wake = threading.Semaphore(0)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def submit(self, job: Job) -> None:
        self._store.insert(job)
        self._wake.release()

    def start(self, count: int, execute_next: Callable[[], bool]) -> None:
        """Start ``count`` workers; ``execute_next`` executes one job and says whether there was one."""
        for number in range(count):
            thread = threading.Thread(target=self._work, args=(execute_next,), name=f"worker-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Take up no more jobs."""
        self._stopping.set()
        self._wake.release(max(1, len(self._threads)))

    def join(self, seconds: float) -> bool:
        """Wait for the workers to end, each at most so long; says whether all have."""
        for thread in self._threads:
            thread.join(seconds)
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self, execute_next: Callable[[], bool]) -> None:
        while not self._stopping.is_set():
            if not self._attempt(execute_next):
                self._wake.acquire(timeout=_LOOK_SECONDS)

    def _attempt(self, execute_next: Callable[[], bool]) -> bool:
        try:
            return execute_next()
        except Exception:
            logger.exception("a worker could not execute the next job; it will try again")
            return False
