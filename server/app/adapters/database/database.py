"""One thread writes; what several threads ask at the same time is committed together.

A commit is what costs, so under load many small pieces of work share one. Reading is done where it is asked
for, on connections of its own, so that a long list keeps no execution waiting.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event

Item = TypeVar("Item")
Result = TypeVar("Result")

_BATCH: Final = 256


class DatabaseClosed(RuntimeError):
    """Asked for after ``close``."""


class Inseparable(Exception):
    """Raised by work on several items that cannot say which of them it did: each is then done alone."""


def sqlite_engine(path: Path, *, reads_only: bool = False) -> Engine:
    """An engine on a SQLite file in WAL mode. Its transactions take the write lock when they begin; of an
    engine that only reads, every statement sees the newest commit."""
    engine = create_engine(f"sqlite:///{path}", paramstyle="named")
    pragmas = ["busy_timeout=5000"]
    pragmas += ["query_only=ON"] if reads_only else ["journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"]

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()  # the pool does not know it yet, so nobody else would
            raise

    if not reads_only:

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


class _Task(Generic[Item, Result]):
    """Work on one item, and the lock that whoever asked for it waits at."""

    __slots__ = ("_done", "_failure", "_result", "item", "work")

    def __init__(self, work: Callable[[Connection, Sequence[Item]], Sequence[Result]], item: Item) -> None:
        self.work = work
        self.item = item
        self._failure: BaseException | None = None
        self._result: Result | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def succeed(self, result: Result) -> None:
        self._result = result
        self._done.release()

    def fail(self, failure: BaseException) -> None:
        self._failure = failure
        self._done.release()

    def outcome(self) -> Result:
        self._done.acquire()  # a lock wakes its one waiter at a tenth of a future's price
        if self._failure is not None:
            raise self._failure
        return cast("Result", self._result)


class Database:
    """``reader`` is the engine to read with, if it is not the one to write with."""

    def __init__(self, engine: Engine, reader: Engine | None = None) -> None:
        self._engine = engine
        self._reader = reader or engine
        self._inbox: queue.SimpleQueue[_Task[Any, Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="database", daemon=True)
        self._thread.start()

    @property
    def engine(self) -> Engine:
        """The engine that writes: what statements are compiled for."""
        return self._engine

    def call(self, work: Callable[[Connection], Result]) -> Result:
        """What ``work`` returns, after it was committed; what it raises, after it was undone.

        ``work`` may be executed again after an undone attempt, so it changes nothing but the database.
        """
        return self.together(lambda connection, _items: [work(connection)], None)

    def together(self, work: Callable[[Connection, Sequence[Item]], Sequence[Result]], item: Item) -> Result:
        """As ``call``, for work that does many items at once: it is given what several threads ask of the
        same ``work``, and returns one result for each item. If it raises, every item is tried alone."""
        task = _Task(work, item)
        with self._lock:
            if self._closed:
                raise DatabaseClosed("the database is closed")
            self._inbox.put(task)
        return task.outcome()

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """What ``work`` reads, in the calling thread."""
        if self._closed:
            raise DatabaseClosed("the database is closed")
        with self._reader.connect() as connection:
            return work(connection)

    def close(self) -> None:
        """Finish what was asked for, then end."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._inbox.put(None)
        self._thread.join()
        self._engine.dispose()
        self._reader.dispose()

    def _serve(self) -> None:
        with self._engine.connect() as connection:
            while (batch := self._next_batch()) is not None:
                self._execute(connection, batch)

    def _next_batch(self) -> list[_Task[Any, Any]] | None:
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

    def _execute(self, connection: Connection, batch: list[_Task[Any, Any]]) -> None:
        """Commit the batch as a whole; if any of it fails, each task alone."""
        groups: dict[Any, list[_Task[Any, Any]]] = {}
        for task in batch:
            groups.setdefault(task.work, []).append(task)
        done: list[tuple[_Task[Any, Any], Any]] = []
        try:
            with connection.begin():
                for work, tasks in groups.items():
                    done += zip(tasks, work(connection, [task.item for task in tasks]), strict=True)
        except BaseException as failure:  # noqa: BLE001  # the thread that asked raises it
            if len(batch) == 1:
                batch[0].fail(failure)
            else:
                for task in batch:
                    self._execute(connection, [task])
            return
        for task, result in done:
            task.succeed(result)
