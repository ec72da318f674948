"""One time of day for every process that uses a database: leases are written by one machine and judged by another.

Between two looks at it the machine's time since it was started goes on with it, so that somebody who sets the machine's
clock moves no lease. That time goes on while the machine sleeps.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from sqlalchemy import text

from server.app.adapters.database.database import Database


class DatabaseClock:
    """The time of the database's machine, as far off as half a round trip to it; ``adjust`` it now and then."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._start = self._looked_at()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=_since_start())

    def adjust(self) -> None:
        self._start = self._looked_at()

    def _looked_at(self) -> datetime:
        """When, by the time of the database, this machine was started."""
        before = _since_start()
        query = text("SELECT clock_timestamp()")
        there: datetime = self._database.call(lambda connection: connection.execute(query).scalar_one())
        return there - timedelta(seconds=(before + _since_start()) / 2)


def _since_start() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
