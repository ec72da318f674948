"""Queued jobs in PGQueuer: a row of the queue is written in the transaction that writes the job: both or neither."""

from __future__ import annotations

from collections.abc import Sequence

from pgqueuer.queries import Queries, SyncQueries
from sqlalchemy import Connection

from server.app.adapters.database.postgres import connected
from server.app.adapters.queue.queue_workers import ENTRYPOINT


async def installed(url: str) -> None:
    """Bring the queue's own tables to what the installed PGQueuer wants; several processes may do it at once."""
    connection = await connected(url)
    try:
        await Queries.from_asyncpg_connection(connection).apply_upgrade()
    finally:
        await connection.close()


def put(connection: Connection, job_ids: Sequence[str]) -> None:
    """Queue these jobs in the transaction of the connection; one that is queued already stays as it is."""
    count = len(job_ids)
    SyncQueries(_Driver(connection)).enqueue(
        [ENTRYPOINT] * count,
        [job_id.encode() for job_id in job_ids],
        [0] * count,
        dedupe_key=list(job_ids),
        on_conflict="skip",
    )


class _Driver:
    """What PGQueuer needs of a connection to write its rows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        return [dict(row) for row in self._connection.exec_driver_sql(query, args).mappings()]
