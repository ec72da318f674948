"""One connection writes; what several threads ask at the same time is committed together.

A commit is what costs, so under load many small pieces of work share one: whoever gets the connection does what all
the others wait for as well. Reading is done where it is asked for, on connections of its own, so that a long list
keeps no execution waiting.

A connection that is lost is opened again, and what the loss has undone is done again. Only a loss in the middle of
a commit reaches who asked: nobody can tell whether it was committed. Who asks when it has been away for long hears of
it at once.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from sqlalchemy import Connection, Dialect, Engine, literal, select
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from server.app.adapters.database.lines import Connector, Line, LineClosed, OwnedLine, SharedLine
from server.app.adapters.database.sqlite import is_locked, named, sqlite_driver, sqlite_transaction
from server.app.adapters.database.statements import Statement
from server.app.adapters.database.task import Item, Result, Task

_OUTAGE_SECONDS: Final = 30.0
_RECONNECT_SECONDS: Final = 0.2

_ONE: Final = select(literal(1))

logger = logging.getLogger(__name__)


class DatabaseClosed(RuntimeError):
    """Asked for after ``close``."""


AWAY: Final = (OSError, DBAPIError, DatabaseClosed)
"""Lost, too slow, locked, full or closed: what the database says is all there is to know, and it may come back."""


def told_of(failure: BaseException) -> object:
    """What the database says."""
    return getattr(failure, "orig", failure)


def outage(failure: BaseException) -> str | None:
    """What the database says, in one line, if it failed because it cannot be used now; ``None`` for other failures."""
    cause = getattr(failure, "orig", failure)
    away = isinstance(cause, sqlite3.OperationalError) or type(cause) is sqlite3.DatabaseError  # the file is damaged
    if away or _is_loss(failure) or isinstance(failure, DatabaseClosed | OperationalError | InterfaceError):
        return " ".join(str(cause).split())
    return None


def at_the_end(work: Callable[[], object], name: str) -> None:
    """Do the last work of a process; that it cannot be written is told in one line, and keeps nothing else from it."""
    try:
        work()
    except AWAY as failure:
        logger.warning("%s cannot be written, the database: %s", name, told_of(failure))


def on_connection(connector: Engine | Connector, work: Callable[[Connection], Result]) -> Result:
    """What ``work`` returns on a connection of its own, in this thread."""
    if not isinstance(connector, Engine):
        return connector.run(work)
    try:
        with connector.connect() as connection:
            return work(connection)
    finally:
        connector.dispose()


class Change(Task[Mapping[str, Any], bool]):
    """One execution of a statement, which is a transaction by itself where the database is SQLite."""

    __slots__ = ("_statement",)

    def __init__(self, statement: Statement, values: Mapping[str, Any]) -> None:
        super().__init__(statement.change_each, values)
        self._statement = statement

    def is_done_alone(self, connection: Connection) -> bool:
        """Do it if that takes no more than the statement; says whether it was done, well or not."""
        driver = sqlite_driver(connection)
        if driver is None or driver.in_transaction:  # in another one it would not be committed
            return False
        try:
            self.succeed(self._statement.changes_one(driver, self.item))
        except sqlite3.Error as failure:
            self.fail(named(failure))
        return True


class Database:
    """Without a ``reader``, what is read is asked of the connection that writes.

    ``outage_seconds``: how long a lost database is waited for, before those who ask hear of it. ``intact`` says whether
    what is written now will be found again.
    """

    def __init__(
        self,
        connector: Engine | Connector,
        reader: Engine | None = None,
        outage_seconds: float = _OUTAGE_SECONDS,
        intact: Callable[[], bool] = lambda: True,
    ) -> None:
        self.intact = intact
        self._connector = connector
        self._reader = reader
        self._outage_seconds = outage_seconds
        self._closed = False
        self._away = False  # belongs to whoever has the connection
        self._line: Line = (
            SharedLine(connector, self._execute)
            if isinstance(connector, Engine)
            else OwnedLine(connector, self._execute)
        )

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
        return self._passed(Task(work, item))

    def change(self, statement: Statement, values: Mapping[str, Any]) -> bool:
        """Whether the statement, given these values, changed its row; as ``together``, and cheaper."""
        return self._passed(Change(statement, values))

    def change_all(self, statement: Statement, values: Sequence[Mapping[str, Any]]) -> list[Task[Any, bool]]:
        """As ``change`` for each of these, together where that is possible; each has its own outcome."""
        changes: list[Task[Any, bool]] = [Change(statement, row) for row in values]
        self._pass(*changes)
        return changes

    def _passed(self, task: Task[Item, Result]) -> Result:
        self._pass(task)
        return task.outcome()

    def _pass(self, *tasks: Task[Any, Any]) -> None:
        try:
            self._line.pass_through(*tasks)
        except LineClosed:
            raise DatabaseClosed("the database is closed") from None

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """What ``work`` reads, in the calling thread if there is a reader."""
        if self._reader is None:
            return self.call(work)
        if self._closed:
            raise DatabaseClosed("the database is closed")
        try:
            with self._reader.connect() as connection:
                return work(connection)
        except sqlite3.Error as failure:  # of what went past SQLAlchemy
            raise named(failure) from failure

    def answers(self) -> bool:
        """Whether it can be asked something now."""
        if not self.intact():
            return False
        try:
            return self.call(lambda connection: connection.execute(_ONE).scalar()) == 1
        except AWAY:
            return False

    def close(self) -> None:
        """Finish what was asked for, then end."""
        self._closed = True
        self._line.close()
        if self._reader is not None:
            self._reader.dispose()

    def _execute(self, connection: Connection, batch: list[Task[Any, Any]]) -> None:
        """Commit the batch as a whole; if any of it fails, each task alone."""
        if len(batch) == 1 and isinstance(batch[0], Change) and batch[0].is_done_alone(connection):
            return
        try:
            done = self._committed(connection, batch)
        except BaseException as failure:  # noqa: BLE001  # the thread that asked raises it
            alone = len(batch) == 1 or _is_loss(failure) or is_locked(failure)
            for task in batch:
                if alone:
                    task.fail(failure)
                else:
                    self._execute(connection, [task])
            return
        for task, result in done:
            task.succeed(result)

    def _committed(self, connection: Connection, batch: list[Task[Any, Any]]) -> list[tuple[Task[Any, Any], Any]]:
        """The tasks with their results, after a commit; when the connection is lost before it, another is tried."""
        groups: dict[Any, list[Task[Any, Any]]] = {}
        for task in batch:
            groups.setdefault(task.work, []).append(task)
        deadline: float | None = None
        while True:
            committing = False
            try:
                done: list[tuple[Task[Any, Any], Any]] = []
                with _transaction(connection):
                    for work, tasks in groups.items():
                        done += zip(tasks, work(connection, [task.item for task in tasks]), strict=True)
                    committing = True
            except BaseException as failure:
                if not _is_loss(failure):
                    raise
                connection.invalidate(failure)
                if self._away:
                    raise
                if deadline is None:
                    deadline = time.monotonic() + self._outage_seconds
                    logger.warning("the database was lost: %s", told_of(failure))
                if committing or self._closed:
                    raise
                if time.monotonic() > deadline:
                    self._away = True
                    raise
                time.sleep(_RECONNECT_SECONDS)
                continue
            if deadline is not None or self._away:
                self._away = False
                logger.warning("the database is back")
            return done


def _transaction(connection: Connection) -> AbstractContextManager[object]:
    driver = sqlite_driver(connection)
    return connection.begin() if driver is None else sqlite_transaction(connection, driver)


def _is_loss(failure: BaseException) -> bool:
    """Whether the connection is gone, or could not be made."""
    return isinstance(failure, OSError) or (isinstance(failure, DBAPIError) and failure.connection_invalidated)
