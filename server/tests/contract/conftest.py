"""The contract tests use every database that there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.app.adapters.database.database import Database
from server.app.adapters.database.migrate import opened_database
from server.app.adapters.database.postgres import opened_postgres


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        opened = opened_database(tmp_path / "test.db")
    else:
        opened = opened_postgres(request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()
