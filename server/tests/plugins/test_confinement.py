"""What plugin processes cannot reach, tried by a plugin that tries; and what is said where the kernel cannot help."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.app.core.execution_context import Cancellation
from server.app.plugins.isolation import landlock, seccomp
from server.app.plugins.isolation.confinement import NOTHING, Offer, grants, kernel_offer
from server.app.plugins.isolation.import_path import import_path
from server.app.plugins.isolation.isolation import PluginLoadError
from server.app.plugins.isolation.process import ProcessIsolation, process_isolation
from server.app.plugins.isolation.process_settings import ProcessSettings
from server.app.plugins.permit import permit_for
from server.app.plugins.plugin import PluginSpec
from server.tests.live.server_process import ROOT

ESCAPING = "server.tests.live.plugins.escaping:PLUGIN"
WITH_NETWORK = "server.tests.live.plugins.escaping:EscapingWithNetwork"

pytestmark = pytest.mark.requirement("R-012")
needs_landlock = pytest.mark.skipif(
    kernel_offer().landlock < 6, reason="this kernel's Landlock lacks scopes"
)  # APPROVED: what the kernel does not have cannot be tried; the report of that is tested below
needs_seccomp = pytest.mark.skipif(
    not kernel_offer().seccomp or platform.machine() != "x86_64", reason="the plugin speaks x86_64's system calls"
)  # APPROVED: the filter for the other machine is executed by the interpreter below


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four parts: readable, writable, private inside the readable, and neither."""
    root = tmp_path_factory.mktemp("place")
    for name in ("readable/private", "writable", "other"):
        (root / name).mkdir(parents=True)
        (root / name / "file").write_text("content", "ascii")
    (root / "readable/file").write_text("content", "ascii")
    return root


@pytest.fixture(scope="module")
def confined(place: Path) -> Iterator[ProcessIsolation]:
    settings = ProcessSettings(
        timeout_seconds=10.0,
        write_paths=(place / "writable",),
        private_paths=(place / "readable/private",),
    )
    import_path = [*sys.path, str(place / "readable")]
    isolation = ProcessIsolation(settings, os.environ, import_path)
    yield isolation
    isolation.close()


def outcome(isolation: ProcessIsolation, reference: str, **payload: Any) -> str:
    spec = LOADED.setdefault((id(isolation), reference), isolation.load(reference))
    with permit_for(spec.name, None):
        return str(isolation.call(spec, payload, Cancellation())["outcome"])


LOADED: dict[tuple[int, str], PluginSpec] = {}

FILES = [
    ("done", "reads", "readable/file"),
    ("done", "lists", "readable"),
    ("EACCES", "reads", "readable/private/file"),
    ("EACCES", "writes", "readable/file"),
    ("EACCES", "writes", "readable/new"),
    ("EACCES", "truncates", "readable/file"),
    ("EACCES", "removes", "readable/file"),
    ("done", "writes", "writable/new"),
    ("done", "truncates", "writable/file"),
    ("done", "removes", "writable/new"),
    ("EACCES", "reads", "other/file"),
    ("EACCES", "lists", "other"),
    ("EACCES", "writes", "other/file"),
    ("EACCES", "truncates", "other/file"),
    ("EACCES", "removes", "other/file"),
    ("EACCES", "reads", "/etc/shadow"),
    ("EACCES", "lists", "/root"),
    ("EACCES", "writes", "/dev/shm/cts-test"),
    ("EACCES", "reads", "/proc/1/environ"),
    ("done", "reads", "/proc/self/status"),
    ("done", "writes", "/dev/null"),
    ("done", "reads", "/etc/passwd"),
]


@needs_landlock
@pytest.mark.parametrize(("expected", "attempt", "path"), FILES, ids=lambda value: value.replace("/", "-"))
def test_files(confined: ProcessIsolation, place: Path, expected: str, attempt: str, path: str) -> None:
    assert outcome(confined, ESCAPING, attempt=attempt, path=str(place / path)) == expected


