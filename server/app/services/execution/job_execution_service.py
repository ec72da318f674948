"""Second layer of an execution: every execution is a job, and every job ends in a final state."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from server.app.core.execution_context import Cancellation, ExecutionContext, execution_scope
from server.app.core.ids import new_id
from server.app.jobs.job import Job, JobStateError, JobSummary, moved
from server.app.jobs.state import JobState
from server.app.jobs.store import Dispatcher, JobFilter, JobStore
from server.app.plugins.errors.error_envelope import public_error
from server.app.plugins.errors.exceptions import ErrorType
from server.app.services.execution.job_errors import JobConflict, JobNotFound
from server.app.services.execution.plugin_execution_service import PluginExecutionService


class JobExecutionService:
    def __init__(
        self,
        store: JobStore,
        dispatcher: Dispatcher,
        plugins: PluginExecutionService,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._plugins = plugins
        self._clock = clock
        self._lock = threading.Lock()
        self._cancellations: dict[str, Cancellation] = {}

    def create_job(
        self,
        plugin: str,
        payload: dict[str, Any],
        *,
        job_id: str | None = None,
        owner: str | None = None,
        queued: bool = False,
    ) -> Job:
        """A new PENDING job; a queued one will be executed by a worker, another waits for ``run_job``."""
        now = self._clock()
        job = Job(
            id=job_id or new_id(),
            plugin=plugin,
            payload=payload,
            state=JobState.PENDING,
            created_at=now,
            updated_at=now,
            owner=owner,
            queued=queued,
        )
        if queued:
            self._dispatcher.submit(job)
        else:
            self._store.insert(job)
        return job

    def run_job(self, job_id: str) -> Job:
        """Execute a PENDING job in this thread; returns it in its final state.

        Raises:
            JobNotFound: there is no such job.
            JobStateError: somebody else has started it, or it had ended before.
        """
        job = self.get_job(job_id)
        running = moved(job, JobState.RUNNING, self._clock())
        cancellation = self._watch(job.id)
        try:
            if self._store.swap(job, running):
                return self._executed(running, cancellation)
        finally:
            self._unwatch(job.id)
        current = self.get_job(job_id)
        if current.cancelled:
            return current
        raise JobStateError(job.id, current.state, JobState.RUNNING)

    def run_next(self) -> Job | None:
        """Execute the oldest queued job in this thread; ``None`` if there is none."""
        job = self._store.claim_next(self._started)
        if job is None:
            return None
        try:
            return self._executed(job, self._watch(job.id))
        finally:
            self._unwatch(job.id)

    def get_job(self, job_id: str) -> Job:
        """Raises ``JobNotFound``."""
        job = self._store.get(job_id)
        if job is None:
            raise JobNotFound(job_id)
        return job

    def find_job(self, job_id: str) -> JobSummary:
        """The job without payload and result; raises ``JobNotFound``."""
        job = self._store.find(job_id)
        if job is None:
            raise JobNotFound(job_id)
        return job

    def list_jobs(self, wanted: JobFilter) -> list[JobSummary]:
        return self._store.list(wanted)

    def cancel_job(self, job_id: str) -> Job:
        """End a job that has not ended, and stop its work; no late result can overwrite this.

        Raises:
            JobNotFound: there is no such job.
            JobConflict: it has ended.
        """
        while True:
            job = self.get_job(job_id)
            if job.is_final:
                raise JobConflict(job, "the job has ended and cannot be cancelled")
            error = _error(ErrorType.CANCELLED, "the job was cancelled", job)
            cancelled = moved(job, JobState.FAILED, self._clock(), error=error, cancelled=True)
            if self._store.swap(job, cancelled):
                self._stop(job_id)
                return cancelled

    def recover_jobs(self) -> int:
        """End the jobs that a dead server was running or about to run; queued ones stay queued.

        To be called at start, before any job is made. Returns how many were ended.
        """
        return self._end_unfinished("the server ended while the job was under way", only_here=False)

    def stop_jobs(self) -> int:
        """End the jobs that this process is running, and stop their work. Returns how many were ended."""
        return self._end_unfinished("the server was stopped while the job was under way", only_here=True)

    def _end_unfinished(self, reason: str, *, only_here: bool) -> int:
        ended = 0
        for job_id in self._store.unfinished():
            job = self._store.get(job_id)
            if job is None or job.is_final or (job.queued and job.state is JobState.PENDING):
                continue
            if only_here and job_id not in self._cancellations:
                continue
            error = _error(ErrorType.EXECUTION_ERROR, reason, job)
            ended += self._store.swap(job, moved(job, JobState.FAILED, self._clock(), error=error))
            self._stop(job_id)
        return ended

    def _started(self, waiting: Job) -> Job:
        # Watched before anybody can see it RUNNING, so that a cancel in between finds what to stop.
        self._watch(waiting.id)
        return moved(waiting, JobState.RUNNING, self._clock())

    def _executed(self, job: Job, cancellation: Cancellation) -> Job:
        with execution_scope(ExecutionContext(job.id, cancellation)):
            result, envelope = self._plugins.execute(job.plugin, job.payload)
        error = envelope.get("error", {})
        to = JobState.FAILED if error else JobState.SUCCESS
        ended = moved(job, to, self._clock(), result=result, error=error)
        return ended if self._store.swap(job, ended) else self.get_job(job.id)

    def _watch(self, job_id: str) -> Cancellation:
        with self._lock:
            return self._cancellations.setdefault(job_id, Cancellation())

    def _unwatch(self, job_id: str) -> None:
        with self._lock:
            self._cancellations.pop(job_id, None)

    def _stop(self, job_id: str) -> None:
        with self._lock:
            cancellation = self._cancellations.get(job_id)
        if cancellation is not None:
            cancellation.request()


def _error(kind: ErrorType, message: str, job: Job) -> dict[str, Any]:
    error: dict[str, Any] = public_error(kind, message, plugin=job.plugin)["error"]
    return error
