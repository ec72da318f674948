"""Plugin processes: limits, death, lies, and what is left afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from server.app.core.execution_context import Cancellation
from server.app.plugins.errors.error_envelope import build_error_envelope
from server.app.plugins.errors.exceptions import (
    ErrorType,
    ExecutionCancelled,
    ExecutionTimeout,
    HostedPluginError,
    LimitExceeded,
    PluginProcessDied,
)
from server.app.plugins.isolation import host
from server.app.plugins.isolation.answer import failure_in, json_object
from server.app.plugins.isolation.child import describe_exit
from server.app.plugins.isolation.descendants import descendants, has_more_below
from server.app.plugins.isolation.frames import frames, write_frame
from server.app.plugins.isolation.isolation import Isolation, PluginLoadError
from server.app.plugins.isolation.limits import Limits
from server.app.plugins.isolation.process import ProcessIsolation, process_isolation
from server.app.plugins.isolation.process_settings import ProcessSettings
from server.app.plugins.isolation.scratch import Scratch
from server.app.plugins.permit import permit_for
from server.app.plugins.plugin import PluginSpec
from server.tests.live.envelope import assert_error
from server.tests.sample_plugins import SamplePlugin

PACKAGE = "server.tests.live.plugins"
TICKING = f"{PACKAGE}.ticking:PLUGIN"
MISBEHAVING = f"{PACKAGE}.misbehaving:PLUGIN"

SPEC = SamplePlugin().spec.to_json()

pytestmark = pytest.mark.requirement("R-012")


@pytest.fixture
def misbehaving(isolation: ProcessIsolation) -> PluginSpec:
    return isolation.load(MISBEHAVING)


def call(isolation: Isolation, spec: PluginSpec, **payload: Any) -> Any:
    return cancellable_call(isolation, spec, Cancellation(), **payload)


def cancellable_call(isolation: Isolation, spec: PluginSpec, cancellation: Cancellation, **payload: Any) -> Any:
    with permit_for(spec.name, None):
        return isolation.call(spec, payload, cancellation)


def test_a_process_is_kept_warm(isolation: ProcessIsolation) -> None:
    spec = isolation.load(TICKING)
    (pid,) = isolation.pids()
    for _ in range(3):
        assert call(isolation, spec, seconds=0)["ticks"] >= 0
    assert isolation.pids() == {pid}


def test_a_plugin_with_limits_of_its_own_gets_a_process_with_these(
    isolation: ProcessIsolation, misbehaving: PluginSpec
) -> None:
    assert isolation.pids() == set()
    with pytest.raises(HostedPluginError) as caught:
        call(isolation, misbehaving, kind="allocates")
    assert (caught.value.error_type, caught.value.state) == (ErrorType.RESOURCE_LIMIT, "FAILED")
    assert "MemoryError" in caught.value.traceback


@pytest.mark.parametrize(
    ("expected", "kind"),
    [
        (PluginProcessDied, "os_exits"),
        (PluginProcessDied, "closes_pipes"),
        (PluginProcessDied, "writes_to_pipes"),
        (ExecutionTimeout, "loops"),
        (LimitExceeded, "returns_much"),
        (HostedPluginError, "raises"),
    ],
)
def test_a_fault_is_told_by_its_type(
    isolation: ProcessIsolation, misbehaving: PluginSpec, expected: type[Exception], kind: str
) -> None:
    with pytest.raises(expected):
        call(isolation, misbehaving, kind=kind)
    assert call(isolation, misbehaving, kind="nothing")["fine"]


def test_a_missing_module_makes_the_plugin_unavailable(isolation: ProcessIsolation, misbehaving: PluginSpec) -> None:
    with pytest.raises(HostedPluginError) as caught:
        call(isolation, misbehaving, kind="misses_module")
    assert caught.value.state == "UNAVAILABLE"


@pytest.mark.parametrize(("warm", "kind"), [(False, "leaves_thread"), (True, "leaves_files")])
def test_what_a_call_leaves_behind_is_gone_before_the_next(
    isolation: ProcessIsolation, misbehaving: PluginSpec, *, warm: bool, kind: str
) -> None:
    first = call(isolation, misbehaving, kind=kind)
    second = call(isolation, misbehaving, kind=kind)
    assert (second["pid"] == first["pid"]) is warm
    assert second.get("found", []) == []


def test_a_plugin_that_uses_up_its_processor_time_is_ended() -> None:
    isolation = process_isolation(ProcessSettings())
    spec = replace(isolation.load(MISBEHAVING), cpu_seconds=1, timeout_seconds=60.0)
    with pytest.raises(LimitExceeded, match="more than 1 s of processor time"):
        call(isolation, spec, kind="burns_processor")
    isolation.close()


def test_cancel_before_the_call(isolation: ProcessIsolation) -> None:
    spec = isolation.load(TICKING)
    cancellation = Cancellation()
    cancellation.request()
    with pytest.raises(ExecutionCancelled):
        cancellable_call(isolation, spec, cancellation, seconds=5)
    assert isolation.pids() == set()


def test_cancel_during_the_call(isolation: ProcessIsolation) -> None:
    spec = isolation.load(TICKING)
    cancellation = Cancellation()
    threading.Timer(0.3, cancellation.request).start()
    started = time.monotonic()
    with pytest.raises(ExecutionCancelled):
        cancellable_call(isolation, spec, cancellation, seconds=5)
    assert 0.25 < time.monotonic() - started < 1.0
    assert isolation.pids() == set()


def test_cancel_after_the_call_kills_nobody(isolation: ProcessIsolation) -> None:
    spec = isolation.load(TICKING)
    pids = isolation.pids()
    cancellation = Cancellation()
    cancellable_call(isolation, spec, cancellation, seconds=0)
    cancellation.request()
    assert call(isolation, spec, seconds=0)["ticks"] >= 0
    assert isolation.pids() == pids


def test_a_process_that_died_idle_is_replaced_unnoticed(isolation: ProcessIsolation) -> None:
    spec = isolation.load(TICKING)
    (pid,) = isolation.pids()
    os.kill(pid, 9)
    while Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    assert call(isolation, spec, seconds=0)["ticks"] >= 0
    assert pid not in isolation.pids()


@pytest.mark.requirement("R-142")
def test_a_folder_that_somebody_cleaned_away_is_made_again(isolation: ProcessIsolation) -> None:
    spec = isolation.load(TICKING)
    root = Path(isolation._scratch.path)
    shutil.rmtree(root)
    for _ in range(2):  # the process that lost its folder serves one more call, and is then replaced
        assert call(isolation, spec, seconds=0)["ticks"] >= 0
    place = Path(isolation._scratch.path)
    assert place.is_dir()
    isolation.close()
    assert not place.exists()


def test_calls_at_the_same_time_get_processes_of_their_own_that_are_kept_while_they_are_needed() -> None:
    isolation = process_isolation(ProcessSettings(idle_per_plugin=2, idle_seconds=0.5))
    with closing(isolation):
        spec = isolation.load(TICKING)
        with ThreadPoolExecutor(5) as threads:
            calls = [threads.submit(call, isolation, spec, seconds=1.5) for _ in range(5)]
            while len(isolation.pids()) < 5:
                assert not all(call.done() for call in calls)
                time.sleep(0.02)
            assert [ended.result()["ticks"] >= 0 for ended in calls] == [True] * 5
        many = isolation.pids()
        assert len(many) == 5
        deadline = time.monotonic() + 20
        while len(isolation.pids()) > 2:
            assert time.monotonic() < deadline
            call(isolation, spec, seconds=0)  # by the same one each time
            isolation.end_idle()
            time.sleep(0.05)
        assert isolation.pids() < many
        isolation.end_idle()
        assert len(isolation.pids()) == 2
        assert call(isolation, spec, seconds=0)["ticks"] >= 0


def test_a_large_payload_and_a_large_result_pass(isolation: ProcessIsolation, misbehaving: PluginSpec) -> None:
    text = "x" * 5_000_000
    assert call(isolation, misbehaving, kind="nothing", path=text)["fine"]


def test_a_server_that_is_killed_takes_its_plugins_along() -> None:
    code = (
        "import sys, time\n"
        "from server.app.plugins.isolation.process import process_isolation\n"
        "from server.app.plugins.isolation.process_settings import ProcessSettings\n"
        f"isolation = process_isolation(ProcessSettings())\nisolation.load({TICKING!r})\n"
        "print(*isolation.pids(), flush=True)\ntime.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 2
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text("ascii").split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_after_close_nothing_runs(isolation: ProcessIsolation) -> None:
    spec = isolation.load(TICKING)
    pids = isolation.pids()
    isolation.close()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    with pytest.raises(PluginProcessDied, match="the server is stopping"):
        call(isolation, spec, seconds=0)


def test_close_ends_a_call_that_is_under_way(isolation: ProcessIsolation) -> None:
    spec = isolation.load(TICKING)
    threading.Timer(0.3, isolation.close).start()
    with pytest.raises(PluginProcessDied):
        call(isolation, spec, seconds=5)


@pytest.mark.parametrize(
    ("reason", "reference"),
    [
        ("ModuleNotFoundError: No module named 'no_such_module'", "no_such_module:PLUGIN"),
        ("names no class PLUGIN", f"{PACKAGE}.broken_class:PLUGIN"),
        ("names no class NOTHING", f"{PACKAGE}.ticking:NOTHING"),
        ("names no class", f"{PACKAGE}.ticking"),
        ("it exited with code 5", f"{PACKAGE}.broken_exit:PLUGIN"),
        ("needs an attribute 'spec'", f"{PACKAGE}.broken_schema:PLUGIN"),
    ],
)
def test_what_cannot_be_loaded(isolation: ProcessIsolation, reason: str, reference: str) -> None:
    with pytest.raises(PluginLoadError, match=reason):
        isolation.load(reference)
    assert isolation.pids() == set()


@pytest.mark.parametrize(("kills", "loaded"), [(2, True), (3, False)])
def test_a_plugin_whose_process_is_killed_while_it_is_loaded_is_loaded_again(
    isolation: ProcessIsolation, kills: int, loaded: bool
) -> None:
    killed: list[int] = []
    done = threading.Event()

    def kill() -> None:
        while len(killed) < kills and not done.wait(0.001):
            for pid in isolation.pids() - set(killed):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        if loaded:
            assert isolation.load(TICKING).name == "ticking"
        else:
            with pytest.raises(PluginLoadError, match="ended by SIGKILL"):
                isolation.load(TICKING)
    finally:
        done.set()
        killer.join()
    assert len(killed) == kills


def test_an_import_that_hangs_is_given_up() -> None:
    isolation = process_isolation(ProcessSettings(start_seconds=0.7))
    with pytest.raises(PluginLoadError, match=r"took longer than 0\.7 s"):
        isolation.load(f"{PACKAGE}.broken_hang:PLUGIN")
    assert isolation.pids() == set()
    isolation.close()


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("it closed its connection", None),
        ("it exited with code 0", 0),
        ("it was ended by SIGKILL", -9),
        ("it was ended by signal 77", -77),
    ],
)
def test_how_an_end_is_described(text: str, status: int | None) -> None:
    assert describe_exit(status) == text


class TestHost:
    """The program inside the process, driven over real pipes from here."""

    @pytest.fixture
    def talk(self) -> Iterator[Any]:
        threads: list[threading.Thread] = []
        pipes: list[int] = []

        def start(reference: str, result_bytes: int = 10_000) -> tuple[int, Iterator[bytes]]:
            request_reader, request_writer = os.pipe()
            answer_reader, answer_writer = os.pipe()
            limits = Limits(1, result_bytes)
            thread = threading.Thread(target=host.serve, args=(reference, limits, request_reader, answer_writer))
            thread.start()
            threads.append(thread)
            pipes.extend((request_reader, answer_reader, answer_writer))
            return request_writer, frames(answer_reader)

        yield start
        for thread in threads:
            thread.join(5)
            assert not thread.is_alive()
        for pipe in pipes:
            os.close(pipe)

    def test_it_introduces_itself_answers_and_leaves(self, talk: Any) -> None:
        requests, answers = talk(TICKING)
        assert b'"name": "ticking"' in next(answers)
        write_frame(requests, b'{"ticket": "7", "payload": {"seconds": 0}}')
        answer = next(answers)
        assert b'"ticket": "7"' in answer
        assert b'"ticks"' in answer
        os.close(requests)

    def test_it_tells_of_failures_and_states(self, talk: Any) -> None:
        requests, answers = talk(MISBEHAVING)
        next(answers)
        write_frame(requests, b'{"ticket": "1", "payload": {"kind": "raises"}}')
        answer = next(answers)
        assert b'"state": "FAILED"' in answer
        assert b"ValueError: secret" in answer
        os.close(requests)

    def test_it_does_not_send_what_is_too_large(self, talk: Any) -> None:
        requests, answers = talk(MISBEHAVING, result_bytes=1000)
        next(answers)
        write_frame(requests, b'{"ticket": "1", "payload": {"kind": "returns_much"}}')
        assert b'"too_large": 31' in next(answers)
        os.close(requests)

    def test_it_says_why_it_cannot_load(self, talk: Any) -> None:
        requests, answers = talk("no_such_module:PLUGIN")
        assert next(answers) == b'{"reason": "ModuleNotFoundError: No module named \'no_such_module\'"}'
        os.close(requests)


def test_the_reason_of_an_exception_without_text() -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert host.reason_of(Unprintable()) == "Unprintable"
    assert host.reason_of(ValueError("a\nb")) == "ValueError: a b"


@pytest.mark.parametrize("cut", [0, 1, 3], ids=["nothing", "half a length", "half a body"])
def test_frames_come_whole_and_in_order_and_half_a_frame_is_none(cut: int) -> None:
    reader, writer = os.pipe()
    write_frame(writer, b"one")
    write_frame(writer, b"")
    os.write(writer, b"\x00\x00\x00\x05abc"[: 2 * cut])
    os.close(writer)
    assert list(frames(reader)) == [b"one", b""]
    os.close(reader)


def test_a_frame_larger_than_the_pipe_comes_whole() -> None:
    reader, writer = os.pipe()
    sent = [os.urandom(300_000), b"end"]

    def send() -> None:
        for body in sent:
            write_frame(writer, body)

    sender = threading.Thread(target=send)
    sender.start()
    found = frames(reader)
    assert [next(found), next(found)] == sent
    sender.join()
    os.close(writer)
    assert list(found) == []
    os.close(reader)


def test_what_a_plugin_writes_is_found_whatever_it_says_of_the_time(tmp_path: Path) -> None:
    scratch = Scratch(str(tmp_path))
    folder = Path(scratch.path)
    time.sleep(0.1)
    assert scratch.empty()
    for _ in range(3):
        before = folder.stat()
        (folder / "left").write_text("behind", "utf-8")
        os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert (scratch.empty(), list(folder.iterdir())) == (True, [])
    time.sleep(0.1)
    assert scratch.empty()
    assert scratch.empty()
    (folder / "inner").mkdir()
    assert (scratch.empty(), list(folder.iterdir())) == (True, [])
    scratch.remove()


def test_what_a_plugin_writes_is_found_where_files_have_times_of_whole_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def coarse(path: str) -> SimpleNamespace:
        changed = Path(path).stat().st_ctime_ns
        return SimpleNamespace(st_ctime_ns=changed - changed % 1_000_000_000)

    scratch = Scratch(str(tmp_path))
    folder = Path(scratch.path)
    monkeypatch.setattr(os, "lstat", coarse)
    for _ in range(3):
        time.sleep(0.1)
        assert scratch.empty()
        (folder / "left").write_text("behind", "utf-8")
        assert (scratch.empty(), list(folder.iterdir())) == (True, [])


HOSTILE_ERRORS: list[Any] = [
    {"type": [], "message": "m"},
    {"type": {}, "message": None},
    {"type": "InternalError", "message": 5},
    {"type": "NotFound", "message": "\ud800"},
    {"type": "PluginError", "message": "x" * 1_000_000, "details": {"n": float("nan")}},
    {"type": "PluginError", "message": "", "details": {"text": "\ud800"}},
    {"type": "PluginError", "details": {"text": "x" * 1_000_000}},
    {"type": "PluginError", "details": "text"},
    [],
    "text",
    None,
    5,
]


@pytest.mark.parametrize("error", HOSTILE_ERRORS, ids=lambda error: ascii(error)[:50])
@pytest.mark.parametrize("traceback", ["", "\ud800" * 50_000, None, {}], ids=["none", "long", "null", "object"])
def test_whatever_a_process_calls_an_error_becomes_one(error: Any, traceback: Any) -> None:
    failure = failure_in({"error": error, "traceback": traceback, "state": ["RUNNING"]})
    assert failure is not None
    assert (failure.error_type, failure.state) == (ErrorType.PLUGIN_ERROR, "FAILED")
    assert 0 < len(failure.message) <= 4000
    assert len(failure.traceback) <= 20_000
    assert_error(build_error_envelope(failure, "p", in_plugin=False)["error"])
    (failure.message + failure.traceback).encode("utf-8")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"5", b"\xff", b"[" * 100_000, b'{"a": 1} x'], ids=lambda b: ascii(b[:9])
)
def test_what_is_no_json_object_is_told_apart(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_object(body)


@pytest.mark.parametrize(
    ("reason", "hello"),
    [
        ("no reason was given", {}),
        ("no reason was given", {"reason": 5}),
        ("because", {"reason": "because"}),
        ("its description is wrong", {"spec": None}),
        ("its description is wrong", {"spec": []}),
        ("its description is wrong", {"spec": {"name": "a"}}),
        ("its description is wrong", {"spec": SPEC | {"description": "\ud800"}}),
        ("its description is wrong: timeout_seconds must be", {"spec": SPEC | {"timeout_seconds": "1"}}),
        ("input_schema is not a JSON Schema", {"spec": SPEC | {"input_schema": {"type": "object", "required": 5}}}),
        ("leads to no place", {"spec": SPEC | {"output_schema": {"type": "object", "$ref": "http://x"}}}),
    ],
)
def test_an_introduction_that_is_a_lie_is_refused(tmp_path: Path, reason: str, hello: dict[str, Any]) -> None:
    """A module that writes its own introduction to the pipe when it is imported, before the host can."""
    code = (
        "import os, sys\n"
        f"body = {json.dumps(hello)!r}.encode()\n"
        "os.write(int(sys.argv[2]), len(body).to_bytes(4, 'big') + body)\n"
        "import time; time.sleep(30)\n"
    )
    module = f"liar_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(code, encoding="utf-8")
    isolation = ProcessIsolation(ProcessSettings(start_seconds=5.0), os.environ, [*sys.path, str(tmp_path)])
    with pytest.raises(PluginLoadError, match=reason):
        isolation.load(f"{module}:PLUGIN")
    assert isolation.pids() == set()
    isolation.close()


def test_whether_there_are_more_processes_below_one() -> None:
    shell = subprocess.Popen(["sh", "-c", "sleep 60 & sh -c 'sleep 60 & wait' & wait"], start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while len(descendants(shell.pid)) < 3:
            assert time.monotonic() < deadline
        assert [has_more_below(shell.pid, most) for most in (0, 2, 3, 64)] == [True, True, False, False]
    finally:
        os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
    assert not has_more_below(shell.pid, 0)


def test_a_folder_is_emptied_whatever_is_in_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o750)
    (outside / "kept").touch()
    scratch = Scratch(str(tmp_path))
    place = os.open(scratch.path, os.O_RDONLY)
    for _ in range(1500):  # deeper than recursion goes, and than a path can name
        os.mkdir("deep", dir_fd=place)
        place, above = os.open("deep", os.O_RDONLY, dir_fd=place), place
        os.symlink(outside, "link", dir_fd=place)
        os.fchmod(above, 0)
        os.close(above)
    os.close(place)
    assert scratch.empty()
    assert list(Path(scratch.path).iterdir()) == []
    assert (outside / "kept").exists()
    assert outside.stat().st_mode & 0o777 == 0o750
    scratch.remove()
    assert not Path(scratch.path).exists()
    assert not scratch.empty()
