"""The database thread and the migrations."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from server.app.adapters.database.database import Database, DatabaseClosed, at_the_end, on_connection
from server.app.adapters.database.lines import Connector
from server.app.adapters.database.migrate import migrate, migration_config, newest_revision, opened_database
from server.app.adapters.database.postgres import Postgres
from server.app.adapters.database.sqlite import sqlite_engine
from server.app.adapters.database.tables import METADATA
from server.app.core.start_error import StartError
from server.tests.live.postgres_process import PostgresProcess


def count(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM t")).scalar_one())


def create(connection: Connection) -> None:
    connection.execute(text("DROP TABLE IF EXISTS t"))
    connection.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY)"))


@pytest.fixture
def table(database: Database) -> Database:
    database.call(create)
    return database


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Engine | Connector:
    """A database without tables."""
    if request.param == "sqlite":
        return sqlite_engine(tmp_path / "a.db")
    return Postgres(request.getfixturevalue("postgres").create_database())


def insert(connection: Connection, number: int) -> None:
    connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})


def test_what_many_threads_ask_is_all_done(table: Database) -> None:
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda number: table.call(lambda connection: insert(connection, number)), range(500)))
    assert table.call(count) == 500


def test_a_failure_in_a_batch_undoes_itself_and_nothing_else(table: Database) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold(_connection: Connection) -> None:
        entered.set()
        leave.wait(5)

    def fail_halfway(connection: Connection) -> None:
        insert(connection, 1000)
        raise ValueError("halfway")

    with ThreadPoolExecutor(12) as threads:
        holding = threads.submit(table.call, hold)
        entered.wait(5)
        good = [threads.submit(table.call, lambda connection, n=n: insert(connection, n)) for n in range(5)]
        bad = threads.submit(table.call, fail_halfway)
        twice = [threads.submit(table.call, lambda connection: insert(connection, 77)) for _ in range(2)]
        while table._line.length < 8:
            pass
        leave.set()
    assert holding.result() is None
    assert [done.result() for done in good] == [None] * 5
    assert isinstance(bad.exception(), ValueError)
    assert [(done.exception() is None) for done in twice].count(True) == 1
    assert table.call(count) == 6


def test_who_waits_for_a_lock_of_another_process_waits_once_however_many_do(tmp_path: Path) -> None:
    table = opened_database(tmp_path / "a.db")
    table.call(create)
    table.call(lambda connection: connection.execute(text("PRAGMA busy_timeout=400")).all())
    with ThreadPoolExecutor(40) as threads, sqlite3.connect(tmp_path / "a.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        asked = [threads.submit(table.call, lambda connection, n=n: insert(connection, n)) for n in range(40)]
        assert {str(done.exception().orig) for done in asked} == {"database is locked"}  # type: ignore[union-attr]
        assert time.monotonic() - began < 40 * 0.4 / 2
        other.execute("COMMIT")
    other.close()
    assert table.call(count) == 0
    table.close()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_was_removed_is_not_written_on_in_silence(tmp_path: Path, replaced: bool) -> None:
    database = opened_database(tmp_path / "a.db")
    assert (database.intact(), database.answers()) == (True, True)
    (tmp_path / "a.db").unlink()
    if replaced:
        opened_database(tmp_path / "a.db").close()
    assert (database.intact(), database.answers()) == (False, False)
    database.close()


def test_after_close_nothing_is_taken(table: Database) -> None:
    table.close()
    with pytest.raises(DatabaseClosed):
        table.call(count)
    table.close()


def test_what_was_asked_before_close_is_done(tmp_path: Path) -> None:
    database = opened_database(tmp_path / "a.db")
    with ThreadPoolExecutor(4) as threads:
        asked = [
            threads.submit(database.call, lambda connection: connection.execute(text("SELECT 1"))) for _ in range(50)
        ]
        for done in asked:
            done.result()
        database.close()


def test_a_file_is_in_wal_mode_with_foreign_keys(tmp_path: Path) -> None:
    database = opened_database(tmp_path / "a.db")
    pragmas = ("journal_mode", "foreign_keys")
    values = database.call(lambda connection: [connection.execute(text(f"PRAGMA {name}")).scalar() for name in pragmas])
    database.close()
    assert values == ["wal", 1]


@pytest.mark.requirement("R-180", "R-216")
def test_the_migrations_make_the_tables_of_the_code(empty: Engine | Connector) -> None:
    migrate(empty)
    migrate(empty)
    differences = on_connection(empty, lambda made: compare_metadata(MigrationContext.configure(made), METADATA))
    assert differences == []


@pytest.mark.requirement("R-180", "R-216")
def test_the_migrations_can_be_undone_and_have_one_head(empty: Engine | Connector) -> None:
    migrate(empty)
    config = migration_config()
    assert ScriptDirectory.from_config(config).get_heads() == [newest_revision()]

    def undo(connection: Connection) -> list[str]:
        with connection.begin():
            config.attributes["connection"] = connection
            command.downgrade(config, "base")
            return inspect(connection).get_table_names()

    assert on_connection(empty, undo) == ["alembic_version"]


def test_the_migrations_run_from_the_command_line(tmp_path: Path, postgres: PostgresProcess) -> None:
    from alembic.config import CommandLine

    ini = Path(__file__).parents[2] / "alembic.ini"
    file, url = f"sqlite:///{tmp_path}/a.db", postgres.create_database()
    connectors: dict[str, Engine | Connector] = {file: create_engine(file), url: Postgres(url)}
    for given, connector in connectors.items():
        CommandLine("alembic").main(["-c", str(ini), "-x", f"url={given}", "upgrade", "head"])
        assert "job" in on_connection(connector, lambda made: inspect(made).get_table_names())
    with pytest.raises(SystemExit, match="say which database"):
        CommandLine("alembic").main(["-c", str(ini), "upgrade", "head"])


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    file.write_bytes(b"not a database" * 100)
    with pytest.raises(StartError, match="cannot be used: file is not a database"):
        opened_database(file)


def test_a_database_of_a_newer_server(tmp_path: Path) -> None:
    opened_database(tmp_path / "a.db").close()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StartError, match="made by a newer version"):
        opened_database(tmp_path / "a.db")


def test_the_end_of_a_process_needs_no_database(caplog: pytest.LogCaptureFixture) -> None:
    def fail(failure: Exception) -> None:
        raise failure

    for failure in (ConnectionError("gone"), DatabaseClosed("closed")):
        at_the_end(lambda failure=failure: fail(failure), "the last word")  # type: ignore[misc]
        assert caplog.messages[-1] == f"the last word cannot be written, the database: {failure}"
    with pytest.raises(ValueError, match="a defect"):
        at_the_end(lambda: fail(ValueError("a defect")), "the last word")


def test_an_error_of_the_database_reaches_who_asked(table: Database) -> None:
    with pytest.raises(DBAPIError):
        table.call(lambda connection: connection.execute(text("SELECT nonsense FROM t")).all())
    assert table.call(count) == 0
