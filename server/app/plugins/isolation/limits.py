"""What one plugin process may use, and how the kernel is told so. Linux only."""

from __future__ import annotations

import ctypes
import json
import math
import os
import resource
import signal
import time
from dataclasses import asdict, dataclass
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_SCHEDULED: Final = 2  # CPUCLOCK_SCHED: the clock id of a process is made of its pid, see clock_getcpuclockid(3)
_OPEN_FILES: Final = 256
_FILE_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """``memory_bytes`` is address space of each process; ``result_bytes`` the size of one answer;
    ``processes`` how many a plugin that may start any has at most beside its own."""

    memory_bytes: int
    result_bytes: int
    processes: int = 64

    def to_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Limits:
        return cls(**json.loads(text))


def limit_this_process(limits: Limits, parent_pid: int) -> None:
    """Put the limits on the calling process and let it die with its parent.

    How much processor time a call may take is set by the server before each, see ``limit_cpu``.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent died before the line above
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_cpu(pid: int, seconds: int) -> None:
    """Let another process use so much more processor time, in all its threads together, then end it by SIGXCPU."""
    used = time.clock_gettime((~pid << 3) | _SCHEDULED)
    soft = math.ceil(used) + seconds  # the upper limit stays as inherited: only root could lift it again
    resource.prlimit(pid, resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))
