"""Second layer: every execution is a job that ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import pytest

from server.app.adapters.database.job_store import SqlJobStore
from server.app.adapters.embedded_workers import EmbeddedWorkers
from server.app.core.clock import utc_now
from server.app.core.execution_context import current_execution
from server.app.core.ids import new_id
from server.app.jobs.job import Job, JobStateError, Lease, moved
from server.app.jobs.state import FINAL_STATES, TRANSITIONS, JobState
from server.app.jobs.store import DuplicateJob, JobFilter
from server.app.plugins.errors.exceptions import PluginProcessDied
from server.app.plugins.isolation.process import ProcessIsolation
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.app.services.execution import JobExecutionService, PluginExecutionService
from server.app.services.execution.job_errors import JobConflict, JobNotFound
from server.app.services.execution.job_execution_service import JobPolicy
from server.tests.live.envelope import assert_error
from server.tests.sample_plugins import SamplePlugin, raising

pytestmark = pytest.mark.requirement("R-036")

LEGAL = [(before, to) for before, following in TRANSITIONS.items() for to in following]
ILLEGAL = [(before, to) for before in JobState for to in JobState if (before, to) not in LEGAL]


@pytest.mark.requirement("R-039")
def test_there_are_four_legal_moves() -> None:
    assert sorted(LEGAL) == [
        ("PENDING", "FAILED"),
        ("PENDING", "RUNNING"),
        ("RUNNING", "FAILED"),
        ("RUNNING", "SUCCESS"),
    ]


def job_in(state: JobState) -> Job:
    now = utc_now()
    return Job(id=new_id(), plugin="sample", state=state, created_at=now, updated_at=now)


@pytest.mark.requirement("R-039")
@pytest.mark.parametrize(("before", "to"), sorted(LEGAL))
def test_a_legal_move_sets_state_and_times(before: JobState, to: JobState) -> None:
    later = utc_now() + timedelta(seconds=1)
    job = moved(job_in(before), to, later)
    assert (job.state, job.updated_at) == (to, later)
    assert (job.completed_at == later) == (to in FINAL_STATES)
    assert (job.started_at == later, job.attempt) == ((True, 1) if to is JobState.RUNNING else (False, 0))


@pytest.mark.requirement("R-039")
@pytest.mark.parametrize(("before", "to"), ILLEGAL)
def test_an_illegal_move_is_refused(before: JobState, to: JobState) -> None:
    with pytest.raises(JobStateError, match=f"from {before} to {to}"):
        moved(job_in(before), to, utc_now())


@pytest.mark.requirement("R-041")
def test_a_job_records_all_of_itself() -> None:
    wanted = {"id", "plugin", "payload", "state", "result", "error"}
    assert {field.name for field in fields(Job)} >= wanted | {"created_at", "updated_at", "started_at", "completed_at"}


@pytest.mark.requirement("R-039", "R-041", "R-093")
def test_a_job_that_succeeds(registry: PluginRegistry, jobs: JobExecutionService) -> None:
    registry.register(SamplePlugin(lambda payload: {"n": payload["n"], "state": jobs.get_job(job.id).state.value}))
    job = jobs.create_job("sample", {"n": 1})
    assert jobs.get_job(job.id).state is JobState.PENDING
    ended = jobs.run_job(job.id)
    assert (ended.state, ended.result["n"], ended.error) == (JobState.SUCCESS, 1, {})
    assert ended.result["state"] == "RUNNING"
    assert ended == jobs.get_job(job.id)
    assert ended.started_at is not None
    assert ended.completed_at is not None
    assert ended.created_at <= ended.started_at <= ended.completed_at == ended.updated_at


@pytest.mark.requirement("R-039", "R-093")
def test_a_job_that_fails(registry: PluginRegistry, jobs: JobExecutionService) -> None:
    registry.register(SamplePlugin(raising(ValueError("secret"))))
    ended = jobs.run_job(jobs.create_job("sample", {}).id)
    assert (ended.state, ended.result, ended.error["type"]) == (JobState.FAILED, {}, "PluginError")
    assert_error(ended.error)
    assert jobs.get_job(ended.id) == ended


def test_a_job_of_an_unknown_plugin_fails(jobs: JobExecutionService) -> None:
    assert jobs.run_job(jobs.create_job("nobody", {}).id).error["type"] == "NotFound"


@pytest.mark.requirement("R-040")
def test_an_unknown_job_is_not_found(jobs: JobExecutionService) -> None:
    for ask in (jobs.get_job, jobs.find_job, jobs.run_job, jobs.cancel_job):
        with pytest.raises(JobNotFound):
            ask(new_id())


@pytest.mark.requirement("R-039")
def test_a_job_is_run_once(registry: PluginRegistry, jobs: JobExecutionService) -> None:
    plugin = SamplePlugin()
    registry.register(plugin)
    job = jobs.create_job("sample", {})
    jobs.run_job(job.id)
    with pytest.raises(JobStateError):
        jobs.run_job(job.id)
    assert plugin.calls == 1


def test_an_id_is_used_once(jobs: JobExecutionService) -> None:
    job = jobs.create_job("sample", {})
    with pytest.raises(DuplicateJob):
        jobs.create_job("sample", {}, job_id=job.id)


@pytest.mark.requirement("R-040")
def test_jobs_are_listed_newest_first_and_filtered(registry: PluginRegistry, jobs: JobExecutionService) -> None:
    registry.register(SamplePlugin())
    first, second = jobs.create_job("sample", {}), jobs.create_job("other", {})
    jobs.run_job(first.id)
    assert [job.id for job in jobs.list_jobs(JobFilter())] == [second.id, first.id]
    assert [job.id for job in jobs.list_jobs(JobFilter(plugin="sample"))] == [first.id]
    assert [job.id for job in jobs.list_jobs(JobFilter(state=JobState.PENDING))] == [second.id]
    assert [job.id for job in jobs.list_jobs(JobFilter(limit=1, offset=1))] == [first.id]


@pytest.mark.requirement("R-046")
def test_queued_jobs_are_each_claimed_once(registry: PluginRegistry, jobs: JobExecutionService) -> None:
    executed: list[int] = []

    def note(payload: dict[str, Any]) -> dict[str, Any]:
        executed.append(payload["n"])
        return {"n": 1}

    registry.register(SamplePlugin(note))
    for number in range(200):
        jobs.create_job("sample", {"n": number}, queued=True)

    def work(_worker: int) -> int:
        count = 0
        while jobs.run_next() is not None:
            count += 1
        return count

    with ThreadPoolExecutor(4) as workers:
        counts = list(workers.map(work, range(4)))
    assert sum(counts) == 200
    assert sorted(executed) == list(range(200))
    assert len(jobs.list_jobs(JobFilter(state=JobState.SUCCESS, limit=1000))) == 200


def test_workers_take_the_oldest_first_and_leave_direct_jobs_alone(
    registry: PluginRegistry, jobs: JobExecutionService
) -> None:
    registry.register(SamplePlugin())
    jobs.create_job("sample", {})
    queued = [jobs.create_job("sample", {}, queued=True).id for _ in range(3)]
    taken = [job.id for _ in range(3) if (job := jobs.run_next()) is not None]
    assert taken == queued
    assert jobs.run_next() is None


@pytest.mark.requirement("R-044", "R-053")
def test_a_worker_goes_on_until_it_is_told_to_stop_whatever_becomes_of_a_job(
    registry: PluginRegistry, jobs: JobExecutionService
) -> None:
    seen: list[int] = []

    def run(payload: dict[str, Any]) -> dict[str, Any]:
        seen.append(payload["n"])
        if payload["n"] == 1:
            jobs.cancel_job(ids[1])
        if payload["n"] == 2:
            raise ValueError
        return {"n": 1}

    registry.register(SamplePlugin(run))
    ids = [jobs.create_job("sample", {"n": number}, queued=True).id for number in range(6)]
    last = jobs.run_next(go_on=lambda: len(seen) < 4)
    assert (seen, last and last.id) == ([0, 1, 2, 3], ids[3])
    assert jobs.recovery.stop_all() == 0  # nothing is left under way
    states = [JobState.SUCCESS, JobState.FAILED, JobState.FAILED, JobState.SUCCESS, JobState.PENDING, JobState.PENDING]
    found = [jobs.get_job(job_id) for job_id in ids]
    assert [job.state for job in found] == states
    assert [job.cancelled for job in found] == [False, True, False, False, False, False]


@pytest.mark.requirement("R-040", "R-142")
@pytest.mark.parametrize("transient", [False, True])
def test_a_job_that_is_cancelled_and_removed_while_it_runs_keeps_nobody_from_the_next(
    registry: PluginRegistry, store: SqlJobStore, transient: bool
) -> None:
    def run(payload: dict[str, Any]) -> dict[str, Any]:
        if payload["n"] == 0:
            jobs.cancel_job(ids[0])
            assert jobs.forget_jobs(-1) == 1
            if transient:
                raise PluginProcessDied("gone")
        return {"n": payload["n"]}

    registry.register(SamplePlugin(run))
    plugins = PluginExecutionService(ToolRunner(registry))
    policy = JobPolicy(max_attempts=lambda _: 2, retry_seconds=60)
    jobs = JobExecutionService(store, EmbeddedWorkers(store), plugins, utc_now, policy=policy)
    ids = [jobs.create_job("sample", {"n": number}, queued=True).id for number in range(2)]
    seen: list[Job | None] = [jobs.run_next(go_on=lambda: True), jobs.run_next(go_on=lambda: True)]
    assert [job.id for job in seen if job] == ([ids[0], ids[1]] if transient else [ids[1]])
    assert jobs.get_job(ids[1]).state is JobState.SUCCESS
    with pytest.raises(JobNotFound):
        jobs.get_job(ids[0])
    assert not jobs._under_way.ids


def test_a_claim_that_was_undone_leaves_nothing_under_way(
    registry: PluginRegistry, store: SqlJobStore, jobs: JobExecutionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the rows of a batch turn out to be taken, and each claim is tried again alone."""
    registry.register(SamplePlugin())
    first, second = (jobs.create_job("sample", {}, queued=True) for _ in range(2))
    claim = store.claim

    def claimed_at_the_second_try(at: datetime, start: Callable[[Job], Job], job_id: str | None = None) -> Job | None:
        start(first)
        assert jobs._under_way.ids == {first.id}
        jobs.cancel_job(first.id)
        return claim(at, start, job_id)

    monkeypatch.setattr(store, "claim", claimed_at_the_second_try)
    ended = jobs.run_next()
    assert (ended and ended.id) == second.id
    assert not jobs._under_way.ids


