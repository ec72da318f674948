"""Executions that end at once are written once: as they ended.

A job that its maker runs is kept in memory for a hundredth of a second. If it has ended by then, its end is all that
is written, before its maker is told, and in one transaction with others that end then; else it is written as it runs.
Nobody in this process can see the difference, because whatever asks the store for anything has it written first. While
nothing can be written, jobs are no longer kept: who makes one hears of it before the work begins. Who only reads does
not wait for that: a list then lacks what runs, a job that is asked for by its id is found.

Limits: when the process is killed, of an execution that began less than a hundredth of a second before nothing is
written, nor of one whose end was decided and yet to be written. For a store that no other process writes to.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from server.app.adapters.database.database import AWAY, told_of
from server.app.adapters.database.job_store import SqlJobStore
from server.app.core.deferral import defer
from server.app.jobs.job import Job, JobSummary, Lease
from server.app.jobs.state import JobState
from server.app.jobs.store import DuplicateJob, JobFilter

_LATEST_SECONDS: Final = 0.01
_AGAIN_SECONDS: Final = 1.0
_READER_SECONDS: Final = 0.2

logger = logging.getLogger(__name__)


class _End:
    """How a job ended that was not written before; ``failure`` says why that could not be written."""

    __slots__ = ("after", "before", "failure")

    def __init__(self, before: Job, after: Job) -> None:
        self.before = before
        self.after = after
        self.failure: BaseException | None = None


class LateInserts:
    """A ``JobStore`` on top of the table; ``close`` must follow."""

    def __init__(self, store: SqlJobStore, latest_seconds: float = _LATEST_SECONDS) -> None:
        self._store = store
        self._latest_seconds = latest_seconds
        self._lock = threading.Lock()
        self._unwritten: dict[str, Job] = {}
        self._ends: dict[str, _End] = {}
        self._writing_ends = threading.Lock()
        self._failing = False
        self._news = threading.Event()
        self._hurry = threading.Event()
        self._tried = threading.Condition()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="late-inserts", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write everything."""
        self._closed.set()
        self._hurry.set()
        self._news.set()
        self._thread.join()
        self._write()

    def insert(self, job: Job) -> None:
        with self._lock:
            late = job.state is JobState.RUNNING and not self._closed.is_set() and not self._failing
            if late:
                self._unwritten[job.id] = job
        if not late:
            self._store.insert(job)
        elif not self._news.is_set():
            self._news.set()

    def swap(self, before: JobSummary, after: Job) -> bool:
        if before.id in self._ends:
            return False
        if after.is_final:
            with self._lock:
                unwritten = self._unwritten.get(before.id)
                if unwritten is not None:
                    if (unwritten.state, unwritten.attempt) != (before.state, before.attempt):
                        return False
                    del self._unwritten[before.id]
                    self._ends[before.id] = end = _End(unwritten, after)
            if unwritten is not None:
                defer(lambda: self._keep(end))
                return True
        self._write_one(before.id)
        return self._store.swap(before, after)

    def enqueue(self, job: Job) -> Job:
        return self._store.enqueue(job)

    def find(self, job_id: str) -> JobSummary | None:
        unwritten = self._shown(job_id)
        return self._store.find(job_id) or unwritten

    def get(self, job_id: str) -> Job | None:
        unwritten = self._shown(job_id)
        return self._store.get(job_id) or unwritten

    def list(self, wanted: JobFilter) -> list[JobSummary]:
        self._show()
        return self._store.list(wanted)

    def claim(self, at: datetime, start: Callable[[Job], Job], job_id: str | None = None) -> Job | None:
        return self._store.claim(at, start, job_id)  # of queued jobs, which are written at once

    def swap_and_claim(
        self, before: JobSummary, after: Job, at: datetime, start: Callable[[Job], Job]
    ) -> tuple[bool, Job | None]:
        self._write_one(before.id)
        return self._store.swap_and_claim(before, after, at, start)

    def renew(self, lease: Lease) -> None:
        self._write()
        self._store.renew(lease)

    def held(self, worker: str) -> frozenset[str]:
        self._show()
        return self._store.held(worker)

    def lost(self, at: datetime) -> Sequence[JobSummary]:
        self._write()
        return self._store.lost(at)

    def end_leases(self) -> None:
        self._write()
        self._store.end_leases()

    def forget(self, ended_before: datetime, limit: int) -> int:
        return self._store.forget(ended_before, limit)

    def waiting(self) -> int:
        return self._store.waiting()

    def _keep(self, end: _End) -> None:
        """Write this end with all others, if that is yet to be done. Raises what the database says of it."""
        self._write_ends(end.after.id)
        if end.failure is not None:
            raise end.failure

    def _write_ends(self, job_id: str | None = None) -> None:
        """After this, all ends are written that there were before; if it is about one job, only if its end is not.

        While that waits for the database, nobody is to wait for one's turn as well: whose end was tried hears of it.
        """
        if not self._ends:
            return
        with self._writing_ends:
            ends = tuple(self._ends.values()) if job_id is None or job_id in self._ends else ()
            failures = self._store.insert_all([end.after for end in ends]) if ends else ()
            with self._lock:
                for end, failure in zip(ends, failures, strict=True):
                    end.failure = failure
                    if failure is not None and not isinstance(failure, DuplicateJob):  # or it is there already
                        # So that it is found as lost, if nothing else; its maker is told, and needs it no more.
                        self._unwritten[end.before.id] = replace(end.before, payload={})
                    del self._ends[end.before.id]

    def _write(self) -> None:
        """Write everything. Whoever comes meanwhile waits for it: after this, what was unwritten before is written."""
        self._write_ends()
        self._write_running(self._unwritten)

    def _write_one(self, job_id: str) -> None:
        """Write this job, if it is not: whoever is about to change it has nothing to do with the others."""
        if job_id in self._ends:
            self._write_ends(job_id)
        if job_id in self._unwritten:
            self._write_running({job_id})

    def _write_running(self, wanted: Collection[str]) -> None:
        """Of what runs, write these, if they are still to be written."""
        if not wanted and not self._failing:
            return
        with self._lock:
            jobs = [job for job in self._unwritten.values() if job.id in wanted]
            if not jobs and self._unwritten:
                return  # nothing is known of whether the others can be written
            self._failing = bool(jobs)
            for job in jobs:
                self._store.insert(job)
                del self._unwritten[job.id]
            self._failing = False

    def _show(self) -> None:
        """Have what runs written for somebody who only reads, and wait a moment for that."""
        running, ends = tuple(self._unwritten), tuple(self._ends)
        if running or ends:
            self._hurry.set()
            self._news.set()
            with self._tried:
                self._tried.wait_for(
                    lambda: self._unwritten.keys().isdisjoint(running) and self._ends.keys().isdisjoint(ends),
                    _READER_SECONDS,
                )

    def _shown(self, job_id: str) -> Job | None:
        """As ``_show``; the job, if it was not written before."""
        # It may go from the one to the other and, if it cannot be written, back; the lock may be held for long.
        unwritten, end = self._unwritten.get(job_id), self._ends.get(job_id)
        unwritten = end.after if end is not None else unwritten or self._unwritten.get(job_id)
        self._show()
        return unwritten

    def _serve(self) -> None:
        """Look twice in the time that a job may be unwritten, and write what was so at the first look, since most end
        sooner; when somebody asks, everything."""
        told = False
        before: Collection[str] = ()
        while not self._closed.is_set():
            self._news.clear()
            if not (self._unwritten or self._failing or self._hurry.is_set() or self._closed.is_set()):
                self._news.wait()
            hurried = self._hurry.wait(self._latest_seconds / 2)
            self._hurry.clear()
            try:
                if hurried:
                    self._write()
                else:
                    self._write_running(before)
            except Exception as failure:
                if not told:
                    expected = isinstance(failure, AWAY)
                    why = told_of(failure) if expected else "as follows"
                    text = "jobs that run cannot be written; it is tried again until they are: %s"
                    logger.warning(text, why, exc_info=None if expected else failure)
                told = True
                self._hurry.wait(_AGAIN_SECONDS)
            else:
                told = False
            before = frozenset(self._unwritten)
            if hurried:
                with self._tried:
                    self._tried.notify_all()
