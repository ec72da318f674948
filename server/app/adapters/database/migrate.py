"""Opens a database and brings it to the newest schema."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

import server.migrations
from server.app.adapters.database.database import Database, sqlite_engine
from server.app.core.start_error import StartError

_FOLDER: Final = Path(server.migrations.__file__).parent


def migration_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def migrate(engine: Engine, revision: str = "head") -> None:
    """Apply the migrations up to ``revision``; one that was applied before is not applied again."""
    config = migration_config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def opened_database(path: Path) -> Database:
    """The database in this file, made if it is not there.

    Raises:
        StartError: the file is damaged, not ours, or of a newer version of the server.
    """
    engine = sqlite_engine(path)
    try:
        migrate(engine)
    except (DBAPIError, CommandError) as error:
        engine.dispose()
        raise StartError(_reason(path, error)) from None
    return Database(engine, sqlite_engine(path, reads_only=True))


def _reason(path: Path, error: DBAPIError | CommandError) -> str:
    if isinstance(error, CommandError):
        return f"the database {path} was made by a newer version of the server"
    return f"the database {path} cannot be used: {error.orig}"
