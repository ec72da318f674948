"""A server that executes nothing itself, and workers in processes of their own that come, die and are cut off."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from server.app.adapters.database.database import Database
from server.app.adapters.database.postgres import Postgres
from server.app.core.start_error import StartError
from server.tests.live.postgres_process import PostgresProcess
from server.tests.live.server_process import ServerProcess
from server.tests.live.worker_process import WorkerProcess
from server.worker_command import worker_command

LEASE_SECONDS = 2.0


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@dataclass
class Cluster:
    """A server that executes nothing, and two workers with two slots each."""

    postgres: PostgresProcess
    server: ServerProcess
    workers: list[WorkerProcess]
    variables: dict[str, str]
    folder: Path

    def add_worker(self) -> None:
        number = len(list(self.folder.iterdir()))
        self.workers.append(WorkerProcess(self.folder / f"worker{number}", self.variables))

    def take_out(self, job_id: str) -> WorkerProcess:
        """The worker that executes this job, which is no longer the cluster's, but for another one."""
        query = f"SELECT worker FROM job WHERE id = '{job_id}'"
        name = self.postgres.sql(query, url=self.variables["DATABASE_URL"])[0][0]
        (taken,) = [worker for worker in self.workers if worker.is_called(name)]
        self.workers.remove(taken)
        self.add_worker()
        return taken


