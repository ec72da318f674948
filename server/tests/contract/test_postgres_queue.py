"""The rows of the queue and those of the jobs come and go together, and the clock is the database's."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from server.app.adapters.database.database import Database
from server.app.adapters.database.database_clock import DatabaseClock
from server.app.adapters.database.job_store import SqlJobStore
from server.app.adapters.database.postgres import opened_postgres
from server.app.adapters.queue.postgres_queue import PostgresQueue, install_queue, put
from server.app.core.clock import utc_now
from server.app.core.ids import new_id
from server.app.jobs.job import Job, Lease, moved
from server.app.jobs.state import JobState
from server.app.jobs.store import DuplicateJob, PluginBusy, QueueFull, StoreLimits
from server.tests.live.postgres_process import PostgresProcess

LIMIT = 5


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    database = opened_postgres(postgres_url)
    yield database
    database.close()


@pytest.fixture
def store(database: Database) -> SqlJobStore:
    return SqlJobStore(database, StoreLimits(waiting=LIMIT), alongside=put)


@pytest.fixture
def queue(store: SqlJobStore, database: Database) -> PostgresQueue:
    return PostgresQueue(store, database, utc_now)


def new_job(**changes: object) -> Job:
    now = utc_now()
    values = {"id": new_id(), "plugin": "sample", "state": JobState.PENDING, "queued": True} | changes
    return Job(**{"created_at": now, "updated_at": now, **values})  # type: ignore[arg-type]  # the values are mixed


def queued(database: Database) -> list[str]:
    query = text("SELECT dedupe_key FROM pgqueuer ORDER BY id")
    return list(database.call(lambda connection: connection.execute(query).scalars().all()))


def test_a_submitted_job_is_in_both_tables(database: Database, store: SqlJobStore, queue: PostgresQueue) -> None:
    job = new_job()
    assert queue.submit(job) == job
    assert store.get(job.id) == job
    assert queued(database) == [job.id]


@pytest.mark.requirement("R-044")
def test_a_job_that_cannot_be_queued_is_not_kept(database: Database, store: SqlJobStore, queue: PostgresQueue) -> None:
    job = new_job()
    rename = "ALTER TABLE {} RENAME TO {}"
    database.call(lambda connection: connection.execute(text(rename.format("pgqueuer", "elsewhere"))))
    try:
        with pytest.raises(DBAPIError):
            queue.submit(job)
    finally:
        database.call(lambda connection: connection.execute(text(rename.format("elsewhere", "pgqueuer"))))
    assert store.get(job.id) is None
    queue.submit(job)
    assert queued(database) == [job.id]


def test_a_job_that_is_not_kept_is_not_queued(database: Database, queue: PostgresQueue) -> None:
    jobs = [new_job() for _ in range(LIMIT)]
    for job in jobs[1:]:
        queue.submit(job)
    with pytest.raises(DuplicateJob):
        queue.submit(jobs[1])
    queue.submit(jobs[0])
    with pytest.raises(QueueFull):
        queue.submit(new_job())
    assert sorted(queued(database)) == sorted(job.id for job in jobs)


@pytest.fixture
def servers(postgres_url: str) -> Iterator[list[SqlJobStore]]:
    """The stores of two servers on one database."""
    limits = StoreLimits(waiting=LIMIT, runs_per_plugin=2)
    databases = [opened_postgres(postgres_url) for _ in range(2)]
    yield [SqlJobStore(database, limits, alongside=put) for database in databases]
    for database in databases:
        database.close()


@pytest.mark.requirement("R-126")
def test_the_limit_of_waiting_jobs_holds_for_all_servers_together(servers: list[SqlJobStore]) -> None:
    def enqueue(number: int) -> bool:
        try:
            servers[number % 2].enqueue(new_job())
        except QueueFull:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(enqueue, range(40))) == LIMIT
    assert [server.waiting() for server in servers] == [LIMIT, LIMIT]


@pytest.mark.requirement("R-126")
def test_the_limit_of_a_plugin_holds_for_all_workers_together(servers: list[SqlJobStore]) -> None:
    now = utc_now()
    jobs = [new_job() for _ in range(LIMIT)]
    for job in jobs:
        servers[0].enqueue(job)

    def start(job: Job) -> Job:
        return moved(job, JobState.RUNNING, now, lease=Lease("w", now + timedelta(minutes=1)))

    with ThreadPoolExecutor(8) as threads:
        claims = [threads.submit(servers[n % 2].claim, now, start, job.id) for n, job in enumerate(jobs)]
        claimed = [started for claim in claims if (started := claim.result()) is not None]
    assert len(claimed) == 2
    for server in servers:
        with pytest.raises(PluginBusy):
            server.insert(start(new_job(queued=False)))
    servers[0].swap(claimed[0], moved(claimed[0], JobState.FAILED, now))
    (left, *_) = [job for job in jobs if job.id not in {job.id for job in claimed}]
    assert servers[1].claim(now, start, left.id) is not None


@pytest.mark.requirement("R-126")
def test_owners_alternate_in_the_queue(database: Database, queue: PostgresQueue) -> None:
    jobs = [new_job(owner=owner, created_at=utc_now()) for owner in "aaabb"]
    for job in jobs:
        queue.submit(job)
    database.call(lambda connection: connection.execute(text("DELETE FROM pgqueuer WHERE priority < 0")))
    queue.wake()
    query = text("SELECT dedupe_key FROM pgqueuer ORDER BY priority DESC, id")
    order = database.call(lambda connection: connection.execute(query).scalars().all())
    assert [next(job.owner for job in jobs if job.id == job_id) for job_id in order] == ["a", "b", "a", "b", "a"]


@pytest.mark.requirement("R-044")
def test_a_row_that_was_lost_is_put_back(database: Database, store: SqlJobStore, queue: PostgresQueue) -> None:
    now = utc_now()
    gone, alive = Lease("gone", now - timedelta(seconds=1)), Lease("alive", now + timedelta(minutes=1))
    waiting, ended, given_up, again, running = [new_job(max_attempts=attempts) for attempts in (1, 1, 1, 2, 2)]
    for job in (waiting, ended, given_up, again, running):
        queue.submit(job)
    store.swap(ended, moved(ended, JobState.FAILED, now))
    for job, lease in ((given_up, gone), (again, gone), (running, alive)):
        store.swap(job, moved(job, JobState.RUNNING, now, lease=lease))
    store.insert(new_job(queued=False))
    database.call(lambda connection: connection.execute(text("DELETE FROM pgqueuer")))
    queue.wake()
    queue.wake()
    assert sorted(queued(database)) == sorted([waiting.id, again.id])


def test_the_queue_can_be_installed_again(postgres: PostgresProcess) -> None:
    url = postgres.create_database()
    install_queue(url)
    install_queue(url)
    assert postgres.sql("SELECT count(*) FROM pgqueuer", url=url)[0][0] == 0


def test_the_clock_is_the_databases(database: Database) -> None:
    clock = DatabaseClock(database)
    query = text("SELECT clock_timestamp()")
    before = database.call(lambda connection: connection.execute(query).scalar_one())
    now = clock()
    after = database.call(lambda connection: connection.execute(query).scalar_one())
    # As exact as half a round trip, which a busy machine makes long.
    assert before - timedelta(seconds=1) < now < after + timedelta(seconds=1)
