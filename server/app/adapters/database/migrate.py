"""Opens a database and brings it to the newest schema."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

import server.migrations
from server.app.adapters.database.database import Database, on_connection, sqlite_engine
from server.app.adapters.database.lines import Connector
from server.app.core.start_error import StartError

_FOLDER: Final = Path(server.migrations.__file__).parent
_LOCK_KEY: Final = 0x637473  # "cts"; any number that nobody else locks


def migration_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def migrate(connector: Engine | Connector, revision: str = "head") -> None:
    """Apply the migrations up to ``revision``; one that was applied before is not applied again."""

    def work(connection: Connection) -> None:
        with connection.begin():
            _upgrade(connection, revision)

    on_connection(connector, work)


def _upgrade(connection: Connection, revision: str = "head") -> None:
    if connection.dialect.name == "postgresql":  # several processes may start at once; SQLite is locked as a whole
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    config = migration_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def opened_database(path: Path) -> Database:
    """The database in this file, made if it is not there.

    Raises:
        StartError: the file is damaged, not ours, or of a newer version of the server.
    """
    return opened(sqlite_engine(path), f"the database {path}", sqlite_engine(path, reads_only=True))


def opened(connector: Engine | Connector, name: str, reader: Engine | None = None) -> Database:
    """A database brought to the newest schema; ``name`` is what to call it when that fails.

    Raises:
        StartError: it cannot be reached or used, or is of a newer version of the server.
    """
    database: Database | None = None
    try:
        database = Database(connector, reader)
        database.call(_upgrade)
    except (OSError, DBAPIError, CommandError) as error:
        if database is not None:
            database.close()
        raise StartError(_reason(name, error)) from None
    return database


def _reason(name: str, error: OSError | DBAPIError | CommandError) -> str:
    match error:
        case CommandError():
            return f"{name} was made by a newer version of the server"
        case DBAPIError():
            return f"{name} cannot be used: {error.orig}"
        case OSError():
            return f"{name} cannot be reached: {error}"
