"""Jobs in the memory of this process, for servers that need no record of what they did: all is gone when they end.

It does what the table ``job`` does and passes the same tests. Of the jobs that have ended it keeps the newest ones.
"""

from __future__ import annotations

import json
import threading
from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from server.app.adapters.database.job_rows import payload_text
from server.app.jobs.job import Job, JobSummary, Lease, changed
from server.app.jobs.state import JobState
from server.app.jobs.store import DEFAULT_LIMITS, DuplicateJob, JobFilter, PluginBusy, QueueFull, StoreLimits

_SUMMARY: Final = tuple(field.name for field in fields(JobSummary))

_Place = tuple[int, datetime, str]


class MemoryJobStore:
    """A ``JobStore``, but for what it promises about durability. ``kept``: how many jobs that have ended."""

    def __init__(self, limits: StoreLimits = DEFAULT_LIMITS, kept: int = 10_000) -> None:
        self._limits = limits
        self._kept = kept
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._pending: dict[str, _Place] = {}
        self._queue: list[_Place] = []  # of the pending ones, those that wait for a worker
        self._held: dict[str, Job] = {}  # those with a lease
        self._ended: deque[str] = deque()
        self._by_key: dict[tuple[str, str], str] = {}

    def insert(self, job: Job) -> None:
        limit = self._limits.runs_per_plugin
        with self._lock:
            if limit is not None and self._running()[job.plugin] >= limit:
                raise PluginBusy(job.plugin, limit)
            self._add(job, turn=0)

    def enqueue(self, job: Job) -> Job:
        key = job.idempotency_key
        with self._lock:
            if key is not None and (job.owner, key) in self._by_key:
                return self._jobs[self._by_key[job.owner, key]]
            if len(self._pending) >= self._limits.waiting:
                raise QueueFull(self._limits.waiting)
            turns = [place[0] for place in self._pending.values()]
            own = [place[0] for job_id, place in self._pending.items() if self._jobs[job_id].owner == job.owner]
            self._add(job, turn=max(own) + 1 if own else min(turns, default=0))
        return job

    def find(self, job_id: str) -> JobSummary | None:
        job = self._jobs.get(job_id)
        return None if job is None else _summary(job)

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def list(self, wanted: JobFilter) -> list[JobSummary]:
        with self._lock:
            found: Iterable[Job] = sorted(self._jobs.values(), key=_age, reverse=True)
            after = None if wanted.after is None else _age(self._jobs[wanted.after])
        if after is not None:
            found = (job for job in found if _age(job) < after)
        for name in ("plugin", "state", "owner"):
            value = getattr(wanted, name)
            if value is not None:
                found = [job for job in found if getattr(job, name) == value]
        return [_summary(job) for job in islice(found, wanted.offset, wanted.offset + wanted.limit)]

    def swap(self, before: JobSummary, after: Job) -> bool:
        with self._lock:
            return self._swap(before, after)

    def claim(self, at: datetime, start: Callable[[Job], Job], job_id: str | None = None) -> Job | None:
        with self._lock:
            return self._claim(self._next(at) if job_id is None else self._certain(at, job_id), start)

    def swap_and_claim(
        self, before: JobSummary, after: Job, at: datetime, start: Callable[[Job], Job]
    ) -> tuple[bool, Job | None]:
        with self._lock:
            return self._swap(before, after), self._claim(self._next(at), start)

    def renew(self, lease: Lease) -> None:
        with self._lock:
            for job in [job for job in self._held.values() if job.worker == lease.worker]:
                self._put(replace(job, lease_until=lease.until))

    def held(self, worker: str) -> frozenset[str]:
        with self._lock:
            return frozenset(job.id for job in self._held.values() if job.worker == worker)

    def lost(self, at: datetime) -> Sequence[JobSummary]:
        with self._lock:
            return [_summary(job) for job in self._lost(at)]

    def end_leases(self) -> None:
        with self._lock:
            for job in tuple(self._held.values()):
                self._put(replace(job, lease_until=datetime.fromtimestamp(0, UTC)))

    def forget(self, ended_before: datetime, limit: int) -> int:
        with self._lock:
            ended = sorted((self._jobs[job_id] for job_id in self._ended), key=_age)
            old = [job for job in ended if job.completed_at is not None and job.completed_at < ended_before]
            for job in old[:limit]:
                self._ended.remove(job.id)
                self._remove(job)
        return len(old[:limit])

    def waiting(self) -> int:
        return len(self._pending)

    def _add(self, job: Job, turn: int) -> None:
        if job.id in self._jobs:
            raise DuplicateJob(job.id)
        # As the table keeps it: what its maker does to the payload later is not done to the job.
        kept = changed(job, payload=json.loads(payload_text(job.payload)), created_at=job.created_at.astimezone(UTC))
        if kept.idempotency_key is not None:
            self._by_key[kept.owner, kept.idempotency_key] = kept.id
        if kept.state is JobState.PENDING:
            self._pending[kept.id] = place = (turn, kept.created_at, kept.id)
            if kept.queued:
                insort(self._queue, place)
        self._put(kept)

    def _swap(self, before: JobSummary, after: Job) -> bool:
        current = self._jobs.get(before.id)
        if current is None or (current.state, current.attempt) != (before.state, before.attempt):
            return False
        place = self._pending.pop(before.id, None)
        if place is not None and current.queued:
            del self._queue[bisect_left(self._queue, place)]
        self._put(after)
        if after.is_final:
            self._ended.append(after.id)
            if len(self._ended) > self._kept:
                self._remove(self._jobs[self._ended.popleft()])
        return True

    def _claim(self, before: Job | None, start: Callable[[Job], Job]) -> Job | None:
        if before is None:
            return None
        after = start(before)
        self._swap(before, after)
        return after

    def _put(self, job: Job) -> None:
        self._jobs[job.id] = job
        if job.lease_until is None:
            self._held.pop(job.id, None)
        else:
            self._held[job.id] = job

    def _remove(self, job: Job) -> None:
        del self._jobs[job.id]
        if job.idempotency_key is not None:
            self._by_key.pop((job.owner, job.idempotency_key), None)

    def _lost(self, at: datetime) -> Sequence[Job]:
        lost = [job for job in self._held.values() if job.lease_until is not None and job.lease_until < at]
        return sorted(lost, key=lambda job: (job.lease_until, job.id))

    def _next(self, at: datetime) -> Job | None:
        for job in self._lost(at):
            if job.state is JobState.RUNNING and job.may_be_started_again:
                return job
        limit = self._limits.runs_per_plugin
        if limit is None:
            return self._jobs[self._queue[0][2]] if self._queue else None
        running = self._running()
        waiting = (self._jobs[place[2]] for place in self._queue)
        return next((job for job in waiting if running[job.plugin] < limit), None)

    def _certain(self, at: datetime, job_id: str) -> Job | None:
        job = self._jobs.get(job_id)
        if job is None or not job.queued:
            return None
        is_lost = job.state is JobState.RUNNING and job.may_be_started_again and job in self._lost(at)
        return job if is_lost or job.state is JobState.PENDING else None

    def _running(self) -> Counter[str]:
        return Counter(job.plugin for job in self._held.values())


def _age(job: Job) -> tuple[datetime, str]:
    return job.created_at, job.id


def _summary(job: Job) -> JobSummary:
    values: dict[str, Any] = {name: getattr(job, name) for name in _SUMMARY}
    return JobSummary(**values)
