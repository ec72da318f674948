"""Jobs under `kill -9` beyond one machine: `crash_runs_postgres.py [JOBS] [--seed N] [--minutes N]`; 2,000 jobs.

As `crash_runs.py`, with a Postgres of its own, one server that executes nothing, and two workers. At random moments a
worker, the server, a plugin's process or all of Postgres is killed, and started again. The same is compared in the end.

Ends by itself: after JOBS jobs, or when the minutes are over, which is a failure.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks._submissions import CLIENTS, Run, arguments_of, kill, report, submit_all
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


def main(arguments: list[str]) -> int:
    given = arguments_of(arguments, "Jobs under kill -9, on Postgres and workers.")
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
        jobs = [{**row, "result": json.loads(row["result"]), "error": json.loads(row["error"])} for row in rows]
        print(f"{left} rows left in the queue")
        return report(run, jobs, time.monotonic() - started, str(dict(machines.killed)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
