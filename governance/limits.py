"""Limits: what reading one file may cost this process, enforced by the kernel, because native code asks nobody.

Both are far above what any file needs that the extractor's own estimate lets pass; they are the last resort.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

resource: Any = importlib.import_module("resource") if importlib.util.find_spec("resource") else None
"""None on a platform without limits: there whoever started this process still has a clock."""

SECONDS: Final = 1.0
SECONDS_PER_BYTE: Final = 20e-6
"""CPU seconds; ordinary code takes one to two microseconds per byte."""
BYTES: Final = 140_000_000
BYTES_PER_BYTE: Final = 1000
"""Memory beyond what the process holds already; dense code takes up to half of this per byte of source."""
_PAGE: Final = resource.getpagesize() if resource is not None else 4096


@contextmanager
def limited(size: int) -> Iterator[None]:
    """Let the block cost what a file of `size` bytes may: more CPU time ends the process with SIGPROF, more memory
    raises MemoryError, or ends the process where native code asks for it."""
    clock = resource is not None and signal.getsignal(signal.SIGPROF) == signal.SIG_DFL
    held = _held()
    before = resource.getrlimit(resource.RLIMIT_DATA) if resource is not None and held else None
    try:
        if before is not None:
            _set(held + BYTES + BYTES_PER_BYTE * size, before)
        if clock:
            signal.setitimer(signal.ITIMER_PROF, SECONDS + SECONDS_PER_BYTE * size)
        yield
    finally:
        if clock:
            signal.setitimer(signal.ITIMER_PROF, 0)
        if before is not None:
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(resource.RLIMIT_DATA, before)


def _set(wanted: int, before: tuple[int, int]) -> None:
    """The soft limit only, and never a higher one than there was."""
    known = [limit for limit in (wanted, *before) if limit != resource.RLIM_INFINITY]
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (min(known), before[1]))


def _held() -> int:
    """Bytes of memory that count towards the limit now; 0 where that cannot be known."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[5]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0
