"""Real parts for the tests: registry, database, services, isolation, and a live server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.app.adapters.database.database import Database
from server.app.adapters.database.job_store import SqlJobStore
from server.app.adapters.database.migrate import migrate, opened_database
from server.app.adapters.database.postgres import Postgres
from server.app.adapters.embedded_workers import EmbeddedWorkers
from server.app.adapters.queue.postgres_queue import install_queue
from server.app.core.clock import utc_now
from server.app.plugins.isolation.process import ProcessIsolation, process_isolation
from server.app.plugins.isolation.process_settings import ProcessSettings
from server.app.plugins.isolation.scratch_root import remove_left_behind
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.app.services.execution import AnalysisExecutionService, JobExecutionService, PluginExecutionService
from server.tests.live.postgres_process import PostgresProcess
from server.tests.live.server_process import ServerProcess
from server.tests.observed_callers import Observer, unknown_callers


@pytest.fixture(scope="session", autouse=True)
def observed_callers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """At the end, everything that called a plugin in this process has to be known to the scanner."""
    with Observer().watching() as observer:
        yield
    assert unknown_callers(observer, tmp_path_factory.mktemp("observed")) == []


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Servers that tests kill leave folders; the next start would remove them, but nobody may come after the tests."""
    yield
    remove_left_behind(Path(tempfile.gettempdir()))


@pytest.fixture
def registry() -> PluginRegistry:
    return PluginRegistry()


@pytest.fixture
def runner(registry: PluginRegistry) -> ToolRunner:
    """Runs plugins in the calling thread."""
    return ToolRunner(registry)


@pytest.fixture
def isolation() -> Iterator[ProcessIsolation]:
    isolation = process_isolation(ProcessSettings(timeout_seconds=5.0, start_seconds=5.0, result_bytes=2 * 1024 * 1024))
    yield isolation
    isolation.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresProcess]:
    """A Postgres for the tests of this process, started by the first that asks."""
    with PostgresProcess() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresProcess) -> str:
    """The URL of a database with all tables, ours and the queue's."""
    url = postgres.create_database()
    migrate(Postgres(url))
    install_queue(url)
    return url


@pytest.fixture
def postgres_url(postgres: PostgresProcess, migrated_postgres: str) -> str:
    """The URL of a database with all tables and no rows; nobody else uses it."""
    postgres.empty(migrated_postgres)
    return migrated_postgres


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = opened_database(tmp_path / "test.db")
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> SqlJobStore:
    return SqlJobStore(database)


@pytest.fixture
def jobs(store: SqlJobStore, runner: ToolRunner) -> JobExecutionService:
    """Without workers: queued jobs wait until the test executes them."""
    return JobExecutionService(store, EmbeddedWorkers(store), PluginExecutionService(runner), utc_now)


@pytest.fixture
def analysis(jobs: JobExecutionService) -> AnalysisExecutionService:
    return AnalysisExecutionService(jobs)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all tests that do it no lasting harm."""
    # Plugins of the tests leave their marks in the folders of the tests.
    shared = str(tmp_path_factory.getbasetemp())
    with ServerProcess(tmp_path_factory.mktemp("live") / "data", PLUGIN_WRITE_PATHS=shared) as server:
        yield server
