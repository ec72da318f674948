"""First layer of an execution, the one that the API talks to: analyse now, or later."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from server.app.jobs.job import Job, JobSummary
from server.app.jobs.store import JobFilter
from server.app.services.execution.job_errors import JobConflict, JobNotFound
from server.app.services.execution.job_execution_service import JobExecutionService


class AnalysisExecutionService:
    """Blocks the calling thread while it works; the API calls it from threads of its own."""

    def __init__(self, jobs: JobExecutionService) -> None:
        self._jobs = jobs

    def execute(
        self, plugin: str, payload: dict[str, Any], *, job_id: str | None = None, owner: str | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Execute now: ``(result, {})`` or ``({}, {"error": ...})``; recorded as a job under ``job_id``."""
        job = self._jobs.create_job(plugin, payload, job_id=job_id, owner=owner)
        ended = self._jobs.run_job(job.id)
        return ended.result, {"error": ended.error} if ended.error else {}

    def submit(self, plugin: str, payload: dict[str, Any], *, owner: str | None = None) -> str:
        """Execute later: the id of a job that a worker will take up."""
        return self._jobs.create_job(plugin, payload, owner=owner, queued=True).id

    def execute_next(self) -> bool:
        """Execute the oldest submitted job now, as a worker does; says whether there was one."""
        return self._jobs.run_next() is not None

    def job(self, job_id: str) -> JobSummary:
        """Raises ``JobNotFound``."""
        return self._jobs.find_job(job_id)

    def finished_job(self, job_id: str) -> Job:
        """A job with its result or error.

        Raises:
            JobNotFound: there is no such job.
            JobConflict: it has not ended yet.
        """
        job = self._jobs.get_job(job_id)
        if not job.is_final:
            raise JobConflict(job, "the job has not ended yet")
        return job

    def jobs(self, wanted: JobFilter) -> list[JobSummary]:
        return self._jobs.list_jobs(wanted)

    def cancel(self, job_id: str) -> Job:
        """Raises ``JobNotFound`` or ``JobConflict``."""
        return self._jobs.cancel_job(job_id)

    def abandon(self, job_id: str) -> None:
        """Stop a job that nobody waits for; one that has ended, or was never made, is left alone."""
        with suppress(JobNotFound, JobConflict):
            self._jobs.cancel_job(job_id)
