"""Jobs under `kill -9`: `crash_runs.py [JOBS] [--seed N] [--minutes N]`; 2,000 jobs, unless said otherwise.

Clients submit jobs, each under a key, to a server on the loopback address. All the while the server and the processes
of its plugins are killed at random moments; the server is started again, a client that got no answer asks again under
the same key. In the end the job table and the marks that the plugins left are compared with what was submitted:

- every submission that was answered is one job, and every job is in a final state that the table of moves allows;
- a plugin that may not be repeated has completed no job twice, one that may be no more often
  than attempts were counted;
- a job that succeeded has the result of its own payload.

Ends by itself: after JOBS jobs, or when the minutes are over, which is a failure.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks._submissions import CLIENTS, Run, arguments_of, kill, report, submit_all
from server.tests.live.server_process import ServerProcess

STARTS: Final = 5
SETTINGS: Final = {
    "PLUGIN_PACKAGES": "benchmarks.crash_plugins",
    "PLUGIN_START_SECONDS": "20",
    "MAX_CONCURRENT_RUNS": "8",
    "MAX_WAITING_JOBS": "100000",
    "LOG_LEVEL": "ERROR",
}


def rows_of(run: Run, query: str) -> list[Mapping[str, Any]]:
    with closing(sqlite3.connect(f"file:{run.folder}/data/cts.db?mode=ro", uri=True, timeout=30)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query)]


def unfinished(run: Run) -> bool:
    return bool(rows_of(run, "SELECT id FROM job WHERE state IN ('PENDING', 'RUNNING') LIMIT 1"))


def started(run: Run) -> ServerProcess:
    """A server; on a busy machine a start may take longer than is waited for, so it is tried again."""
    for _ in range(STARTS - 1):
        try:
            return ServerProcess(run.folder / "data", **SETTINGS)
        except RuntimeError as failure:
            print(f"  {str(failure).splitlines()[0]} it is started again")
    return ServerProcess(run.folder / "data", **SETTINGS)


def serve_and_kill(run: Run, submitted: threading.Event) -> Counter[str]:
    """Start the server and kill it, again and again; the last one is left alone until no job is open. What was killed
    how often."""
    killed: Counter[str] = Counter()
    while True:
        run.check_time()
        server = started(run)
        try:
            run.url = server.url
            until = time.monotonic() + run.random.uniform(0.2, 4.0)
            while time.monotonic() < until or submitted.is_set():
                if submitted.is_set() and not unfinished(run):
                    return killed
                run.check_time()
                time.sleep(run.random.uniform(0.02, 0.3))
                children = sorted(server.children())
                if children and not submitted.is_set():
                    kill(run.random.choice(children))
                    killed["plugin"] += 1
            server.kill()
            killed["server"] += 1
        finally:
            server.process.kill()
            server.process.wait()


def main(arguments: list[str]) -> int:
    given = arguments_of(arguments, "Jobs under kill -9.")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-runs-") as folder:
        run = Run(Path(folder), began + given.minutes * 60, random.Random(given.seed))
        run.marks.touch()
        submitted = threading.Event()
        with ThreadPoolExecutor(CLIENTS + 1) as threads:
            serving = threads.submit(serve_and_kill, run, submitted)
            serving.add_done_callback(lambda _: run.stop.set())
            while not run.url and not serving.done():
                time.sleep(0.05)
            clients = [threads.submit(submit_all, run, range(first, given.jobs, CLIENTS)) for first in range(CLIENTS)]
            for client in clients:
                if client.exception() is not None:
                    run.stop.set()  # what ended the server is raised first, if it is the reason
            submitted.set()
            killed = serving.result()
            for client in clients:
                client.result()
        jobs = [
            {**row, "result": json.loads(row["result"]), "error": json.loads(row["error"])}
            for row in rows_of(run, "SELECT * FROM job")
        ]
        return report(run, jobs, time.monotonic() - began, str(dict(killed)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
