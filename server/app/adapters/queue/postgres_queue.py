"""Queued jobs in PGQueuer: a row of the queue is written in the transaction that writes the job: both or neither."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import asyncpg
from pgqueuer.domain.settings import db_settings
from pgqueuer.queries import Queries, SyncQueries
from sqlalchemy import Connection, select, text

from server.app.adapters.database.database import Database
from server.app.adapters.database.migrate import LOCK_SECONDS, start_errors
from server.app.adapters.database.postgres import MIGRATION_SECONDS, connected, in_event_loop
from server.app.adapters.database.tables import JOB, microseconds
from server.app.adapters.queue.queue_workers import ENTRYPOINT
from server.app.core.start_error import StartError
from server.app.jobs.job import Job
from server.app.jobs.store import JobStore

_MOST_AT_ONCE = 1000
_LEAST_PRIORITY = -(2**31)  # PGQueuer keeps it in four bytes


def install_queue(url: str, lock_seconds: float = LOCK_SECONDS) -> None:
    """Bring the queue's own tables to what the installed PGQueuer wants; several processes may do it at once.

    Raises:
        StartError: it cannot be done, or another process holds the tables for ``lock_seconds``.
    """

    async def install() -> None:
        connection = await connected(url, MIGRATION_SECONDS)
        try:
            await connection.execute(f"SET lock_timeout = {lock_seconds * 1000:.0f}")
            await Queries.from_asyncpg_connection(connection).apply_upgrade()
        finally:
            await connection.close()

    with start_errors("the queue in the Postgres database"):
        try:
            in_event_loop(install())
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
            raise StartError(f"the queue in the Postgres database cannot be made ready: {failure}") from None


def put(connection: Connection, job_ids: Sequence[str]) -> None:
    """Queue these jobs in the transaction of the connection; one that is queued already stays as it is.

    PGQueuer hands out what has the highest priority: the job whose turn comes first, so that owners alternate here too.
    """
    query = select(JOB.c.id, JOB.c.turn).where(JOB.c.id.in_(job_ids)).order_by(JOB.c.turn, JOB.c.created_at, JOB.c.id)
    jobs = connection.execute(query).all()
    ids = [job.id for job in jobs]
    SyncQueries(_Driver(connection)).enqueue(
        [ENTRYPOINT] * len(jobs),
        [job_id.encode() for job_id in ids],
        [max(-job.turn, _LEAST_PRIORITY) for job in jobs],
        dedupe_key=ids,
        on_conflict="skip",
    )


class PostgresQueue:
    """A ``Dispatcher`` over a store that does ``put`` alongside."""

    def __init__(self, store: JobStore, database: Database, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._database = database
        self._clock = clock

    def submit(self, job: Job) -> Job:
        return self._store.enqueue(job)

    def wake(self) -> None:
        """Queue what needs a worker and is not queued. A row is lost when a worker that was taken for dead ends the
        job that another one has taken over, and when somebody empties the queue's tables."""
        self._database.call(self._put_missing)

    def _put_missing(self, connection: Connection) -> None:
        values = {"now": microseconds(self._clock()), "limit": _MOST_AT_ONCE}
        missing = connection.execute(text(_missing()), values).scalars().all()
        if missing:
            put(connection, missing)


def _missing() -> str:
    rows = f"SELECT FROM {db_settings().qualified.queue_table} AS q WHERE q.dedupe_key = job.id"  # no input
    return f"""
        SELECT id FROM job
        WHERE queued
          AND (state = 'PENDING' OR (state = 'RUNNING' AND lease_until < :now AND attempt < max_attempts))
          AND NOT EXISTS ({rows} AND q.status IN ('queued', 'picked'))
        ORDER BY turn, created_at, id LIMIT :limit
    """  # noqa: S608


class _Driver:
    """What PGQueuer needs of a connection to write its rows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        return [dict(row) for row in self._connection.exec_driver_sql(query, args).mappings()]
