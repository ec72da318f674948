"""Where jobs are kept and who executes them: a file and threads of one server, or Postgres and workers anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from server.app.adapters.data_folder import data_folder
from server.app.adapters.database.database import Database, at_the_end
from server.app.adapters.database.job_store import SqlJobStore
from server.app.adapters.database.migrate import opened_database, start_errors
from server.app.adapters.database.sqlite import checkpoint
from server.app.adapters.embedded_workers import EmbeddedWorkers
from server.app.adapters.late_inserts import LateInserts
from server.app.adapters.memory_job_store import MemoryJobStore
from server.app.adapters.rounds import Rounds
from server.app.core.clock import utc_now
from server.app.core.settings import Settings
from server.app.jobs.store import Dispatcher, JobStore, StoreLimits
from server.app.services.execution import AnalysisExecutionService, JobExecutionService

_LOOK_SECONDS = 0.3
_CLOCK_SECONDS = 60.0
_CHECKPOINT_SECONDS = 1.0


@dataclass(frozen=True)
class Backend:
    """``begin`` deals with what dead processes have left; it is called before any job is made.

    ``start`` starts so many workers in this process. ``stop`` lets them take up no more, ``join`` waits so many
    seconds for what they are at. ``care`` says what has to be done regularly.
    """

    database: Database
    store: JobStore
    dispatcher: Dispatcher
    clock: Callable[[], datetime]
    begin: Callable[[], None]
    start: Callable[[int, AnalysisExecutionService], None]
    stop: Callable[[], None]
    join: Callable[[float], bool]
    care: Callable[[JobExecutionService, Rounds], None]


@contextmanager
def opened_backend(settings: Settings) -> Iterator[Backend]:
    """What the settings ask for, until the block ends.

    Raises:
        StartError: the folder or the database cannot be used.
    """
    chosen = _one_server(settings) if settings.database_url is None else _many_machines(settings)
    with chosen as backend:
        yield backend


@contextmanager
def _one_server(settings: Settings) -> Iterator[Backend]:
    with data_folder(settings.data_dir) as folder:
        database = opened_database(folder / "cts.db")
        with ExitStack() as stack:
            stack.callback(database.close)
            store = stack.enter_context(_store_of_one_server(settings, database))
            workers = EmbeddedWorkers(store)
            checkpoints = stack.enter_context(Rounds())  # a thread of its own, because a disk can be slow
            checkpoints.every(_CHECKPOINT_SECONDS, lambda: database.read(checkpoint))
            yield Backend(
                database,
                store,
                workers,
                utc_now,
                begin=store.end_leases,  # the folder is ours alone, so whoever held one is gone
                start=lambda count, analysis: workers.start(count, analysis.execute_next),
                stop=workers.stop,
                join=workers.join,
                care=lambda jobs, rounds: rounds.every(settings.job_lease_seconds / 3, jobs.recovery.drop_gone),
            )


@contextmanager
def _store_of_one_server(settings: Settings, database: Database) -> Iterator[JobStore]:
    limits = _limits(settings)
    if settings.jobs_in_memory:
        yield MemoryJobStore(limits)
        return
    store = SqlJobStore(database, limits)
    if limits.runs_per_plugin is not None:  # whether a job may run is decided where all that run are written
        yield store
        return
    late = LateInserts(store)
    try:
        yield late
    finally:
        at_the_end(late.close, "what ran last")


@contextmanager
def _many_machines(settings: Settings) -> Iterator[Backend]:
    # Loaded only where it is asked for: it doubles what the server loads.
    from server.app.adapters.database.database_clock import DatabaseClock
    from server.app.adapters.database.postgres import opened_postgres
    from server.app.adapters.queue.postgres_queue import PostgresQueue, install_queue, put
    from server.app.adapters.queue.queue_workers import QueueWorkers

    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    database = opened_postgres(url, settings.job_lease_seconds)
    try:
        install_queue(url)
        with start_errors("the Postgres database"):
            clock = DatabaseClock(database)
        store = SqlJobStore(database, _limits(settings), alongside=put)
        queue = PostgresQueue(store, database, clock)
        workers = QueueWorkers(url, settings.job_lease_seconds)

        def care(jobs: JobExecutionService, rounds: Rounds) -> None:
            rounds.every(_LOOK_SECONDS, jobs.recovery.drop_gone)
            rounds.every(settings.job_lease_seconds, queue.wake)
            rounds.every(_CLOCK_SECONDS, clock.adjust)
            watch.every(settings.job_lease_seconds / 5, jobs.leases.stop_lapsed)

        with Rounds() as watch:  # a thread of its own, because the other one waits for a database that is away
            yield Backend(
                database,
                store,
                queue,
                clock,
                begin=queue.wake,
                start=lambda count, analysis: workers.start(count, analysis.execute_queued),
                stop=workers.stop,
                join=workers.join,
                care=care,
            )
    finally:
        database.close()


def _limits(settings: Settings) -> StoreLimits:
    return StoreLimits(waiting=settings.max_waiting_jobs, runs_per_plugin=settings.max_runs_per_plugin)
