"""The contract tests use every database that there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.app.adapters.database.database import Database
from server.app.adapters.database.migrate import opened_database
from server.app.adapters.database.postgres import opened_postgres


@contextmanager
def opened(name: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Database]:
    """An empty database of this kind."""
    if name == "sqlite":
        database = opened_database(folder / "test.db")
    else:
        database = opened_postgres(request.getfixturevalue("postgres_url"))
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened(request.param, request, tmp_path) as database:
        yield database
