"""First layer of an execution, the one that the API talks to: analyse now, or later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from server.app.jobs.job import Job, JobSummary
from server.app.jobs.store import JobFilter
from server.app.services.execution.job_errors import JobConflict
from server.app.services.execution.job_execution_service import JobExecutionService


class AnalysisExecutionService:
    """Blocks the calling thread while it works; the API calls it from threads of its own."""

    def __init__(self, jobs: JobExecutionService) -> None:
        self._jobs = jobs

    def execute(
        self, plugin: str, payload: dict[str, Any], *, job_id: str | None = None, owner: str | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Execute now: ``(result, {})`` or ``({}, {"error": ...})``; recorded as a job under ``job_id``.

        Raises:
            TooManyJobs: the plugin is at its limit.
        """
        ended = self._jobs.execute_job(plugin, payload, job_id=job_id, owner=owner)
        return ended.result, {"error": ended.error} if ended.error else {}

    def submit(
        self,
        plugin: str,
        payload: dict[str, Any],
        *,
        owner: str | None = None,
        idempotency_key: str | None = None,
    ) -> str:
        """Execute later: the id of a job that a worker will take up; the same for the same key of the same owner.

        Raises:
            JobConflict: the key was used for something else.
            TooManyJobs: the queue is full.
        """
        return self._jobs.create_job(plugin, payload, owner=owner, queued=True, idempotency_key=idempotency_key).id

    def execute_next(self, go_on: Callable[[], bool] = lambda: False) -> bool:
        """Execute the submitted job whose turn it is, and those that follow as long as ``go_on()``, as a worker does;
        says whether there was one."""
        return self._jobs.run_next(go_on=go_on) is not None

    def execute_queued(self, job_id: str) -> bool:
        """Execute this submitted job if it waits for that; says whether it needs no worker any more."""
        return self._jobs.run_queued(job_id)

    def job(self, job_id: str, owner: str | None = None) -> JobSummary:
        """Raises ``JobNotFound``, also for the job of another owner than the given one."""
        return self._jobs.find_job(job_id, owner)

    def finished_job(self, job_id: str, owner: str | None = None) -> Job:
        """A job with its result or error.

        Raises:
            JobNotFound: there is no such job.
            JobConflict: it has not ended yet.
        """
        job = self._jobs.get_job(job_id, owner)
        if not job.is_final:
            raise JobConflict(job, "the job has not ended yet")
        return job

    def jobs(self, wanted: JobFilter) -> list[JobSummary]:
        """Raises ``JobNotFound`` if the job ``after`` is not there."""
        return self._jobs.list_jobs(wanted)

    def cancel(self, job_id: str, owner: str | None = None) -> Job:
        """Raises ``JobNotFound`` or ``JobConflict``."""
        return self._jobs.cancel_job(job_id, owner)

    def abandon(self, job_id: str) -> None:
        """Stop an execution that nobody waits for, begun or not; one that has ended is left alone."""
        self._jobs.abandon_job(job_id)
