"""Sums of executions in the table ``plugin_metrics``; every process adds what it counted itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, select

from server.app.adapters.database.database import Database
from server.app.adapters.database.tables import PLUGIN_METRICS
from server.app.plugins.loader.metrics import PluginMetrics

_SUMS: Final = ("successes", "errors", "total_ms")
_LATEST: Final = ("last_ms", "last_used", "last_outcome")
_COLUMNS: Final = PLUGIN_METRICS.c
_NEWER: Final = _COLUMNS.last_used <= bindparam("new_last_used", type_=_COLUMNS.last_used.type)

_ALL: Final = select(PLUGIN_METRICS)
_INSERT: Final = PLUGIN_METRICS.insert()
# Added by the database, not here: another process may add to the same row.
_ADD: Final = (
    PLUGIN_METRICS.update()
    .where(_COLUMNS.plugin == bindparam("new_plugin"))
    .values(
        {name: _COLUMNS[name] + bindparam(f"new_{name}") for name in _SUMS}
        | {
            name: case(
                (_NEWER, bindparam(f"new_{name}", type_=_COLUMNS[name].type)),
                else_=_COLUMNS[name],
            )
            for name in _LATEST
        }
    )
)


class SqlMetricsStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, counted: Mapping[str, PluginMetrics]) -> Mapping[str, PluginMetrics]:
        rows = [asdict(metrics) | {"plugin": plugin} for plugin, metrics in counted.items()]

        def add(connection: Connection) -> dict[str, PluginMetrics]:
            for row in rows:
                new = {f"new_{name}": value for name, value in row.items()}
                if connection.execute(_ADD, new).rowcount == 0:
                    connection.execute(_INSERT, row)
            return _sums(connection)

        return self._database.call(add) if rows else self._database.read(_sums)


def _sums(connection: Connection) -> dict[str, PluginMetrics]:
    return {row["plugin"]: _metrics(dict(row)) for row in connection.execute(_ALL).mappings()}


def _metrics(row: dict[str, Any]) -> PluginMetrics:
    del row["plugin"]
    return PluginMetrics(**row)
