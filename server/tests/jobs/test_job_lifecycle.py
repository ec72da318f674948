"""Jobs of the real service and the real database, moved about in any order: no state that the table forbids."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from server.app.adapters.database.job_store import SqlJobStore
from server.app.adapters.database.migrate import opened_database
from server.app.adapters.embedded_workers import EmbeddedWorkers
from server.app.core.clock import utc_now
from server.app.jobs.job import Job, JobStateError, Lease, moved
from server.app.jobs.state import FINAL_STATES, TRANSITIONS, JobState
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.app.services.execution import JobExecutionService, PluginExecutionService
from server.app.services.execution.job_errors import JobConflict
from server.tests.sample_plugins import SamplePlugin


class JobMachine(RuleBasedStateMachine):
    """``seen`` is the history of every job as the database showed it, also from inside of the plugin."""

    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = opened_database(Path(self.folder.name) / "jobs.db")
        store = SqlJobStore(self.database)
        registry = PluginRegistry()
        registry.register(SamplePlugin(self.behave))
        plugins = PluginExecutionService(ToolRunner(registry))
        self.service = JobExecutionService(store, EmbeddedWorkers(store), plugins, utc_now)
        self.seen: dict[str, list[JobState]] = {}
        self.queue: list[str] = []

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    def behave(self, payload: dict[str, str]) -> dict[str, int]:
        self.look()
        match payload["outcome"]:
            case "fails":
                raise ValueError
            case "is cancelled":
                self.service.cancel_job(next(iter(self.service._under_way.ids)))
            case "server stops":
                self.service.recovery.stop_all()
        return {"n": 1}

    def look(self) -> None:
        for job_id, states in self.seen.items():
            state = self.service.get_job(job_id).state
            if states[-1] is not state:
                states.append(state)

    @rule(
        target=jobs,
        queued=st.booleans(),
        outcome=st.sampled_from(["succeeds", "fails", "is cancelled", "server stops"]),
    )
    def create(self, queued: bool, outcome: str) -> str:
        job = self.service.create_job("sample", {"outcome": outcome}, queued=queued)
        self.seen[job.id] = [JobState.PENDING]
        if queued:
            self.queue.append(job.id)
        return job.id

    @rule(job_id=jobs)
    def run(self, job_id: str) -> None:
        before = self.seen[job_id][-1]
        try:
            job = self.service.run_job(job_id)
        except JobStateError:
            assert before is not JobState.PENDING
        else:
            assert (before, job.is_final) == (JobState.PENDING, True)

    @rule()
    def run_next(self) -> None:
        waiting = [job_id for job_id in self.queue if self.seen[job_id][-1] is JobState.PENDING]
        job = self.service.run_next()
        assert (job.id if job else None) == (waiting[0] if waiting else None)

    @rule(job_id=jobs)
    def cancel(self, job_id: str) -> None:
        before = self.seen[job_id][-1]
        try:
            job = self.service.cancel_job(job_id)
        except JobConflict:
            assert before in FINAL_STATES
        else:
            assert (before, job.state, job.cancelled) == (JobState.PENDING, JobState.FAILED, True)

    @rule()
    def recover(self) -> None:
        self.service.recovery.recover_lost()

    @rule(job_id=consumes(jobs))
    def forget(self, job_id: str) -> None:
        assert self.service.find_job(job_id).id == job_id

    @invariant()
    def every_history_is_legal(self) -> None:
        self.look()
        for states in self.seen.values():
            for before, to in itertools.pairwise(states):
                assert to in TRANSITIONS[before]

    @invariant()
    def every_record_is_whole(self) -> None:
        for job_id in self.seen:
            check(self.service.get_job(job_id))


def check(job: Job) -> None:
    assert (job.completed_at is not None) == job.is_final
    assert bool(job.result) == (job.state is JobState.SUCCESS)
    assert bool(job.error) == (job.state is JobState.FAILED)
    assert not job.cancelled or job.error["type"] == "Cancelled"
    assert job.attempt == (job.started_at is not None)


JobMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestJobMachine = pytest.mark.requirement("R-039", "R-044")(JobMachine.TestCase)


def test_a_move_keeps_what_is_not_about_the_state() -> None:
    now = utc_now()
    job = Job(
        id="a",
        plugin="b",
        state=JobState.PENDING,
        created_at=now,
        updated_at=now,
        owner="c",
        queued=True,
        max_attempts=7,
        idempotency_key="d",
        payload={"e": 1},
    )
    lease = Lease("w", now)
    running = moved(job, JobState.RUNNING, now, lease=lease)
    assert running == replace(job, state=JobState.RUNNING, started_at=now, attempt=1, worker="w", lease_until=now)
    ended = moved(running, JobState.SUCCESS, now, result={"f": 2})
    assert ended == replace(running, state=JobState.SUCCESS, completed_at=now, lease_until=None, result={"f": 2})
