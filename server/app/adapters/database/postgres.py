"""Connections to Postgres. The one driver is asyncpg: it reads the URL as libpq would, and the queue speaks it too.

Imported only where a URL of Postgres is given: it costs a quarter of a second and six megabytes.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

import asyncpg
from sqlalchemy import Connection, Dialect, ExceptionContext, NullPool, event
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.ext.asyncio import create_async_engine

from server.app.adapters.database.database import Database
from server.app.adapters.database.migrate import LOCK_SECONDS, migrate, start_errors

Result = TypeVar("Result")

CONNECT_SECONDS: Final = 10.0
MIGRATION_SECONDS: Final = 600.0
"""One statement of a migration or of the queue's installation takes no longer, or Postgres or the network is stuck."""


class PostgresUnreachable(ConnectionError):
    """No connection could be made. The text has no password in it."""


async def connected(url: str, statement_seconds: float | None = None) -> asyncpg.Connection:
    """A new connection, whose statements fail after so long, be the network cut or the server stuck.

    Raises:
        PostgresUnreachable: the server is not there, is starting or stopping, or refuses us.
    """
    try:
        return await asyncpg.connect(
            url, timeout=CONNECT_SECONDS, command_timeout=statement_seconds, server_settings={"application_name": "cts"}
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise PostgresUnreachable(str(error) or type(error).__name__) from error


def in_event_loop(work: Coroutine[Any, Any, Result]) -> Result:
    """What ``work`` returns, in an event loop of its own: the calling thread may have one that runs."""
    done: Future[Result] = Future()

    def run() -> None:
        try:
            done.set_result(asyncio.run(work))
        except BaseException as failure:  # noqa: BLE001  # the calling thread raises it
            done.set_exception(failure)

    # Unlike a thread of a pool, it does not keep the process alive.
    threading.Thread(target=run, name="postgres", daemon=True).start()
    return done.result()


class Postgres:
    """A ``Connector`` to the database behind this URL; its event loop runs in a thread of its own."""

    dialect: Final[Dialect] = asyncpg_dialect()  # type: ignore[no-untyped-call]  # it has no annotations

    def __init__(self, url: str, statement_seconds: float | None = None) -> None:
        self._url = url
        self._statement_seconds = statement_seconds

    def run(self, work: Callable[[Connection], Result]) -> Result:
        async def run() -> Result:
            engine = create_async_engine("postgresql+asyncpg://", async_creator=self._connected, poolclass=NullPool)
            event.listen(engine.sync_engine, "handle_error", _out_of_step)
            try:
                async with engine.connect() as connection:
                    return await connection.run_sync(work)
            finally:
                await engine.dispose()

        return in_event_loop(run())

    async def _connected(self) -> asyncpg.Connection:
        return await connected(self._url, self._statement_seconds)


def _out_of_step(context: ExceptionContext) -> None:
    """A driver that was interrupted in the middle of an operation is of no use any more: that is a loss, too."""
    if isinstance(getattr(context.original_exception, "__cause__", None), asyncpg.InternalClientError):
        context.is_disconnect = True


def opened_postgres(url: str, patience_seconds: float = 30.0, lock_seconds: float = LOCK_SECONDS) -> Database:
    """The database behind this URL, brought to the newest schema.

    Statements may take as long as the patience lasts, and so long a lost database is waited for.

    Raises:
        StartError: it cannot be reached, refuses us, is held by another process for ``lock_seconds``, or is of a newer
            version of the server.
    """
    with start_errors("the Postgres database"):
        migrate(Postgres(url, MIGRATION_SECONDS), lock_seconds=lock_seconds)
        return Database(Postgres(url, patience_seconds), outage_seconds=patience_seconds)
