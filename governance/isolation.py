"""Isolation: files are read in child processes, because a native parser may hang, or crash, on hostile text.

A child that dies or takes too long is replaced; the file it was at is a problem, the others are still read. A child
costs little: libcst has to be imported somewhere, and here nothing else needs it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Final

from governance.reading import READY

SECONDS: Final = 60.0
"""No file of the default size needs a tenth of this."""
FILES_PER_CHILD: Final = 100
"""A second child pays for its start when there is about this much to read."""
CHILDREN: Final = 4
_OUT_OF_TIME: Final = getattr(signal, "SIGPROF", 0)
"""What ends a child that used up the processor time of `limits`."""
_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 5.0
_PROGRAM: Final = (
    "import runpy, sys; sys.path[:] = sys.argv[1:]; runpy.run_module('governance.reading', None, '__main__')"
)


class ChildFailed(Exception):
    """A child does not even start; the text says what it left behind."""


@dataclass(frozen=True, slots=True)
class Read:
    """What became of one file: the key of the bytes that were read and the entry as JSON text, or a problem."""

    path: str
    key: str
    entry: bytes
    kind: str = ""
    message: str = ""


def read_files(root: Path, paths: Sequence[str], seconds: float = SECONDS) -> Iterator[Read]:
    """Read files below a root, in any order, each with its own time limit. Raises ChildFailed."""
    waiting: SimpleQueue[str] = SimpleQueue()
    done: SimpleQueue[Read | ChildFailed] = SimpleQueue()
    for path in paths:
        waiting.put(path)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = max(1, min(cores, CHILDREN, len(paths) // FILES_PER_CHILD))
    crew = [_Attendant(root, waiting, done, seconds) for _ in range(count)]
    for each in crew:
        each.start()
    missing = len(paths)
    try:
        while missing:
            result = done.get()
            if isinstance(result, ChildFailed):
                raise result
            missing -= 1
            yield result
    finally:
        for each in crew:
            each.finish(now=missing > 0)


class _Attendant(threading.Thread):
    """Hands files to one child at a time and waits for its answers."""

    def __init__(
        self, root: Path, waiting: SimpleQueue[str], done: SimpleQueue[Read | ChildFailed], seconds: float
    ) -> None:
        super().__init__(daemon=True)
        self.root, self.waiting, self.done, self.seconds = root, waiting, done, seconds
        self.child: _Child | None = None
        self.stopped = False

    def run(self) -> None:
        """Until nothing waits any more."""
        try:
            while not self.stopped and not self.waiting.empty():
                # Another attendant may have taken the last one.
                path = self.waiting.get(timeout=0.001)
                if self.child is None or self.child.gone:
                    self.child = _Child()
                self.done.put(self.child.ask(self.root, path, self.seconds))
        except ChildFailed as failure:
            self.done.put(failure)
        except Empty:
            pass
        finally:
            if self.child is not None:
                self.child.end(kill=self.stopped)

    def finish(self, now: bool) -> None:
        """Return when the child has ended; now: whatever it does."""
        self.stopped = now
        if now and self.child is not None:
            self.child.process.kill()
        self.join()


class _Child:
    """A process that runs `reading.serve`."""

    def __init__(self) -> None:
        command = [sys.executable, "-P", "-c", _PROGRAM, *sys.path]
        pipe, none = subprocess.PIPE, subprocess.DEVNULL
        self.gone = False
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=none)
        if self._exchange(b"", _START_SECONDS)[0] != READY:
            self.end(kill=True)
            raise ChildFailed(f"a process that reads files cannot be started ({sys.executable})")

    def ask(self, root: Path, path: str, seconds: float) -> Read:
        """Have one file read; the child may be gone afterwards."""
        answer, late = self._exchange(json.dumps(f"{root}/{path}").encode() + b"\n", seconds)
        whole = answer.endswith(b"\n")
        if late or not whole:
            self.end(kill=True)
        if not whole and late:
            return Read(path, "", b"", "too-slow", f"takes more than {seconds:g} seconds to analyse")
        if not whole and self.process.returncode == -_OUT_OF_TIME:
            return Read(path, "", b"", "too-slow", "takes more time to analyse than a file of its size may")
        if not whole:
            return Read(path, "", b"", "parser-died", f"the parser died of it (exit code {self.process.returncode})")
        key, _, entry = answer.rstrip(b"\n").partition(b" ")
        if key == b"-":
            return Read(path, "", b"", *json.loads(entry))
        return Read(path, key.decode(), entry)

    def _exchange(self, request: bytes, seconds: float) -> tuple[bytes, bool]:
        """Send a line and wait for one, and whether the child was killed for being late. No whole line: it died."""
        late = threading.Event()

        def kill() -> None:
            late.set()
            self.process.kill()

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            _stream(self.process.stdin).write(request)
            _stream(self.process.stdin).flush()
            return _stream(self.process.stdout).readline(), late.is_set()
        except (OSError, ValueError):
            return b"", late.is_set()
        finally:
            timer.cancel()

    def end(self, kill: bool) -> None:
        """End the process: at once, or when it has seen that no more requests come."""
        self.gone = True
        with contextlib.suppress(OSError):
            _stream(self.process.stdin).close()
        if not kill:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=_END_SECONDS)
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            _stream(self.process.stdout).close()


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # both are pipes
    return stream
