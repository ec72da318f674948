"""The seam to where jobs are kept; what is kept there is the truth about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from server.app.jobs.job import Job, JobSummary, Lease
from server.app.jobs.state import JobState


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs to list; ``None`` means any. Newest first: ``limit`` of them after the job ``after``, if one
    is given, and after ``offset`` more. Pages by ``after`` neither skip nor repeat a job when new ones arrive.
    """

    plugin: str | None = None
    state: JobState | None = None
    owner: str | None = None
    limit: int = 100
    offset: int = 0
    after: str | None = None


@dataclass(frozen=True, kw_only=True)
class StoreLimits:
    """How many jobs may wait, and how many of one plugin may run at the same time."""

    waiting: int = 10_000
    runs_per_plugin: int | None = None


DEFAULT_LIMITS: Final = StoreLimits()


class DuplicateJob(Exception):
    """There is a job with this id already."""


class QueueFull(Exception):
    """As many jobs wait as may wait."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} jobs wait already")
        self.limit = limit


class PluginBusy(Exception):
    """As many jobs of one plugin run as may run."""

    def __init__(self, plugin: str, limit: int) -> None:
        super().__init__(f"{limit} executions of {plugin} are under way already")
        self.plugin = plugin
        self.limit = limit


class JobStore(Protocol):
    """Thread-safe. What a method has done is durable when it returns; a job that was inserted as it runs may be so a
    hundredth of a second later, but not after its next change.

    Every change of a job is conditional on its id, state and attempt, so of any two changes from the same
    starting point one is refused, wherever they come from.
    """

    def insert(self, job: Job) -> None:
        """Keep a new job that its maker runs.

        Raises:
            DuplicateJob: its id is taken.
            PluginBusy: it runs already, and its plugin is at its limit.
        """
        ...

    def enqueue(self, job: Job) -> Job:
        """Keep a new PENDING job for a worker to claim. If its owner has one under the same idempotency key
        already, nothing is kept and that one is returned.

        Raises:
            DuplicateJob: its id is taken.
            QueueFull: too many jobs wait.
        """
        ...

    def find(self, job_id: str) -> JobSummary | None: ...

    def get(self, job_id: str) -> Job | None: ...

    def list(self, wanted: JobFilter) -> list[JobSummary]:
        """Raises ``LookupError`` if there is no job ``after``."""
        ...

    def swap(self, before: JobSummary, after: Job) -> bool:
        """Replace the state and what goes with it, if the job is still in the state and attempt of ``before``."""
        ...

    def claim(self, at: datetime, start: Callable[[Job], Job], job_id: str | None = None) -> Job | None:
        """Hand one queued job, as changed by ``start``, to this caller and no other.

        It is a PENDING one whose turn it is, or a RUNNING one whose lease ended before ``at`` and that may be
        started again; ``job_id`` asks for a certain one. Owners take turns, each one's jobs oldest first. A
        plugin at its limit is passed over.
        """
        ...

    def swap_and_claim(
        self, before: JobSummary, after: Job, at: datetime, start: Callable[[Job], Job]
    ) -> tuple[bool, Job | None]:
        """As ``swap`` and then ``claim``, written together, which costs less: what each of them returns. When it
        raises, neither may have been done."""
        ...

    def renew(self, lease: Lease) -> None:
        """Prolong the leases of all jobs of this worker."""
        ...

    def held(self, worker: str) -> frozenset[str]:
        """The ids of the jobs that are still this worker's; what it works on beside them it should stop."""
        ...

    def lost(self, at: datetime) -> Sequence[JobSummary]:
        """The jobs whose lease ended before ``at``."""
        ...

    def end_leases(self) -> None:
        """Every lease has ended. For a process that knows that no other one uses this store."""
        ...

    def forget(self, ended_before: datetime, limit: int) -> int:
        """Remove up to ``limit`` jobs that ended before; says how many."""
        ...

    def waiting(self) -> int:
        """How many jobs wait for a worker."""
        ...


class Dispatcher(Protocol):
    """Sees to it that queued jobs are executed."""

    def submit(self, job: Job) -> Job:
        """Keep the job and let a worker execute it, both or neither; returns and raises as ``JobStore.enqueue``."""
        ...

    def wake(self) -> None:
        """There may be jobs to start again."""
        ...