@pytest.mark.requirement("R-040")
def test_a_waiting_job_is_cancelled_and_never_runs(registry: PluginRegistry, jobs: JobExecutionService) -> None:
    plugin = SamplePlugin()
    registry.register(plugin)
    job = jobs.create_job("sample", {}, queued=True)
    cancelled = jobs.cancel_job(job.id)
    assert (cancelled.state, cancelled.cancelled, cancelled.error["type"]) == (JobState.FAILED, True, "Cancelled")
    assert jobs.run_next() is None
    assert (plugin.calls, jobs.get_job(job.id)) == (0, cancelled)


@pytest.mark.requirement("R-040")
def test_an_ended_job_cannot_be_cancelled(registry: PluginRegistry, jobs: JobExecutionService) -> None:
    registry.register(SamplePlugin())
    job = jobs.run_job(jobs.create_job("sample", {}).id)
    with pytest.raises(JobConflict):
        jobs.cancel_job(job.id)
    assert jobs.get_job(job.id) == job


def test_a_late_result_does_not_overwrite_a_cancel(registry: PluginRegistry, jobs: JobExecutionService) -> None:
    registry.register(SamplePlugin(lambda _: {"cancelled": jobs.cancel_job(job.id).cancelled}))
    job = jobs.create_job("sample", {})
    ended = jobs.run_job(job.id)
    assert (ended.state, ended.cancelled, ended.result) == (JobState.FAILED, True, {})
    assert jobs.get_job(job.id) == ended


