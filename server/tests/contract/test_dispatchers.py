"""What happens to jobs is the same with one server and a file as with workers anywhere and Postgres."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from server.app.backends import Backend, opened_backend
from server.app.core.execution_context import current_execution
from server.app.core.ids import new_id
from server.app.core.settings import Settings
from server.app.jobs.job import Job, Lease, moved
from server.app.jobs.state import JobState
from server.app.jobs.store import DuplicateJob, JobFilter
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.app.services.execution import AnalysisExecutionService, JobExecutionService, PluginExecutionService
from server.app.services.execution.job_execution_service import JobPolicy
from server.tests.sample_plugins import SamplePlugin

LEASE_SECONDS = 1.0


@pytest.fixture(params=["embedded", "in memory", "distributed"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    url = SecretStr(request.getfixturevalue("postgres_url")) if request.param == "distributed" else None
    settings = Settings(
        data_dir=tmp_path,
        database_url=url,
        jobs_in_memory=request.param == "in memory",
        job_lease_seconds=LEASE_SECONDS,
        max_waiting_jobs=1000,
    )
    with opened_backend(settings) as backend:
        yield backend
        backend.stop()
        assert backend.join(10)


@pytest.fixture
def ran(registry: PluginRegistry) -> list[Any]:
    """What the plugin ``sample`` was given, in order."""
    seen: list[Any] = []

    def run(payload: dict[str, Any]) -> dict[str, Any]:
        seen.append(payload.get("n"))
        return {"seen": len(seen)}

    registry.register(SamplePlugin(run))
    return seen


def service(backend: Backend, registry: PluginRegistry, attempts: int = 1) -> JobExecutionService:
    """The jobs of one process."""
    plugins = PluginExecutionService(ToolRunner(registry))
    policy = JobPolicy(lease_seconds=LEASE_SECONDS, max_attempts=lambda _plugin: attempts)
    return JobExecutionService(backend.store, backend.dispatcher, plugins, backend.clock, policy=policy)


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.requirement("R-043", "R-046")
def test_what_is_submitted_before_and_after_the_start_is_executed_once(
    backend: Backend, registry: PluginRegistry, ran: list[Any]
) -> None:
    analysis = AnalysisExecutionService(service(backend, registry))
    before = [analysis.submit("sample", {"n": n}) for n in range(20)]
    backend.start(3, analysis)
    with ThreadPoolExecutor(4) as threads:
        after = list(threads.map(lambda n: analysis.submit("sample", {"n": n}), range(20, 60)))
    wait_for(lambda: all(analysis.job(job_id).is_final for job_id in before + after))
    assert sorted(ran) == list(range(60))
    assert {job.state for job in analysis.jobs(JobFilter())} == {JobState.SUCCESS}


@pytest.mark.requirement("R-126")
def test_whoever_submits_much_does_not_keep_others_waiting(
    backend: Backend, registry: PluginRegistry, ran: list[Any]
) -> None:
    analysis = AnalysisExecutionService(service(backend, registry))
    for n in range(12):
        last = analysis.submit("sample", {"n": n}, owner="much")
    for n in (100, 101):
        analysis.submit("sample", {"n": n}, owner="little")
    backend.start(1, analysis)
    wait_for(lambda: analysis.job(last).is_final)
    assert (ran.index(100) <= 2, ran.index(101) <= 4, len(ran)) == (True, True, 14)


@pytest.mark.requirement("R-043")
def test_after_stop_nothing_is_taken_up(backend: Backend, registry: PluginRegistry, ran: list[Any]) -> None:
    analysis = AnalysisExecutionService(service(backend, registry))
    backend.start(2, analysis)
    first = analysis.submit("sample", {"n": 1})
    wait_for(lambda: analysis.job(first).is_final)
    backend.stop()
    assert backend.join(10)
    left = analysis.submit("sample", {"n": 2})
    time.sleep(0.1)
    assert (ran, analysis.job(left).state) == ([1], JobState.PENDING)


def test_join_tells_of_a_worker_that_does_not_end(backend: Backend, registry: PluginRegistry) -> None:
    entered, leave = threading.Event(), threading.Event()

    def run(_payload: dict[str, Any]) -> dict[str, Any]:
        entered.set()
        leave.wait(20)
        return {"n": 1}

    registry.register(SamplePlugin(run))
    analysis = AnalysisExecutionService(service(backend, registry))
    backend.start(1, analysis)
    job_id = analysis.submit("sample", {})
    assert entered.wait(20)
    backend.stop()
    assert not backend.join(0.05)
    leave.set()
    assert backend.join(20)
    assert analysis.job(job_id).state is JobState.SUCCESS


def test_an_execution_that_fails_to_be_made_is_made_again(
    backend: Backend, registry: PluginRegistry, ran: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    class Flaky(AnalysisExecutionService):
        failures = 1

        def execute_next(self, go_on: Callable[[], bool] = lambda: False) -> bool:
            self.fail_once()
            return super().execute_next(go_on)

        def execute_queued(self, job_id: str) -> bool:
            self.fail_once()
            return super().execute_queued(job_id)

        def fail_once(self) -> None:
            if self.failures:
                self.failures -= 1
                raise OSError("the disk is full")

    analysis = Flaky(service(backend, registry))
    backend.start(1, analysis)
    job_id = analysis.submit("sample", {"n": 1})
    wait_for(lambda: analysis.job(job_id).is_final)
    assert ran == [1]
    assert "will try again" in caplog.text or "will be tried again" in caplog.text


@pytest.mark.requirement("R-053")
def test_a_job_that_was_cancelled_while_it_waited_is_not_executed(
    backend: Backend, registry: PluginRegistry, ran: list[Any]
) -> None:
    analysis = AnalysisExecutionService(service(backend, registry))
    ids = [analysis.submit("sample", {"n": n}) for n in range(3)]
    analysis.cancel(ids[1])
    backend.start(1, analysis)
    wait_for(lambda: all(analysis.job(job_id).is_final for job_id in ids))
    assert sorted(ran) == [0, 2]
    assert [analysis.job(job_id).cancelled for job_id in ids] == [False, True, False]


@pytest.mark.requirement("R-053")
def test_a_job_that_another_process_cancels_is_stopped(backend: Backend, registry: PluginRegistry) -> None:
    running, stopped = threading.Event(), threading.Event()

    def run(_payload: dict[str, Any]) -> dict[str, Any]:
        running.set()
        with current_execution().cancellation.armed(stopped.set):
            stopped.wait(20)
        return {"late": True}

    registry.register(SamplePlugin(run))
    worker = service(backend, registry)
    backend.start(1, AnalysisExecutionService(worker))
    elsewhere = service(backend, PluginRegistry())
    job_id = elsewhere.create_job("sample", {}, queued=True).id
    assert running.wait(20)
    elsewhere.cancel_job(job_id)
    assert worker.recovery.drop_gone() == 1
    assert stopped.wait(20)
    backend.stop()
    assert backend.join(20)
    job = elsewhere.get_job(job_id)
    assert (job.state, job.cancelled, job.result) == (JobState.FAILED, True, {})


def lost(backend: Backend, attempts: int) -> Job:
    """A job that was taken up by a process that died since."""
    now = backend.clock()
    job = Job(
        id=new_id(),
        plugin="sample",
        payload={"n": 1},
        state=JobState.PENDING,
        created_at=now,
        updated_at=now,
        queued=True,
        max_attempts=attempts,
    )
    backend.dispatcher.submit(job)
    gone = Lease("gone", now - timedelta(seconds=1))
    running = moved(job, JobState.RUNNING, now, lease=gone)
    assert backend.store.swap(job, running)
    return running


@pytest.mark.requirement("R-044")
def test_the_job_of_a_lost_worker_is_failed_with_the_reason(
    backend: Backend, registry: PluginRegistry, ran: list[Any]
) -> None:
    job = lost(backend, attempts=1)
    jobs = service(backend, registry)
    backend.start(1, AnalysisExecutionService(jobs))
    assert jobs.recovery.recover_lost() == 1
    ended = jobs.get_job(job.id)
    assert (ended.state, ended.error["type"]) == (JobState.FAILED, "ExecutionError")
    assert ended.error["details"]["reason"] == "worker_lost"
    assert ran == []


@pytest.mark.requirement("R-044")
def test_the_job_of_a_lost_worker_is_executed_again_if_its_tool_allows_it_and_the_lost_one_is_shut_out(
    backend: Backend, registry: PluginRegistry, ran: list[Any]
) -> None:
    job = lost(backend, attempts=2)
    jobs = service(backend, registry, attempts=2)
    backend.start(1, AnalysisExecutionService(jobs))
    assert jobs.recovery.recover_lost() == 0
    wait_for(lambda: jobs.find_job(job.id).is_final)
    assert not backend.store.swap(job, moved(job, JobState.SUCCESS, backend.clock(), result={"stale": True}))
    ended = jobs.get_job(job.id)
    assert (ended.state, ended.attempt, ended.result["seen"], ran) == (JobState.SUCCESS, 2, 1, [1])


@pytest.mark.parametrize("backend", ["embedded", "distributed"], indirect=True)
def test_a_worker_that_cannot_renew_its_leases_stops_its_work(backend: Backend, registry: PluginRegistry) -> None:
    running, stopped = threading.Event(), threading.Event()

    def run(_payload: dict[str, Any]) -> dict[str, Any]:
        running.set()
        with current_execution().cancellation.armed(stopped.set):
            stopped.wait(20)
        return {"late": True}

    registry.register(SamplePlugin(run))
    now = backend.clock()
    jobs = JobExecutionService(
        backend.store,
        backend.dispatcher,
        PluginExecutionService(ToolRunner(registry)),
        lambda: now,
        policy=JobPolicy(lease_seconds=LEASE_SECONDS),
    )
    backend.start(1, AnalysisExecutionService(jobs))
    jobs.create_job("sample", {}, queued=True)
    assert running.wait(20)
    jobs.leases.keep()
    now += timedelta(seconds=LEASE_SECONDS)
    assert jobs.leases.stop_lapsed() == 0
    backend.database.close()
    with pytest.raises(RuntimeError, match="closed"):
        jobs.leases.keep()
    now += timedelta(seconds=0.1)
    assert (stopped.is_set(), jobs.leases.stop_lapsed(), stopped.is_set()) == (False, 1, True)


def test_a_job_that_is_not_kept_is_not_executed(backend: Backend, registry: PluginRegistry, ran: list[Any]) -> None:
    jobs = service(backend, registry)
    job = jobs.create_job("sample", {"n": 1}, queued=True)
    with pytest.raises(DuplicateJob):
        backend.dispatcher.submit(replace(job, payload={"n": 2}))
    backend.start(2, AnalysisExecutionService(jobs))
    wait_for(lambda: jobs.find_job(job.id).is_final)
    time.sleep(0.1)
    assert ran == [1]


@pytest.mark.requirement("R-046")
def test_one_key_is_one_execution(backend: Backend, registry: PluginRegistry, ran: list[Any]) -> None:
    analysis = AnalysisExecutionService(service(backend, registry))
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _n: analysis.submit("sample", {"n": 1}, idempotency_key="k"), range(16)))
    backend.start(2, analysis)
    wait_for(lambda: analysis.job(ids[0]).is_final)
    assert (len(set(ids)), ran) == (1, [1])
