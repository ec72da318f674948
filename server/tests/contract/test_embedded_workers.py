"""Workers take up what is queued, whatever goes wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from server.app.adapters.database.job_store import SqlJobStore
from server.app.adapters.embedded_workers import EmbeddedWorkers
from server.app.core.clock import utc_now
from server.app.jobs.store import JobFilter
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.app.services.execution import AnalysisExecutionService, JobExecutionService, PluginExecutionService
from server.tests.sample_plugins import SamplePlugin

pytestmark = pytest.mark.requirement("R-043")


def wait_for(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_workers_execute_what_is_submitted_and_stop_when_told(registry: PluginRegistry, store: SqlJobStore) -> None:
    registry.register(SamplePlugin())
    workers = EmbeddedWorkers(store)
    jobs = JobExecutionService(store, workers, PluginExecutionService(ToolRunner(registry)), utc_now)
    analysis = AnalysisExecutionService(jobs)
    before = [analysis.submit("sample", {}) for _ in range(5)]
    workers.start(2, analysis.execute_next)
    after = [analysis.submit("sample", {}) for _ in range(20)]
    wait_for(lambda: all(analysis.job(job_id).is_final for job_id in before + after))
    workers.stop()
    assert workers.join(2)
    left = analysis.submit("sample", {})
    time.sleep(0.05)
    assert not analysis.job(left).is_final
    assert len(analysis.jobs(JobFilter(plugin="sample"))) == 26


def test_a_worker_survives_a_failure(store: SqlJobStore, caplog: pytest.LogCaptureFixture) -> None:
    attempts: list[int] = []
    done = threading.Event()

    def execute_next() -> bool:
        attempts.append(1)
        if len(attempts) == 1:
            raise OSError("the disk is full")
        done.set()
        return False

    workers = EmbeddedWorkers(store)
    workers.start(1, execute_next)
    assert done.wait(5)
    workers.stop()
    assert workers.join(2)
    assert "will try again" in caplog.text


def test_join_tells_of_a_worker_that_does_not_end(store: SqlJobStore) -> None:
    leave = threading.Event()
    workers = EmbeddedWorkers(store)
    workers.start(1, lambda: leave.wait(5))
    time.sleep(0.02)
    workers.stop()
    assert not workers.join(0.05)
    leave.set()
    assert workers.join(2)
