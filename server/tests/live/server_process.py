"""A real server in a process of its own, and a client for it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx2

ROOT: Final = Path(__file__).parents[3]
PLUGINS: Final = "server.tests.live.plugins"
SETTINGS: Final = {
    "PLUGIN_PACKAGES": PLUGINS,
    "PLUGIN_START_SECONDS": "3",
    "MAX_RESULT_BYTES": "2097152",
    "SHUTDOWN_SECONDS": "1",  # what tests leave behind is not worth waiting for
}
_LISTENING: Final = re.compile(r"listening on (http://\S+),")


class ServerProcess:
    """``python -m server`` on a free port; ends with the block. ``variables`` are settings without ``CTS_``."""

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.data_dir = data_dir
        data_dir.mkdir(parents=True, exist_ok=True)
        self.log = data_dir / "stderr.txt"
        environment = os.environ | {f"CTS_{name}": value for name, value in (SETTINGS | variables).items()}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server", "--port", "0", "--data-dir", str(data_dir)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self.url = self._await_url()
            self.client = httpx2.Client(base_url=self.url, timeout=30.0)
            self._await_answer()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> int:
        """End it as a service manager does; its exit code."""
        self.client.close()
        self.process.terminate()
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()

    def kill(self) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def execute(self, plugin: str, **payload: Any) -> httpx2.Response:
        return self.client.post("/v1/analyze-execution", json={"plugin": plugin, "payload": payload})

    def submit(self, plugin: str, **payload: Any) -> str:
        answer = self.client.post("/v1/analyze-execution/async", json={"plugin": plugin, "payload": payload})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["job_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.client.get(f"/v1/analyze-execution/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()["job"]
        return job

    def await_status(self, job_id: str, *statuses: str, seconds: float = 10.0) -> dict[str, Any]:
        """The job as soon as it has one of the statuses."""
        deadline = time.monotonic() + seconds
        while (job := self.job(job_id))["status"] not in statuses:
            assert time.monotonic() < deadline, f"job is still {job['status']}"
            time.sleep(0.02)
        return job

    def result(self, job_id: str) -> dict[str, Any]:
        self.await_status(job_id, "SUCCESS", "FAILED")
        answer = self.client.get(f"/v1/analyze-execution/jobs/{job_id}/result")
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def plugin(self, name: str) -> dict[str, Any]:
        answer = self.client.get(f"/v1/plugins/{name}/health")
        assert answer.status_code == 200, answer.text
        plugin: dict[str, Any] = answer.json()
        return plugin

    def await_log(self, text: str, times: int = 1) -> str:
        """The log once it says this so often; it is written a moment later than what it is about."""
        deadline = time.monotonic() + 10.0
        while (log := self.log.read_text("utf-8")).count(text) < times:
            assert time.monotonic() < deadline, f"{text!r} is not in the log:\n{log}"
            time.sleep(0.02)
        return log

    def children(self) -> set[int]:
        """The process ids of the plugin processes."""
        return children_of(self.process.pid)

    def _await_url(self) -> str:
        deadline = time.monotonic() + 60
        while (found := _LISTENING.search(self.log.read_text("utf-8"))) is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.log.read_text('utf-8')}")
            time.sleep(0.02)
        return found.group(1)

    def _await_answer(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                self.client.get("/v1/health/simple").raise_for_status()
            except httpx2.TransportError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


def children_of(pid: int) -> set[int]:
    """The living child processes of a process."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found |= {int(child) for child in task.read_text("ascii").split()}
    return {child for child in found if is_alive(child)}


def is_alive(pid: int) -> bool:
    """Whether it is there and more than an exit status that nobody has asked for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
