"""Finding and ending all that a plugin process started, however far it went to get away.

A plugin process adopts its orphans, and this process those of plugin processes that are dead (child
subreapers), so every descendant hangs below one of the two, in a session of its own or not.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_PR_SET_CHILD_SUBREAPER: Final = 36
_ROUNDS: Final = 100
_DYING_SECONDS: Final = 1.0
_MARK: Final = "NoNewPrivs:"


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent dies."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(*pids: int) -> set[int]:
    """The processes below these, those that have ended but are not reaped left out."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                state, parent = Path(f"/proc/{entry.name}/stat").read_bytes().rpartition(b") ")[2].split()[:2]
                if state not in (b"Z", b"X"):
                    children.setdefault(int(parent), []).append(int(entry.name))
    found: set[int] = set()
    waiting = list(pids)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def has_more_below(pid: int, most: int) -> bool:
    """Whether there are more than ``most`` processes below this one, those included that have ended and are not reaped;
    costs little where there are few. False where the kernel does not tell."""
    found = 0
    waiting = [pid]
    while waiting and found <= most:
        with suppress(OSError):
            below = _children_of(waiting.pop())
            found += len(below)
            waiting += below
    return found > most


def task_count() -> int:
    """All threads of this machine, or of the container that this is in."""
    return int(Path("/proc/loadavg").read_text("ascii").split()[3].split("/")[1])


def end_descendants(*pids: int) -> set[int]:
    """Stop these, each of which may lead a process group, and kill what is below them; says what that was.

    Everything is stopped first, so that nothing is born while it is counted: the group at a stroke, which is
    what a bomb needs, and then one by one what has left the group.
    """
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGSTOP)
    stopped: set[int] = set()
    for _ in range(_ROUNDS):
        new = descendants(*pids) - stopped
        if not new:
            break
        _signal(new, signal.SIGSTOP)
        stopped |= new
    _signal(stopped, signal.SIGKILL)
    return stopped


def end_orphans(own: set[int], dying: set[int]) -> None:
    """Kill and reap the children of this process that are marked as a plugin's and are not among ``own``.

    ``dying`` have been killed and may still be on their way here, by the death of their parents.
    """
    mine = os.getpid()
    if _is_marked(mine):
        return  # then the mark says nothing
    deadline = time.monotonic() + _DYING_SECONDS
    while True:
        orphans = {child for child in _children_of(mine) - own if _is_marked(child)}
        # At a stroke: a bomb leaves hundreds, and to look for what is below each takes longer than anybody waits.
        end_descendants(*orphans - dying)
        _signal(orphans, signal.SIGKILL)
        for child in orphans:
            with suppress(ChildProcessError):
                os.waitpid(child, 0)
        dying = {pid for pid in dying if Path(f"/proc/{pid}").exists()}
        if not dying or time.monotonic() > deadline:
            return
        time.sleep(0.005)


def _children_of(pid: int) -> set[int]:
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            found |= {int(child) for child in (task / "children").read_text("ascii").split()}
    return found


def _is_marked(pid: int) -> bool:
    """No program can take no-new-privileges off again, and every plugin process has it before it loads code."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return any(line.startswith(_MARK) and line.split()[1] == "1" for line in lines)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
