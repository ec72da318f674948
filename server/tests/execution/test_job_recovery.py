"""What becomes of jobs whose worker is lost, whose process died, or whose caller went away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.app.adapters.database.database import Database
from server.app.adapters.database.job_store import SqlJobStore
from server.app.adapters.embedded_workers import EmbeddedWorkers
from server.app.adapters.memory_job_store import MemoryJobStore
from server.app.adapters.rounds import Rounds
from server.app.backends import opened_backend
from server.app.core.clock import utc_now
from server.app.core.execution_context import current_execution
from server.app.core.ids import new_id
from server.app.core.settings import Settings
from server.app.core.trace import current_trace, trace_scope
from server.app.jobs.job import Job, JobStateError
from server.app.jobs.state import JobState
from server.app.jobs.store import StoreLimits
from server.app.plugins.errors.exceptions import (
    ExecutionCancelled,
    InputValidationError,
    LimitExceeded,
    PluginError,
    PluginProcessDied,
)
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.app.services.execution import JobExecutionService, PluginExecutionService
from server.app.services.execution.job_errors import JobConflict, JobNotFound, TooManyJobs
from server.app.services.execution.job_execution_service import JobPolicy
from server.tests.sample_plugins import SamplePlugin, raising

START = utc_now()


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


Worker = Callable[..., JobExecutionService]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def worker(store: SqlJobStore, registry: PluginRegistry, clock: Clock) -> Worker:
    """Makes services as several processes have them: one store, each its own name."""

    def make(name: str, *, max_attempts: int = 1) -> JobExecutionService:
        policy = JobPolicy(lease_seconds=10, max_attempts=lambda _: max_attempts, retry_seconds=0)
        plugins = PluginExecutionService(ToolRunner(registry))
        return JobExecutionService(store, EmbeddedWorkers(store), plugins, clock, worker=name, policy=policy)

    return make


class Held:
    """A behaviour that stays in the plugin until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.leave = threading.Event()

    def __call__(self, _payload: dict[str, Any]) -> dict[str, Any]:
        self.entered.release()
        self.leave.wait(10)
        return {"n": 1}


@pytest.mark.requirement("R-044")
@pytest.mark.parametrize(("state", "attempts"), [(JobState.FAILED, 1), (JobState.SUCCESS, 2)])
def test_a_silent_workers_job_goes_on_or_ends_and_its_late_result_counts_for_nothing(
    worker: Worker, registry: PluginRegistry, clock: Clock, state: JobState, attempts: int
) -> None:
    held = Held()
    registry.register(SamplePlugin(held))
    silent, other = worker("silent", max_attempts=attempts), worker("other", max_attempts=attempts)
    job = silent.create_job("sample", {}, queued=True)
    with ThreadPoolExecutor(1) as thread:
        late = thread.submit(silent.run_next)
        assert held.entered.acquire(timeout=5)
        clock.now += timedelta(seconds=9)
        silent.leases.keep()
        clock.now += timedelta(seconds=9)
        assert (other.recovery.recover_lost(), other.run_next()) == (0, None)
        clock.now += timedelta(seconds=2)
        assert other.recovery.recover_lost() == (attempts == 1)
        held.leave.set() if attempts == 1 else registry.clear()
        if attempts == 2:
            registry.register(SamplePlugin())
            taken = other.run_next()
            assert taken is not None
            assert (taken.id, taken.attempt, taken.worker) == (job.id, 2, "other")
            held.leave.set()
        answer = late.result(5)
    ended = other.get_job(job.id)
    assert (ended.state, ended.attempt) == (state, attempts)
    assert answer == ended
    assert ended.error.get("details", {}).get("reason") == (None if attempts == 2 else "worker_lost")


