"""A log whose lines are written together: what is said in a tenth of a second, by one call of the system.

Each such call lets another thread have the interpreter, and under load it takes long to get it back. So the threads
that work hand over what they have to say, and it is put into words and written where nobody waits for it.

Limits: when the process is killed, what was said in the last tenth of a second is not written. A warning, and all that
was said before it, is written before whoever said it goes on.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextvars import Context
from typing import Final, TextIO

from server.app.core.trace import current_trace

_LATEST_SECONDS: Final = 0.1
_MOST: Final = 1000


class LateLines(logging.StreamHandler[TextIO]):
    """A stream handler for many threads."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._said: deque[logging.LogRecord] = deque()
        # While a line is put into words, an object may go that says so: asyncio's tasks and futures do.
        self._writing = threading.RLock()
        self._news = threading.Event()
        self._writer: threading.Thread | None = None

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
            self._said.append(record)
            if record.levelno >= logging.WARNING or len(self._said) > _MOST or not self._is_served():
                self.flush()
            elif not self._news.is_set():
                self._news.set()
        except Exception:  # noqa: BLE001  # as every handler: no work fails because its log does
            self.handleError(record)

    def flush(self) -> None:
        """Write what was said up to now."""
        with self._writing:
            lines = Context().run(self._lines)  # no record belongs to the trace of whoever writes it
            if lines:
                self.stream.write(lines)
            super().flush()

    def _lines(self) -> str:
        lines = []
        while self._said:
            record = self._said.popleft()
            try:
                lines.append(self.format(record) + self.terminator)
            except Exception:  # noqa: BLE001  # one that cannot be put into words keeps no other from being written
                self.handleError(record)
        return "".join(lines)

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
        pause = threading.Event()
        while True:
            self._news.wait()
            self._news.clear()
            pause.wait(_LATEST_SECONDS)
            try:
                self.flush()
            except Exception:  # noqa: BLE001  # nobody reads the log any more, so nobody can be told
                pause.wait(1.0)
