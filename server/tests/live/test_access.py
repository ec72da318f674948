"""A server in production: who gets in, when a key ends, and what the log says about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from server.__main__ import main
from server.tests.live.envelope import assert_envelope
from server.tests.live.server_process import ROOT, ServerProcess

PAYLOAD = {"plugin": "text-statistics", "payload": {"text": "a b"}}


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    settings = {
        "ENVIRONMENT": "production",
        "LOG_FORMAT": "json",
        "LOG_REQUESTS": "true",
        "RATE_LIMIT_PER_MINUTE": "5000",
    }
    with ServerProcess(tmp_path_factory.mktemp("production") / "data", **settings) as server:
        yield server


def new_key(server: ServerProcess, capsys: pytest.CaptureFixture[str], name: str, role: str = "user") -> str:
    assert main(["keys", "create", name, "--role", role, "--data-dir", str(server.data_dir)]) == 0
    return capsys.readouterr().out.strip()


def log_lines(server: ServerProcess) -> list[dict[str, object]]:
    text = server.log.read_text("utf-8")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def await_status(server: ServerProcess, key: str, status: int) -> float:
    """The seconds until a request with this key is answered with this status."""
    started = time.monotonic()
    while server.client.get("/v1/plugins", headers={"x-api-key": key}).status_code != status:
        assert time.monotonic() - started < 10
        time.sleep(0.05)
    return time.monotonic() - started


@pytest.mark.requirement("R-054", "R-151")
def test_a_key_opens_until_it_is_revoked(production: ServerProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert_envelope(production.client.post("/v1/analyze-execution", json=PAYLOAD), 401, "PermissionDenied")
    key = new_key(production, capsys, "alice")
    await_status(production, key, 200)
    answer = production.client.post("/v1/analyze-execution", json=PAYLOAD, headers={"authorization": f"Bearer {key}"})
    assert answer.json()["result"]["words"] == 2
    assert main(["keys", "revoke", key[4:20], "--data-dir", str(production.data_dir)]) == 0
    await_status(production, key, 401)
    assert_envelope(
        production.client.post("/v1/analyze-execution", json=PAYLOAD, headers={"x-api-key": key}),
        401,
        "PermissionDenied",
    )
    assert key[21:] not in production.log.read_text("utf-8")


@pytest.mark.requirement("R-058")
def test_callers_do_not_see_each_others_jobs(production: ServerProcess, capsys: pytest.CaptureFixture[str]) -> None:
    mine, yours, chief = (
        {"x-api-key": new_key(production, capsys, name, role)}
        for name, role in (("carol", "user"), ("dave", "user"), ("eve", "admin"))
    )
    body = {"plugin": "ticking", "payload": {"seconds": 20}}
    job_id = production.client.post("/v1/analyze-execution/async", json=body, headers=mine).json()["job_id"]
    job = f"/v1/analyze-execution/jobs/{job_id}"
    assert_envelope(production.client.get(job, headers=yours), 404, "NotFound")
    assert_envelope(production.client.delete(job, headers=yours), 404, "NotFound")
    assert production.client.get(job, headers=mine).status_code == 200
    assert production.client.delete(job, headers=chief).json()["cancelled"] is True


@pytest.mark.requirement("R-211", "R-212", "R-219")
def test_the_log_and_the_error_log_speak_of_the_same_trace(
    production: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    key, chief = new_key(production, capsys, "frank"), new_key(production, capsys, "grace", "admin")
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = production.client.post(
        "/v1/analyze-execution",
        json={"plugin": "misbehaving", "payload": {"kind": "raises"}},
        headers={"x-api-key": key, "traceparent": f"00-{trace}-00f067aa0ba902b7-01"},
    )
    error_id = assert_envelope(answer, 400, "PluginError")["details"]["error_id"]
    assert answer.headers["traceresponse"].startswith(f"00-{trace}-")
    assert_envelope(production.client.get("/v1/errors", headers={"x-api-key": key}), 403, "PermissionDenied")
    error = production.client.get(f"/v1/errors/{error_id}", headers={"x-api-key": chief}).json()
    assert (error["trace_id"], error["component"], "ValueError" in error["stack_trace"]) == (
        trace,
        "plugin misbehaving",
        True,
    )
    report = production.client.get(f"/v1/analyze-execution/jobs/{error['job_id']}/error", headers={"x-api-key": key})
    assert (report.json()["technical_details"]["trace_id"], report.json()["error_category"]) == (trace, "tool_error")
    production.await_log(f'"trace_id": "{trace}"', times=2)
    lines = [line for line in log_lines(production) if line.get("trace_id") == trace]
    executed = next(line for line in lines if line.get("plugin") == "misbehaving")
    assert (executed["outcome"], executed["job_id"]) == ("PluginError", error["job_id"])
    request = next(line for line in lines if line["logger"] == "server.requests")
    assert (request["route"], request["status"], request["caller"]) == ("/v1/analyze-execution", 400, "frank")
    assert key[21:] not in production.log.read_text("utf-8")


@pytest.mark.requirement("R-059")
def test_a_key_is_limited_for_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ServerProcess(
        tmp_path / "data", PLUGIN_PACKAGES="", RATE_LIMIT_ENABLED="true", RATE_LIMIT_PER_MINUTE="3"
    ) as server:
        keys = [new_key(server, capsys, "alice"), new_key(server, capsys, "bob")]
        time.sleep(1.1)  # so that nobody is anonymous any more
        for key in keys:
            answers = [server.client.get("/v1/plugins", headers={"x-api-key": key}) for _ in range(4)]
            assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
            assert_envelope(answers[-1], 429, "ResourceLimit")
            assert 1 <= int(answers[-1].headers["retry-after"]) <= 20
        assert server.client.get("/v1/health/simple").status_code == 200
        assert "no key has been made" in server.log.read_text("utf-8")


@pytest.mark.requirement("R-151")
def test_an_environment_that_there_is_not_ends_the_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server", "--port", "0", "--data-dir", str(tmp_path)],
        cwd=ROOT, env=os.environ | {"CTS_ENVIRONMENT": "prod"}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, "environment" in done.stderr, "Traceback" in done.stderr) == (1, True, False)


@pytest.mark.requirement("R-109", "R-154", "R-156")
def test_health_is_quick(live: ServerProcess) -> None:
    times = []
    with httpx2.Client(base_url=live.url) as client:
        for _ in range(200):
            started = time.monotonic()
            assert client.get("/v1/health").json()["status"] == "healthy"
            times.append(time.monotonic() - started)
        assert client.get("/v1/health/detailed").json()["database"] == "answers"
    assert sorted(times)[190] < 0.1
