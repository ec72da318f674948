"""One thread writes; what several threads ask at the same time is committed together.

A commit is what costs, so under load many small pieces of work share one. Reading is done where it is asked
for, on connections of its own, so that a long list keeps no execution waiting.

A connection that is lost is opened again, and what the loss has undone is done again. Only a loss in the middle of
a commit reaches who asked: nobody can tell whether it was committed.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, literal, select
from sqlalchemy.exc import DBAPIError

Item = TypeVar("Item")
Result = TypeVar("Result")

_BATCH: Final = 256
_OUTAGE_SECONDS: Final = 30.0
_RECONNECT_SECONDS: Final = 0.2

_ONE: Final = select(literal(1))

logger = logging.getLogger(__name__)


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


class Connector(Protocol):
    """Where a connection comes from if not from an engine whose driver blocks."""

    @property
    def dialect(self) -> Dialect: ...

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """What ``work`` returns on a connection of its own, in this thread."""
        ...


def on_connection(connector: Engine | Connector, work: Callable[[Connection], Result]) -> Result:
    """What ``work`` returns on a connection of its own, in this thread."""
    if not isinstance(connector, Engine):
        return connector.run(work)
    try:
        with connector.connect() as connection:
            return work(connection)
    finally:
        connector.dispose()


class Database:
    """Without a ``reader``, what is read is asked of the thread that writes.

    ``outage_seconds``: how long a lost database is waited for, before those who ask hear of it.
    """

    def __init__(
        self, connector: Engine | Connector, reader: Engine | None = None, outage_seconds: float = _OUTAGE_SECONDS
    ) -> None:
        self._connector = connector
        self._reader = reader
        self._outage_seconds = outage_seconds
        self._opened: Future[None] = Future()
        self._inbox: queue.SimpleQueue[_Task[Any, Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="database", daemon=True)
        self._thread.start()
        self._opened.result()

    @property
    def dialect(self) -> Dialect:
        """What statements are compiled for."""
        return self._connector.dialect

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
        """What ``work`` reads, in the calling thread if there is a reader."""
        if self._reader is None:
            return self.call(work)
        if self._closed:
            raise DatabaseClosed("the database is closed")
        with self._reader.connect() as connection:
            return work(connection)

    def answers(self) -> bool:
        """Whether it can be asked something now."""
        try:
            return self.call(lambda connection: connection.execute(_ONE).scalar()) == 1
        except (OSError, DBAPIError, DatabaseClosed):
            return False

    def close(self) -> None:
        """Finish what was asked for, then end."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._inbox.put(None)
        self._thread.join()
        if self._reader is not None:
            self._reader.dispose()

    def _serve(self) -> None:
        try:
            on_connection(self._connector, self._serve_on)
        except BaseException as failure:
            if self._opened.done():
                raise
            self._opened.set_exception(failure)  # the constructor raises it

    def _serve_on(self, connection: Connection) -> None:
        self._opened.set_result(None)
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
        try:
            done = self._committed(connection, batch)
        except BaseException as failure:  # noqa: BLE001  # the thread that asked raises it
            alone = len(batch) == 1 or _is_loss(failure)
            for task in batch:
                if alone:
                    task.fail(failure)
                else:
                    self._execute(connection, [task])
            return
        for task, result in done:
            task.succeed(result)

    def _committed(self, connection: Connection, batch: list[_Task[Any, Any]]) -> list[tuple[_Task[Any, Any], Any]]:
        """The tasks with their results, after a commit; when the connection is lost before it, another is tried."""
        groups: dict[Any, list[_Task[Any, Any]]] = {}
        for task in batch:
            groups.setdefault(task.work, []).append(task)
        deadline: float | None = None
        while True:
            committing = False
            try:
                done: list[tuple[_Task[Any, Any], Any]] = []
                with connection.begin():
                    for work, tasks in groups.items():
                        done += zip(tasks, work(connection, [task.item for task in tasks]), strict=True)
                    committing = True
            except BaseException as failure:
                if not _is_loss(failure):
                    raise
                connection.invalidate(failure)
                if deadline is None:
                    deadline = time.monotonic() + self._outage_seconds
                    logger.warning("the database was lost: %s", getattr(failure, "orig", failure))
                if committing or self._closed or time.monotonic() > deadline:
                    raise
                time.sleep(_RECONNECT_SECONDS)
                continue
            if deadline is not None:
                logger.warning("the database is back")
            return done


def _is_loss(failure: BaseException) -> bool:
    """Whether the connection is gone, or could not be made."""
    return isinstance(failure, OSError) or (isinstance(failure, DBAPIError) and failure.connection_invalidated)
