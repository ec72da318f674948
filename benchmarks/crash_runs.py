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

import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

sys.path.insert(0, str(Path(__file__).parents[1]))

from server.tests.live.server_process import ServerProcess

CLIENTS = 6
STARTS = 5
SETTINGS = {
    "PLUGIN_PACKAGES": "benchmarks.crash_plugins",
    "PLUGIN_START_SECONDS": "20",
    "MAX_CONCURRENT_RUNS": "8",
    "MAX_WAITING_JOBS": "100000",
    "LOG_LEVEL": "ERROR",
}
WEIGHTS = {"marking": 4, "marking-again": 4, "echoing": 2}


@dataclass
class Run:
    """What the threads of one run share."""

    folder: Path
    deadline: float
    random: random.Random
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""
    submitting: bool = True
    job_ids: dict[str, tuple[str, str]] = field(default_factory=dict)  # key: plugin and job
    server_kills: int = 0
    plugin_kills: int = 0
    asked_again: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def marks(self) -> Path:
        return self.folder / "marks"

    def check_time(self) -> None:
        if self.stop.is_set() or time.monotonic() > self.deadline:
            raise TimeoutError("the minutes are over")


def submit(run: Run, client: httpx2.Client, number: int) -> None:
    """Submit one job, asking again under the same key until there is an answer."""
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
        if answer.status_code != 200:
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        run.job_ids[key] = (plugin, answer.json()["job_id"])
        return


def submit_all(run: Run, numbers: range) -> None:
    with httpx2.Client(timeout=30.0) as client:
        for number in numbers:
            submit(run, client, number)


def unfinished(run: Run) -> int:
    with closing(sqlite3.connect(f"file:{run.folder}/data/cts.db?mode=ro", uri=True, timeout=30)) as database:
        return int(database.execute("SELECT count(*) FROM job WHERE state IN ('PENDING', 'RUNNING')").fetchone()[0])


def started(run: Run) -> ServerProcess:
    """A server; on a busy machine a start may take longer than is waited for, so it is tried again."""
    for _ in range(STARTS - 1):
        try:
            return ServerProcess(run.folder / "data", **SETTINGS)
        except RuntimeError as failure:
            print(f"  {str(failure).splitlines()[0]} it is started again")
    return ServerProcess(run.folder / "data", **SETTINGS)


def serve_and_kill(run: Run) -> None:
    """Start the server and kill it, again and again; the last one is left alone until no job is open."""
    while True:
        run.check_time()
        server = started(run)
        try:
            run.url = server.url
            until = time.monotonic() + run.random.uniform(0.2, 4.0)
            while time.monotonic() < until or not run.submitting:
                if not run.submitting and unfinished(run) == 0:
                    return
                run.check_time()
                time.sleep(run.random.uniform(0.02, 0.3))
                children = sorted(server.children())
                if children and run.submitting:
                    kill(run.random.choice(children))
                    run.plugin_kills += 1
            server.kill()
            run.server_kills += 1
        finally:
            server.process.kill()
            server.process.wait()


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def problems(run: Run) -> list[str]:
    """What is wrong with the job table; empty if nothing is."""
    marks = Counter(run.marks.read_text("ascii").splitlines())
    with closing(sqlite3.connect(f"file:{run.folder}/data/cts.db?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        jobs = {row["idempotency_key"]: row for row in database.execute("SELECT * FROM job")}
        count = database.execute("SELECT count(*) FROM job").fetchone()[0]
    found = []
    if count != len(jobs) or jobs.keys() != run.job_ids.keys():
        found.append(f"{count} jobs under {len(jobs)} keys for {len(run.job_ids)} submissions that were answered")
    for key, (plugin, job_id) in run.job_ids.items():
        job = jobs.get(key)
        if job is None or job["id"] != job_id or job["plugin"] != plugin:
            found.append(f"{key}: lost, or another job")
        else:
            found += [f"{key}: {problem}" for problem in problems_of(job, marks[key])]
    return found


def problems_of(job: sqlite3.Row, marks: int) -> list[str]:
    error = json.loads(job["error"])
    result = json.loads(job["result"])
    marks_itself = job["plugin"] != "echoing"
    wrong = {
        f"is {job['state']}": job["state"] not in ("SUCCESS", "FAILED"),
        "has no end": job["completed_at"] is None or job["lease_until"] is not None,
        f"was started {job['attempt']} times": not 1 <= job["attempt"] <= job["max_attempts"],
        f"completed {marks} times in {job['attempt']} attempts": marks > job["attempt"],
    }
    if job["state"] == "SUCCESS":
        wrong["succeeded with an error"] = bool(error)
        wrong["has the result of another"] = result.get("key") != job["idempotency_key"]
        wrong["succeeded without a mark"] = marks_itself and marks == 0
    else:
        wrong[f"failed for {error.get('type')}: {error.get('message')}"] = error.get("type") != "ExecutionError"
        wrong["failed with a result"] = bool(result)
        wrong["failed with attempts left"] = job["attempt"] < job["max_attempts"]
    return [text for text, holds in wrong.items() if holds]


def report(run: Run, seconds: float) -> None:
    with closing(sqlite3.connect(f"file:{run.folder}/data/cts.db?mode=ro", uri=True)) as database:
        states = database.execute("SELECT plugin, state, attempt, count(*) FROM job GROUP BY 1, 2, 3").fetchall()
    print(
        f"{len(run.job_ids)} jobs in {seconds:.0f} s; kill -9 of the server {run.server_kills} times, of plugin "
        f"processes {run.plugin_kills} times; {run.asked_again} submissions asked again"
    )
    for plugin, state, attempt, count in states:
        print(f"  {plugin:14} {state:8} after {attempt} attempts: {count}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Jobs under kill -9.")
    parser.add_argument("jobs", nargs="?", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=15.0)
    given = parser.parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="crash-runs-") as folder:
        run = Run(Path(folder), began + given.minutes * 60, random.Random(given.seed))
        run.marks.touch()
        with ThreadPoolExecutor(CLIENTS + 1) as threads:
            serving = threads.submit(serve_and_kill, run)
            serving.add_done_callback(lambda _: run.stop.set())
            while not run.url and not serving.done():
                time.sleep(0.05)
            clients = [threads.submit(submit_all, run, range(first, given.jobs, CLIENTS)) for first in range(CLIENTS)]
            for client in clients:
                if client.exception() is not None:
                    run.stop.set()  # what ended the server is raised first, if it is the reason
            run.submitting = False
            serving.result()
            for client in clients:
                client.result()
        report(run, time.monotonic() - began)
        found = problems(run)
    for problem in found[:20]:
        print(f"  WRONG {problem}")
    print(f"{len(found)} problems: " + ("some were lost or done twice" if found else "none lost, none done twice"))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
