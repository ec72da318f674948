"""One plugin process as the server sees it: started, asked, and ended together with all it started itself."""

from __future__ import annotations

import math
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
from server.app.plugins.isolation.descendants import descendants, end_descendants, has_more_below, task_count
from server.app.plugins.isolation.frames import HEADER, encode
from server.app.plugins.isolation.limits import Limits, limit_cpu
from server.app.plugins.isolation.scratch import Scratch

_HOST: Final = "server.app.plugins.isolation.host"
_SHORT: Final = 1 << 14  # what most answers fit in
_CHUNK: Final = 1 << 20
_COUNT_SECONDS: Final = 0.01


class ChildEnded(Exception):
    """The process ended without an answer; ``status`` is its exit code, negative for a signal."""

    def __init__(self, status: int | None) -> None:
        super().__init__(describe_exit(status))
        self.used_up_cpu = status == -signal.SIGXCPU
        self.killed = status == -signal.SIGKILL


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


def _poller(*wanted: tuple[int, int]) -> select.poll:
    poller = select.poll()
    for descriptor, events in wanted:
        poller.register(descriptor, events)
    return poller


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
        self._unread = bytearray()
        self.killed: set[int] = set()
        self.idle_since = math.inf
        self._to_child = _poller((self._requests, select.POLLOUT), (self._exit, select.POLLIN))
        self._from_child = _poller((self._answers, select.POLLIN), (self._exit, select.POLLIN))
        self._cpu_limited_at = -math.inf

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_ready(self) -> bool:
        """Whether it lives and has said nothing unasked."""
        return not self._unread and not self._from_child.poll(0)

    def limit_cpu(self, seconds: int) -> None:
        """Allow the next call so much processor time, to within the second that starts with each new limit."""
        now = time.monotonic()
        if now - self._cpu_limited_at > 1.0:
            limit_cpu(self.pid, seconds)
            self._cpu_limited_at = now

    def is_tidy(self) -> bool:
        """Whether the last call left neither processes nor files; files are deleted. A process that has ended and that
        nobody asked after is one, too: they would add up, and count as those of the next call."""
        left = self.may_have_children and (has_more_below(self.pid, 0) or descendants(self.pid))
        return not left and self._scratch.empty()

    def send(self, body: bytes, deadline: float) -> None:
        """Raises ``ChildEnded`` or ``ChildTimeout``."""
        self._tasks = task_count() if self.may_have_children else 0
        view = memoryview(encode(body))
        while view:
            try:
                view = view[os.write(self._requests, view) :]
            except BlockingIOError:
                self._wait(self._to_child, deadline)
            except BrokenPipeError:
                raise ChildEnded(self._status()) from None

    def receive(self, deadline: float) -> bytes:
        """Raises ``ChildEnded``, ``ChildTimeout``, ``TooManyProcesses`` or ``AnswerTooLarge``."""
        while len(self._unread) < HEADER.size:
            self._read(_SHORT, deadline)
        size = HEADER.unpack_from(self._unread)[0]
        if size > self._max_answer:
            raise AnswerTooLarge
        needed = HEADER.size + size
        while len(self._unread) < needed:
            self._read(_CHUNK, deadline)
        body = bytes(self._unread[HEADER.size : needed])
        del self._unread[:needed]
        return body

    def _read(self, most: int, deadline: float) -> None:
        ended = self._wait(self._from_child, deadline)
        try:
            part = os.read(self._answers, most)
        except BlockingIOError:
            if ended:
                raise ChildEnded(self._status()) from None
            return
        if not part:
            raise ChildEnded(self._status())
        self._unread += part

    def _wait(self, poller: select.poll, deadline: float) -> bool:
        """Until the descriptor can be used or the process has ended; says whether it has ended."""
        while not (ready := poller.poll(self._patience(deadline) * 1000.0)):
            if time.monotonic() >= deadline:
                raise ChildTimeout
            if self._is_a_bomb():
                raise TooManyProcesses
        return any(found == self._exit for found, _ in ready)

    def _is_a_bomb(self) -> bool:
        """Both first questions cost next to nothing, so they can be asked before one has grown. It is stopped before it
        is counted, because counting takes long beside hundreds that want the processor, and they double meanwhile."""
        most = self._max_processes
        if not has_more_below(self.pid, most):
            return task_count() - self._tasks > most < len(descendants(self.pid))
        self._signal_group(signal.SIGSTOP)
        if len(descendants(self.pid)) > most:
            return True
        self._signal_group(signal.SIGCONT)  # most of them have ended, and nobody has asked after them
        return False

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

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
                with suppress(ProcessLookupError):  # it ended just now, and whoever waits for its answer has seen it
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
                self.killed = end_descendants(self.pid)  # before it ends itself, while they still hang below it
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._scratch.remove()
            os.close(self._answers)
            os.close(self._exit)
