"""Two workers on one table, each of which may fall silent at any time: leases, late results, cancels, in any order."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from server.app.adapters.database.job_store import SqlJobStore
from server.app.adapters.database.migrate import opened_database
from server.app.adapters.embedded_workers import EmbeddedWorkers
from server.app.jobs.job import Job, JobStateError, moved
from server.app.jobs.state import TRANSITIONS, JobState
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.app.services.execution import JobExecutionService, PluginExecutionService
from server.app.services.execution.job_errors import JobConflict
from server.app.services.execution.job_execution_service import JobPolicy

WORKERS = ("a", "b")
LEASE = 10
OUTCOMES: dict[JobState, dict[str, Any]] = {
    JobState.SUCCESS: {"result": {"n": 1}},
    JobState.FAILED: {"error": {"type": "PluginError"}},
}


class LeaseMachine(RuleBasedStateMachine):
    """``claims`` are what workers hold in their hands, true or long overtaken; ``seen`` is every job as it was last."""

    claims = Bundle("claims")
    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = opened_database(Path(self.folder.name) / "jobs.db")
        self.store = SqlJobStore(self.database)
        self.now = datetime(2024, 1, 1, tzinfo=UTC)
        self.allowed = 1
        policy = JobPolicy(lease_seconds=LEASE, max_attempts=lambda _: self.allowed)
        plugins = PluginExecutionService(ToolRunner(PluginRegistry()))
        self.services = {
            name: JobExecutionService(
                self.store, EmbeddedWorkers(self.store), plugins, lambda: self.now, worker=name, policy=policy
            )
            for name in WORKERS
        }
        self.seen: dict[str, Job] = {}

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    @rule(target=jobs, allowed=st.integers(1, 3))
    def submit(self, allowed: int) -> str:
        self.allowed = allowed
        job = self.services["a"].create_job("nobody", {}, queued=True)
        self.seen[job.id] = job
        return job.id

    @rule(target=claims, name=st.sampled_from(WORKERS))
    def claim(self, name: str) -> Job | None:
        self.services[name].recovery.recover_lost()
        expected = {
            job_id
            for job_id in self.seen
            if (job := self.kept(job_id)).state is JobState.PENDING
            or (job.state is JobState.RUNNING and job.lease_until is not None and job.lease_until < self.now)
        }
        claimed = self.store.claim(self.now, self.services[name]._started)
        assert (claimed.id in expected) if claimed else not expected
        return claimed

    @rule(claim=claims, to=st.sampled_from(sorted(OUTCOMES)))
    def finish(self, claim: Job | None, to: JobState) -> None:
        if claim is None:
            return
        current = self.kept(claim.id)
        is_ours = (current.state, current.attempt) == (JobState.RUNNING, claim.attempt)
        assert self.store.swap(claim, moved(claim, to, self.now, **OUTCOMES[to])) is is_ours

    @rule(seconds=st.sampled_from((1, 9, 11)))
    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(claim=claims, name=st.sampled_from(WORKERS))
    def beat(self, claim: Job | None, name: str) -> None:
        self.store.renew(self.services[name].leases.new())
        held = self.store.held(name)
        if claim is not None:
            current = self.kept(claim.id)
            assert (claim.id in held) == (current.state is JobState.RUNNING and current.worker == name)

    @rule(name=st.sampled_from(WORKERS))
    def recover(self, name: str) -> None:
        self.services[name].recovery.recover_lost()
        for job_id in self.seen:
            job = self.kept(job_id)
            overdue = job.lease_until is not None and job.lease_until < self.now
            assert not overdue or job.attempt < job.max_attempts

    @rule(job_id=jobs)
    def cancel(self, job_id: str) -> None:
        before = self.kept(job_id)
        try:
            assert self.services["b"].cancel_job(job_id).cancelled
        except JobConflict:
            assert before.is_final
        else:
            assert not before.is_final

    @rule(job_id=jobs, to=st.sampled_from(JobState))
    def move_without_right(self, job_id: str, to: JobState) -> None:
        job = self.kept(job_id)
        if to not in TRANSITIONS[job.state]:
            with pytest.raises(JobStateError):
                moved(job, to, self.now)
        stale = replace(job, attempt=job.attempt + 1)
        assert not self.store.swap(stale, replace(job, cancelled=True))

    def kept(self, job_id: str) -> Job:
        job = self.store.get(job_id)
        assert job is not None
        return job

    @invariant()
    def every_step_is_legal(self) -> None:
        for job_id, before in self.seen.items():
            after = self.kept(job_id)
            if before.is_final:
                assert after == before
            elif after.state is not before.state:
                direct = after.state in TRANSITIONS[before.state]
                through_running = before.state is JobState.PENDING and after.attempt == 1
                assert direct or through_running
            assert before.attempt <= after.attempt <= after.max_attempts
            assert (after.lease_until is not None) == (after.state is JobState.RUNNING)
            self.seen[job_id] = after


LeaseMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestLeaseMachine = pytest.mark.requirement("R-039", "R-044", "R-046")(LeaseMachine.TestCase)
