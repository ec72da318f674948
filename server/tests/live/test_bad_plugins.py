"""Plugins that go wrong: each ends in an envelope, the server is unharmed, and the next call is fine."""

from __future__ import annotations

import re
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from server.tests.live.envelope import assert_envelope
from server.tests.live.server_process import ServerProcess


def command_lines() -> list[str]:
    """Of all processes of this machine."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_text("utf-8", "replace"))
    return found


FAULTS = [
    ("PluginError", "raises", "the plugin raised ValueError"),
    ("PluginError", "raises_plugin_error", "the model is not trained"),
    ("ValidationError", "refuses_input", "the text is in no known language"),
    ("PluginError", "raises_with_objects", "the model is not trained"),
    ("PluginError", "raises_unprintable", "the plugin raised HostileText"),
    ("PluginError", "raises_group", "the plugin raised BaseExceptionGroup"),
    ("PluginError", "exits", "the plugin tried to end its process (SystemExit)"),
    ("PluginError", "interrupts", "the plugin tried to end its process (KeyboardInterrupt)"),
    ("ExecutionError", "os_exits", "exited with code 7"),
    ("ExecutionError", "kills_itself", "ended by SIGKILL"),
    ("ExecutionError", "crashes", "ended by SIGSEGV"),
    ("PluginError", "recurses", "the plugin recursed too deeply"),
    ("TimeoutError", "loops", "after its limit of 1 s"),
    ("TimeoutError", "loops_deaf", "after its limit of 1 s"),
    ("ResourceLimit", "allocates", "the plugin ran out of memory"),
    ("PluginError", "returns_none", "the plugin returned nothing"),
    ("PluginError", "returns_text", "must return an object"),
    ("PluginError", "returns_list", "must return an object"),
    ("PluginError", "returns_empty", "empty result"),
    ("PluginError", "returns_nan", "not JSON"),
    ("PluginError", "returns_object", "not JSON"),
    ("PluginError", "returns_surrogate", "not JSON"),
    ("PluginError", "returns_loop", "not JSON"),
    ("PluginError", "returns_nested", "not JSON"),
    ("PluginError", "returns_deeper", "nested too deeply"),
    ("ResourceLimit", "returns_much", "larger than 2097152 bytes"),
    ("ExecutionError", "closes_pipes", "ended without an answer"),
    ("ExecutionError", "writes_to_pipes", "answered something"),
    ("PluginError", "fills_disk", "the plugin raised OSError"),
    ("PluginError", "forks", "the plugin raised PermissionError"),
    ("TimeoutError", "stops_itself", "after its limit of 1 s"),
    ("TimeoutError", "stops_answering", "after its limit of 1 s"),
    ("PluginError", "makes_threads", "the plugin raised RuntimeError"),
    ("ExecutionError", "answers_nan", "answered something"),
    ("ResourceLimit", "announces_much", "larger than"),
    ("PluginError", "kills_the_server", "the plugin raised PermissionError"),
]


@pytest.mark.requirement("R-005", "R-012", "R-033", "R-056", "R-096")
@pytest.mark.parametrize(("kind", "fault", "message"), FAULTS, ids=[fault for _, fault, _ in FAULTS])
def test_a_fault_ends_in_an_envelope(live: ServerProcess, kind: str, fault: str, message: str) -> None:
    started = time.monotonic()
    error = assert_envelope(live.execute("misbehaving", kind=fault), 400, kind)
    assert time.monotonic() - started < 4
    assert message in error["message"]
    assert error["plugin"] == "misbehaving"
    assert live.execute("misbehaving", kind="nothing").status_code == 200


def test_a_result_that_is_a_success_can_be_fetched(live: ServerProcess) -> None:
    waited_for = live.execute("misbehaving", kind="returns_as_deep_as_may_be")
    assert waited_for.status_code == 200, waited_for.text
    submitted = live.result(live.submit("misbehaving", kind="returns_as_deep_as_may_be"))
    assert submitted["status"] == "SUCCESS"
    assert submitted["result"]["in"] == waited_for.json()["result"]["in"]


def test_what_does_no_harm_succeeds(live: ServerProcess) -> None:
    for plugin, fault in [("misbehaving", "prints_much"), ("spawning", "forks"), ("spawning", "runs_program")] * 2:
        answer = live.execute(plugin, kind=fault)
        assert answer.status_code == 200, answer.text
    assert live.execute("misbehaving", kind="nothing").json()["result"]["fine"] is True


@pytest.mark.requirement("R-012")
@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "leaves_grandchild"), (200, "leaves_daemon"), (400, "leaves_daemon_and_dies")],
    ids=str,
)
def test_what_a_plugin_started_ends_with_its_call(live: ServerProcess, tmp_path: Path, status: int, kind: str) -> None:
    marks = tmp_path / "marks"
    answer = live.execute("spawning", kind=kind, path=str(marks))
    assert answer.status_code == status, answer.text
    before = marks.read_text("ascii")
    time.sleep(0.3)
    assert marks.read_text("ascii") == before


@pytest.mark.requirement("R-012")
@pytest.mark.parametrize(("kind", "stays"), [("tells_pid", True), ("leaves_zombie", False)])
def test_what_has_ended_and_nobody_asked_after_is_left_behind_too(
    live: ServerProcess, kind: str, *, stays: bool
) -> None:
    pids = [live.execute("spawning", kind=each).json()["result"]["pid"] for each in (kind, "tells_pid")]
    assert (len(set(pids)) == 1) is stays


@pytest.mark.requirement("R-012")
@pytest.mark.parametrize("kind", ["bombs", "bombs_with_programs"])
def test_a_fork_bomb_is_put_out(live: ServerProcess, kind: str) -> None:
    started = time.monotonic()
    error = assert_envelope(live.execute("spawning", kind=kind), 400, "ResourceLimit")
    assert time.monotonic() - started < 10
    assert error["details"]["limit_processes"] == 64
    assert live.execute("spawning", kind="nothing").status_code == 200
    server = f"\0{live.process.pid}\0"  # every plugin process, and every copy of one, is told its server
    assert len([line for line in command_lines() if server in line and "live.plugins.spawning" in line]) == 1


def test_a_forged_answer_is_not_believed_by_the_next_call(live: ServerProcess) -> None:
    for _ in range(3):
        error = assert_envelope(live.execute("misbehaving", kind="forges_answer"), 400, "ExecutionError")
        assert "answered something that was not asked" in error["message"]
        answers = [live.execute("misbehaving", kind="nothing")]
        while answers[-1].status_code != 200 and len(answers) < 10:
            # The plugin has one second; a busy machine may need more to start its process anew.
            assert_envelope(answers[-1], 400, "TimeoutError")
            answers.append(live.execute("misbehaving", kind="nothing"))
        result = answers[-1].json()["result"]
        assert (result.get("fine"), result.get("forged")) == (True, None)


def test_a_plugin_does_not_see_the_servers_environment(live: ServerProcess) -> None:
    names = set(live.execute("misbehaving", kind="reads_environment").json()["result"]["names"])
    assert not [name for name in names if name.startswith("CTS_")]
    assert names <= {"PATH", "PYTHONPATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "HOME", "TMPDIR", "PWD", "SHLVL", "_"}


def test_a_plugin_runs_outside_of_the_server(live: ServerProcess) -> None:
    result = live.execute("misbehaving", kind="tells_pid").json()["result"]
    assert (result["pid"] != live.process.pid, result["parent"]) == (True, live.process.pid)
    again = live.execute("misbehaving", kind="tells_pid").json()["result"]
    assert again["pid"] == result["pid"]  # warm


@pytest.mark.requirement("R-144")
@pytest.mark.parametrize("path", ["", "/async"])
def test_a_plugin_is_told_about_its_run(live: ServerProcess, path: str) -> None:
    trace = f"{len(path):032x}" if path else "a" * 32
    answer = live.client.post(
        f"/v1/analyze-execution{path}",
        json={"plugin": "misbehaving", "payload": {"kind": "tells_run"}},
        headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"},
    ).json()
    run = live.result(answer["job_id"])["result"]
    assert (run["job"], run["attempt"], run["seconds"]) == (answer["job_id"], 1, 1.0)
    assert re.fullmatch(f"00-{trace}-(?!00f067aa0ba902b7)[0-9a-f]{{16}}-01", run["trace"])


@pytest.mark.requirement("R-142", "R-144")
def test_what_a_run_wanted_done_at_its_end_is_done(live: ServerProcess, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    assert_envelope(live.execute("misbehaving", kind="cleans_up", path=str(notes)), 400, "PluginError")
    assert notes.read_text("ascii") == "first, last: tool_error {'step': 3}"
    assert live.execute("misbehaving", kind="nothing").status_code == 200


@pytest.mark.requirement("R-008", "R-019")
def test_a_missing_library_makes_a_plugin_unavailable(live: ServerProcess) -> None:
    assert_envelope(live.execute("needs-library"), 400, "PluginError")
    status = live.plugin("needs-library")
    assert (status["state"], status["reason"]) == ("UNAVAILABLE", "the program 'exiftool' is not installed")
    error = assert_envelope(live.execute("needs-library"), 400, "PluginError")
    assert "'exiftool' is not installed" in error["message"]


@pytest.mark.requirement("R-019", "R-020", "R-021", "R-022")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("broken-import", "ModuleNotFoundError: No module named 'module_that_nobody_has'"),
        ("broken-exit", "exited with code 5"),
        ("broken-hang", "took longer than 3 s"),
        ("broken-class", "names no class PLUGIN"),
        ("broken-schema", "it needs an attribute 'spec'"),
        ("broken-name", "the name 'text-statistics' is taken"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_shown_with_its_reason(live: ServerProcess, name: str, reason: str) -> None:
    status = live.plugin(name)
    assert status["state"] == "UNAVAILABLE"
    assert reason in status["reason"]
    assert_envelope(live.execute(name), 400, "PluginError")


@pytest.mark.requirement("R-019", "R-020")
def test_the_list_counts_what_can_be_called(live: ServerProcess) -> None:
    listed = live.client.get("/v1/plugins").json()
    states = [plugin["state"] for plugin in listed["plugins"]]
    assert (listed["total"], listed["unavailable"]) == (len(states), states.count("UNAVAILABLE"))
    assert (listed["available"], listed["failed"]) == (listed["total"] - listed["unavailable"], states.count("FAILED"))
    assert {"image-analysis", "text-statistics", "table-profile"} <= {plugin["name"] for plugin in listed["plugins"]}
    assert listed["unavailable"] >= 6


@pytest.mark.requirement("R-142")
def test_a_hundred_runs_leave_no_processes_descriptors_and_files_behind(live: ServerProcess) -> None:
    def used() -> tuple[int, int, Counter[bool]]:
        children = live.children()
        folders = {Path(f"/proc/{child}/cwd").readlink() for child in children}
        (parent,) = {folder.parent for folder in folders}
        assert folders == set(parent.iterdir())
        left = sum(1 for folder in folders for _ in folder.iterdir())
        descriptors = Path(f"/proc/{live.process.pid}/fd").iterdir()
        return len(children), left, Counter("cts.db" in str(descriptor.readlink()) for descriptor in descriptors)

    def rounds(count: int) -> None:
        for _ in range(count):
            for fault in ("raises", "leaves_files", "nothing", "returns_nan", "nothing"):
                live.execute("misbehaving", kind=fault)
        for fault in ("os_exits", "kills_itself", "writes_to_pipes", "leaves_thread", "nothing"):
            live.execute("misbehaving", kind=fault)

    rounds(1)
    children, _, before = used()
    rounds(18)
    assert used()[:2] == (children, 0)
    opened = used()[2] - before
    assert opened[False] <= 1  # a connection of ours may be open or not
    assert opened[True] < 18  # two that read at once open another connection of the pool; one a round would be a leak
