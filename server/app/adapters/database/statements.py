"""Statements that are compiled once and then executed as text, at a quarter of the price of executing them as objects.

Values go in and come out as the driver has them: booleans may be 0 and 1, moments are microseconds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    Select,
    Update,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

from server.app.adapters.database.sqlite import sqlite_driver
from server.app.adapters.database.tables import JOB
from server.app.jobs.state import JobState


class Inseparable(Exception):
    """Raised by work on several items that cannot say which of them it did: each is then done alone."""


class Statement:
    """A statement with named parameters, in the words of one database."""

    def __init__(self, expression: ClauseElement, dialect: Dialect) -> None:
        compiled = expression.compile(dialect=dialect)
        self._text = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._order = compiled.positiontup if isinstance(compiled, SQLCompiler) else None
        self._counts_many = dialect.supports_sane_multi_rowcount

    def rows(self, connection: Connection, values: Mapping[str, Any] | None = None) -> Sequence[Mapping[str, Any]]:
        """The rows that are found, by the names of their columns."""
        given = self._arranged(values or {})
        driver = sqlite_driver(connection)
        if driver is None:
            return [row._asdict() for row in connection.exec_driver_sql(self._text, given)]
        cursor = driver.execute(self._text, given)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def number(self, connection: Connection, values: Mapping[str, Any] | None = None) -> int:
        """The one number that is asked for."""
        (row,) = self.rows(connection, values)
        (found,) = row.values()
        return int(found)

    def change(self, connection: Connection, values: Sequence[Mapping[str, Any]]) -> int:
        """Execute it once for each; how many rows that changed in all."""
        given = [self._arranged(row) for row in values]
        driver = sqlite_driver(connection)
        if driver is not None:
            return driver.executemany(self._text, given).rowcount
        if self._counts_many and len(given) > 1:
            return connection.exec_driver_sql(self._text, given).rowcount
        return sum(connection.exec_driver_sql(self._text, row).rowcount for row in given)

    def changes_one(self, driver: sqlite3.Connection, values: Mapping[str, Any]) -> bool:
        """Execute it once; whether that changed a row."""
        return driver.executemany(self._text, (self._arranged(values),)).rowcount == 1

    def change_each(self, connection: Connection, values: Sequence[Mapping[str, Any]]) -> Sequence[bool]:
        """Execute it once for each; whether that changed a row. Raises ``Inseparable``."""
        changed = self.change(connection, values)
        if changed == len(values):
            return [True] * changed
        if len(values) > 1:
            raise Inseparable
        return [False]

    def _arranged(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver wants them: by name or, if it numbers them, in order."""
        named = {**self._constants, **values}
        return named if self._order is None else tuple(named[name] for name in self._order)


def in_state(state: JobState) -> ColumnElement[bool]:
    """Spelled out, because an index on a part of the table serves only a condition whose value is known."""
    return JOB.c.state == literal_column(f"'{state.value}'")


_ZERO: Final[ColumnElement[int]] = literal_column("0")
_ONE: Final[ColumnElement[int]] = literal_column("1")
_MOVES: Final = (
    "state",
    "cancelled",
    "attempt",
    "worker",
    "lease_until",
    "updated_at",
    "started_at",
    "completed_at",
    "result",
    "error",
)
_LOCK: Final = 0x6A6F6273  # "jobs": any number does that nobody else takes
_WAITS: Final = and_(in_state(JobState.PENDING), JOB.c.queued)
_LOST: Final = and_(in_state(JobState.RUNNING), JOB.c.lease_until < bindparam("at"))
_LOST_BUT_NOT_GIVEN_UP: Final = and_(_LOST, JOB.c.queued, JOB.c.attempt < JOB.c.max_attempts)


def insert_job(*, queued: bool) -> Insert:
    """A queued job takes the turn after its owner's last one, or joins at the front: so owners alternate, however
    many jobs one of them has waiting (start-time fair queueing with jobs of equal size)."""
    after_own = select(func.max(JOB.c.turn) + _ONE).where(in_state(JobState.PENDING), JOB.c.owner == bindparam("owner"))
    front = select(func.min(JOB.c.turn)).where(in_state(JobState.PENDING))
    turn = func.coalesce(after_own.scalar_subquery(), front.scalar_subquery(), _ZERO) if queued else _ZERO
    return JOB.insert().values({column.name: bindparam(column.name) for column in JOB.columns} | {"turn": turn})


def swap_job() -> Update:
    return (
        JOB.update()
        .where(
            JOB.c.id == bindparam("before_id"),
            JOB.c.state == bindparam("before_state"),
            JOB.c.attempt == bindparam("before_attempt"),
        )
        .values({name: bindparam(name) for name in _MOVES})
    )


def next_jobs(runs_per_plugin: int | None) -> Select[Any]:
    query = select(JOB).where(_WAITS, *_not_busy(runs_per_plugin)).order_by(JOB.c.turn, JOB.c.created_at, JOB.c.id)
    return query.limit(bindparam("count")).with_for_update(skip_locked=True)


def _not_busy(runs_per_plugin: int | None) -> list[ColumnElement[bool]]:
    if runs_per_plugin is None:
        return []
    at_limit = func.count() >= runs_per_plugin
    busy = select(JOB.c.plugin).where(JOB.c.lease_until.is_not(None)).group_by(JOB.c.plugin).having(at_limit)
    return [JOB.c.plugin.not_in(busy)]


def lost_job() -> Select[Any]:
    """One that may be started again."""
    return (
        select(JOB).where(_LOST_BUT_NOT_GIVEN_UP).order_by(JOB.c.lease_until).limit(1).with_for_update(skip_locked=True)
    )


def certain_job(runs_per_plugin: int | None) -> Select[Any]:
    """The one with this id, if it can be claimed."""
    claimable = or_(and_(_WAITS, *_not_busy(runs_per_plugin)), _LOST_BUT_NOT_GIVEN_UP)
    return select(JOB).where(JOB.c.id == bindparam("id"), claimable).with_for_update(skip_locked=True)


def running_of_plugin() -> Select[Any]:
    return select(func.count()).where(JOB.c.lease_until.is_not(None), JOB.c.plugin == bindparam("plugin"))


def waiting_jobs() -> Select[Any]:
    return select(func.count()).select_from(JOB).where(in_state(JobState.PENDING))


def alone() -> Select[Any]:
    """Of all transactions that execute this, one goes on; the next one when it has been committed. Postgres only."""
    return select(func.pg_advisory_xact_lock(literal_column(str(_LOCK))))
