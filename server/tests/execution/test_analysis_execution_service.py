"""First layer: now, or later."""

from __future__ import annotations

import pytest

from server.app.core.ids import new_id
from server.app.jobs.state import JobState
from server.app.jobs.store import JobFilter
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.services.execution import AnalysisExecutionService
from server.app.services.execution.job_errors import JobConflict, JobNotFound
from server.tests.sample_plugins import SamplePlugin, raising

pytestmark = pytest.mark.requirement("R-036", "R-042")


def test_execute_returns_result_and_empty_error(registry: PluginRegistry, analysis: AnalysisExecutionService) -> None:
    registry.register(SamplePlugin())
    result, error = analysis.execute("sample", {"n": 1})
    assert (result["got"], error) == ({"n": 1}, {})


def test_execute_returns_the_public_envelope(registry: PluginRegistry, analysis: AnalysisExecutionService) -> None:
    registry.register(SamplePlugin(raising(ValueError())))
    result, envelope = analysis.execute("sample", {})
    assert (result, set(envelope), envelope["error"]["type"]) == ({}, {"error"}, "PluginError")


def test_execute_is_recorded_as_a_job(registry: PluginRegistry, analysis: AnalysisExecutionService) -> None:
    registry.register(SamplePlugin())
    job_id = new_id()
    result, _ = analysis.execute("sample", {}, job_id=job_id, owner="someone")
    job = analysis.finished_job(job_id)
    assert (job.state, job.result, job.owner, job.queued) == (JobState.SUCCESS, result, "someone", False)


def test_submit_returns_at_once_and_a_worker_executes(
    registry: PluginRegistry, analysis: AnalysisExecutionService
) -> None:
    plugin = SamplePlugin()
    registry.register(plugin)
    job_id = analysis.submit("sample", {"n": 1}, owner="someone")
    assert (plugin.calls, analysis.job(job_id).state) == (0, JobState.PENDING)
    assert analysis.execute_next()
    assert analysis.finished_job(job_id).result["got"] == {"n": 1}
    assert not analysis.execute_next()


def test_a_result_is_there_only_after_the_end(registry: PluginRegistry, analysis: AnalysisExecutionService) -> None:
    job_id = analysis.submit("sample", {})
    with pytest.raises(JobConflict) as caught:
        analysis.finished_job(job_id)
    assert caught.value.details == {"job_id": job_id, "status": "PENDING"}


def test_a_failed_job_has_a_result_too(registry: PluginRegistry, analysis: AnalysisExecutionService) -> None:
    registry.register(SamplePlugin(raising(ValueError())))
    job_id = analysis.submit("sample", {})
    analysis.execute_next()
    assert analysis.finished_job(job_id).error["type"] == "PluginError"


def test_jobs_are_listed(analysis: AnalysisExecutionService) -> None:
    job_ids = [analysis.submit("sample", {}) for _ in range(3)]
    assert [job.id for job in analysis.jobs(JobFilter())] == job_ids[::-1]


def test_cancel(analysis: AnalysisExecutionService) -> None:
    job_id = analysis.submit("sample", {})
    assert analysis.cancel(job_id).cancelled
    with pytest.raises(JobConflict):
        analysis.cancel(job_id)


def test_abandon_stops_what_can_be_stopped_and_minds_nothing_else(analysis: AnalysisExecutionService) -> None:
    job_id = analysis.submit("sample", {})
    for _ in range(2):
        analysis.abandon(job_id)
    assert analysis.finished_job(job_id).cancelled
    analysis.abandon(new_id())


def test_what_is_unknown_is_not_found(analysis: AnalysisExecutionService) -> None:
    for ask in (analysis.job, analysis.finished_job, analysis.cancel):
        with pytest.raises(JobNotFound):
            ask(new_id())
