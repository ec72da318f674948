"""The record of one execution, and the one function that moves it to another state."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from server.app.jobs.state import FINAL_STATES, TRANSITIONS, JobState

ANONYMOUS: Final = "anonymous"
"""The owner of jobs whose caller is not known."""


class JobStateError(ValueError):
    """A move that the table does not list."""

    def __init__(self, job_id: str, state: JobState, to: JobState) -> None:
        super().__init__(f"job {job_id} cannot move from {state} to {to}")
        self.state = state


@dataclass(frozen=True)
class Lease:
    """Until when (UTC) a worker may be silent before its jobs count as lost. ``worker`` names a process."""

    worker: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class JobSummary:
    """A job without what went in and came out. Times are UTC.

    ``queued`` jobs wait for a worker, the others are run by the call that made them. ``attempt`` counts how
    often the job was started; it may be started ``max_attempts`` times if workers are lost. A job that
    somebody is working on has a ``worker`` and a ``lease_until``; one that has ended keeps the worker's name.
    ``traceparent`` names the request that made it (W3C Trace Context).
    """

    id: str
    plugin: str
    state: JobState
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    owner: str = ANONYMOUS
    queued: bool = False
    cancelled: bool = False
    attempt: int = 0
    max_attempts: int = 1
    worker: str | None = None
    lease_until: datetime | None = None
    idempotency_key: str | None = None
    traceparent: str | None = None

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def trace_id(self) -> str | None:
        return None if self.traceparent is None else self.traceparent.split("-")[1]

    @property
    def may_be_started_again(self) -> bool:
        """Whether another worker may take the job up when its worker is lost."""
        return self.queued and self.attempt < self.max_attempts


@dataclass(frozen=True, kw_only=True)
class Job(JobSummary):
    """``error`` is the public part of the envelope, empty on success."""

    payload: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)


def moved(
    job: Job,
    to: JobState,
    at: datetime,
    *,
    lease: Lease | None = None,
    result: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
    cancelled: bool = False,
) -> Job:
    """The job in its next state, with the times that go with it; ``lease`` is whose it is while it runs.

    Raises:
        JobStateError: the table does not allow the move.
    """
    if to not in TRANSITIONS[job.state]:
        raise JobStateError(job.id, job.state, to)
    starts = to is JobState.RUNNING
    return changed(
        job,
        state=to,
        updated_at=at,
        started_at=at if starts else job.started_at,
        completed_at=at if to in FINAL_STATES else None,
        cancelled=cancelled,
        attempt=job.attempt + 1 if starts else job.attempt,
        worker=lease.worker if lease else job.worker,
        lease_until=lease.until if lease else None,
        result=result or {},
        error=error or {},
    )


def started_again(job: Job, at: datetime, lease: Lease) -> Job:
    """A RUNNING job whose worker is lost, in other hands. Its state stays; the next attempt shuts the old one out.

    Raises:
        JobStateError: the job does not run.
    """
    if job.state is not JobState.RUNNING:
        raise JobStateError(job.id, job.state, JobState.RUNNING)
    return changed(
        job, updated_at=at, started_at=at, attempt=job.attempt + 1, worker=lease.worker, lease_until=lease.until
    )


def changed(job: Job, **values: Any) -> Job:
    """As ``dataclasses.replace``, at a tenth of its price: neither class has anything to do when one is made."""
    after = object.__new__(Job)
    after.__dict__.update(job.__dict__, **values)
    return after
