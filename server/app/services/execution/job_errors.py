"""Errors of jobs: what is wrong with a request about one, and what one has as its error that was ended from outside."""

from __future__ import annotations

from typing import Any

from server.app.jobs.job import Job, JobSummary
from server.app.plugins.errors.error_envelope import public_error
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


def error_of(kind: ErrorType, message: str, job: Job, details: dict[str, Any] | None = None) -> dict[str, Any]:
    """The error of a job that is ended from outside."""
    error: dict[str, Any] = public_error(kind, message, plugin=job.plugin, details=details)["error"]
    return error