@needs_landlock
@pytest.mark.parametrize(
    ("expected", "modules", "named"),
    [
        ("EACCES", [], ""),
        ("EACCES", [], "/x::/y"),
        ("done", ["mine.plugins"], ""),
        ("done", [], "{here}:/x"),
        ("done", [], "/x:."),
    ],
)
def test_the_folder_in_which_the_server_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: str, modules: list[str], named: str
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "private").write_text("content", "ascii")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(ROOT), *sys.path])
    path = import_path(["server", *modules], named.format(here=tmp_path))
    assert (str(tmp_path) in path, str(ROOT) in path) == (expected == "done", True)
    isolation = ProcessIsolation(ProcessSettings(), os.environ, path)
    try:
        assert outcome(isolation, ESCAPING, attempt="reads", path=str(tmp_path / "private")) == expected
    finally:
        isolation.close()


def test_a_folder_that_is_gone_is_no_part_of_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    monkeypatch.setattr(sys, "path", ["", str(ROOT)])
    assert import_path(["server"]) == [str(ROOT)]


@needs_landlock
def test_what_is_written_without_a_path_goes_to_a_folder_of_its_own(confined: ProcessIsolation) -> None:
    assert outcome(confined, ESCAPING, attempt="writes", path="mine") == "done"
    assert outcome(confined, ESCAPING, attempt="reads", path="mine") == "ENOENT"  # every call begins with an empty one


@needs_seccomp
@pytest.mark.parametrize("path", ["other/file", "readable/file", "writable/file"])
def test_what_a_file_is_otherwise_stays_as_it_was(confined: ProcessIsolation, place: Path, path: str) -> None:
    before = (place / path).stat()
    for attempt in ("changes_owner", "changes_mode", "changes_times"):
        assert outcome(confined, ESCAPING, attempt=attempt, path=str(place / path)) == "done"
    assert outcome(confined, ESCAPING, attempt="sets_attribute", path=str(place / path)) == "ENOTSUP"
    assert (place / path).stat() == before
    assert os.listxattr(place / path) == []


def test_files_are_copied_with_all_that_they_have(confined: ProcessIsolation, place: Path) -> None:
    assert outcome(confined, ESCAPING, attempt="copies", path=str(place / "readable/file")) == "done"


ACTIONS = [
    ("EPERM", "opens_tcp"),
    ("EPERM", "opens_udp"),
    ("EPERM", "opens_unix"),
    ("EPERM", "opens_packet"),
    ("done", "has_pair"),
    ("EPERM", "forks"),
    ("EPERM", "executes"),
    ("EPERM", "stops_parent"),
    ("EPERM", "probes_parent"),
    ("EPERM", "signals_all"),
    ("EPERM", "signals_init"),
    ("done", "signals_itself"),
    ("EPERM", "traces_parent"),
    ("EACCES", "reads_memory_of_parent"),
    ("EACCES", "reads_environment_of_parent"),
    ("EPERM", "mounts"),
    ("EPERM", "unshares"),
    ("EPERM", "uses_keys"),
    ("EPERM", "uses_bpf"),
    ("EPERM", "uses_io_uring"),
    ("EPERM", "shares_memory"),
    ("not allowed to raise maximum limit", "lifts_limit"),
    ("not allowed to raise maximum limit", "lowers_limit"),
    ("done", "reads_limit"),
    ("EPERM", "outlives_parent"),
    ("EPERM", "becomes_nobody"),
]


@needs_landlock
@needs_seccomp
@pytest.mark.parametrize(("expected", "attempt"), ACTIONS, ids=[attempt for _, attempt in ACTIONS])
def test_actions(confined: ProcessIsolation, expected: str, attempt: str) -> None:
    assert outcome(confined, ESCAPING, attempt=attempt) == expected


@needs_landlock
@needs_seccomp
@pytest.mark.parametrize(
    ("expected", "attempt"),
    [("done", "opens_tcp"), ("done", "opens_udp"), ("EPERM", "opens_packet"), ("EPERM", "forks")],
)
def test_a_plugin_gets_what_it_asks_for_and_no_more(confined: ProcessIsolation, expected: str, attempt: str) -> None:
    assert outcome(confined, WITH_NETWORK, attempt=attempt) == expected


def test_what_is_not_granted_makes_a_plugin_unavailable() -> None:
    isolation = process_isolation(ProcessSettings(granted=("processes",)))
    with pytest.raises(PluginLoadError, match="it needs network, which is not granted"):
        isolation.load(WITH_NETWORK)
    isolation.close()


