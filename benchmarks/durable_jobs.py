"""Durable jobs inside one server: `durable_jobs.py [JOBS]`; 5,000 jobs, unless said otherwise.

Submitted by four threads, executed by three workers, kept in SQLite, until every result is there: by this server, and
by Huey on SQLite, which is installed under build/ for it: as it comes, when it has every commit put on the disk, and
told to write as this server does (`synchronous=NORMAL`). Then the time from a submission to its result, one job at a
time; and what it costs to start the server and to let it wait.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from server.app.core.settings import Settings
from server.app.jobs.state import JobState
from server.app.jobs.store import JobFilter
from server.app.main import running_services
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.services.execution import AnalysisExecutionService
from server.tests.live.server_process import ServerProcess

ROOT = Path(__file__).parents[1]
HUEY = "huey==3.5.4"
SUBMITTERS = 4
WORKERS = 3
LATENCIES = 500
LIMIT_SECONDS = 180.0
PACKAGE = "benchmarks.idle_plugins"

# Executed by the interpreter that Huey is installed for.
HUEY_SCRIPT = """
import json, sys, time
from concurrent.futures import ThreadPoolExecutor
from huey import Huey
from huey.consumer import Consumer
from huey.storage import SqliteStorage

path, synchronous, jobs, submitters, workers, limit = *sys.argv[1:3], *map(int, sys.argv[3:])

class Storage(SqliteStorage):
    def _create_connection(self):
        connection = super()._create_connection()
        if synchronous:
            connection.execute(f"PRAGMA synchronous={synchronous}")
        return connection

huey = Huey(storage_class=Storage, filename=path)

@huey.task()
def idle(number):
    return {"n": number}

consumer = Consumer(huey, workers=workers, periodic=False, initial_delay=0.001, backoff=1.0, max_delay=0.001)
consumer.start()
wall, cpu = time.perf_counter(), time.process_time()
with ThreadPoolExecutor(submitters) as threads:
    results = list(threads.map(idle, range(jobs)))
deadline = time.monotonic() + limit
while huey.storage.result_store_size() < jobs:
    assert time.monotonic() < deadline
    time.sleep(0.005)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
assert results[-1].get() == {"n": jobs - 1}
consumer.stop(graceful=True)
print(json.dumps([wall, cpu]))
"""


def await_all(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not is_done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done in {LIMIT_SECONDS:g} s")
        time.sleep(0.005)


def ours(analysis: AnalysisExecutionService, plugin: str, jobs: int) -> tuple[float, float]:
    """Seconds on the clock and of the processor until all jobs have a result; the plugin's processes not counted."""
    open_jobs = (JobFilter(state=JobState.PENDING, limit=1), JobFilter(state=JobState.RUNNING, limit=1))
    wall, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(SUBMITTERS) as threads:
        job_ids = list(threads.map(lambda number: analysis.submit(plugin, {"n": number}), range(jobs)))
    # The last one is asked for first: lists cost more, and what they cost would be counted too.
    await_all(lambda: analysis.job(job_ids[-1]).is_final and not any(map(analysis.jobs, open_jobs)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    if analysis.finished_job(job_ids[-1]).result["n"] != jobs - 1:
        raise RuntimeError("the last job has another result than its own")
    return wall, cpu


def huey(folder: Path, jobs: int, synchronous: str) -> tuple[float, float]:
    home = ROOT / "build" / "benchmarks" / "huey"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", HUEY], check=True)
    file = folder / f"huey{synchronous}.db"
    arguments = map(str, (file, synchronous, jobs, SUBMITTERS, WORKERS, int(LIMIT_SECONDS)))
    ended = subprocess.run(
        [python, "-c", HUEY_SCRIPT, *arguments], check=True, capture_output=True, text=True, timeout=LIMIT_SECONDS + 30
    )
    wall, cpu = json.loads(ended.stdout)
    return float(wall), float(cpu)


def latencies(analysis: AnalysisExecutionService, plugin: str) -> list[float]:
    """Milliseconds from submission to result, sorted; an idle worker takes each job."""
    found = []
    for number in range(LATENCIES):
        started = time.perf_counter()
        job_id = analysis.submit(plugin, {"n": number})
        while not analysis.job(job_id).is_final:
            time.sleep(0.0002)
        found.append((time.perf_counter() - started) * 1000)
    return sorted(found)


def idle_server(folder: Path) -> tuple[float, float, int]:
    """Seconds on the clock and of the processor until the server answers; kilobytes it has to itself when it waits."""
    started = time.perf_counter()
    with ServerProcess(folder, PLUGIN_PACKAGES="") as server:
        wall = time.perf_counter() - started
        used = Path(f"/proc/{server.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()[11:13]
        time.sleep(1)
        memory = sum(proportional_kilobytes(pid) for pid in (server.process.pid, *server.children()))
    return wall, sum(map(int, used)) / os.sysconf("SC_CLK_TCK"), memory


def proportional_kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def row(name: str, jobs: int, figures: tuple[float, float]) -> float:
    wall, cpu = figures
    print(f"  {name:32} {jobs / wall:8.0f} jobs/s   {cpu / jobs * 1000:6.3f} CPU s per 1,000")
    return jobs / wall


def main(arguments: list[str]) -> int:
    jobs = int(arguments[0]) if arguments else 5_000
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="durable-jobs-") as name:
        folder = Path(name)
        settings = Settings(
            data_dir=folder / "data",
            plugin_packages=(PACKAGE,),
            max_concurrent_runs=WORKERS,
            max_waiting_jobs=10 * jobs,
        )
        with running_services(settings, PluginRegistry()) as services:
            analysis = services.analysis
            ours(analysis, "idle-process", 50)
            print(f"{jobs} durable jobs, {SUBMITTERS} submitters, {WORKERS} workers, SQLite:")
            fast = row("in the server's own threads", jobs, ours(analysis, "idle-thread", jobs))
            row("in warm processes", jobs, ours(analysis, "idle-process", jobs))
            times = {plugin: latencies(analysis, plugin) for plugin in ("idle-thread", "idle-process")}
        row(f"{HUEY}, as it comes", jobs, huey(folder, jobs, ""))
        slow = row(f"{HUEY}, NORMAL", jobs, huey(folder, jobs, "NORMAL"))
        print(f"  {fast / slow:.1f} times as many as Huey with the same setting")
        print(f"submission to result, {LATENCIES} jobs one at a time:")
        for plugin, found in times.items():
            print(f"  {plugin:32} p50 {found[len(found) // 2]:.1f} ms   p99 {found[int(len(found) * 0.99)]:.1f} ms")
        wall, cpu, memory = idle_server(folder / "idle")
        print(f"start: {wall:.1f} s on the clock, {cpu:.1f} s of the processor; idle: {memory / 1024:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
