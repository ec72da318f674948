"""The seam to where jobs are kept; what is kept there is the truth about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from server.app.jobs.job import Job, JobSummary
from server.app.jobs.state import JobState


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs to list; ``None`` means any. Newest first, ``limit`` of them after the first ``offset``."""

    plugin: str | None = None
    state: JobState | None = None
    owner: str | None = None
    limit: int = 100
    offset: int = 0


class JobStore(Protocol):
    """Thread-safe. What a method has done is durable when it returns."""

    def insert(self, job: Job) -> None:
        """Keep a new job; raises ``DuplicateJob`` if its id is taken."""
        ...

    def find(self, job_id: str) -> JobSummary | None: ...

    def get(self, job_id: str) -> Job | None: ...

    def list(self, wanted: JobFilter) -> list[JobSummary]: ...

    def swap(self, before: JobSummary, after: Job) -> bool:
        """Replace the state and what goes with it, if the job is still in the state and attempt of ``before``."""
        ...

    def claim_next(self, start: Callable[[Job], Job]) -> Job | None:
        """Hand the oldest queued PENDING job, as changed by ``start``, to this caller and no other."""
        ...

    def unfinished(self) -> Sequence[str]:
        """The ids of all jobs that are not in a final state, oldest first."""
        ...


class DuplicateJob(Exception):
    """There is a job with this id already."""


class Dispatcher(Protocol):
    """Sees to it that queued jobs are executed."""

    def submit(self, job: Job) -> None:
        """Keep the job and let a worker execute it; both or neither."""
        ...
