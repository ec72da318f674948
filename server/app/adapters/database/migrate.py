"""Opens a database and brings it to the newest schema.

What does that is loaded where there is something to do: it takes a seventh of what the whole server takes to load.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

import server.migrations
from server.app.adapters.database.database import Database, on_connection
from server.app.adapters.database.lines import Connector
from server.app.adapters.database.sqlite import same_file, sqlite_engine
from server.app.core.start_error import StartError

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER: Final = Path(server.migrations.__file__).parent
_LOCK_KEY: Final = 0x637473  # "cts"; any number that nobody else locks
_LOCKED: Final = "55P03"  # https://www.postgresql.org/docs/current/errcodes-appendix.html

LOCK_SECONDS: Final = 30.0
"""So long a start waits for what another process holds in Postgres; then it ends and says so."""


class NewerSchema(Exception):
    """The database has been brought to a schema that is not known here."""


def newest_revision() -> str:
    """The last migration: their files are named by their revisions."""
    return max(path.name.partition("_")[0] for path in (_FOLDER / "versions").glob("[0-9]*.py"))


def migration_config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def migrate(connector: Engine | Connector, revision: str = "head", lock_seconds: float = LOCK_SECONDS) -> None:
    """Apply the migrations up to ``revision``; one that was applied before is not applied again.

    What another process holds in Postgres is waited for ``lock_seconds``.

    Raises:
        NewerSchema: one was applied that is not among them.
    """

    def work(connection: Connection) -> None:
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SET LOCAL lock_timeout = {lock_seconds * 1000:.0f}"))
            if revision == "head" and _is_newest(connection):
                return
            from alembic import command
            from alembic.util import CommandError

            config = migration_config()
            if connection.dialect.name == "postgresql":  # where several processes may start at once
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, revision)
            except CommandError as error:
                raise NewerSchema from error

    on_connection(connector, work)


def _is_newest(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    return list(connection.execute(text("SELECT version_num FROM alembic_version")).scalars()) == [newest_revision()]


def opened_database(path: Path) -> Database:
    """The database in this file; if it is not there it is made, for its owner alone.

    Raises:
        StartError: the file is damaged, not ours, or of a newer version of the server.
    """
    with start_errors(f"the database {path}"):
        _make(path)
        engine = sqlite_engine(path)
        migrate(engine)
        return Database(engine, sqlite_engine(path, reads_only=True), intact=same_file(path))


def _make(path: Path) -> None:
    """What SQLite puts beside the file has the file's mode; by itself it makes it readable to everybody."""
    with suppress(OSError):  # it is there, and stays as it is; or SQLite says what is wrong
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


@contextmanager
def start_errors(name: str) -> Iterator[None]:
    """Whatever is wrong with the database of this name becomes a ``StartError`` that says so."""
    try:
        yield
    except NewerSchema:
        raise StartError(f"{name} was made by a newer version of the server") from None
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCKED:
            reason = "it is locked by another process, which may be changing its schema; try again later"
        else:
            reason = str(error.orig)
        raise StartError(f"{name} cannot be used: {reason}") from None
    except OSError as error:
        raise StartError(f"{name} cannot be reached: {str(error) or 'it does not answer in time'}") from None
