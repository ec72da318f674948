"""Opens a database and brings it to the newest schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

import server.migrations
from server.app.adapters.database.database import Database, on_connection
from server.app.adapters.database.lines import Connector
from server.app.adapters.database.sqlite import sqlite_engine
from server.app.core.start_error import StartError

_FOLDER: Final = Path(server.migrations.__file__).parent
_LOCK_KEY: Final = 0x637473  # "cts"; any number that nobody else locks


def migration_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def migrate(connector: Engine | Connector, revision: str = "head") -> None:
    """Apply the migrations up to ``revision``; one that was applied before is not applied again."""
    config = migration_config()

    def work(connection: Connection) -> None:
        with connection.begin():
            if connection.dialect.name == "postgresql":  # where several processes may start at once
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    on_connection(connector, work)


def opened_database(path: Path) -> Database:
    """The database in this file, made if it is not there.

    Raises:
        StartError: the file is damaged, not ours, or of a newer version of the server.
    """
    with start_errors(f"the database {path}"):
        engine = sqlite_engine(path)
        migrate(engine)
        return Database(engine, sqlite_engine(path, reads_only=True))


@contextmanager
def start_errors(name: str) -> Iterator[None]:
    """Whatever is wrong with the database of this name becomes a ``StartError`` that says so."""
    try:
        yield
    except CommandError:
        raise StartError(f"{name} was made by a newer version of the server") from None
    except DBAPIError as error:
        raise StartError(f"{name} cannot be used: {error.orig}") from None
    except OSError as error:
        raise StartError(f"{name} cannot be reached: {error}") from None
