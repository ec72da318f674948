"""A steady load with faults: `soak.py [MINUTES] [--rate N] [--postgres]`; 30 minutes, 10 jobs a second, one server. Its
jobs are in SQLite, or in a Postgres of its own.

About half of the jobs are waited for, the others are submitted. One in eight meets a fault: the plugin raises, ends
its process, runs into its timeout, leaves files, is cancelled, or is killed from outside. Every second its memory,
open files, child processes, the files in its temporary folders and the size of its database are read. After the first
fifth of the time each of them must be level: of every half minute the least counts, as what is lost is in that too and
what is only in use is not, and the straight line that fits these best (least squares) may rise until the end by no more
than its bound. Jobs are kept for ten seconds, so that a level database is a matter of minutes.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from server.tests.live.postgres_process import PostgresProcess
from server.tests.live.server_process import ServerProcess

SETTINGS: Final = {
    "PLUGIN_PACKAGES": "server.tests.live.plugins",
    "TOOL_TIMEOUT_SECONDS": "2",
    "JOB_RETENTION_DAYS": str(10 / 86400),
    "CLEANUP_INTERVAL_MINUTES": "0.05",
    "LOG_LEVEL": "ERROR",
}


@dataclass(frozen=True)
class Measure:
    name: str
    unit: str
    bound: float  # how much the fitted line may rise in the whole time
    read: Callable[[ServerProcess], float]


def memory(server: ServerProcess) -> float:
    """Megabytes of the server itself that nobody else shares."""
    for line in Path(f"/proc/{server.process.pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError("smaps_rollup has no Pss")


def open_files(server: ServerProcess) -> float:
    return sum(1 for _ in Path(f"/proc/{server.process.pid}/fd").iterdir())


def processes(server: ServerProcess) -> float:
    return len(server.children())


def temporary_files(server: ServerProcess) -> float:
    # os.walk passes over folders that are removed meanwhile.
    return sum(len(folders) + len(files) for _, folders, files in os.walk(server.data_dir / "tmp"))


def size_of_file(server: ServerProcess) -> float:
    return sum(file.stat().st_size for file in server.data_dir.glob("cts.db*")) / 2**20


def measures(database_size: Callable[[ServerProcess], float]) -> Sequence[Measure]:
    return (
        Measure("memory", "MB", 8.0, memory),
        Measure("open files", "", 4.0, open_files),
        Measure("child processes", "", 3.0, processes),
        Measure("temporary files", "", 6.0, temporary_files),
        Measure("database", "MB", 2.0, database_size),
    )


def least(values: Sequence[float], each: int = 30) -> list[float]:
    """The least of each so many values."""
    return [min(values[start : start + each]) for start in range(0, len(values) - each + 1, each)]


def rise(values: Sequence[float]) -> float:
    """How much the line of least squares rises from the first to the last of values that are equally far apart."""
    times = range(len(values))
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((at - middle) ** 2 for at in times)
    slope = sum((at - middle) * (value - mean) for at, value in zip(times, values, strict=True)) / spread
    return slope * (times[-1] - times[0])


class Load:
    """Clients that ask at a steady rate, and what they were told."""

    def __init__(self, server: ServerProcess, rate: float, until: float) -> None:
        self._server = server
        self._rate = rate
        self._until = until
        self._random = random.Random(1)
        self._lock = threading.Lock()
        self.told: Counter[str] = Counter()
        self.late = 0

    def run(self) -> None:
        with ThreadPoolExecutor(16) as threads:
            due = time.monotonic()
            while due < self._until:
                due += 1 / self._rate
                time.sleep(max(0.0, due - time.monotonic()))
                self.late += time.monotonic() - due > 1.0
                threads.submit(self._ask, self._random.random()).add_done_callback(self._note_failure)

    def _ask(self, dice: float) -> None:
        if dice < 0.02:
            children = sorted(self._server.children())
            if children:
                with suppress(ProcessLookupError):
                    os.kill(self._random.choice(children), signal.SIGKILL)
            self._note("killed a plugin process")
        elif dice < 0.04:
            job_id = self._server.submit("ticking", seconds=30)
            time.sleep(0.2)
            answer = self._server.client.delete(f"/v1/analyze-execution/jobs/{job_id}")
            self._note(f"cancel {answer.status_code}")
        elif dice < 0.12:
            kind = self._random.choice(("raises", "os_exits", "loops", "leaves_files"))
            answer = self._server.execute("misbehaving", kind=kind)
            self._note(f"{kind} {answer.status_code}")
        elif dice < 0.56:
            self._server.submit("text-statistics", text="one two three")
            self._note("submitted")
        else:
            answer = self._server.execute("text-statistics", text="one two three")
            self._note(f"executed {answer.status_code}")

    def _note(self, what: str) -> None:
        with self._lock:
            self.told[what] += 1

    def _note_failure(self, done: Future[None]) -> None:
        failure = done.exception()
        if failure is not None:
            self._note(f"no answer: {type(failure).__name__}")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="A steady load with faults.")
    parser.add_argument("minutes", nargs="?", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=10.0, help="jobs a second")
    parser.add_argument("--postgres", action="store_true", help="keep the jobs in Postgres")
    given = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-"))
        settings = dict(SETTINGS)
        size: Callable[[ServerProcess], float] = size_of_file
        if given.postgres:
            postgres = stack.enter_context(PostgresProcess())
            url = settings["DATABASE_URL"] = postgres.create_database()

            def size_of_database(_server: ServerProcess) -> float:
                return int(postgres.sql("SELECT pg_database_size(current_database())", url=url)[0][0]) / 2**20

            size = size_of_database

        watched = measures(size)
        data = Path(folder) / "data"
        (data / "tmp").mkdir(parents=True)
        os.environ["TMPDIR"] = str(data / "tmp")
        with ServerProcess(data, **settings) as server:
            began = time.monotonic()
            until = began + given.minutes * 60
            load = Load(server, given.rate, until)
            thread = threading.Thread(target=load.run)
            thread.start()
            readings: list[list[float]] = [[] for _ in watched]
            while time.monotonic() < until:
                time.sleep(1.0)
                if time.monotonic() - began > given.minutes * 12:
                    for measure, values in zip(watched, readings, strict=True):
                        values.append(measure.read(server))
            thread.join()
    print(f"{given.minutes:g} minutes at {given.rate:g} jobs a second, {load.late} asked more than a second late")
    print(", ".join(f"{what}: {count}" for what, count in sorted(load.told.items())))
    print(f"{'':16} {'first':>8} {'last':>8} {'highest':>8} {'rise':>8} {'bound':>6}")
    failed = False
    for measure, values in zip(watched, readings, strict=True):
        grown = rise(least(values))
        failed |= grown > measure.bound
        print(
            f"{measure.name:16} {values[0]:8.1f} {values[-1]:8.1f} {max(values):8.1f} {grown:8.2f} {measure.bound:6g}"
            f" {measure.unit}{'  RISES' if grown > measure.bound else ''}"
        )
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
