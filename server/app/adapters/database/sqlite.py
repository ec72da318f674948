"""SQLite behind SQLAlchemy, and past it where every execution goes.

For one statement SQLAlchemy takes as much of the processor as SQLite, and as much again for a transaction.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError

_WRITING: Final = (
    *("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"),
    "wal_autocheckpoint=16000",  # pages: how long the log becomes where ``checkpoint`` does not keep up
    "journal_size_limit=4194304",  # bytes: what stays of it when it begins anew
)


def sqlite_engine(path: Path, *, reads_only: bool = False) -> Engine:
    """An engine on a SQLite file in WAL mode. Its transactions take the write lock when they begin; of an
    engine that only reads, every statement sees the newest commit. Somebody has to call ``checkpoint`` regularly."""
    engine = create_engine(f"sqlite:///{path}", paramstyle="named")
    pragmas = ["busy_timeout=5000"]
    pragmas += ["query_only=ON"] if reads_only else _WRITING

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
            driver = sqlite_driver(connection)
            if driver is not None and not driver.in_transaction:
                connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def checkpoint(connection: Connection) -> None:
    """Bring what is in the log, as far as it can be now, into the database file, and both onto the disk.

    SQLite leaves that to the commit that makes the log longer than a thousand pages, and to everybody who waits behind
    it. Done regularly by somebody who waits for nothing, it keeps nobody from writing.
    """
    connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")


def sqlite_driver(connection: Connection) -> sqlite3.Connection | None:
    """The driver's own connection; ``None`` where the database is another one."""
    if connection.dialect.name != "sqlite":
        return None
    return cast("sqlite3.Connection", connection.connection.driver_connection)


def named(failure: sqlite3.Error) -> DBAPIError:
    """What SQLAlchemy would raise; without the statement and its values, which are nobody's business."""
    kind = IntegrityError if isinstance(failure, sqlite3.IntegrityError) else DBAPIError
    return kind(None, None, failure)


def is_locked(failure: BaseException) -> bool:
    """Whether another process held the lock all the time that was waited for it, so that nothing was done."""
    cause = failure.orig if isinstance(failure, DBAPIError) else failure
    return isinstance(cause, sqlite3.Error) and getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY


def same_file(path: Path) -> Callable[[], bool]:
    """A question: whether this path still leads to the file that it leads to now. One that was removed or replaced
    can be written on, and nobody will find it."""
    before = path.stat()

    def is_same() -> bool:
        try:
            return os.path.samestat(before, path.stat())
        except OSError:
            return False

    return is_same


@contextmanager
def sqlite_transaction(connection: Connection, driver: sqlite3.Connection) -> Iterator[None]:
    """As ``connection.begin()``, whether the block goes through SQLAlchemy or past it."""
    try:
        driver.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.commit()  # SQLAlchemy's part in it, if it has one
            driver.commit()
        except BaseException:  # also of a commit: SQLAlchemy and the driver must agree that nothing is open
            connection.rollback()
            driver.rollback()
            raise
    except sqlite3.Error as failure:
        raise named(failure) from failure
