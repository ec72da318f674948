"""Recovery: what becomes of jobs whose worker is gone, and of work whose job is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from server.app.core.ids import new_id
from server.app.core.trace import trace_scope
from server.app.jobs.job import moved
from server.app.jobs.state import JobState
from server.app.jobs.store import Dispatcher, JobStore
from server.app.plugins.errors.exceptions import ErrorType
from server.app.services.error_log_service import ErrorLogService
from server.app.services.execution.job_errors import error_of
from server.app.services.execution.leases import Leases
from server.app.services.execution.under_way import UnderWay

_LONG_AGO: Final = datetime.fromtimestamp(0, UTC)


class JobRecovery:
    """Of one process, which ``worker`` names. Without ``errors`` a lost worker is told of by the job alone."""

    def __init__(
        self,
        store: JobStore,
        dispatcher: Dispatcher,
        under_way: UnderWay,
        leases: Leases,
        clock: Callable[[], datetime],
        worker: str,
        errors: ErrorLogService | None,
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._under_way = under_way
        self._leases = leases
        self._clock = clock
        self._worker = worker
        self._errors = errors

    def recover_lost(self) -> int:
        """Deal with the jobs whose worker is lost: they are started again if they may be, else they are FAILED.

        To be called at start and then regularly. Returns how many were ended.
        """
        self._leases.keep()  # first, or what runs here would be lost to a clock that was set, or a machine that slept
        ended = 0
        start_again = False
        for job in self._store.lost(self._clock()):
            if job.state is JobState.RUNNING and job.may_be_started_again:
                start_again = True
            else:
                ended += self._end(job.id, "the worker that ran the job was lost while it was under way")
        if start_again:
            self._dispatcher.wake()
        return ended

    def drop_gone(self) -> int:
        """Stop the work on jobs that are no longer this process's: cancelled elsewhere, or given to others.

        Returns how many there were. The shorter the time between calls, the sooner a cancel takes effect.
        """
        running = self._under_way.ids
        if not running:
            return 0
        held = self._store.held(self._worker)
        # One that was claimed a moment ago is watched before it is held, so only what is final or taken counts.
        gone = [job_id for job_id in running - held if self._is_gone(job_id)]
        for job_id in gone:
            self._under_way.stop(job_id)
        # What was started without that this process was told so, or whose end could not be written: its lease would be
        # prolonged with the others', as long as anything is under way.
        for job_id in held - self._under_way.ids:
            self.leave(job_id)
        return len(gone)

    def stop_all(self) -> int:
        """End what this process is running, and stop the work; what may be started again is left to others.

        Returns how many were ended.
        """
        ended = 0
        running = self._under_way.ids
        try:
            for job_id in running:
                job = self._store.find(job_id)
                if job is None or job.state is not JobState.RUNNING or not job.may_be_started_again:
                    ended += self._end(job_id, "the server was stopped while the job was under way")
                self._under_way.stop(job_id)
        finally:
            for job_id in running:  # also if their ends cannot be written
                self._under_way.stop(job_id)
        return ended

    def leave(self, job_id: str) -> None:
        """Nobody works on this job of ours any more, without that its end was written: it is ended, unless it may be
        started again, which is left to whoever does that."""
        job = self._store.get(job_id)
        if job is None or job.state is not JobState.RUNNING or job.worker != self._worker:
            return
        if job.may_be_started_again:
            self._store.swap(job, replace(job, worker=None, lease_until=_LONG_AGO))
        else:
            self._end(job_id, "the worker that ran the job could not keep it")

    def _end(self, job_id: str, reason: str) -> bool:
        job = self._store.get(job_id)
        if job is None or job.is_final:
            return False
        details: dict[str, Any] = {"reason": "worker_lost", "attempts": job.attempt}
        error_id = new_id()
        if self._errors is not None:
            details["error_id"] = error_id
        error = error_of(ErrorType.EXECUTION_ERROR, reason, job, details)
        if not self._store.swap(job, moved(job, JobState.FAILED, self._clock(), error=error)):
            return False
        if self._errors is not None:  # only now: of all who look for lost jobs, one ends it
            with trace_scope(job.traceparent):
                self._errors.keep(error_id, error, "", component=f"plugin {job.plugin}", job_id=job.id)
        return True

    def _is_gone(self, job_id: str) -> bool:
        job = self._store.find(job_id)
        return job is not None and (job.is_final or job.worker not in (None, self._worker))
