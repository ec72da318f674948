"""Machines that are cut off and killed: `several_machines.py`, as root on Linux; about four minutes.

Each machine is a network namespace of its own on one bridge: one for Postgres and the server, two for workers. Nothing
leaves this computer. A job runs on a worker that is cut off (its cable is pulled) and on one that is killed, for a
plugin that may be repeated and for one that may not. Printed is how long it takes until the job is somebody else's or
FAILED, until when the old worker worked on it, and how the job ended.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

sys.path.insert(0, str(Path(__file__).parents[1]))

from server.tests.live.postgres_process import PostgresProcess

ROOT: Final = Path(__file__).parents[1]
LEASE_SECONDS: Final = 5.0
SECONDS: Final = 40.0
BRIDGE: Final = "ctsbr0"
HOME: Final = "10.231.0.1"  # Postgres and the server, on the bridge itself
WORKERS: Final = {"ctsworker1": "10.231.0.11", "ctsworker2": "10.231.0.12"}


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def network() -> Iterator[None]:
    """A bridge, and a namespace with a cable to it for each worker."""
    try:
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{HOME}/16", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for name, address in WORKERS.items():
            ip("netns", "add", name)
            ip("link", "add", cable(name), "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", cable(name), "master", BRIDGE, "up")
            ip("-n", name, "addr", "add", f"{address}/16", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for name in WORKERS:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
            subprocess.run(["ip", "link", "del", cable(name)], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", BRIDGE], check=False, capture_output=True)


def cable(name: str) -> str:
    return f"{name}0"[-15:]


def started(command: list[str], log: Path, variables: dict[str, str]) -> subprocess.Popen[bytes]:
    environment = os.environ | {f"CTS_{name}": value for name, value in variables.items()}
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)


def wait_for(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it takes too long")
        time.sleep(0.02)


@dataclass
class Machines:
    folder: Path
    variables: dict[str, str]
    client: httpx2.Client
    workers: dict[str, subprocess.Popen[bytes]]

    def start_worker(self, name: str) -> None:
        command = ["ip", "netns", "exec", name, sys.executable, "-m", "server", "worker", "--jobs", "2"]
        self.workers[name] = started(command, self.log(name), self.variables)
        wait_for(lambda: self.is_waiting(name))

    def kill(self) -> None:
        for worker in self.workers.values():
            worker.kill()

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.txt"

    def is_waiting(self, name: str) -> bool:
        return "waiting for jobs" in self.log(name).read_text("utf-8")

    def works(self, name: str) -> bool:
        """Whether it executes the next job, if the other one does not."""
        path = self.folder / "next"
        path.unlink(missing_ok=True)
        job_id = self.submit("placed", path, seconds=0.0)
        wait_for(lambda: self.has_ended(job_id))
        return machine_of(pids(path)[0]) == name

    def submit(self, plugin: str, path: Path, seconds: float = SECONDS) -> str:
        body = {"plugin": plugin, "payload": {"path": str(path), "seconds": seconds}}
        return str(self.client.post("/v1/analyze-execution/async", json=body).raise_for_status().json()["job_id"])

    def has_ended(self, job_id: str) -> bool:
        answer = self.client.get(f"/v1/analyze-execution/jobs/{job_id}").raise_for_status()
        return answer.json()["job"]["status"] in ("SUCCESS", "FAILED")

    def outcome(self, job_id: str) -> str:
        job = self.client.get(f"/v1/analyze-execution/jobs/{job_id}/result").raise_for_status().json()
        return f"{job['status']} {job['error'].get('details', {}).get('reason', '')}".strip()


def attempt(machines: Machines, plugin: str, *, kill: bool) -> str:
    """Disturb the machine on which a job is executed, and describe what became of the job."""
    path = machines.folder / f"{plugin}-{'killed' if kill else 'cut'}"
    path.touch()
    job_id = machines.submit(plugin, path)
    wait_for(lambda: bool(pids(path)))
    (first,) = pids(path)
    name = machine_of(first)
    time.sleep(1.0)
    at = time.time()
    if kill:
        machines.workers[name].kill()  # `ip netns exec` has become the worker
        machines.workers[name].wait()
    else:
        ip("link", "set", cable(name), "down")
    wait_for(lambda: len(pids(path)) > 1 or machines.has_ended(job_id))
    after = time.time() - at
    if kill:
        machines.start_worker(name)
    else:
        time.sleep(3 * LEASE_SECONDS)  # long enough for the old worker to notice by itself
        ip("link", "set", cable(name), "up")
        wait_for(lambda: machines.works(name))
    wait_for(lambda: machines.has_ended(job_id))
    again = "taken over" if len(pids(path)) > 1 else "FAILED"
    work = Path(f"{path}.{first}").stat().st_mtime - at
    what = f"{'killed' if kill else 'cut off':8} {plugin:13} {again:10} after {after:5.1f} s"
    return f"{what}; old work until {work:5.1f} s; {machines.outcome(job_id)}"


def pids(path: Path) -> list[int]:
    """The processes that have begun to execute a job."""
    return [int(line) for line in path.read_text("ascii").splitlines()]


def machine_of(pid: int) -> str:
    done = subprocess.run(["ip", "netns", "identify", str(pid)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def main() -> int:
    if os.geteuid() != 0:
        print("several_machines.py: needs root, for network namespaces")
        return 2
    with ExitStack() as stack:
        stack.enter_context(network())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="several-machines-")))
        postgres = stack.enter_context(PostgresProcess(host=HOME))
        name = postgres.create_database().partition("?")[0].rpartition("/")[2]
        variables = {
            "DATABASE_URL": f"postgresql://postgres@{HOME}/{name}",
            "PLUGIN_PACKAGES": "benchmarks.machine_plugins",
            "PLUGIN_WRITE_PATHS": str(folder),
            "JOB_LEASE_SECONDS": str(LEASE_SECONDS),
        }
        log = folder / "server.txt"
        command = [sys.executable, "-m", "server", "--host", HOME, "--port", "8931", "--data-dir", str(folder / "data")]
        server = started(command, log, variables | {"MAX_CONCURRENT_RUNS": "0"})
        stack.callback(server.kill)
        wait_for(lambda: "startup complete" in log.read_text("utf-8"))
        client = stack.enter_context(httpx2.Client(base_url=f"http://{HOME}:8931", timeout=30.0))
        machines = Machines(folder, variables, client, {})
        stack.callback(machines.kill)
        for worker in WORKERS:
            machines.start_worker(worker)
        print(f"leases of {LEASE_SECONDS:g} s; a job takes {SECONDS:g} s")
        for kill in (True, False):
            for plugin in ("placed", "placed-again"):
                print(attempt(machines, plugin, kill=kill), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
