"""Errors in the table ``error_log``."""

from __future__ import annotations

import threading
from dataclasses import asdict
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select

from server.app.adapters.database.database import Database
from server.app.adapters.database.tables import ERROR_LOG
from server.app.error_log.record import ErrorFilter, ErrorRecord

_INSERT: Final = ERROR_LOG.insert()
_GET: Final = select(ERROR_LOG).where(ERROR_LOG.c.id == bindparam("wanted"))
_NEWEST: Final = (ERROR_LOG.c.created_at.desc(), ERROR_LOG.c.id)
_FILTERS: Final = ("error_type", "component", "job_id", "trace_id", "fix_applied")
_TRIM_EVERY: Final = 100


class SqlErrorStore:
    """Keeps about the ``max_rows`` newest: now and then what is older is removed."""

    def __init__(self, database: Database, max_rows: int = 10_000) -> None:
        self._database = database
        self._max_rows = max_rows
        self._lock = threading.Lock()
        self._inserted = 0

    def insert(self, record: ErrorRecord) -> None:
        with self._lock:
            self._inserted += 1
            trim = self._inserted % _TRIM_EVERY == 0
        row = asdict(record)

        def keep(connection: Connection) -> int:
            if trim:
                self._trim(connection)
            return connection.execute(_INSERT, row).rowcount

        self._database.call(keep)

    def _trim(self, connection: Connection) -> None:
        newest = select(ERROR_LOG.c.created_at).order_by(*_NEWEST).offset(self._max_rows).limit(1)
        oldest_kept = connection.execute(newest).scalar()
        if oldest_kept is not None:
            connection.execute(ERROR_LOG.delete().where(ERROR_LOG.c.created_at <= oldest_kept))

    def get(self, error_id: str) -> ErrorRecord | None:
        row = self._database.read(lambda connection: connection.execute(_GET, {"wanted": error_id}).mappings().first())
        return None if row is None else ErrorRecord(**row)

    def list(self, wanted: ErrorFilter) -> list[ErrorRecord]:
        query = select(ERROR_LOG).order_by(*_NEWEST).limit(wanted.limit).offset(wanted.offset)
        for name in _FILTERS:
            value = getattr(wanted, name)
            if value is not None:
                query = query.where(ERROR_LOG.c[name] == value)
        rows = self._database.read(lambda connection: connection.execute(query).mappings().all())
        return [ErrorRecord(**row) for row in rows]

    def mark(self, error_id: str, *, fix_applied: bool, fix_details: str | None, at: datetime | None) -> bool:
        change = ERROR_LOG.update().where(ERROR_LOG.c.id == error_id)
        change = change.values(fix_applied=fix_applied, fix_details=fix_details, resolved_at=at)
        return self._database.call(lambda connection: connection.execute(change).rowcount) == 1
