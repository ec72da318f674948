"""A log whose lines are written together: what is said in a tenth of a second, by one call of the system.

Each such call lets another thread have the interpreter, and under load it takes long to get it back. So the threads
that work hand over what they have to say, and it is put into words and written where nobody waits for it.

A warning, and all that was said before it, is written before whoever said it goes on; but when nobody takes what is
written, as from a full pipe, that is waited for once and for a second. Then lines are kept, up to a number; of those
beyond it, and of those that could not be written, the log says how many there were as soon as it is read again.

Limits: when the process is killed, what was said in the last tenth of a second is not written.
"""

from __future__ import annotations

import logging
import os
import select
import threading
from collections import deque
from contextvars import Context
from typing import Final, TextIO

from server.app.core.trace import current_trace

_LATEST_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 1.0
_MOST: Final = 1000


class LateLines(logging.StreamHandler[TextIO]):
    """A stream handler for many threads."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._said: deque[logging.LogRecord | str | threading.Event] = deque()  # an event: all before it is written
        # While a line is put into words, an object may go that says so: asyncio's tasks and futures do.
        self._writing = threading.RLock()
        self._news = threading.Event()
        self._hurry = threading.Event()
        self._writer: threading.Thread | None = None
        self._stuck = False
        self._counting = threading.Lock()
        self._lost = 0

    def handle(self, record: logging.LogRecord) -> bool:
        """Without the handler's lock: records are taken up in order as they are."""
        if not self.filter(record):
            return False
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if record.args:  # what a message is about may change until it is written
                record.msg, record.args = record.getMessage(), None
            trace = current_trace()
            if trace is not None:
                record.trace_id = trace.trace_id
            if self._stuck and len(self._said) >= _MOST:
                self._lose(1)
                return
            self._said.append(record)
            if record.levelno >= logging.WARNING or len(self._said) > _MOST or not self._is_served():
                self.flush()
            elif not self._news.is_set():
                self._news.set()
        except Exception:  # noqa: BLE001  # as every handler: no work fails because its log does
            self.handleError(record)

    def say(self, line: str) -> None:
        """Write this as it is, after what was said before."""
        self._said.append(line)
        self.flush()

    def flush(self) -> None:
        """Write what was said up to now, if somebody takes it."""
        if not self._is_served():
            self._write()
            return
        written = threading.Event()
        if not self._stuck:
            self._said.append(written)
        self._hurry.set()
        self._news.set()
        # What is said while lines are put into words is written next, and not before those.
        if not self._stuck and threading.current_thread() is not self._writer:
            self._stuck = not written.wait(_PATIENCE_SECONDS)

    def _write(self) -> None:
        with self._writing:
            while self._said:
                lines, waiting = Context().run(self._lines)  # no record belongs to the trace of whoever writes it
                lost, self._lost = self._lost, 0
                try:
                    self._put("".join(lines) + (self._format_loss(lost) if lost else ""))
                except Exception:  # noqa: BLE001  # nobody could be told but by the log
                    self._lose(len(lines) + lost)
                self._stuck = False
                for written in waiting:
                    written.set()

    def _lines(self) -> tuple[list[str], list[threading.Event]]:
        lines: list[str] = []
        waiting: list[threading.Event] = []
        while self._said:
            said = self._said.popleft()
            if isinstance(said, threading.Event):
                waiting.append(said)
                continue
            try:
                lines.append((said if isinstance(said, str) else self.format(said)) + self.terminator)
            except Exception:  # noqa: BLE001  # one that cannot be put into words keeps no other from being written
                if isinstance(said, logging.LogRecord):
                    self.handleError(said)
        return lines, waiting

    def _format_loss(self, lines: int) -> str:
        said = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING"}
        record = logging.makeLogRecord(said | {"msg": f"{lines} lines are missing here: nobody took them"})
        return self.format(record) + self.terminator

    def _put(self, text: str) -> None:
        if not text:
            return
        try:
            file = self.stream.fileno()
        except (OSError, ValueError):  # it is none of the system's
            self.stream.write(text)
            self.stream.flush()
            return
        # Past the stream, whose lock would be held while nobody takes what is written, also at the end of the process.
        left = text.encode("utf-8", "backslashreplace")
        while left:
            try:
                left = left[os.write(file, left) :]
            except BlockingIOError:
                select.select((), (file,), ())

    def _lose(self, lines: int) -> None:
        with self._counting:
            self._lost += lines

    def _is_served(self) -> bool:
        if self._writer is None:
            with self._writing:
                if self._writer is None:
                    writer = threading.Thread(target=self._serve, name="log", daemon=True)
                    try:
                        writer.start()
                    except RuntimeError:  # the system gives no more threads now, or the interpreter ends
                        return False
                    self._writer = writer
        return True

    def _serve(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            self._hurry.wait(_LATEST_SECONDS)
            self._hurry.clear()
            self._write()
