"""What an execution costs: processor seconds per 1,000 executions of a plugin that does nothing, over HTTP.

Counted are the server and every process below it, the clients are not: few of them first, each with one request under
way, then many. All servers answer the same requests, in turns, so that what else the machine does falls on all of them;
the ratios are what the tables are about. LitServe is installed into a folder of its own below build/, and left out with
the reason where that fails.

    python3 scripts/dev.py bench execution_cost
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
LITSERVE = ROOT / "build" / "litserve"
HOST = "127.0.0.1"
CLIENTS = (4, 16)

BARE = """
import sys
from typing import Any
import uvicorn
from fastapi import FastAPI
from server.app.api.schemas import ExecutionRequest, ExecutionResponse

app = FastAPI()

@app.post("/v1/analyze-execution", response_model=ExecutionResponse)
async def execute(body: ExecutionRequest) -> ExecutionResponse:
    result = {"n": 1, "metadata": {"plugin": body.plugin, "execution_time_ms": 0.1}}
    return ExecutionResponse(plugin=body.plugin, result=result, job_id="x", status="SUCCESS")

uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
"""
LIT = """
import sys
import litserve

class Nothing(litserve.LitAPI):
    def setup(self, device):
        pass
    def decode_request(self, request):
        return request["payload"]["n"]
    def predict(self, number):
        return number
    def encode_response(self, number):
        return {"n": number}

if __name__ == "__main__":
    server = litserve.LitServer(Nothing(api_path="/v1/analyze-execution"), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", generate_client_file=False)
"""


@dataclass(frozen=True)
class Subject:
    name: str
    goal: float | None  # times the cost of the first one
    command: list[str]
    plugin: str
    settings: tuple[tuple[str, str], ...] = ()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--requests", type=int, default=1000, help="requests of one measurement")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each server; the median counts")
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS, help="how many ask at a time")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        subjects, notes = chosen(folder)
        running = [(subject, *stack.enter_context(started(subject, folder))) for subject in subjects]
        for clients in options.clients:
            print(f"{f'{clients} clients':58}{'CPU s/1,000':>12}{'ratio':>8}{'goal':>8}")
            print_costs(subjects, measured(running, clients, options.requests, options.rounds))
    for note in notes:
        print(note)
    return 0


def measured(running: list[tuple[Subject, int, int]], clients: int, requests: int, rounds: int) -> dict[str, float]:
    """Processor seconds of each one's 1,000 requests, the median of the rounds."""
    costs: dict[str, list[float]] = {subject.name: [] for subject, _, _ in running}
    for subject, _, port in running:
        send(subject, port, 300, clients)  # until everything runs that will be needed
    for _ in range(rounds):
        for subject, pid, port in running:
            before = used(pid)
            send(subject, port, requests, clients)
            costs[subject.name].append((used(pid) - before) * 1000 / requests)
    return {name: median(values) for name, values in costs.items()}


def print_costs(subjects: list[Subject], costs: dict[str, float]) -> None:
    base = costs[subjects[0].name]
    for subject in subjects:
        cost = costs[subject.name]
        goal = f"{subject.goal:.1f}" if subject.goal else ""
        print(f"{subject.name:58}{cost:12.3f}{cost / base:8.2f}{goal:>8}")


def chosen(folder: Path) -> tuple[list[Subject], list[str]]:
    (folder / "bare.py").write_text(BARE, "utf-8")
    (folder / "lit.py").write_text(LIT, "utf-8")
    server = [sys.executable, "-m", "server", "--port"]
    subjects = [
        Subject("the same FastAPI application doing nothing", 1.0, [sys.executable, str(folder / "bare.py")], "x"),
        Subject(
            "governed, not persisted, inside the server",
            1.3,
            server,
            "noop-thread",
            (("CTS_JOBS_IN_MEMORY", "true"),),
        ),
        Subject("governed and persisted, inside the server", 1.8, server, "noop-thread"),
        Subject("governed, persisted, in a warm and confined process", 3.0, server, "noop-process"),
    ]
    reason = install_litserve()
    if reason:
        return subjects, [f"LitServe is left out: {reason}"]
    lit = [str(LITSERVE / "bin" / "python"), str(folder / "lit.py")]
    return [*subjects, Subject("LitServe, nothing of this", None, lit, "x")], []


def install_litserve() -> str:
    """Why it cannot be had; empty if it is there."""
    python = LITSERVE / "bin" / "python"
    have = [str(python), "-c", "import litserve"]
    if python.exists() and subprocess.run(have, capture_output=True, check=False).returncode == 0:
        return ""
    shutil.rmtree(LITSERVE, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", str(LITSERVE)],
        [str(python), "-m", "pip", "-q", "install", "litserve"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return (done.stderr.strip().splitlines() or ["it cannot be installed"])[-1]
    return ""


@contextmanager
def started(subject: Subject, folder: Path) -> Iterator[tuple[int, int]]:
    """Its pid and its port, once it answers."""
    port = free_port()
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "CTS_DATA_DIR": str(folder / f"data-{port}"),
        "CTS_PLUGIN_PACKAGES": "benchmarks.noop_plugins",
        **dict(subject.settings),
    }
    log = (folder / "log").open("ab")
    process = subprocess.Popen(
        [*subject.command, str(port)], cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                send(subject, port, 1, 1)
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{subject.name} did not start:\n{(folder / 'log').read_text()}") from None
                time.sleep(0.2)
            else:
                break
        yield process.pid, port
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        with suppress(ProcessLookupError):  # what it left running, as LitServe does, would be in the next measurement
            os.killpg(process.pid, signal.SIGKILL)
        log.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def send(subject: Subject, port: int, count: int, clients: int) -> None:
    """So many requests over connections that are kept, one for each client."""
    body = json.dumps({"plugin": subject.plugin, "payload": {"n": 1}})

    def one_client(number: int) -> None:
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        for _ in range(number, count, clients):
            connection.request("POST", "/v1/analyze-execution", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise SystemExit(f"{subject.name} answered {answer.status}: {text!r}")
        connection.close()

    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(one_client, range(clients)))


def used(pid: int) -> float:
    """Processor seconds of a process and everything below it, so far."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(path.parent.name)] = int(fields[1])
        ticks[int(path.parent.name)] = sum(map(int, fields[11:15]))

    def below(process: int) -> bool:
        while process not in (pid, 0, 1):
            process = parents.get(process, 0)
        return process == pid

    return sum(count for process, count in ticks.items() if below(process)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
