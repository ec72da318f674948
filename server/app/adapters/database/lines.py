"""Where tasks line up for the one connection that writes. Whoever gets it does at once what waits by then, so that
many share a commit. Both kinds are thread-safe and keep the order in which tasks came."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Dialect, Engine

from server.app.adapters.database.task import Result, Task

Batch = list[Task[Any, Any]]
Execute = Callable[[Connection, Batch], None]

_BATCH: Final = 256


class LineClosed(RuntimeError):
    """A task came after ``close``."""


class Connector(Protocol):
    """Where a connection comes from if not from an engine whose driver blocks."""

    @property
    def dialect(self) -> Dialect: ...

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """What ``work`` returns on a connection of its own, in this thread."""
        ...


class Line(Protocol):
    @property
    def length(self) -> int:
        """How many tasks wait."""
        ...

    def pass_through(self, *tasks: Task[Any, Any]) -> None:
        """Wait until the tasks are done, in one transaction if none of them fails. Raises ``LineClosed``."""
        ...

    def close(self) -> None:
        """Wait until everything is done that came before, and give up the connection; again does nothing."""
        ...


class SharedLine:
    """The connection of a blocking driver goes from thread to thread: one whose task comes first does those of the
    others as well, then the next one has its turn. This spares every task two changes of thread."""

    def __init__(self, engine: Engine, execute: Execute) -> None:
        self._engine = engine
        self._connection = engine.connect()
        self._execute = execute
        self._lock = threading.Lock()
        self._waiting: deque[Task[Any, Any]] = deque()
        self._taken = False
        self._closed = False

    @property
    def length(self) -> int:
        return len(self._waiting)

    def pass_through(self, *tasks: Task[Any, Any]) -> None:
        self._pass(tasks, last=False)

    def close(self) -> None:
        try:
            self._pass((Task(_nothing, None),), last=True)
        except LineClosed:
            return
        self._connection.close()
        self._engine.dispose()

    def _pass(self, tasks: Sequence[Task[Any, Any]], *, last: bool) -> None:
        with self._lock:
            if self._closed:
                raise LineClosed
            self._closed = last
            waits = self._taken
            if waits:
                self._waiting.extend(tasks)
            self._taken = True
        if not waits:
            self._do([*tasks])
        for task in tasks:
            task.wait()
            if task.has_turn:
                self._do([task])
                task.wait()

    def _do(self, batch: Batch) -> None:
        with self._lock:
            while self._waiting and len(batch) < _BATCH:
                batch.append(self._waiting.popleft())
        try:
            self._execute(self._connection, batch)
        finally:
            with self._lock:
                following = self._waiting.popleft() if self._waiting else None
                self._taken = following is not None
            if following is not None:
                following.give_turn()


class OwnedLine:
    """The connection of a driver that belongs to an event loop stays in a thread of its own."""

    def __init__(self, connector: Connector, execute: Execute) -> None:
        self._connector = connector
        self._execute = execute
        self._lock = threading.Lock()
        self._inbox: queue.SimpleQueue[Task[Any, Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._opened: Future[None] = Future()
        self._thread = threading.Thread(target=self._serve, name="database", daemon=True)
        self._thread.start()
        self._opened.result()

    @property
    def length(self) -> int:
        return self._inbox.qsize()

    def pass_through(self, *tasks: Task[Any, Any]) -> None:
        with self._lock:
            if self._closed:
                raise LineClosed
            for task in tasks:
                self._inbox.put(task)
        for task in tasks:
            task.wait()

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._inbox.put(None)
        self._thread.join()

    def _serve(self) -> None:
        try:
            self._connector.run(self._serve_on)
        except BaseException as failure:
            if self._opened.done():
                raise
            self._opened.set_exception(failure)  # the constructor raises it

    def _serve_on(self, connection: Connection) -> None:
        self._opened.set_result(None)
        while (batch := self._next_batch()) is not None:
            self._execute(connection, batch)

    def _next_batch(self) -> Batch | None:
        """Everything that waits, at least one task; ``None`` at the end."""
        first = self._inbox.get()
        if first is None:
            return None
        batch = [first]
        while len(batch) < _BATCH:
            try:
                task = self._inbox.get_nowait()
            except queue.Empty:
                break
            if task is None:
                self._inbox.put(None)
                break
            batch.append(task)
        return batch


def _nothing(_connection: Connection, items: Sequence[None]) -> Sequence[None]:
    return items
