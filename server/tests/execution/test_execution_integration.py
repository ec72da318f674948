"""The whole path, from HTTP to the plugin and back, with nothing replaced."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from server.tests.live.envelope import assert_envelope
from server.tests.live.server_process import ServerProcess

PATH = [
    "server.app.services.execution.analysis_execution_service:AnalysisExecutionService.execute",
    "server.app.services.execution.job_execution_service:JobExecutionService.execute_job",
    "server.app.services.execution.plugin_execution_service:PluginExecutionService.execute",
    "server.app.plugins.runtime.tool_runner:ToolRunner.run",
    "server.tests.live.plugins.call_chain:CallChain.run",
]
JOBS = "/v1/analyze-execution/jobs"


SUITES = [
    "tool_runner", "input_validation", "output_validation", "error_envelope", "plugin_execution_service",
    "job_execution_service", "analysis_execution_service", "analysis_execution_endpoint", "execution_integration",
]  # fmt: skip


@pytest.mark.requirement("R-089")
@pytest.mark.parametrize("suite", SUITES)
def test_every_part_of_the_path_has_its_suite(suite: str) -> None:
    assert "\ndef test_" in (Path(__file__).parent / f"test_{suite}.py").read_text("utf-8").replace("    def", "def")


@pytest.mark.requirement("R-037", "R-091")
def test_the_plugin_sees_the_layers_in_order(live: ServerProcess) -> None:
    frames = live.execute("call-chain").json()["result"]["frames"]
    assert [frame for frame in frames if frame in PATH] == PATH
    # Between the two stands nothing but the demand for a permit.
    assert [frame for frame in frames[-3:] if not frame.startswith("server.app.plugins.permit:")] == PATH[-2:]


@pytest.mark.requirement("R-037", "R-043", "R-091")
def test_a_worker_goes_the_same_way(live: ServerProcess) -> None:
    frames = live.result(live.submit("call-chain"))["result"]["frames"]
    expected = [PATH[0].replace(".execute", ".execute_next"), PATH[1].replace(".execute_job", ".run_next"), *PATH[2:]]
    assert [frame for frame in frames if frame in expected] == expected


@pytest.mark.requirement("R-006", "R-014", "R-091", "R-093")
def test_metrics_move_with_success_error_and_bad_input(live: ServerProcess) -> None:
    before = live.plugin("misbehaving")
    assert live.execute("misbehaving", kind="nothing").status_code == 200
    after = live.plugin("misbehaving")
    assert (after["success_count"], after["error_count"]) == (before["success_count"] + 1, before["error_count"])
    assert (after["state"], after["last_used"] != before["last_used"]) == ("INITIALIZED", True)
    assert_envelope(live.execute("misbehaving", kind="raises"), 400, "PluginError")
    assert_envelope(live.execute("misbehaving", kind="not a kind"), 400, "ValidationError")
    last = live.plugin("misbehaving")
    assert (last["success_count"], last["error_count"]) == (after["success_count"], after["error_count"] + 2)
    assert (last["state"], last["reason"]) == ("FAILED", "the plugin raised ValueError")


@pytest.mark.requirement("R-008", "R-020", "R-091")
def test_a_running_plugin_shows_as_running(live: ServerProcess) -> None:
    job_id = live.submit("ticking", seconds=5)
    live.await_status(job_id, "RUNNING")
    deadline = time.monotonic() + 2
    while live.plugin("ticking")["state"] != "RUNNING":
        assert time.monotonic() < deadline
    live.client.delete(f"{JOBS}/{job_id}")
    while live.plugin("ticking")["state"] == "RUNNING":
        assert time.monotonic() < deadline
    assert live.plugin("ticking")["state"] == "INITIALIZED"


@pytest.mark.requirement("R-011", "R-145")
def test_slow_jobs_run_beside_each_other_and_a_failing_one_harms_none(live: ServerProcess) -> None:
    started = time.monotonic()
    with ThreadPoolExecutor(4) as threads:
        slow = [threads.submit(live.execute, "ticking", seconds=1) for _ in range(3)]
        failing = threads.submit(live.execute, "misbehaving", kind="os_exits")
    assert_envelope(failing.result(), 400, "ExecutionError")
    assert [answer.result().status_code for answer in slow] == [200] * 3
    assert time.monotonic() - started < 2.9  # one after the other they would take three seconds


@pytest.mark.requirement("R-057")
def test_quick_requests_do_not_wait_for_slow_ones(live: ServerProcess) -> None:
    with ThreadPoolExecutor(3) as threads:
        slow = [threads.submit(live.execute, "ticking", seconds=2) for _ in range(3)]
        time.sleep(0.2)
        times: list[float] = []
        while not any(answer.done() for answer in slow) and len(times) < 100:
            started = time.monotonic()
            assert live.client.get(JOBS).status_code == 200
            times.append(time.monotonic() - started)
        assert len(times) >= 20
    assert sorted(times)[len(times) * 95 // 100] < 0.1


@pytest.mark.requirement("R-057")
def test_an_execution_stops_when_its_client_goes_away(live: ServerProcess) -> None:
    body = {"plugin": "ticking", "payload": {"seconds": 20}}
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(f"{live.url}/v1/analyze-execution", json=body, timeout=1.0)
    newest = live.client.get(JOBS, params={"plugin": "ticking", "limit": 1}).json()["jobs"][0]
    live.await_status(newest["id"], "FAILED", seconds=2.0)
    assert live.result(newest["id"])["error"]["type"] == "Cancelled"