@pytest.mark.requirement("R-044")
def test_a_job_is_lost_only_as_often_as_it_may_be(worker: Worker, store: SqlJobStore, clock: Clock) -> None:
    service = worker("w", max_attempts=3)
    job = service.create_job("sample", {}, queued=True)
    for attempt in (1, 2, 3):
        claimed = store.claim(clock.now, service._started)
        assert claimed is not None
        assert claimed.attempt == attempt
        clock.now += timedelta(seconds=11)
        assert service.recovery.recover_lost() == (attempt == 3)
    ended = service.get_job(job.id)
    assert (ended.state, ended.error["details"]) == (JobState.FAILED, {"reason": "worker_lost", "attempts": 3})
    assert service.run_next() is None


@pytest.mark.requirement("R-044")
def test_a_direct_job_whose_maker_is_lost_is_never_taken_up(worker: Worker, clock: Clock) -> None:
    job = worker("w", max_attempts=3).create_job("sample", {})
    clock.now += timedelta(seconds=11)
    other = worker("other", max_attempts=3)
    assert other.recovery.recover_lost() == 1
    assert other.get_job(job.id).state is JobState.FAILED


@pytest.mark.requirement("R-143")
@pytest.mark.parametrize(
    ("calls", "failure"),
    [
        (3, PluginProcessDied("gone")),
        (1, InputValidationError("wrong")),
        (1, PluginError("broken")),
        (1, ValueError()),
        (1, LimitExceeded("too much")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
@pytest.mark.parametrize("queued", [True, False])
def test_only_what_may_pass_is_tried_again(
    worker: Worker, registry: PluginRegistry, calls: int, failure: Exception, queued: bool
) -> None:
    plugin = SamplePlugin(raising(failure))
    registry.register(plugin)
    service = worker("w", max_attempts=3)
    if queued:
        service.create_job("sample", {}, queued=True)
        ended = service.run_next()
    else:
        ended = service.execute_job("sample", {})
    assert ended is not None
    assert (ended.state, ended.attempt, plugin.calls) == (JobState.FAILED, calls, calls)
    assert service.get_job(ended.id) == ended


@pytest.mark.requirement("R-041", "R-144")
@pytest.mark.parametrize("lost", [False, True])
def test_a_submitted_job_belongs_to_the_trace_of_its_request(
    worker: Worker, registry: PluginRegistry, clock: Clock, lost: bool
) -> None:
    seen: list[Any] = []

    def behave(payload: dict[str, Any]) -> dict[str, Any]:
        seen.append((current_trace(), current_execution().attempt))
        return payload

    registry.register(SamplePlugin(behave))
    service = worker("w", max_attempts=2)
    with trace_scope(f"00-{'a' * 32}-{'b' * 16}-01"):
        job = service.create_job("sample", {"n": 1}, queued=True)
    other = service.create_job("sample", {"n": 1}, queued=True)
    if lost:
        assert service._store.claim(clock.now, service._started) is not None
        clock.now += timedelta(seconds=11)
        assert service.recovery.recover_lost() == 0
    assert service.run_next() is not None
    assert service.run_next() is not None
    assert service.get_job(job.id).trace_id == "a" * 32
    assert (service.get_job(other.id).trace_id, current_trace()) == (None, None)
    (trace, attempt), nothing = seen
    assert (trace.trace_id, trace.flags, attempt) == ("a" * 32, "01", 2 if lost else 1)
    assert nothing == (None, 1)


@pytest.mark.requirement("R-143")
def test_a_plugin_that_fails_once_succeeds_at_the_second_attempt(worker: Worker, registry: PluginRegistry) -> None:
    failures: list[Exception] = [PluginProcessDied("gone")]

    def behave(payload: dict[str, Any]) -> dict[str, Any]:
        if failures:
            raise failures.pop()
        return payload

    registry.register(SamplePlugin(behave))
    ended = worker("w", max_attempts=2).execute_job("sample", {"n": 1})
    assert (ended.state, ended.attempt, ended.error) == (JobState.SUCCESS, 2, {})


@pytest.mark.requirement("R-143")
def test_every_attempt_gets_what_was_sent_whatever_the_one_before_made_of_it(
    worker: Worker, registry: PluginRegistry
) -> None:
    seen: list[int] = []

    def behave(payload: dict[str, Any]) -> dict[str, Any]:
        seen.append(len(payload["items"]))
        payload["items"].append(object())  # which could not even be written down
        if len(seen) < 2:
            raise PluginProcessDied("gone")
        return {"n": 1}

    registry.register(SamplePlugin(behave))
    service = worker("w", max_attempts=2)
    ended = service.execute_job("sample", {"items": [1]})
    assert (ended.state, ended.attempt, seen) == (JobState.SUCCESS, 2, [1, 1])
    assert ended.payload == service.get_job(ended.id).payload == {"items": [1]}


@pytest.mark.requirement("R-143")
def test_a_cancel_ends_the_pause_before_the_next_attempt(store: SqlJobStore, registry: PluginRegistry) -> None:
    plugin = SamplePlugin(raising(PluginProcessDied("gone")))
    registry.register(plugin)
    policy = JobPolicy(max_attempts=lambda _: 2, retry_seconds=60)
    plugins = PluginExecutionService(ToolRunner(registry))
    service = JobExecutionService(store, EmbeddedWorkers(store), plugins, utc_now, policy=policy)
    job = service.create_job("sample", {}, queued=True)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(service.run_next)
        while not plugin.calls:
            pass
        service.cancel_job(job.id)
        ended = running.result(10)
    assert ended is not None
    assert (ended.cancelled, plugin.calls) == (True, 1)


@pytest.mark.requirement("R-053")
@pytest.mark.parametrize("how", ["cancelled", "taken"])
def test_work_on_a_job_that_is_no_longer_ours_is_stopped(
    worker: Worker, registry: PluginRegistry, clock: Clock, how: str
) -> None:
    held = Held()
    registry.register(SamplePlugin(held))
    here, elsewhere = worker("here", max_attempts=2), worker("elsewhere", max_attempts=2)
    job = here.create_job("sample", {}, queued=True)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(here.run_next)
        assert held.entered.acquire(timeout=5)
        assert here.recovery.drop_gone() == 0
        if how == "cancelled":
            elsewhere.cancel_job(job.id)
        else:
            clock.now += timedelta(seconds=11)
            elsewhere.recovery.recover_lost()
            held.leave.set()
            assert elsewhere.run_next() is not None
            held.leave.clear()
        cancellation = here._under_way._cancellations.get(job.id)
        if cancellation is not None:
            here.recovery.drop_gone()
        held.leave.set()
        ended = running.result(5)
    assert ended is not None
    assert here.get_job(job.id).cancelled == (how == "cancelled")
    assert here.recovery.drop_gone() == 0


@pytest.mark.parametrize("max_attempts", [1, 2])
def test_a_job_whose_end_could_not_be_written_does_not_run_as_long_as_others_do(
    worker: Worker, registry: PluginRegistry, store: SqlJobStore, max_attempts: int
) -> None:
    held = Held()
    registry.register(SamplePlugin(held))
    here = worker("here", max_attempts=max_attempts)
    ended = here.create_job("sample", {}, queued=True)
    store.swap(ended, here._started(ended))
    waiting = here.create_job("sample", {})
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(here.execute_job, "sample", {})
        assert held.entered.acquire(timeout=5)
        assert here.recovery.drop_gone() == 0
        assert here.recovery.recover_lost() == 0
        held.leave.set()
        again = here.run_next()
        assert running.result(5).state is JobState.SUCCESS
    # What may be started again is left to whoever does that.
    assert (again and again.id) == (None if max_attempts == 1 else ended.id)
    ended = here.get_job(ended.id)
    outcome = (JobState.FAILED, 1) if max_attempts == 1 else (JobState.SUCCESS, 2)
    assert (ended.state, ended.attempt) == outcome
    assert here.get_job(waiting.id).state is JobState.PENDING


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_loses_no_job_that_runs_here(
    worker: Worker, registry: PluginRegistry, clock: Clock, hours: int
) -> None:
    held = Held()
    registry.register(SamplePlugin(held))
    here = worker("here")
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(here.execute_job, "sample", {})
        assert held.entered.acquire(timeout=5)
        clock.now += timedelta(hours=hours)
        assert here.recovery.recover_lost() == 0
        held.leave.set()
        assert running.result(5).state is JobState.SUCCESS


def test_a_server_by_itself_ends_such_jobs_too(tmp_path: Path, registry: PluginRegistry) -> None:
    registry.register(SamplePlugin())
    with opened_backend(Settings(data_dir=tmp_path, job_lease_seconds=0.3)) as backend, Rounds() as rounds:
        plugins = PluginExecutionService(ToolRunner(registry))
        here = JobExecutionService(backend.store, backend.dispatcher, plugins, backend.clock, worker="here")
        job = here.create_job("sample", {}, queued=True)
        backend.store.swap(job, here._started(job))
        with here._under_way.watched("another"):
            backend.care(here, rounds)
            deadline = time.monotonic() + 20
            while here.get_job(job.id).state is not JobState.FAILED:
                assert time.monotonic() < deadline
                time.sleep(0.02)


def _stop(service: JobExecutionService, _clock: Clock) -> None:
    service.recovery.stop_all()


def _lapse(service: JobExecutionService, clock: Clock) -> None:
    clock.now += timedelta(seconds=11)
    assert service.leases.stop_lapsed() == 1


@pytest.mark.requirement("R-044")
@pytest.mark.parametrize("stop", [_stop, _lapse])
@pytest.mark.parametrize(("attempts", "queued"), [(1, True), (2, True), (2, False)])
def test_work_that_is_stopped_though_nobody_has_cancelled_it_is_not_cancelled(
    worker: Worker,
    registry: PluginRegistry,
    clock: Clock,
    stop: Callable[[JobExecutionService, Clock], None],
    attempts: int,
    queued: bool,
) -> None:
    entered = threading.Semaphore(0)

    def run(_payload: dict[str, Any]) -> dict[str, Any]:
        stopped = threading.Event()
        with current_execution().cancellation.armed(stopped.set):
            entered.release()
            assert stopped.wait(10)
        raise ExecutionCancelled  # as the isolation does, whose process was killed

    registry.register(SamplePlugin(run))
    here, other = worker("here", max_attempts=attempts), worker("other", max_attempts=attempts)
    job_id = new_id()
    if queued:
        here.create_job("sample", {}, job_id=job_id, queued=True)
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(here.run_next if queued else lambda: here.execute_job("sample", {}, job_id=job_id))
        assert entered.acquire(timeout=5)
        stop(here, clock)
        left = running.result(5)
    assert left == here.get_job(job_id)
    if attempts == 1 or not queued:
        assert (left.state, left.cancelled, left.error["type"]) == (JobState.FAILED, False, "ExecutionError")
        assert left.error["details"]["reason"] == "worker_lost"
        return
    registry.clear()
    registry.register(SamplePlugin())
    assert other.recovery.recover_lost() == 0  # at once, without waiting for the end of the lease
    again = other.run_next()
    assert again is not None
    assert (again.id, again.state, again.attempt) == (job_id, JobState.SUCCESS, 2)


@pytest.mark.parametrize("attempts", [1, 2])
def test_nobody_leaves_the_job_of_another_worker(worker: Worker, store: SqlJobStore, attempts: int) -> None:
    here, other = worker("here", max_attempts=attempts), worker("other", max_attempts=attempts)
    job = other.create_job("sample", {}, queued=True)
    running = other._started(job)
    assert store.swap(job, running)
    here.recovery.leave(job.id)
    assert here.get_job(job.id) == running


@pytest.mark.requirement("R-057")
def test_an_execution_that_is_abandoned_before_it_began_is_cancelled(worker: Worker, registry: PluginRegistry) -> None:
    plugin = SamplePlugin()
    registry.register(plugin)
    service = worker("w")
    job_id = new_id()
    service.abandon_job(job_id)
    ended = service.execute_job("sample", {}, job_id=job_id)
    assert (ended.cancelled, plugin.calls) == (True, 0)
    assert service.get_job(job_id) == ended
    service.abandon_job(job_id)
    assert service._under_way._abandoned == set()


@pytest.mark.requirement("R-058")
def test_the_job_of_another_owner_is_not_there(worker: Worker) -> None:
    service = worker("w")
    job = service.create_job("sample", {}, owner="me", queued=True)
    for ask in (service.get_job, service.find_job, service.cancel_job):
        with pytest.raises(JobNotFound):
            ask(job.id, "you")
    assert service.cancel_job(job.id, "me").cancelled


@pytest.mark.parametrize(
    ("same", "plugin", "payload", "owner"),
    [
        (True, "sample", {"n": 1}, "me"),
        (False, "sample", {"n": 2}, "me"),
        (False, "other", {"n": 1}, "me"),
    ],
)
def test_a_key_names_one_request(worker: Worker, same: bool, plugin: str, payload: dict[str, Any], owner: str) -> None:
    service = worker("w")

    def create(plugin: str, payload: dict[str, Any]) -> Job:
        return service.create_job(plugin, payload, owner=owner, queued=True, idempotency_key="k")

    first = create("sample", {"n": 1})
    if same:
        assert create(plugin, payload) == first
    else:
        with pytest.raises(JobConflict, match="used for another request"):
            create(plugin, payload)


@pytest.mark.requirement("R-126")
@pytest.mark.parametrize("in_memory", [False, True])
def test_limits_of_queue_and_plugin(database: Database, registry: PluginRegistry, in_memory: bool) -> None:
    registry.register(SamplePlugin())
    limits = StoreLimits(waiting=2, runs_per_plugin=1)
    store = MemoryJobStore(limits) if in_memory else SqlJobStore(database, limits)
    plugins = PluginExecutionService(ToolRunner(registry))
    service = JobExecutionService(store, EmbeddedWorkers(store), plugins, utc_now)
    waiting = [service.create_job(name, {}, queued=True) for name in ("busy", "busy")]
    with pytest.raises(TooManyJobs):
        service.create_job("sample", {}, queued=True)
    assert store.claim(utc_now(), service._started) is not None
    free = service.create_job("sample", {}, queued=True)
    with pytest.raises(TooManyJobs):
        service.execute_job("busy", {})
    passed_over = service.run_next()
    assert passed_over is not None
    assert passed_over.id == free.id
    assert service.run_next() is None
    service.cancel_job(waiting[0].id)
    last = service.run_next()
    assert last is not None
    assert last.id == waiting[1].id


def test_old_jobs_are_forgotten(worker: Worker, registry: PluginRegistry, clock: Clock) -> None:
    registry.register(SamplePlugin())
    service = worker("w")
    old = service.execute_job("sample", {})
    waiting = service.create_job("sample", {}, queued=True)
    clock.now += timedelta(days=7)
    new = service.execute_job("sample", {})
    assert (service.forget_jobs(6.9), service.forget_jobs(6.9)) == (1, 0)
    with pytest.raises(JobNotFound):
        service.get_job(old.id)
    assert {service.get_job(job.id).id for job in (waiting, new)} == {waiting.id, new.id}


def test_a_job_that_does_not_run_is_not_started_again(worker: Worker, registry: PluginRegistry) -> None:
    registry.register(SamplePlugin())
    service = worker("w")
    with pytest.raises(JobStateError):
        service._started(service.execute_job("sample", {}))