@pytest.fixture(scope="module")
def cluster(postgres: PostgresProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    variables = {
        "DATABASE_URL": postgres.create_database(),
        "PLUGIN_PACKAGES": "server.tests.live.plugins_quick",
        "PLUGIN_WRITE_PATHS": str(tmp_path_factory.getbasetemp()),
        "JOB_LEASE_SECONDS": str(LEASE_SECONDS),
        "SHUTDOWN_SECONDS": "1",
    }
    folder = tmp_path_factory.mktemp("cluster")
    with ServerProcess(folder / "server", MAX_CONCURRENT_RUNS="0", **variables) as server:
        cluster = Cluster(postgres, server, [], variables, folder)
        try:
            for _ in range(2):
                cluster.add_worker()
            for worker in cluster.workers:
                worker.ready()
            yield cluster
        finally:
            for worker in cluster.workers:
                worker.stop()


@pytest.mark.requirement("R-046", "R-216")
def test_two_workers_share_two_hundred_jobs_and_each_runs_once(cluster: Cluster) -> None:
    server = cluster.server
    for worker in cluster.workers:
        worker.ready()
    before = [worker.executed() for worker in cluster.workers]
    ids = [server.submit("ticking", seconds=0.01) for _ in range(200)]
    for job_id in ids:
        server.await_status(job_id, "SUCCESS", seconds=60)

    def counted() -> list[int]:
        return [worker.executed() - seen for worker, seen in zip(cluster.workers, before, strict=True)]

    wait_for(lambda: sum(counted()) >= len(ids))  # the log is written a moment later
    time.sleep(0.5)  # none of them may be in it twice
    counts = counted()
    assert sum(counts) == len(ids)
    assert min(counts) > 20


@pytest.mark.requirement("R-053", "R-216")
def test_a_job_that_is_cancelled_stops_on_another_machine_within_a_second(cluster: Cluster, tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    job_id = cluster.server.submit("ticking", seconds=60, path=str(ticks))
    wait_for(ticks.exists)
    assert cluster.server.client.delete(f"/v1/analyze-execution/jobs/{job_id}").json()["cancelled"] is True
    time.sleep(1.0)
    seen = ticks.stat().st_size
    time.sleep(0.5)
    assert ticks.stat().st_size == seen


@pytest.mark.requirement("R-044", "R-216")
def test_a_restart_of_the_database_costs_no_job(cluster: Cluster, tmp_path: Path) -> None:
    server = cluster.server
    ticks = tmp_path / "ticks"
    running = server.submit("ticking", seconds=1.5, path=str(ticks))
    wait_for(ticks.exists)
    waiting = [server.submit("ticking", seconds=0.3) for _ in range(8)]
    cluster.postgres.stop()
    cluster.postgres.start()
    later = server.submit("text-statistics", text="one two")
    for job_id in (running, *waiting, later):
        assert server.await_status(job_id, "SUCCESS", "FAILED", seconds=60)["status"] == "SUCCESS"
    assert ticks.stat().st_size < 30  # once, not again


@pytest.mark.requirement("R-044", "R-216")
def test_the_job_of_a_killed_worker_is_failed_with_the_reason(cluster: Cluster, tmp_path: Path) -> None:
    server, ticks = cluster.server, tmp_path / "ticks"
    running = server.submit("ticking", seconds=60, path=str(ticks))
    wait_for(ticks.exists)
    cluster.take_out(running).kill()
    waiting = [server.submit("text-statistics", text="one two") for _ in range(5)]
    server.await_status(running, "FAILED", seconds=60)
    assert server.result(running)["error"]["details"]["reason"] == "worker_lost"
    assert [server.result(job_id)["result"]["words"] for job_id in waiting] == [2] * 5
    seen = ticks.stat().st_size
    time.sleep(0.3)
    assert ticks.stat().st_size == seen


@pytest.mark.requirement("R-044")
def test_a_worker_that_is_told_to_end_says_what_became_of_its_jobs(cluster: Cluster, tmp_path: Path) -> None:
    ticks = tmp_path / "ticks"
    job_id = cluster.server.submit("ticking", seconds=60, path=str(ticks))
    wait_for(ticks.exists)
    worker = cluster.take_out(job_id)
    children = worker.children()
    assert children
    assert worker.stop() == 0
    assert not any(Path(f"/proc/{child}/exe").exists() for child in children)
    assert "the server was stopped" in cluster.server.result(job_id)["error"]["message"]
    assert "Traceback" not in worker.log.read_text("utf-8")


@pytest.mark.requirement("R-044")
def test_a_worker_that_is_told_twice_waits_for_no_job(postgres: PostgresProcess, tmp_path: Path) -> None:
    variables = {
        "DATABASE_URL": postgres.create_database(),
        "PLUGIN_PACKAGES": "server.tests.live.plugins_quick",
        "SHUTDOWN_SECONDS": "600",
    }
    with ServerProcess(tmp_path / "server", MAX_CONCURRENT_RUNS="0", **variables) as server:
        worker = WorkerProcess(tmp_path / "worker", variables).ready()
        job_id = server.submit("ticking", seconds=600)
        server.await_status(job_id, "RUNNING", seconds=60)
        deadline = time.monotonic() + 60
        while worker.process.poll() is None and time.monotonic() < deadline:
            worker.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                worker.process.wait(0.7)
        assert worker.stop() == 0
        assert "the server was stopped" in server.result(job_id)["error"]["message"]
    assert "Traceback" not in worker.log.read_text("utf-8")


def test_a_worker_that_waits_for_a_locked_database_ends_when_it_is_told(
    postgres: PostgresProcess, postgres_url: str, tmp_path: Path
) -> None:
    held, done = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        connection.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
        held.set()
        assert done.wait(60)

    database = Database(Postgres(postgres_url))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as threads:
        holder = threads.submit(database.call, hold)
        try:
            assert held.wait(20)
            worker = WorkerProcess(tmp_path, {"DATABASE_URL": postgres_url})
            wait_for(lambda: bool(postgres.sql(waiting)[0][0]), 20)
            assert worker.stop() == 0
        finally:
            done.set()
        holder.result(20)
    database.close()
    assert "Traceback" not in worker.log.read_text("utf-8")


@pytest.mark.parametrize(
    ("said", "words", "url"),
    [
        ("a worker needs a database that it shares with a server; set CTS_DATABASE_URL", [], None),
        ("it must begin with postgresql://", [], "mysql://root:secret@localhost/cts"),
        ("of no use", ["--jobs", "0"], "postgresql://localhost:9/cts"),
        ("cannot be reached", ["--jobs", "1"], "postgresql://u:secret@localhost:9/cts"),
    ],
    ids=["no database", "another database", "no jobs", "no server"],
)
def test_a_worker_that_cannot_start_says_why(
    said: str, words: list[str], url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CTS_DATABASE_URL", raising=False)
    if url is not None:
        monkeypatch.setenv("CTS_DATABASE_URL", url)
    with pytest.raises(StartError, match=said) as raised:
        worker_command(words)
    assert "secret" not in str(raised.value)
