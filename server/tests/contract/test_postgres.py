"""What only a database in another process can do: be away, go away in the middle, and come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest
from pgqueuer.domain.settings import db_settings
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from server.app.adapters.database.database import Database
from server.app.adapters.database.postgres import Postgres, opened_postgres
from server.app.adapters.queue.postgres_queue import install_queue
from server.app.core.start_error import StartError
from server.tests.live.postgres_process import PostgresProcess

pytestmark = pytest.mark.requirement("R-216")

CUT = text("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    database = Database(Postgres(postgres_url), outage_seconds=20.0)
    database.call(lambda connection: connection.execute(text("DROP TABLE IF EXISTS t CASCADE")))
    database.call(lambda connection: connection.execute(text("CREATE TABLE t (n INTEGER PRIMARY KEY)")))
    yield database
    database.close()


def insert(connection: Connection, number: int) -> None:
    connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": number})


def rows(database: Database) -> list[int]:
    return list(
        database.call(lambda connection: connection.execute(text("SELECT n FROM t ORDER BY n")).scalars().all())
    )


def test_a_connection_that_was_cut_while_idle_is_replaced(postgres: PostgresProcess, database: Database) -> None:
    postgres.stop()
    postgres.start()
    database.call(lambda connection: insert(connection, 1))
    assert rows(database) == [1]


def test_what_was_undone_by_a_cut_is_done_again_and_once(database: Database) -> None:
    cuts = iter([True, True, False])

    def work(connection: Connection) -> None:
        insert(connection, 1)
        if next(cuts):
            connection.execute(CUT)

    database.call(work)
    assert rows(database) == [1]


class OutOfStep:
    """A driver's connection that was interrupted in the middle of an operation, as one that dies right then is."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    async def prepare(self, *arguments: Any, **options: Any) -> None:
        raise asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")


def test_a_connection_that_is_out_of_step_is_replaced(database: Database) -> None:
    faults = iter([True, False])

    def work(connection: Connection) -> None:
        insert(connection, 1)
        if next(faults):
            adapter: Any = connection.connection.dbapi_connection
            adapter._connection = OutOfStep(adapter._connection)
            connection.execute(text("SELECT 1 AS never_prepared_before"))

    database.call(work)
    assert rows(database) == [1]


def test_many_who_ask_while_it_is_away_are_served_when_it_is_back(
    postgres: PostgresProcess, database: Database
) -> None:
    postgres.kill()
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(database.call, lambda connection, n=n: insert(connection, n)) for n in range(8)]
        threading.Event().wait(0.3)
        assert not any(done.done() for done in asked)
        postgres.start()
        assert [done.result(30) for done in asked] == [None] * 8
    assert rows(database) == list(range(8))


def test_a_cut_in_the_middle_of_a_commit_is_told(database: Database) -> None:
    def trap(connection: Connection) -> None:
        connection.execute(
            text(
                "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
            )
        )
        connection.execute(
            text(
                "CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION cut()"
            )
        )

    database.call(trap)
    with pytest.raises(DBAPIError):
        database.call(lambda connection: insert(connection, 1))
    assert rows(database) == []
    database.call(lambda connection: connection.execute(text("DROP FUNCTION cut CASCADE")))


def test_who_asks_hears_of_an_outage_that_is_too_long(postgres: PostgresProcess, postgres_url: str) -> None:
    database = Database(Postgres(postgres_url), outage_seconds=1.0)
    postgres.stop()
    try:
        began = time.monotonic()
        for _ in range(20):  # who comes later does not wait as long again
            with pytest.raises((OSError, DBAPIError)):
                database.call(lambda connection: connection.execute(text("SELECT 1")).scalar())
        assert time.monotonic() - began < 20 * 1.0 / 2
    finally:
        postgres.start()
    assert database.call(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1
    database.close()


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("cannot be reached: ", "postgresql://someone:secret@127.0.0.1:9/cts"),
        ("cannot be reached: ", "postgresql://someone:secret@/cts?host=/nowhere"),
        ("cannot be reached: ", "postgresql://someone:secret@[::1/cts"),
    ],
    ids=["nobody listens", "no socket", "no address"],
)
def test_a_database_that_is_not_there(said: str, url: str) -> None:
    with pytest.raises(StartError, match=said) as raised:
        opened_postgres(url)
    assert "secret" not in str(raised.value)


def test_a_database_that_does_not_exist(postgres: PostgresProcess) -> None:
    with pytest.raises(StartError, match='database "nothing" does not exist'):
        opened_postgres(postgres.url("nothing"))


def test_a_database_of_a_newer_server(postgres: PostgresProcess) -> None:
    url = postgres.create_database()
    opened_postgres(url).close()
    postgres.sql("UPDATE alembic_version SET version_num = '9999'", url=url)
    with pytest.raises(StartError, match="made by a newer version"):
        opened_postgres(url)


@pytest.mark.requirement("R-180")
def test_servers_that_start_at_the_same_time_make_the_tables_once(postgres: PostgresProcess) -> None:
    url = postgres.create_database()
    with ThreadPoolExecutor(2) as threads:
        for database in threads.map(opened_postgres, [url] * 2):
            database.close()
    assert postgres.sql("SELECT count(*) FROM job", url=url)[0][0] == 0


@pytest.mark.parametrize(
    ("table", "start"),
    [
        ("alembic_version", lambda url: opened_postgres(url, lock_seconds=0.1)),
        (db_settings().qualified.queue_table, lambda url: install_queue(url, lock_seconds=0.1)),
    ],
    ids=["our tables", "the queue's"],
)
def test_a_start_does_not_wait_for_ever_for_what_another_process_holds(
    database: Database, postgres_url: str, table: str, start: Callable[[str], object]
) -> None:
    held, done = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        held.set()
        assert done.wait(60)

    with ThreadPoolExecutor(1) as threads:
        holder = threads.submit(database.call, hold)
        try:
            assert held.wait(20)
            with pytest.raises(StartError, match=r"locked by another process|lock timeout"):
                start(postgres_url)
        finally:
            done.set()
        holder.result(20)
    start(postgres_url)
