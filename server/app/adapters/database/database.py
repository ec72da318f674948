"""One thread owns the connection; what several threads ask at the same time is committed together.

A commit is what costs, so under load many small pieces of work share one.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event

Result = TypeVar("Result")

_BATCH: Final = 64


@dataclass(frozen=True)
class _Task:
    work: Callable[[Connection], Any]
    done: Future[Any]


class DatabaseClosed(RuntimeError):
    """Asked for after ``close``."""


def sqlite_engine(path: Path) -> Engine:
    """An engine on a SQLite file in WAL mode, whose transactions take the write lock when they begin."""
    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        try:
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=5000"):
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()  # the pool does not know it yet, so nobody else would
            raise

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


class Database:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._inbox: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="database", daemon=True)
        self._thread.start()

    def call(self, work: Callable[[Connection], Result]) -> Result:
        """What ``work`` returns, after it was committed; what it raises, after it was undone.

        ``work`` may be executed again after an undone attempt, so it changes nothing but the database.
        """
        done: Future[Result] = Future()
        with self._lock:
            if self._closed:
                raise DatabaseClosed("the database is closed")
            self._inbox.put(_Task(work, done))
        return done.result()

    def close(self) -> None:
        """Finish what was asked for, then end."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._inbox.put(None)
        self._thread.join()
        self._engine.dispose()

    def _serve(self) -> None:
        with self._engine.connect() as connection:
            while (batch := self._next_batch()) is not None:
                self._execute(connection, batch)

    def _next_batch(self) -> list[_Task] | None:
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

    def _execute(self, connection: Connection, batch: list[_Task]) -> None:
        """Commit the batch as a whole; if any of it fails, each task alone."""
        try:
            with connection.begin():
                results = [task.work(connection) for task in batch]
        except BaseException as failure:  # noqa: BLE001  # the thread that asked raises it
            if len(batch) == 1:
                batch[0].done.set_exception(failure)
            else:
                for task in batch:
                    self._execute(connection, [task])
            return
        for task, result in zip(batch, results, strict=True):
            task.done.set_result(result)
