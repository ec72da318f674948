"""What both crash runs do: submit jobs to a server that comes and goes, and compare in the end what became of them."""

from __future__ import annotations

import argparse
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

CLIENTS: Final = 6
WEIGHTS: Final = {"marking": 4, "marking-again": 4, "echoing": 2}


@dataclass
class Run:
    """What the threads of one run share."""

    folder: Path
    deadline: float
    random: random.Random
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""
    job_ids: dict[str, tuple[str, str]] = field(default_factory=dict)  # key: plugin and job
    asked_again: int = 0
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def marks(self) -> Path:
        return self.folder / "marks"

    def check_time(self) -> None:
        if self.stop.is_set() or time.monotonic() > self.deadline:
            raise TimeoutError("the minutes are over")


def arguments_of(given: Sequence[str], description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("jobs", nargs="?", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=15.0)
    return parser.parse_args(given)


def submit_all(run: Run, numbers: range) -> None:
    """Submit these jobs one after another, asking again under the same key until each is taken."""
    with httpx2.Client(timeout=30.0) as client:
        for number in numbers:
            _submit(run, client, number)


def _submit(run: Run, client: httpx2.Client, number: int) -> None:
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
        # A database that is away or closing leaves the server with nothing to say but that it does not know.
        if answer.json()["error"]["type"] != "InternalError":
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        run.asked_again += 1


def kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def report(run: Run, jobs: Iterable[Mapping[str, Any]], seconds: float, killed: str) -> bool:
    """Print what was done and what is wrong; whether anything is."""
    rows = list(jobs)
    print(f"{len(rows)} jobs in {seconds:.0f} s; kill -9: {killed}; {run.asked_again} submissions asked again")
    outcomes = Counter((row["plugin"], row["state"], row["attempt"]) for row in rows)
    for (plugin, state, attempt), count in sorted(outcomes.items()):
        print(f"  {plugin:14} {state:8} after {attempt} attempts: {count}")
    found = problems(run, rows)
    for problem in found[:20]:
        print(f"  WRONG {problem}")
    print(f"{len(found)} problems: " + ("some were lost or done twice" if found else "none lost, none done twice"))
    return bool(found)


def problems(run: Run, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with the rows of the job table, whose result and error are objects; empty if nothing is."""
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
            found += [f"{key}: {problem}" for problem in _problems_of(job, marks[key])]
    return found


def _problems_of(job: Mapping[str, Any], marks: int) -> list[str]:
    error, result = job["error"], job["result"]
    wrong = {
        f"is {job['state']}": job["state"] not in ("SUCCESS", "FAILED"),
        "has no end": job["completed_at"] is None or job["lease_until"] is not None,
        f"was started {job['attempt']} times": not 1 <= job["attempt"] <= job["max_attempts"],
        f"completed {marks} times in {job['attempt']} attempts": marks > job["attempt"],
    }
    if job["state"] == "SUCCESS":
        wrong["succeeded with an error"] = bool(error)
        wrong["has the result of another"] = result.get("key") != job["idempotency_key"]
        wrong["succeeded without a mark"] = job["plugin"] != "echoing" and marks == 0
    else:
        wrong[f"failed for {error.get('type')}: {error.get('message')}"] = error.get("type") != "ExecutionError"
        wrong["failed with a result"] = bool(result)
        wrong["failed with attempts left"] = job["attempt"] < job["max_attempts"]
    return [text for text, holds in wrong.items() if holds]
