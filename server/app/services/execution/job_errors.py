"""What is wrong with a request about a job: what every layer above the jobs may hear of."""

from __future__ import annotations

from server.app.jobs.job import JobSummary
from server.app.plugins.errors.exceptions import ErrorType, ExecutionLayerError


class JobNotFound(ExecutionLayerError):
    type = ErrorType.NOT_FOUND

    def __init__(self, job_id: str) -> None:
        super().__init__("there is no such job", {"job_id": job_id})


class JobConflict(ExecutionLayerError):
    """The job is in a state in which this cannot be done."""

    type = ErrorType.VALIDATION_ERROR

    def __init__(self, job: JobSummary, message: str) -> None:
        super().__init__(message, {"job_id": job.id, "status": job.state.value})


class TooManyJobs(ExecutionLayerError):
    """The server has as much to do as it may have; the same request can succeed later."""

    type = ErrorType.RESOURCE_LIMIT
