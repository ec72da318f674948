"""What one plugin process may use, and how the kernel is told so. Linux only."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
from dataclasses import asdict, dataclass
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_OPEN_FILES: Final = 256
_FILE_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """``memory_bytes`` is address space; ``result_bytes`` the size of one answer."""

    memory_bytes: int
    result_bytes: int

    def to_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Limits:
        return cls(**json.loads(text))


def confine_this_process(limits: Limits, parent_pid: int) -> None:
    """Put the limits on the calling process and let it die with its parent."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # the parent died before the line above
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
