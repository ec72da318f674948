"""Workers inside the server process: threads that take queued jobs from the job table, one at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from server.app.adapters.database.database import AWAY, told_of
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
        self._news = threading.Condition()
        self._submitted = 0
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._away = False

    def submit(self, job: Job) -> Job:
        kept = self._store.enqueue(job)
        with self._news:
            self._submitted += 1
            self._news.notify()
        return kept

    def wake(self) -> None:
        with self._news:
            self._submitted += 1
            self._news.notify_all()

    def start(self, count: int, execute: Callable[[Callable[[], bool]], bool]) -> None:
        """Start ``count`` workers. ``execute(go_on)`` executes the next job, and those that follow as long as
        ``go_on()``, and says whether there was one."""
        for number in range(count):
            thread = threading.Thread(target=self._work, args=(execute,), name=f"worker-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Take up no more jobs."""
        self._stopping.set()
        self.wake()

    def join(self, seconds: float) -> bool:
        """Wait for the workers to end, at most so long; says whether all have."""
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _goes_on(self) -> bool:
        return not self._stopping.is_set()

    def _work(self, execute: Callable[[Callable[[], bool]], bool]) -> None:
        while self._goes_on():
            seen = self._submitted  # before the look, so that what comes during it is not slept through
            if self._attempt(execute):
                continue
            with self._news:
                if self._submitted == seen:
                    self._news.wait(_LOOK_SECONDS)

    def _attempt(self, execute: Callable[[Callable[[], bool]], bool]) -> bool:
        try:
            executed = execute(self._goes_on)
        except AWAY as failure:
            if not self._away:
                logger.warning("workers could not ask for the next job, and will try again: %s", told_of(failure))
            self._away = True
            return False
        except Exception:
            logger.exception("a worker could not execute the next job; it will try again")
            return False
        self._away = False
        return executed
