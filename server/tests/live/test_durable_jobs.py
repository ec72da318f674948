"""Jobs of a real server: killed with it, limited, asked for twice, listed page by page."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from server.tests.live.envelope import assert_envelope, assert_error
from server.tests.live.server_process import ServerProcess

PATH = "/v1/analyze-execution"
QUICK = {"PLUGIN_PACKAGES": "server.tests.live.plugins_quick"}


@pytest.mark.requirement("R-044", "R-143", "R-211")
def test_a_killed_servers_jobs_are_repeated_if_their_plugin_allows_it(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", MAX_CONCURRENT_RUNS="2", **QUICK) as server:
        repeatable = server.submit("persistent", seconds=1)
        once = server.submit("ticking", seconds=30)
        waiting = server.submit("text-statistics", text="one two")
        for job_id in (repeatable, once):
            server.await_status(job_id, "RUNNING")
        server.kill()
    with ServerProcess(tmp_path / "data", **QUICK) as server:
        assert server.result(waiting)["result"]["words"] == 2
        lost = server.result(once)
        assert (lost["status"], lost["error"]["type"]) == ("FAILED", "ExecutionError")
        details = lost["error"]["details"]
        assert (details["reason"], details["attempts"]) == ("worker_lost", 1)
        record = server.client.get(f"/v1/errors/{details['error_id']}").json()
        assert (record["job_id"], record["component"]) == (once, "plugin ticking")
        assert_error(lost["error"])
        assert server.result(repeatable)["result"]["slept"] == 1


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that runs one job at a time and lets two wait, and one call beside them, behind which one may wait."""
    limits = {"MAX_CONCURRENT_RUNS": "1", "MAX_WAITING_JOBS": "2", "MAX_RUNS_PER_PLUGIN": "1"}
    limits |= {"MAX_CONCURRENT_CALLS": "1", "MAX_WAITING_CALLS": "1"}
    with ServerProcess(tmp_path_factory.mktemp("small") / "data", **limits, **QUICK) as server:
        yield server


def submit(server: ServerProcess, plugin: str, key: str | None = None, **payload: object) -> httpx2.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return server.client.post(f"{PATH}/async", json={"plugin": plugin, "payload": payload}, headers=headers)


@pytest.mark.requirement("R-126")
def test_what_is_too_much_is_refused_and_taken_later(small: ServerProcess) -> None:
    running = small.submit("ticking", seconds=30)
    small.await_status(running, "RUNNING")
    error = assert_envelope(small.execute("ticking", seconds=0), 429, "ResourceLimit")
    assert error["details"] == {"plugin": "ticking", "limit": 1}
    assert small.execute("text-statistics", text="a").status_code == 200
    waiting = [small.submit("text-statistics", text=text) for text in ("a", "b c")]
    error = assert_envelope(submit(small, "text-statistics", text="d"), 429, "ResourceLimit")
    assert error["details"] == {"limit": 2}
    assert small.client.delete(f"{PATH}/jobs/{running}").status_code == 200
    assert [small.result(job_id)["result"]["words"] for job_id in waiting] == [1, 2]
    assert small.result(submit(small, "text-statistics", text="d").json()["job_id"])["status"] == "SUCCESS"


@pytest.mark.requirement("R-126")
def test_who_waited_for_a_turn_and_left_takes_no_place(small: ServerProcess) -> None:
    def called(seconds: float) -> socket.socket:
        body = json.dumps({"plugin": "ticking", "payload": {"seconds": seconds}}).encode("ascii")
        address = urlsplit(small.url)
        connection = socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=20)
        head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        connection.sendall(head.encode("ascii") + b"content-length: %d\r\n\r\n" % len(body) + body)
        return connection

    def jobs() -> list[str]:
        return [job["id"] for job in small.client.get(f"{PATH}/jobs", params={"plugin": "ticking"}).json()["jobs"]]

    def is_refused() -> bool:
        with called(0) as connection:
            connection.settimeout(0.5)
            try:
                return connection.recv(1000).startswith(b"HTTP/1.1 429 ")
            except TimeoutError:
                return False  # it waited, and leaves

    before = jobs()
    deadline = time.monotonic() + 20
    with called(60):
        while len(jobs()) == len(before):
            assert time.monotonic() < deadline
        with called(0):
            while not is_refused():
                assert time.monotonic() < deadline
        while is_refused():
            assert time.monotonic() < deadline
    while small.execute("ticking", seconds=0).status_code != 200:
        assert time.monotonic() < deadline
    assert len(jobs()) == len(before) + 2  # of those who waited, none was begun


@pytest.mark.requirement("R-049")
def test_a_key_makes_one_job(small: ServerProcess) -> None:
    first = submit(small, "text-statistics", "key", text="a").json()["job_id"]
    small.result(first)
    assert submit(small, "text-statistics", "key", text="a").json() == {"job_id": first}
    for plugin, text in (("text-statistics", "b"), ("ticking", "a")):
        error = assert_envelope(submit(small, plugin, "key", text=text), 409, "ValidationError")
        assert error["details"]["job_id"] == first
    other = submit(small, "text-statistics", "other", text="a").json()["job_id"]
    assert other != first
    small.result(other)  # only one may run at a time, and other tests want to


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_what_is_no_key(small: ServerProcess, key: str) -> None:
    assert_envelope(submit(small, "text-statistics", key, text="a"), 400, "ValidationError")


@pytest.mark.requirement("R-052")
def test_pages_follow_each_other(small: ServerProcess) -> None:
    made = {small.execute("text-statistics", text="a").json()["job_id"] for _ in range(5)}
    seen: list[str] = []
    while page := small.client.get(f"{PATH}/jobs", params={"limit": 2, "after": seen[-1:]}).json()["jobs"]:
        seen += [job["id"] for job in page]
        small.execute("text-statistics", text="a")
    assert len(seen) == len(set(seen))
    assert made <= set(seen)
    assert_envelope(small.client.get(f"{PATH}/jobs", params={"after": "nothing"}), 404, "NotFound")
