"""Measuring: what a command costs, with everything it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Cost:
    """cpu: user and system seconds of the process and all it waited for; peak: resident bytes of the largest one."""

    cpu: float
    wall: float
    peak: int
    code: int
    out: bytes = b""


def cost(
    command: Sequence[str | Path],
    folder: Path,
    *,
    cores: int = 0,
    seconds: float = 1800.0,
    environment: dict[str, str] | None = None,
) -> Cost:
    """Run a command to its end; cores: how many it may use, 0: all; later than `seconds` it is killed (code < 0)."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(mine)[:cores] if cores else mine)  # inherited by what is started now
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env=os.environ | (environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.sched_setaffinity(0, mine)
    timer = threading.Timer(seconds, lambda: os.killpg(process.pid, signal.SIGKILL))
    timer.start()
    assert process.stdout is not None
    try:
        out = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
    finally:
        timer.cancel()
        process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024, process.returncode, out)


def middle(costs: Sequence[Cost]) -> Cost:
    """The medians of several measurements of the same thing."""
    return Cost(
        median(each.cpu for each in costs),
        median(each.wall for each in costs),
        int(median(each.peak for each in costs)),
        costs[-1].code,
        costs[-1].out,
    )


def in_turns(rounds: int, subjects: dict[str, Callable[[], Cost]]) -> dict[str, Cost]:
    """The medians of subjects that are measured one after the other, several times, so that what else the machine does
    falls on all of them."""
    found: dict[str, list[Cost]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, measure in subjects.items():
            found[name].append(measure())
    return {name: middle(costs) for name, costs in found.items()}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    texts = [
        "| " + " | ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([texts[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *texts[1:]])
