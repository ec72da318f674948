"""Second layer of an execution: every execution is a job, and every job ends in a final state."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from server.app.core.execution_context import Cancellation, RunContext, execution_scope
from server.app.core.ids import new_id
from server.app.core.trace import current_trace, trace_scope
from server.app.jobs.job import ANONYMOUS, Job, JobStateError, JobSummary, moved, started_again
from server.app.jobs.state import JobState
from server.app.jobs.store import Dispatcher, JobFilter, JobStore, PluginBusy, QueueFull
from server.app.plugins.errors.exceptions import ErrorType
from server.app.services.error_log_service import ErrorLogService
from server.app.services.execution.job_errors import JobConflict, JobNotFound, TooManyJobs, error_of
from server.app.services.execution.job_recovery import JobRecovery
from server.app.services.execution.leases import Leases
from server.app.services.execution.plugin_execution_service import PluginExecutionService
from server.app.services.execution.under_way import UnderWay

Found = TypeVar("Found", bound=JobSummary)
Finish = Callable[[Job, Job], tuple[bool, Job | None]]
"""Writes the end of a job: whether it could, and the job that follows."""

_FORGET_AT_ONCE: Final = 500  # few enough that nobody waits long for the thread that writes
_TRANSIENT: Final = frozenset({ErrorType.EXECUTION_ERROR, ErrorType.INTERNAL_ERROR})


@dataclass(frozen=True, kw_only=True)
class JobPolicy:
    """How long a worker may be silent, how often the jobs of a plugin may be started, and the pause between."""

    lease_seconds: float = 15.0
    max_attempts: Callable[[str], int] = lambda _plugin: 1
    retry_seconds: float = 2.0


class JobExecutionService:
    """``worker`` names this process in the leases of what it executes. Without ``errors`` a lost worker is told of by
    the job alone."""

    def __init__(
        self,
        store: JobStore,
        dispatcher: Dispatcher,
        plugins: PluginExecutionService,
        clock: Callable[[], datetime],
        *,
        worker: str | None = None,
        policy: JobPolicy = JobPolicy(),
        errors: ErrorLogService | None = None,
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._plugins = plugins
        self._clock = clock
        self._worker = worker or new_id()
        self._policy = policy
        self._under_way = UnderWay()
        self.leases = Leases(store, self._under_way, clock, self._worker, timedelta(seconds=policy.lease_seconds))
        """Of what this process executes; somebody has to keep them."""
        self.recovery = JobRecovery(store, dispatcher, self._under_way, self.leases, clock, self._worker, errors)
        """Of jobs that lost their worker, and of work that lost its job; somebody has to ask for it."""

    def create_job(
        self,
        plugin: str,
        payload: dict[str, Any],
        *,
        job_id: str | None = None,
        owner: str | None = None,
        queued: bool = False,
        idempotency_key: str | None = None,
    ) -> Job:
        """A new PENDING job; a queued one will be executed by a worker, another waits for ``run_job``.

        A second queued job with the key of an earlier one of the same owner is that earlier job.

        Raises:
            JobConflict: the earlier job is about something else.
            TooManyJobs: the queue is full.
        """
        job = self._new(plugin, payload, job_id, owner, queued=queued, idempotency_key=idempotency_key)
        if not queued:
            self._store.insert(job)
            return job
        try:
            kept = self._dispatcher.submit(job)
        except QueueFull as full:
            raise TooManyJobs("too many jobs wait already; try again later", {"limit": full.limit}) from None
        if kept.id != job.id and (kept.plugin, kept.payload) != (plugin, payload):
            raise JobConflict(kept, "the idempotency key was used for another request")
        return kept

    def execute_job(
        self, plugin: str, payload: dict[str, Any], *, job_id: str | None = None, owner: str | None = None
    ) -> Job:
        """Create a job and execute it in this thread; returns it in its final state.

        Raises:
            TooManyJobs: the plugin is at its limit.
        """
        waiting = self._new(plugin, payload, job_id, owner)
        job = self._started(waiting)
        with self._under_way.watched(job.id) as cancellation:
            try:
                self._store.insert(job)
            except PluginBusy as busy:
                reason = "the plugin has as many executions under way as it may have; try again later"
                raise TooManyJobs(reason, {"plugin": plugin, "limit": busy.limit}) from None
            if self._under_way.is_abandoned(job.id):
                with suppress(JobConflict):
                    return self.cancel_job(job.id)
            return self._executed(job, cancellation)[0]

    def run_job(self, job_id: str) -> Job:
        """Execute a PENDING job in this thread; returns it in its final state.

        Raises:
            JobNotFound: there is no such job.
            JobStateError: somebody else has started it, or it had ended before.
        """
        job = self.get_job(job_id)
        running = self._started(job)
        with self._under_way.watched(job.id) as cancellation:
            if self._store.swap(job, running):
                return self._executed(running, cancellation)[0]
        current = self.get_job(job_id)
        if current.cancelled:
            return current
        raise JobStateError(job.id, current.state, JobState.RUNNING)

    def run_next(self, job_id: str | None = None, go_on: Callable[[], bool] = lambda: False) -> Job | None:
        """Execute the queued job whose turn it is, or this one, in this thread, and those that follow as long as
        ``go_on()``; the last of them, ``None`` if there is none."""
        ended = None
        offered: list[str] = []

        def start(job: Job) -> Job:
            # Watched before anybody can see it RUNNING, so that a cancel in between finds what to stop. What was
            # written of this may have been undone, and the job given to another thread.
            offered.append(job.id)
            self._under_way.watch(job.id)
            return self._started(job)

        def finish(before: Job, after: Job) -> tuple[bool, Job | None]:
            if go_on():
                return self._store.swap_and_claim(before, after, self._clock(), start)
            return self._finished(before, after)

        try:
            job = self._store.claim(self._clock(), start, job_id)
            while job is not None:
                with self._under_way.watched(job.id) as cancellation, trace_scope(job.traceparent):
                    self._leave(offered)
                    ended, job = self._executed(job, cancellation, finish)
        finally:
            self._leave(offered)
        return ended

    def run_queued(self, job_id: str) -> bool:
        """Execute this job in this thread, if it waits for that; says whether it needs no worker any more."""
        if job_id in self._under_way.ids:
            return False  # this process works on it
        job = self.run_next(job_id) or self._store.find(job_id)
        return job is None or job.is_final

    def get_job(self, job_id: str, owner: str | None = None) -> Job:
        """Raises ``JobNotFound``, also for the job of another owner than the given one."""
        return _of_owner(self._store.get(job_id), job_id, owner)

    def find_job(self, job_id: str, owner: str | None = None) -> JobSummary:
        """The job without payload and result; raises ``JobNotFound``."""
        return _of_owner(self._store.find(job_id), job_id, owner)

    def list_jobs(self, wanted: JobFilter) -> list[JobSummary]:
        """Raises ``JobNotFound`` if the job ``after`` is not there."""
        try:
            return self._store.list(wanted)
        except LookupError:
            raise JobNotFound(wanted.after or "") from None

    def cancel_job(self, job_id: str, owner: str | None = None) -> Job:
        """End a job that has not ended, and stop its work; no late result can overwrite this.

        Raises:
            JobNotFound: there is no such job.
            JobConflict: it has ended.
        """
        while True:
            job = self.get_job(job_id, owner)
            if job.is_final:
                raise JobConflict(job, "the job has ended and cannot be cancelled")
            cancelled = self._cancelled(job)
            if self._store.swap(job, cancelled):
                self._under_way.stop(job_id)
                return cancelled

    def abandon_job(self, job_id: str) -> None:
        """Cancel a job that nobody waits for, also if ``execute_job`` is yet to make it."""
        self._under_way.abandon(job_id)
        try:
            self.cancel_job(job_id)
        except JobNotFound:
            return  # whoever makes it finds its id among the abandoned
        except JobConflict:
            pass
        self._under_way.dealt_with(job_id)

    def forget_jobs(self, days: float) -> int:
        """Remove jobs that ended longer ago, with what went in and came out. Returns how many."""
        before = self._clock() - timedelta(days=days)
        forgotten = 0
        while removed := self._store.forget(before, _FORGET_AT_ONCE):
            forgotten += removed
        return forgotten

    def _new(
        self,
        plugin: str,
        payload: dict[str, Any],
        job_id: str | None,
        owner: str | None,
        *,
        queued: bool = False,
        idempotency_key: str | None = None,
    ) -> Job:
        now = self._clock()
        lease = None if queued else self.leases.new(now)
        trace = current_trace()
        return Job(
            id=job_id or new_id(),
            plugin=plugin,
            payload=payload,
            state=JobState.PENDING,
            created_at=now,
            updated_at=now,
            owner=owner or ANONYMOUS,
            queued=queued,
            max_attempts=self._policy.max_attempts(plugin),
            worker=lease.worker if lease else None,
            lease_until=lease.until if lease else None,
            idempotency_key=idempotency_key,
            traceparent=trace.header() if trace else None,
        )

    def _started(self, job: Job) -> Job:
        now = self._clock()
        lease = self.leases.new(now)
        if job.state is JobState.RUNNING:
            return started_again(job, now, lease)
        return moved(job, JobState.RUNNING, now, lease=lease)

    def _leave(self, offered: list[str]) -> None:
        while offered:
            self._under_way.leave(offered.pop())

    def _finished(self, before: Job, after: Job) -> tuple[bool, Job | None]:
        return self._store.swap(before, after), None

    def _executed(self, job: Job, cancellation: Cancellation, finish: Finish | None = None) -> tuple[Job, Job | None]:
        """The job as it ended, and the one that follows it."""
        while True:
            with execution_scope(RunContext(job.id, cancellation, job.attempt)):
                result, envelope = self._plugins.execute(job.plugin, job.payload)
            error = envelope.get("error", {})
            again = error.get("type") in _TRANSIENT and job.attempt < job.max_attempts
            if again:
                cancellation.wait(self._policy.retry_seconds)
            if error and cancellation.requested:  # who cancels or ends a job writes that before its work is stopped
                self.recovery.leave(job.id)
                return self._ended_by_others(job), None
            if again:
                another = self._started(job)
                if not self._store.swap(job, another):
                    return self._ended_by_others(job), None
                job = another
                continue
            to = JobState.FAILED if error else JobState.SUCCESS
            ended = moved(job, to, self._clock(), result=result, error=error)
            swapped, following = (finish or self._finished)(job, ended)
            return ended if swapped else self._ended_by_others(job), following

    def _ended_by_others(self, job: Job) -> Job:
        """As it is kept; one that is kept no more had been cancelled, and was removed with what is old."""
        return self._store.get(job.id) or self._cancelled(job)

    def _cancelled(self, job: Job) -> Job:
        error = error_of(ErrorType.CANCELLED, "the job was cancelled", job)
        return moved(job, JobState.FAILED, self._clock(), error=error, cancelled=True)


def _of_owner(job: Found | None, job_id: str, owner: str | None) -> Found:
    if job is None or (owner is not None and job.owner != owner):
        raise JobNotFound(job_id)
    return job
