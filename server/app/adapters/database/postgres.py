"""Connections to Postgres. The one driver is asyncpg: it reads the URL as libpq would, and the queue speaks it too.

Imported only where a URL of Postgres is given: it costs a quarter of a second and six megabytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

import asyncpg
from sqlalchemy import Connection, Dialect, NullPool
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.ext.asyncio import create_async_engine

from server.app.adapters.database.database import Database
from server.app.adapters.database.migrate import opened

Result = TypeVar("Result")

CONNECT_SECONDS: Final = 10.0
STATEMENT_SECONDS: Final = 30.0


class PostgresUnreachable(ConnectionError):
    """No connection could be made. The text has no password in it."""


async def connected(url: str) -> asyncpg.Connection:
    """A new connection, whose statements fail after ``STATEMENT_SECONDS``, be the network cut or the server stuck.

    Raises:
        PostgresUnreachable: the server is not there, is starting or stopping, or refuses us.
    """
    try:
        return await asyncpg.connect(
            url, timeout=CONNECT_SECONDS, command_timeout=STATEMENT_SECONDS, server_settings={"application_name": "cts"}
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise PostgresUnreachable(str(error) or type(error).__name__) from error


class Postgres:
    """A ``Connector`` to the database behind this URL."""

    dialect: Final[Dialect] = asyncpg_dialect()  # type: ignore[no-untyped-call]  # it has no annotations

    def __init__(self, url: str) -> None:
        self._url = url

    def run(self, work: Callable[[Connection], Result]) -> Result:
        async def run() -> Result:
            engine = create_async_engine(
                "postgresql+asyncpg://", async_creator=lambda: connected(self._url), poolclass=NullPool
            )
            try:
                async with engine.connect() as connection:
                    return await connection.run_sync(work)
            finally:
                await engine.dispose()

        return asyncio.run(run())


def opened_postgres(url: str) -> Database:
    """The database behind this URL, brought to the newest schema.

    Raises:
        StartError: it cannot be reached, refuses us, or is of a newer version of the server.
    """
    return opened(Postgres(url), "the Postgres database")
