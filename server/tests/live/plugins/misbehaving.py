"""Does harm of the kind that it is asked for."""

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server.app.plugins.errors.exceptions import InputValidationError, PluginError
from server.app.plugins.plugin import PluginSpec


class HostileText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even the text of it can be had")


TICK = """
import sys, time, pathlib
while True:
    pathlib.Path(sys.argv[1]).write_text(str(time.time()))
    time.sleep(0.05)
"""


def _raise(failure: BaseException) -> Any:
    raise failure


def _recurse(depth: int = 0) -> int:
    return _recurse(depth + 1) + 1


def _loop() -> Any:
    while True:
        pass


def _loop_deaf() -> Any:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    _loop()


def _fork_and_return() -> Any:
    os.fork()
    return {"pid": os.getpid()}


def _leave_grandchild(marker: str) -> Any:
    subprocess.Popen([sys.executable, "-c", TICK, marker])
    _loop()


def _close_everything() -> Any:
    os.closerange(3, 256)
    return {"closed": True}


def _write_everywhere() -> Any:
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, b"\x00\x00\x00\x05nope!")
        except OSError:
            continue
    return {"written": True}


def _answer_for_itself(number: int) -> Any:
    """A forged answer of an earlier call, in front of the true one."""
    body = json.dumps({"number": number, "result": {"forged": 1}, "error": {}, "traceback": "", "state": "X"}).encode()
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, len(body).to_bytes(4, "big") + body)
        except OSError:
            continue
    return {"forged": False}


def _holding_itself() -> Any:
    loop: dict[str, Any] = {}
    loop["me"] = loop
    return loop


def _fill_disk() -> Any:
    with Path("big").open("wb") as file:
        file.seek(300_000_000)
        return {"size": file.write(b"x")}


def _nested(depth: int) -> Any:
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"in": inner}
    return inner


def _bad_exit_of_thread() -> Any:
    ctypes.string_at(0)


KINDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "nothing": lambda _: {"fine": True},
    "raises": lambda _: _raise(ValueError("secret at /srv/app/secret.py")),
    "raises_plugin_error": lambda _: _raise(PluginError("the model is not trained", {"step": 3})),
    "refuses_input": lambda _: _raise(InputValidationError("the text is in no known language")),
    "raises_unprintable": lambda _: _raise(HostileText()),
    "raises_group": lambda _: _raise(BaseExceptionGroup("many", [KeyboardInterrupt(), ValueError()])),
    "exits": lambda _: sys.exit(3),
    "interrupts": lambda _: _raise(KeyboardInterrupt()),
    "os_exits": lambda _: os._exit(7),
    "kills_itself": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "crashes": lambda _: _bad_exit_of_thread(),
    "recurses": lambda _: {"depth": _recurse()},
    "loops": lambda _: _loop(),
    "loops_deaf": lambda _: _loop_deaf(),
    "allocates": lambda _: {"size": len(bytearray(10 * 1024**3))},
    "returns_none": lambda _: None,
    "returns_text": lambda _: "text",
    "returns_list": lambda _: [],
    "returns_empty": lambda _: {},
    "returns_nan": lambda _: {"value": float("nan")},
    "returns_object": lambda _: {"value": object()},
    "returns_surrogate": lambda _: {"value": "\ud800"},
    "returns_loop": lambda _: _holding_itself(),
    "returns_nested": lambda _: _nested(100_000),
    "returns_much": lambda _: {"value": "x" * (3 * 1024 * 1024)},
    "prints_much": lambda _: sys.stdout.write("x" * 10_000_000) and {"printed": True},
    "forks": lambda _: _fork_and_return(),
    "leaves_grandchild": lambda payload: _leave_grandchild(payload["path"]),
    "closes_pipes": lambda _: _close_everything(),
    "writes_to_pipes": lambda _: _write_everywhere(),
    "forges_answer": lambda payload: _answer_for_itself(payload.get("number", 1)),
    "reads_environment": lambda _: {"names": sorted(os.environ)},
    "tells_pid": lambda _: {"pid": os.getpid(), "parent": os.getppid()},
    "fills_disk": lambda _: _fill_disk(),
    "misses_module": lambda _: __import__("module_that_nobody_has"),
}


class Misbehaving:
    spec = PluginSpec(
        name="misbehaving",
        version="0",
        description="Goes wrong as asked.",
        input_schema={
            "type": "object",
            "properties": {
                "kind": {"enum": sorted(KINDS)},
                "path": {"type": "string"},
                "number": {"type": "integer"},
            },
            "required": ["kind"],
            "additionalProperties": False,
        },
        output_schema={"type": "object"},
        timeout_seconds=1.0,
        memory_mb=512,
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = KINDS[payload["kind"]](payload)
        return result


PLUGIN = Misbehaving
