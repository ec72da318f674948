"""Jobs under `kill -9` beyond one machine: `crash_runs_postgres.py [JOBS] [--seed N] [--minutes N]`; 2,000 jobs.

As `crash_runs.py`, with a Postgres of its own, one server that executes nothing, and two workers. At random moments a
worker, the server, a plugin's process or all of Postgres is killed, and started again. The same is compared in the end.

Ends by itself: after JOBS jobs, or when the minutes are over, which is a failure.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx2

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.crash_runs import CLIENTS, WEIGHTS, Run, kill, problems_of
from server.tests.live.postgres_process import PostgresProcess
from server.tests.live.server_process import ServerProcess
from server.tests.live.worker_process import WorkerProcess

WORKERS: Final = 2
SLOTS: Final = 8
OPEN: Final = "SELECT count(*) FROM job WHERE state IN ('PENDING', 'RUNNING')"


class Machines:
    """Postgres, the server and the workers, and what was done to them."""

    def __init__(self, run: Run, postgres: PostgresProcess) -> None:
        self._run = run
        self._postgres = postgres
        self.url = postgres.create_database()
        self.variables = {
            "DATABASE_URL": self.url,
            "PLUGIN_PACKAGES": "benchmarks.crash_plugins",
            "PLUGIN_START_SECONDS": "20",
            "PLUGIN_WRITE_PATHS": str(run.folder),
            "MAX_WAITING_JOBS": "100000",
            "JOB_LEASE_SECONDS": "3",
            "LOG_LEVEL": "ERROR",
        }
        self.killed: Counter[str] = Counter()
        self._number = 0
        self._workers: list[WorkerProcess] = []
        self._server = self._started_server()
        for _ in range(WORKERS):
            self._start_worker()

    def disturb(self) -> None:
        """Kill one of them, and start it again."""
        what = self._run.random.choices(("worker", "plugin", "server", "postgres"), (5, 5, 2, 1))[0]
        if what == "worker":
            worker = self._workers.pop(self._run.random.randrange(len(self._workers)))
            worker.kill()
            self._start_worker()
        elif what == "plugin":
            children = sorted(child for worker in self._workers for child in worker.children())
            if not children:
                return
            kill(self._run.random.choice(children))
        elif what == "server":
            self._server.kill()
            self._server = self._started_server()
        else:
            self._postgres.kill()
            time.sleep(self._run.random.uniform(0.0, 1.0))
            self._postgres.start()
        self.killed[what] += 1

    def open_jobs(self) -> int:
        return int(self._postgres.sql(OPEN, url=self.url)[0][0])

    def close(self) -> None:
        self._server.kill()
        for worker in self._workers:
            worker.kill()

    def _started_server(self) -> ServerProcess:
        server = ServerProcess(self._run.folder / "server", MAX_CONCURRENT_RUNS="0", **self.variables)
        self._run.url = server.url
        return server

    def _start_worker(self) -> None:
        self._number += 1
        folder = self._run.folder / f"worker{self._number}"
        self._workers.append(WorkerProcess(folder, self.variables, SLOTS))


def submit_all(run: Run, numbers: range) -> None:
    with httpx2.Client(timeout=30.0) as client:
        for number in numbers:
            submit(run, client, number)


def submit(run: Run, client: httpx2.Client, number: int) -> None:
    """Submit one job, asking again under the same key until it is taken."""
    key = f"key-{number}"
    with run.lock:
        plugin = run.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        seconds = run.random.choice((0.0, 0.0, 0.001, 0.01))
    payload: dict[str, Any] = {"key": key, "seconds": seconds}
    if plugin != "echoing":
        payload["path"] = str(run.marks)
    while True:
        run.check_time()
        try:
            answer = client.post(
                f"{run.url}/v1/analyze-execution/async",
                json={"plugin": plugin, "payload": payload},
                headers={"Idempotency-Key": key},
            )
        except httpx2.TransportError:
            run.asked_again += 1
            time.sleep(0.05)
            continue
        if answer.status_code == 200:
            run.job_ids[key] = (plugin, answer.json()["job_id"])
            return
        # While the database is away the server can only say that it does not know.
        if answer.json()["error"]["type"] != "InternalError":
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        run.asked_again += 1


def problems(run: Run, rows: list[asyncpg.Record]) -> list[str]:
    """What is wrong with the job table; empty if nothing is."""
    marks = Counter(run.marks.read_text("ascii").splitlines())
    jobs = {row["idempotency_key"]: row for row in rows}
    found = []
    if len(rows) != len(jobs) or jobs.keys() != run.job_ids.keys():
        found.append(f"{len(rows)} jobs under {len(jobs)} keys for {len(run.job_ids)} submissions that were answered")
    for key, (plugin, job_id) in run.job_ids.items():
        job = jobs.get(key)
        if job is None or job["id"] != job_id or job["plugin"] != plugin:
            found.append(f"{key}: lost, or another job")
        else:
            found += [f"{key}: {problem}" for problem in problems_of(job, marks[key])]
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Jobs under kill -9, on Postgres and workers.")
    parser.add_argument("jobs", nargs="?", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=15.0)
    given = parser.parse_args(arguments)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-runs-") as folder, PostgresProcess() as postgres:
        run = Run(Path(folder), started + given.minutes * 60, random.Random(given.seed))
        run.marks.touch()
        machines = Machines(run, postgres)
        try:
            with ThreadPoolExecutor(CLIENTS) as threads:
                clients = [
                    threads.submit(submit_all, run, range(first, given.jobs, CLIENTS)) for first in range(CLIENTS)
                ]
                while not all(client.done() for client in clients) or machines.open_jobs() > given.jobs // 20:
                    time.sleep(run.random.uniform(0.2, 2.0))
                    run.check_time()
                    machines.disturb()
                for client in clients:
                    client.result()
            while machines.open_jobs():
                run.check_time()
                time.sleep(0.2)
            rows = postgres.sql("SELECT * FROM job", url=machines.url)
            left = postgres.sql("SELECT count(*) FROM pgqueuer", url=machines.url)[0][0]
        finally:
            machines.close()
        found = problems(run, rows)
    print(f"{len(rows)} jobs in {time.monotonic() - started:.0f} s; kill -9: {dict(machines.killed)}")
    print(f"{run.asked_again} submissions asked again; {left} rows left in the queue")
    for (plugin, state, attempt), count in sorted(
        Counter((row["plugin"], row["state"], row["attempt"]) for row in rows).items()
    ):
        print(f"  {plugin:14} {state:8} after {attempt} attempts: {count}")
    for problem in found[:20]:
        print(f"  WRONG {problem}")
    print(f"{len(found)} problems: " + ("some were lost or done twice" if found else "none lost, none done twice"))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