def test_a_job_cancelled_before_its_caller_runs_it_is_returned_as_cancelled(
    registry: PluginRegistry, store: SqlJobStore, jobs: JobExecutionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.register(SamplePlugin())
    job = jobs.create_job("sample", {})
    swap = store.swap

    def cancelled_in_between(before: Any, after: Job) -> bool:
        monkeypatch.undo()
        jobs.cancel_job(job.id)
        return swap(before, after)

    monkeypatch.setattr(store, "swap", cancelled_in_between)
    assert jobs.run_job(job.id).cancelled


def test_the_plugin_is_told_of_its_job(registry: PluginRegistry, jobs: JobExecutionService) -> None:
    registry.register(SamplePlugin(lambda _: {"job": current_execution().job_id}))
    job = jobs.create_job("sample", {})
    assert jobs.run_job(job.id).result["job"] == job.id
    assert current_execution().job_id is None


@pytest.mark.requirement("R-053")
def test_cancel_stops_a_process_within_a_second(
    registry: PluginRegistry, store: SqlJobStore, isolation: ProcessIsolation
) -> None:
    registry.register_hosted(isolation.load("server.tests.live.plugins.ticking:PLUGIN"))
    plugins = PluginExecutionService(ToolRunner(registry, isolation))
    jobs = JobExecutionService(store, EmbeddedWorkers(store), plugins, utc_now)
    job = jobs.create_job("ticking", {"seconds": 4})
    ended: list[Job] = []
    thread = threading.Thread(target=lambda: ended.append(jobs.run_job(job.id)))
    thread.start()
    while jobs.get_job(job.id).state is not JobState.RUNNING or not isolation.pids():
        time.sleep(0.01)
    started = time.monotonic()
    jobs.cancel_job(job.id)
    thread.join(5)
    assert time.monotonic() - started < 1.0
    assert isolation.pids() == set()
    assert (ended[0].state, ended[0].cancelled) == (JobState.FAILED, True)


@pytest.mark.requirement("R-044")
def test_recovery_ends_what_was_under_way_and_keeps_what_waits(
    registry: PluginRegistry, store: SqlJobStore, jobs: JobExecutionService
) -> None:
    registry.register(SamplePlugin())
    direct, waiting, running = (jobs.create_job("sample", {}, queued=queued) for queued in (False, True, True))
    done = jobs.run_job(jobs.create_job("sample", {}).id)
    assert store.swap(running, moved(running, JobState.RUNNING, utc_now(), lease=Lease("dead", utc_now())))
    assert jobs.recovery.recover_lost() == 1  # of the other it is not known yet
    store.end_leases()
    assert jobs.recovery.recover_lost() == 1
    for lost in (direct, running):
        job = jobs.get_job(lost.id)
        assert (job.state, job.error["type"], job.cancelled) == (JobState.FAILED, "ExecutionError", False)
        assert_error(job.error)
    assert jobs.get_job(done.id) == done
    assert [job.id if job else None for job in (jobs.run_next(), jobs.run_next())] == [waiting.id, None]
    assert jobs.recovery.recover_lost() == 0


def test_stopping_ends_only_what_runs_here(registry: PluginRegistry, jobs: JobExecutionService) -> None:
    registry.register(SamplePlugin(lambda _: {"stopped": jobs.recovery.stop_all()}))
    elsewhere = jobs.create_job("sample", {})
    ended = jobs.run_job(jobs.create_job("sample", {}).id)
    assert (ended.state, ended.error["type"]) == (JobState.FAILED, "ExecutionError")
    assert jobs.get_job(elsewhere.id).state is JobState.PENDING


@pytest.mark.requirement("R-026")
def test_a_payload_of_bytes_is_kept(registry: PluginRegistry, jobs: JobExecutionService) -> None:
    registry.register(SamplePlugin())
    assert jobs.run_job(jobs.create_job("sample", {"image": b"abc"}).id).result["got"] == {"image": "YWJj"}
