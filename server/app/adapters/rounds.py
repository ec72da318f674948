"""Work that is done again and again while the server runs, by one thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from server.app.adapters.database.database import AWAY, told_of

logger = logging.getLogger(__name__)


@dataclass
class _Round:
    seconds: float
    work: Callable[[], object]
    due: float
    fails: bool = False


class Rounds:
    """Each piece of work is done at the end of every ``seconds``; one that fails is tried again then. That is logged,
    for a database that is away only the first time."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._rounds: list[_Round] = []
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="rounds", daemon=True)

    def every(self, seconds: float, work: Callable[[], object]) -> None:
        with self._change:
            self._rounds.append(_Round(seconds, work, time.monotonic() + seconds))
            self._change.notify()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._change:
            self._stopping = True
            self._change.notify()
        self._thread.join()

    def _serve(self) -> None:
        while (due := self._next()) is not None:
            try:
                due.work()
                due.fails = False
            except AWAY as failure:
                if not due.fails:
                    told = told_of(failure)
                    logger.warning("regular work fails, the database: %s; it is tried every %g s", told, due.seconds)
                due.fails = True
            except Exception:
                logger.exception("regular work failed; it is tried again in %g s", due.seconds)

    def _next(self) -> _Round | None:
        """Wait for the next piece of work; ``None`` at the end."""
        with self._change:
            while not self._stopping:
                first = min(self._rounds, key=lambda entry: entry.due, default=None)
                now = time.monotonic()
                if first is not None and first.due <= now:
                    first.due = now + first.seconds
                    return first
                self._change.wait(None if first is None else first.due - now)
        return None
