"""One plugin process as the server sees it: started, asked, and ended together with all it started itself."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from server.app.plugins.isolation.confinement import Confinement
from server.app.plugins.isolation.descendants import descendants, end_descendants, task_count
from server.app.plugins.isolation.frames import HEADER, encode
from server.app.plugins.isolation.limits import Limits
from server.app.plugins.isolation.scratch import Scratch

_HOST: Final = "server.app.plugins.isolation.host"
_CHUNK: Final = 1 << 20
_COUNT_SECONDS: Final = 0.01


class ChildEnded(Exception):
    """The process ended without an answer; ``status`` is its exit code, negative for a signal."""

    def __init__(self, status: int | None) -> None:
        super().__init__(describe_exit(status))
        self.used_up_cpu = status == -signal.SIGXCPU


class ChildTimeout(Exception):
    """The deadline passed."""


class AnswerTooLarge(Exception):
    """The answer is longer than allowed."""


class TooManyProcesses(Exception):
    """The plugin has more processes than allowed."""


@dataclass(frozen=True)
class Launch:
    """What a plugin process is started with; ``folder`` is where it may write."""

    reference: str
    limits: Limits
    confinement: Confinement
    environment: Mapping[str, str]
    folder: str


def describe_exit(status: int | None) -> str:
    if status is None:
        return "it closed its connection"
    if status >= 0:
        return f"it exited with code {status}"
    try:
        return f"it was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"it was ended by signal {-status}"


def _start(launch: Launch) -> tuple[subprocess.Popen[bytes], int, int]:
    """The process, and our ends of the pipes of requests and of answers."""
    with ExitStack() as ours, ExitStack() as theirs:
        request_reader, request_writer = os.pipe()
        theirs.callback(os.close, request_reader)
        ours.callback(os.close, request_writer)
        answer_reader, answer_writer = os.pipe()
        theirs.callback(os.close, answer_writer)
        ours.callback(os.close, answer_reader)
        command = [sys.executable, "-P", "-m", _HOST, str(request_reader), str(answer_writer), str(os.getpid())]
        process = subprocess.Popen(
            [*command, launch.limits.to_text(), launch.confinement.to_text(), launch.reference],
            pass_fds=(request_reader, answer_writer),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**launch.environment, "HOME": launch.folder, "TMPDIR": launch.folder},
            cwd=launch.folder,
            start_new_session=True,
        )
        ours.pop_all()
        return process, request_writer, answer_reader


class Child:
    """Used by one thread at a time; ``kill`` alone may be called from any."""

    def __init__(self, launch: Launch, scratch: Scratch) -> None:
        self._process, self._requests, self._answers = _start(launch)
        try:
            self._exit = os.pidfd_open(self._process.pid)
        except OSError:
            os.close(self._requests)
            os.close(self._answers)
            self._process.kill()
            self._process.wait()
            raise
        os.set_blocking(self._requests, False)
        os.set_blocking(self._answers, False)
        self._scratch = scratch
        self._max_answer = launch.limits.result_bytes + 4096
        self._max_processes = launch.limits.processes
        self.may_have_children = launch.confinement.allows_processes
        self._lock = threading.Lock()
        self._ended = False
        self._tasks = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_ready(self) -> bool:
        """Whether it lives and has said nothing unasked."""
        poller = select.poll()
        poller.register(self._exit, select.POLLIN)
        poller.register(self._answers, select.POLLIN)
        return not poller.poll(0)

    def is_tidy(self) -> bool:
        """Whether the last call left neither processes nor files; files are deleted."""
        return not (self.may_have_children and descendants(self.pid)) and self._scratch.empty()

    def send(self, body: bytes, deadline: float) -> None:
        """Raises ``ChildEnded`` or ``ChildTimeout``."""
        self._tasks = task_count() if self.may_have_children else 0
        view = memoryview(encode(body))
        while view:
            self._wait(self._requests, select.POLLOUT, deadline)
            try:
                view = view[os.write(self._requests, view) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise ChildEnded(self._status()) from None

    def receive(self, deadline: float) -> bytes:
        """Raises ``ChildEnded``, ``ChildTimeout`` or ``AnswerTooLarge``."""
        size = HEADER.unpack(self._read(HEADER.size, deadline))[0]
        if size > self._max_answer:
            raise AnswerTooLarge
        return self._read(size, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            ended = self._wait(self._answers, select.POLLIN, deadline)
            try:
                part = os.read(self._answers, min(size - len(parts), _CHUNK))
            except BlockingIOError:
                if ended:
                    raise ChildEnded(self._status()) from None
                continue
            if not part:
                raise ChildEnded(self._status())
            parts += part
        return bytes(parts)

    def _wait(self, descriptor: int, event: int, deadline: float) -> bool:
        """Until the descriptor can be used or the process has ended; says whether it has ended."""
        poller = select.poll()
        poller.register(descriptor, event)
        poller.register(self._exit, select.POLLIN)
        while not (ready := poller.poll(self._patience(deadline) * 1000.0)):
            if time.monotonic() >= deadline:
                raise ChildTimeout
            # The first question costs next to nothing, so it can be asked before a bomb has grown.
            if task_count() - self._tasks > self._max_processes < len(descendants(self.pid)):
                raise TooManyProcesses
        return any(found == self._exit for found, _ in ready)

    def _patience(self, deadline: float) -> float:
        left = max(0.0, deadline - time.monotonic())
        return min(left, _COUNT_SECONDS) if self.may_have_children else left

    def _status(self) -> int | None:
        """The exit status; a process that has only closed its pipe is given a moment to end."""
        try:
            return self._process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End the process and its whole group at once; ``end`` must follow."""
        with self._lock:
            if not self._ended and self._process.returncode is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def end(self, *, grace: float = 0.0) -> None:
        """Close the pipe, give the process ``grace`` seconds to leave, then kill its group and clean up."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            os.close(self._requests)
            poller = select.poll()
            poller.register(self._exit, select.POLLIN)
            poller.poll(grace * 1000.0)
            if self.may_have_children:
                end_descendants(self.pid)  # before it ends itself, while they still hang below it
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._scratch.remove()
            os.close(self._answers)
            os.close(self._exit)
