"""What is committed comes into the database file by itself, while somebody writes and somebody reads."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from server.app import backends
from server.app.adapters.database.job_store import SqlJobStore
from server.app.adapters.database.migrate import opened_database
from server.app.adapters.database.sqlite import checkpoint
from server.app.backends import opened_backend
from server.app.core.clock import utc_now
from server.app.core.ids import new_id
from server.app.core.settings import Settings
from server.app.jobs.job import Job
from server.app.jobs.state import JobState


def in_the_file(path: Path) -> int:
    """How many jobs are in the database file, without its log."""
    alone = Path(shutil.copy(path, path.parent / f"{new_id()}.db"))
    connection = sqlite3.connect(alone)
    try:
        return int(connection.execute("SELECT count(*) FROM job").fetchone()[0])
    finally:
        connection.close()


def log(path: Path) -> int:
    return path.with_name(f"{path.name}-wal").stat().st_size


def waiting() -> Job:
    now = utc_now()
    return Job(id=new_id(), plugin="sample", state=JobState.PENDING, created_at=now, updated_at=now, queued=True)


def test_a_checkpoint_is_made_beside_whoever_writes(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(opened_database(path)) as database, closing(sqlite3.connect(path, isolation_level=None)) as writer:
        store = SqlJobStore(database)
        store.enqueue(waiting())
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM job")
        database.read(checkpoint)  # waits for nobody, and takes what is committed
        assert in_the_file(path) == 1
        writer.execute("COMMIT")
        database.read(checkpoint)
        assert in_the_file(path) == 0


def test_a_log_that_became_long_is_short_again(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(opened_database(path)) as database:
        store = SqlJobStore(database)
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM job").fetchone()  # as long as it reads, the log cannot begin anew
            for _ in range(3):
                store.enqueue(replace(waiting(), payload={"text": "x" * 3_000_000}))
                database.read(checkpoint)
            assert log(path) > 8_000_000
            reader.execute("COMMIT")
        for _ in range(2):
            database.read(checkpoint)
            store.enqueue(waiting())
        assert log(path) < 5_000_000


@pytest.mark.requirement("R-043")
def test_a_server_brings_its_jobs_into_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_CHECKPOINT_SECONDS", 0.02)
    with opened_backend(Settings(data_dir=tmp_path)) as backend:
        for _ in range(3):
            backend.dispatcher.submit(waiting())
        deadline = time.monotonic() + 20
        while in_the_file(tmp_path / "cts.db") < 3:
            assert time.monotonic() < deadline
            time.sleep(0.02)
