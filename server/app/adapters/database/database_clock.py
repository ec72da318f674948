"""One time of day for every process that uses a database: leases are written by one machine and judged by another."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text

from server.app.adapters.database.database import Database
from server.app.core.clock import utc_now


class DatabaseClock:
    """The time of the database's machine, as far off as half a round trip to it; ``adjust`` it now and then."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._offset = timedelta()
        self.adjust()

    def __call__(self) -> datetime:
        return utc_now() + self._offset

    def adjust(self) -> None:
        before = utc_now()
        query = text("SELECT clock_timestamp()")
        there: datetime = self._database.call(lambda connection: connection.execute(query).scalar_one())
        here = before + (utc_now() - before) / 2
        self._offset = there - here
