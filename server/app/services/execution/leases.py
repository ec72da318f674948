"""Leases: for how long a process says that it works on its jobs, and what it does when it could not say so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from server.app.jobs.job import Lease
from server.app.jobs.store import JobStore
from server.app.services.execution.under_way import UnderWay


class Leases:
    """The leases of what is under way in one process, which ``worker`` names in them."""

    def __init__(
        self, store: JobStore, under_way: UnderWay, clock: Callable[[], datetime], worker: str, length: timedelta
    ) -> None:
        self._store = store
        self._under_way = under_way
        self._clock = clock
        self._worker = worker
        self._length = length
        self._kept_at = clock()

    def new(self, at: datetime | None = None) -> Lease:
        """A lease that begins then, or now."""
        return Lease(self._worker, (at or self._clock()) + self._length)

    def keep(self) -> None:
        """Prolong the leases of what runs here; to be called several times in the length of a lease."""
        at = self._clock()
        if self._under_way.ids:
            self._store.renew(self.new())
        self._kept_at = at

    def stop_lapsed(self) -> int:
        """Stop what runs here if no lease could be renewed for the length of one: it may be in other hands by now.

        To be called by a thread that does not wait for the database. Returns how many jobs were stopped.
        """
        if self._clock() - self._kept_at <= self._length:
            return 0
        lapsed = self._under_way.ids
        for job_id in lapsed:
            self._under_way.stop(job_id)
        return len(lapsed)
