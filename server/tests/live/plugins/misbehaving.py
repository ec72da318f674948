"""Does harm of the kind that it is asked for."""

import ctypes
import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from server.app.core.execution_context import current_execution
from server.app.plugins.errors.exceptions import InputValidationError, PluginError
from server.app.plugins.plugin import PluginSpec
from server.app.plugins.validation.json_text import MAX_DEPTH


class HostileText(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even the text of it can be had")


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


def _answer_for_itself() -> Any:
    """An answer in front of the true one, with a ticket that is guessed."""
    forged = {"ticket": "0" * 32, "idle": True, "result": {"forged": 1}, "error": {}, "traceback": "", "state": "X"}
    body = json.dumps(forged).encode()
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, len(body).to_bytes(4, "big") + body)
        except OSError:
            continue
    return {"forged": False}


def _write_frame(head: bytes, body: bytes) -> Any:
    for descriptor in range(3, 256):
        with suppress(OSError):
            os.write(descriptor, head + body)
    return {"written": True}


def _half_an_answer() -> Any:
    _write_frame(b"\x00\x00\x01\x00", b"{")
    _loop()


def _make_threads() -> Any:
    while True:
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()


def _leave_thread() -> Any:
    threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
    return {"pid": os.getpid()}


def _leave_files() -> Any:
    """What stood in the folder before, and then a lot that is hard to delete."""
    here = Path.cwd()
    found = [path.name for path in here.iterdir()]
    (here / "locked").mkdir()
    (here / "locked/file").write_text("x", "ascii")
    (here / "locked/link").symlink_to("/etc")
    (here / "locked/shut").mkdir(0)
    for _ in range(100):
        Path("deep").mkdir()
        os.chdir("deep")
    os.chdir(here)
    return {"pid": os.getpid(), "found": found}


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


def _tell_run() -> Any:
    run = current_execution()
    return {"job": run.job_id, "attempt": run.attempt, "trace": run.traceparent, "seconds": run.timeout_seconds}


def _clean_up(path: str) -> Any:
    def note(text: str) -> None:
        with Path(path).open("a", encoding="ascii") as file:
            file.write(text)

    run = current_execution()
    run.on_end(lambda: note(f"last: {run.error_category} {run.error_details}"))
    run.on_end(lambda: sys.exit(3))
    run.on_end(lambda: note("first, "))
    raise PluginError("the model is not trained", {"step": 3})


KINDS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "nothing": lambda _: {"fine": True},
    "raises": lambda _: _raise(ValueError("secret at /srv/app/secret.py")),
    "raises_plugin_error": lambda _: _raise(PluginError("the model is not trained", {"step": 3})),
    "raises_with_objects": lambda _: _raise(PluginError("the model is not trained", {"model": object()})),
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
    "returns_as_deep_as_may_be": lambda _: _nested(MAX_DEPTH - 1),
    "returns_deeper": lambda _: _nested(MAX_DEPTH),
    "returns_much": lambda _: {"value": "x" * (3 * 1024 * 1024)},
    "prints_much": lambda _: sys.stdout.write("x" * 10_000_000) and {"printed": True},
    "forks": lambda _: _fork_and_return(),
    "closes_pipes": lambda _: _close_everything(),
    "writes_to_pipes": lambda _: _write_everywhere(),
    "forges_answer": lambda _: _answer_for_itself(),
    "reads_environment": lambda _: {"names": sorted(os.environ)},
    "tells_run": lambda _: _tell_run(),
    "cleans_up": lambda payload: _clean_up(payload["path"]),
    "tells_pid": lambda _: {"pid": os.getpid(), "parent": os.getppid()},
    "stops_itself": lambda _: os.kill(os.getpid(), signal.SIGSTOP),
    "stops_answering": lambda _: _half_an_answer(),
    "makes_threads": lambda _: _make_threads(),
    "burns_processor": lambda _: [hashlib.pbkdf2_hmac("sha256", b"x", b"x", 10**9)],
    "answers_nan": lambda _: _write_frame(b"\x00\x00\x00\x03", b"NaN"),
    "announces_much": lambda _: _write_frame(b"\xff\xff\xff\xff", b"{"),
    "kills_the_server": lambda _: os.kill(os.getppid(), signal.SIGKILL),
    "leaves_thread": lambda _: _leave_thread(),
    "leaves_files": lambda _: _leave_files(),
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