@needs_landlock
@needs_seccomp
def test_landlock_alone_keeps_signals_and_files_in(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolation = process_isolation(ProcessSettings())
    monkeypatch.setattr(isolation, "_offer", replace(kernel_offer(), seccomp=False))
    assert outcome(isolation, ESCAPING, attempt="stops_parent") == "EPERM"
    assert outcome(isolation, ESCAPING, attempt="writes", path=str(place / "other/file")) == "EACCES"
    assert outcome(isolation, ESCAPING, attempt="opens_udp") == "done"
    isolation.close()


@needs_seccomp
def test_seccomp_alone_keeps_signals_and_the_network_away(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolation = process_isolation(ProcessSettings())
    monkeypatch.setattr(isolation, "_offer", replace(kernel_offer(), landlock=0))
    assert outcome(isolation, ESCAPING, attempt="stops_parent") == "EPERM"
    assert outcome(isolation, ESCAPING, attempt="opens_tcp") == "EPERM"
    assert outcome(isolation, ESCAPING, attempt="reads", path=str(place / "other/file")) == "done"
    isolation.close()


def test_without_anything_plugins_still_run_and_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    isolation = process_isolation(ProcessSettings())
    monkeypatch.setattr(isolation, "_offer", NOTHING)
    assert outcome(isolation, ESCAPING, attempt="signals_itself") == "done"
    said = " ".join(isolation.gaps())
    assert all(word in said for word in ("files", "system calls", "signals"))
    isolation.close()
    off = process_isolation(ProcessSettings(confined=False))
    assert off.gaps() == ["confinement is switched off by a setting"]
    off.close()


@pytest.mark.parametrize(
    ("said", "offer"),
    [
        ([], Offer(7, seccomp=True)),
        ([], Offer(4, seccomp=True)),
        (["truncation"], Offer(2, seccomp=True)),
        (["files"], Offer(0, seccomp=True)),
        (["system calls"], Offer(7, seccomp=False)),
        (["system calls", "signals"], Offer(5, seccomp=False)),
        (["files", "system calls", "signals"], NOTHING),
    ],
    ids=str,
)
def test_what_is_missing_is_told_exactly(said: list[str], offer: Offer) -> None:
    assert [text.split(":")[0] for text in offer.missing()] == said


def test_around_what_is_private_everything_else_is_granted(tmp_path: Path) -> None:
    for name in ("code", "state/deep", "state/deep/er"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    given = dict(grants([str(tmp_path)], private=[tmp_path / "state/deep"], write=[tmp_path / "out"]))
    assert given[str(tmp_path)] == given[str(tmp_path / "state")] == landlock.LIST
    assert given[str(tmp_path / "code")] == landlock.READ
    assert given[str(tmp_path / "out")] == landlock.WRITE
    assert given[str(tmp_path / "state/deep")] == landlock.LIST
    assert str(tmp_path / "state/deep/er") not in given
    assert str(tmp_path) not in dict(grants([str(tmp_path / "state/deep")], private=[tmp_path]))


def verdict(code: list[seccomp.Instruction], audit: int, number: int, *arguments: int) -> int:
    """What the kernel's interpreter makes of a call."""
    words = {0: number, 4: audit}
    for place, value in enumerate((*arguments, 0, 0, 0)):
        words |= {16 + 8 * place: value & 0xFFFFFFFF, 20 + 8 * place: value >> 32}
    accumulator = position = 0
    while True:
        operation, if_true, if_false, constant = code[position]
        position += 1
        match operation:
            case 0x20:
                accumulator = words[constant]
            case 0x06:
                return constant
            case 0x15:
                position += if_true if accumulator == constant else if_false
            case 0x35:
                position += if_true if accumulator >= constant else if_false
            case 0x45:
                position += if_true if accumulator & constant else if_false


PID = 4711
CALLS: list[tuple[int, str, tuple[int, ...], bool, bool]] = [
    (seccomp.REFUSE, "ptrace", (), True, True),
    (seccomp.REFUSE, "mount", (), True, True),
    (seccomp.REFUSE, "setrlimit", (), True, True),
    (seccomp.IGNORE, "fchmodat", (), True, True),
    (seccomp.IGNORE, "utimensat", (), False, False),
    (seccomp.UNSUPPORTED, "setxattr", (), True, True),
    (seccomp.UNKNOWN, "clone3", (), True, True),
    (seccomp.UNKNOWN, "clone3", (), False, False),
    (seccomp.REFUSE, "prctl", (1, 0), True, True),
    (seccomp.ALLOW, "prctl", (15, 0), False, False),
    (seccomp.ALLOW, "prlimit64", (0, 9, 0), False, False),
    (seccomp.REFUSE, "prlimit64", (0, 9, 0x7FFF0000_00000000), False, False),
    (seccomp.REFUSE, "prlimit64", (0, 9, 0x1000), True, True),
    (seccomp.REFUSE, "socket", (2,), False, True),
    (seccomp.ALLOW, "socket", (1,), True, False),
    (seccomp.ALLOW, "socket", (2,), True, False),
    (seccomp.ALLOW, "socket", (10,), True, False),
    (seccomp.ALLOW, "socket", (16,), True, False),
    (seccomp.REFUSE, "socket", (17,), True, True),
    (seccomp.REFUSE, "socket", (0,), True, True),
    (seccomp.ALLOW, "clone", (0x10F00,), True, False),
    (seccomp.REFUSE, "clone", (0x11,), True, False),
    (seccomp.ALLOW, "clone", (0x11,), False, True),
    (seccomp.REFUSE, "clone", (0x10000000,), False, True),
    (seccomp.REFUSE, "clone", (0x10010F00,), True, False),
    (seccomp.REFUSE, "execve", (), True, False),
    (seccomp.ALLOW, "execve", (), False, True),
    (seccomp.ALLOW, "kill", (PID,), False, False),
    (seccomp.ALLOW, "kill", (0,), False, False),
    (seccomp.REFUSE, "kill", (PID + 1,), False, False),
    (seccomp.REFUSE, "kill", (0xFFFFFFFF,), False, False),
    (seccomp.ALLOW, "kill", (PID + 1,), False, True),
    (seccomp.ALLOW, "tgkill", (PID, PID), False, False),
    (seccomp.REFUSE, "tgkill", (PID + 1, PID), False, False),
    (seccomp.REFUSE, "tkill", (PID,), False, False),
    (seccomp.REFUSE, "pidfd_send_signal", (3,), False, False),
]


@pytest.mark.parametrize("name", sorted(seccomp.MACHINES))
@pytest.mark.parametrize(("expected", "call", "arguments", "network", "processes"), CALLS, ids=str)
def test_the_filter(
    name: str, *, expected: int, call: str, arguments: tuple[int, ...], network: bool, processes: bool
) -> None:
    machine = seccomp.MACHINES[name]
    code = seccomp.program(machine, PID, network=network, processes=processes)
    number = machine.number(call)
    assert number is not None
    assert verdict(code, machine.audit, number, *arguments) == expected


@pytest.mark.parametrize("name", sorted(seccomp.MACHINES))
def test_the_filter_ends_calls_of_another_convention_and_leaves_the_usual_alone(name: str) -> None:
    machine = seccomp.MACHINES[name]
    code = seccomp.program(machine, PID, network=False, processes=False)
    assert verdict(code, 0x40000003, 1) == seccomp.KILL  # the 32-bit calls of an x86
    assert len(code) < 4096
    refused = {number for number in range(600) if verdict(code, machine.audit, number, 1) != seccomp.ALLOW}
    named = {
        *seccomp.ALWAYS_REFUSED,
        *seccomp.IGNORED,
        *seccomp.ATTRIBUTE_CALLS,
        *seccomp.PROCESS_CALLS,
        "socket",
        "clone",
        "clone3",
        "kill",
        "tgkill",
        "tkill",
    }
    named |= {"rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal", "prctl"}
    assert refused == {machine.number(call) for call in named} - {None}


def test_the_other_calls_of_a_64_bit_x86_are_no_way_around() -> None:
    machine = seccomp.MACHINES["x86_64"]
    code = seccomp.program(machine, PID, network=True, processes=True)
    assert verdict(code, machine.audit, 0x40000000 | 101) == seccomp.KILL
