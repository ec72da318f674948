"""The record of one execution, and the one function that moves it to another state."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from server.app.jobs.state import FINAL_STATES, TRANSITIONS, JobState


class JobStateError(ValueError):
    """A move that the table does not list."""

    def __init__(self, job_id: str, state: JobState, to: JobState) -> None:
        super().__init__(f"job {job_id} cannot move from {state} to {to}")
        self.state = state


@dataclass(frozen=True, kw_only=True)
class JobSummary:
    """A job without what went in and came out. Times are UTC."""

    id: str
    plugin: str
    state: JobState
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    owner: str | None = None
    queued: bool = False
    cancelled: bool = False
    attempt: int = 0

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES


@dataclass(frozen=True, kw_only=True)
class Job(JobSummary):
    """``queued`` jobs wait for a worker, the others are run by the call that made them. ``attempt`` counts
    how often the job was started. ``error`` is the public part of the envelope, empty on success."""

    payload: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)


def moved(
    job: Job,
    to: JobState,
    at: datetime,
    *,
    result: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
    cancelled: bool = False,
) -> Job:
    """The job in its next state, with the times that go with it.

    Raises:
        JobStateError: the table does not allow the move.
    """
    if to not in TRANSITIONS[job.state]:
        raise JobStateError(job.id, job.state, to)
    starts = to is JobState.RUNNING
    return replace(
        job,
        state=to,
        updated_at=at,
        started_at=at if starts else job.started_at,
        completed_at=at if to in FINAL_STATES else None,
        attempt=job.attempt + 1 if starts else job.attempt,
        result=result or {},
        error=error or {},
        cancelled=cancelled,
    )
