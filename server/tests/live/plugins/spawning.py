"""May start processes, and starts more than is good."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from server.app.plugins.plugin import PluginSpec

TICK = """
import sys, time, pathlib
while True:
    pathlib.Path(sys.argv[1]).write_text(str(time.time()))
    time.sleep(0.05)
"""


def _loop() -> Any:
    while True:
        time.sleep(1)


def _fork_and_return() -> Any:
    os.fork()
    return {"pid": os.getpid()}


def _leave_zombie() -> Any:
    if os.fork() == 0:
        os._exit(0)
    os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)  # it has ended, and stays in the table of processes
    return {"pid": os.getpid()}


def _bomb() -> Any:
    while True:
        os.fork()


def _bomb_of_programs() -> Any:
    """Each a child of this process, so that hundreds are orphans at once when it is ended."""
    while True:
        subprocess.Popen([sys.executable, "-c", "import os\nwhile True: os.fork()"])


def _daemon(path: str) -> None:
    """Two forks and a session of its own: the classic way to belong to nobody."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-c", TICK, path])
        os._exit(0)


def _leave_daemon(path: str) -> Any:
    _daemon(path)
    time.sleep(0.5)
    return {"left": True}


def _leave_daemon_and_die(path: str) -> Any:
    _daemon(path)
    time.sleep(0.5)
    os._exit(3)


def _leave_grandchild(path: str) -> Any:
    subprocess.Popen([sys.executable, "-c", TICK, path])
    _loop()


KINDS: dict[str, Callable[[str], Any]] = {
    "nothing": lambda _: {"fine": True},
    "runs_program": lambda _: {"said": subprocess.check_output(["/bin/echo", "word"], text=True)},
    "forks": lambda _: _fork_and_return(),
    "leaves_zombie": lambda _: _leave_zombie(),
    "tells_pid": lambda _: {"pid": os.getpid()},
    "bombs": lambda _: _bomb(),
    "bombs_with_programs": lambda _: _bomb_of_programs(),
    "leaves_daemon": _leave_daemon,
    "leaves_daemon_and_dies": _leave_daemon_and_die,
    "leaves_grandchild": _leave_grandchild,
}


class Spawning:
    spec = PluginSpec(
        name="spawning",
        version="0",
        description="Starts processes as asked.",
        input_schema={
            "type": "object",
            "properties": {"kind": {"enum": sorted(KINDS)}, "path": {"type": "string"}},
            "required": ["kind"],
            "additionalProperties": False,
        },
        output_schema={"type": "object"},
        timeout_seconds=2.0,
        needs=("processes",),
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = KINDS[payload["kind"]](payload.get("path", ""))
        return result


PLUGIN = Spawning
