"""What is written of executions that end at once, and of those that do not."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from server.app.adapters.database.database import Database
from server.app.adapters.database.job_store import SqlJobStore
from server.app.adapters.embedded_workers import EmbeddedWorkers
from server.app.adapters.late_inserts import LateInserts
from server.app.core.clock import utc_now
from server.app.core.deferral import Deferring
from server.app.core.ids import new_id
from server.app.jobs.job import Job, Lease, moved
from server.app.jobs.state import JobState
from server.app.jobs.store import DuplicateJob, JobFilter
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.app.services.execution import JobExecutionService, PluginExecutionService
from server.tests.sample_plugins import SamplePlugin

NEVER = 3600.0
LEASE = Lease("worker", utc_now() + timedelta(hours=1))


@pytest.fixture
def written(database: Database) -> SqlJobStore:
    """What another process would see."""
    return SqlJobStore(database)


@pytest.fixture
def store(written: SqlJobStore) -> Iterator[LateInserts]:
    store = LateInserts(written, NEVER)
    yield store
    store.close()


def running() -> Job:
    now = utc_now()
    job = Job(id=new_id(), plugin="sample", state=JobState.PENDING, created_at=now, updated_at=now, payload={"n": 1})
    return moved(job, JobState.RUNNING, now, lease=LEASE)


def test_what_ends_at_once_is_written_as_it_ended(store: LateInserts, written: SqlJobStore) -> None:
    job = running()
    store.insert(job)
    assert written.get(job.id) is None
    ended = moved(job, JobState.SUCCESS, utc_now(), result={"n": 2})
    assert store.swap(job, ended)
    assert written.get(job.id) == ended
    assert not store.swap(job, moved(job, JobState.FAILED, utc_now(), cancelled=True))
    assert written.get(job.id) == ended


QUESTIONS: dict[str, Callable[[LateInserts, Job], object]] = {
    "get": lambda store, job: store.get(job.id) == job,
    "find": lambda store, job: store.find(job.id),
    "find another": lambda store, _job: store.find(new_id()) is None,
    "list": lambda store, job: [found.id for found in store.list(JobFilter())] == [job.id],
    "held": lambda store, job: store.held("worker") == {job.id},
    "lost": lambda store, job: [found.id for found in store.lost(LEASE.until + timedelta(1))] == [job.id],
    "renew": lambda store, _job: store.renew(Lease("worker", LEASE.until)),
    "end": lambda store, _job: store.end_leases(),
    "close": lambda store, _job: store.close(),
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_whoever_asks_sees_what_runs(
    store: LateInserts, written: SqlJobStore, question: Callable[[LateInserts, Job], object]
) -> None:
    job = running()
    store.insert(job)
    assert question(store, job) is not False
    assert written.find(job.id) is not None
    assert store.swap(job, moved(job, JobState.SUCCESS, utc_now()))


def test_what_goes_on_is_written_soon(written: SqlJobStore) -> None:
    store = LateInserts(written)
    jobs = [running() for _ in range(3)]
    for job in jobs:
        store.insert(job)
        deadline = time.monotonic() + 20
        while written.find(job.id) is None:
            assert time.monotonic() < deadline
            time.sleep(0.001)
    store.close()


def test_what_began_just_before_somebody_looks_is_left_until_the_next_look(written: SqlJobStore) -> None:
    store = LateInserts(written, 2.0)  # so it is looked every second
    early, late = running(), running()
    began = time.monotonic()
    store.insert(early)
    while time.monotonic() - began < 1.2:
        assert written.find(early.id) is None or time.monotonic() - began > 1.9
        time.sleep(0.05)
    store.insert(late)
    while written.find(early.id) is None:
        assert time.monotonic() - began < 20
        time.sleep(0.01)
    assert written.find(late.id) is None or time.monotonic() - began > 2.9
    store.close()
    assert written.get(late.id) == late


@pytest.mark.parametrize("change", [{"attempt": 7}, {"state": JobState.PENDING}], ids=str)
def test_another_attempt_does_not_end_it(store: LateInserts, written: SqlJobStore, change: dict[str, Any]) -> None:
    job = running()
    store.insert(job)
    assert not store.swap(replace(job, **change), moved(job, JobState.FAILED, utc_now()))
    assert store.get(job.id) == job


def test_what_cannot_be_written_fails_whoever_asked_and_is_not_forgotten(
    store: LateInserts, written: SqlJobStore, database: Database
) -> None:
    job = running()
    store.insert(job)
    ended = moved(job, JobState.SUCCESS, utc_now(), result={"n": 1})
    with pytest.raises(TypeError, match="not JSON serializable"):
        store.swap(job, replace(ended, result={"n": object()}))
    assert store.swap(job, ended)
    assert written.get(job.id) == ended


def test_while_nothing_can_be_written_who_makes_a_job_hears_of_it_and_who_reads_can_read(
    store: LateInserts, written: SqlJobStore, database: Database
) -> None:
    before = running()
    written.insert(before)
    forbid = "CREATE TRIGGER full BEFORE INSERT ON job BEGIN SELECT json('not that'); END"
    database.call(lambda connection: connection.execute(text(forbid)))
    kept = running()
    store.insert(kept)
    assert store.get(before.id) == before
    assert [job.id for job in store.list(JobFilter())] == [before.id]
    for _ in range(3):
        with pytest.raises(DBAPIError, match="malformed"):
            store.insert(running())
    database.call(lambda connection: connection.execute(text("DROP TRIGGER full")))
    after = running()
    store.insert(after)
    assert store.get(kept.id) == kept
    assert {job.id for job in written.list(JobFilter())} == {before.id, kept.id, after.id}


def test_while_another_process_holds_the_lock_who_reads_does_not_wait(
    store: LateInserts, written: SqlJobStore, tmp_path: Path
) -> None:
    before, job = running(), running()
    written.insert(before)
    with sqlite3.connect(tmp_path / "test.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        store.insert(job)
        began = time.monotonic()
        assert store.get(job.id) == job
        assert store.find(job.id)
        assert [found.id for found in store.list(JobFilter())] == [before.id]
        assert time.monotonic() - began < 3  # SQLite waits for five seconds
        other.execute("COMMIT")
    other.close()
    assert store.swap(job, moved(job, JobState.SUCCESS, utc_now()))


def test_a_commit_that_fails_leaves_nothing_open(database: Database, written: SqlJobStore, tmp_path: Path) -> None:
    for statement in (
        "PRAGMA foreign_keys = ON",
        "CREATE TABLE parent (n INTEGER PRIMARY KEY)",
        "CREATE TABLE child (n INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
    ):
        database.call(lambda connection, statement=statement: connection.execute(text(statement)))  # type: ignore[misc]
    jobs = [running() for _ in range(4)]
    for job in jobs:
        with pytest.raises(DBAPIError, match="FOREIGN KEY"):
            database.call(lambda connection: connection.execute(text("INSERT INTO child VALUES (7)")))
        written.enqueue(replace(job, state=JobState.PENDING, queued=True, worker=None, lease_until=None))
        written.insert(replace(job, id=new_id()))
    with sqlite3.connect(tmp_path / "test.db") as other:  # what was answered is in the file, for everybody
        assert other.execute("SELECT count(*) FROM job").fetchone() == (2 * len(jobs),)
    other.close()


@pytest.mark.requirement("R-040")
def test_a_cancel_from_inside_of_an_execution_wins(store: LateInserts, registry: PluginRegistry) -> None:
    def cancel(_payload: dict[str, Any]) -> dict[str, Any]:
        (job,) = service.list_jobs(JobFilter())
        assert job.state is JobState.RUNNING
        service.cancel_job(job.id)
        return {"late": True}

    registry.register(SamplePlugin(cancel))
    plugins = PluginExecutionService(ToolRunner(registry))
    service = JobExecutionService(store, EmbeddedWorkers(store), plugins, utc_now)
    ended = service.execute_job("sample", {})
    assert (ended.state, ended.cancelled, ended.result) == (JobState.FAILED, True, {})


def test_after_an_outage_jobs_are_kept_again_though_the_one_that_failed_has_ended_meanwhile(
    store: LateInserts, written: SqlJobStore, database: Database
) -> None:
    forbid = "CREATE TRIGGER full BEFORE INSERT ON job BEGIN SELECT json('not that'); END"
    database.call(lambda connection: connection.execute(text(forbid)))
    kept = running()
    store.insert(kept)
    with pytest.raises(DBAPIError, match="malformed"):
        store.renew(LEASE)
    database.call(lambda connection: connection.execute(text("DROP TRIGGER full")))
    assert store.swap(kept, moved(kept, JobState.SUCCESS, utc_now()))
    store.renew(LEASE)  # as is done regularly
    late = running()
    store.insert(late)
    assert written.find(late.id) is None
    assert store.get(late.id) == late


FORBID = "CREATE TRIGGER full BEFORE INSERT ON job BEGIN SELECT json('not that'); END"


def traced(database: Database) -> list[str]:
    """What is begun and ended from now on."""
    said: list[str] = []

    def trace(statement: str) -> None:
        if not statement.startswith("INSERT"):
            said.append(statement)

    database.call(lambda connection: connection.connection.driver_connection.set_trace_callback(trace))  # type: ignore[union-attr]
    said.clear()
    return said


def ended_together(store: LateInserts, results: list[dict[str, Any]]) -> tuple[list[Job], list[BaseException | None]]:
    """Jobs with these results that one thread has ended, one after the other, and how writing that went for each."""
    jobs: list[Job] = []
    failures: list[BaseException | None] = []
    with Deferring() as deferring:
        for result in results:
            job = running()
            store.insert(job)
            jobs.append(moved(job, JobState.SUCCESS, utc_now(), result=result))
            assert store.swap(job, jobs[-1])
    for rest in deferring.rests:
        try:
            rest()
        except Exception as failure:  # noqa: BLE001  # what it is, the test says
            failures.append(failure)
        else:
            failures.append(None)
    return jobs, failures


def test_what_ends_together_is_written_in_one_transaction(
    store: LateInserts, written: SqlJobStore, database: Database
) -> None:
    said = traced(database)
    jobs, failures = ended_together(store, [{"n": number} for number in range(5)])
    assert said == ["BEGIN IMMEDIATE", "COMMIT"]
    assert failures == [None] * 5
    assert [written.get(job.id) for job in jobs] == jobs


def test_an_end_that_cannot_be_written_keeps_no_other_from_being_written(
    store: LateInserts, written: SqlJobStore, database: Database
) -> None:
    taken = running()
    jobs, failures = ended_together(store, [{"n": 1}, {"n": object()}, {"n": "\ud800"}, {"n": 2}])
    assert [type(failure) for failure in failures] == [type(None), TypeError, type(None), type(None)]
    assert [written.find(job.id) is not None for job in jobs] == [True, False, True, True]
    with Deferring() as deferring:
        store.insert(taken)
        assert store.swap(taken, moved(taken, JobState.SUCCESS, utc_now()))
        others, failures = ended_together(store, [{"n": 3}])
        written.insert(replace(jobs[0], id=new_id()))
    assert failures == [None]
    assert [written.get(job.id) for job in others] == others
    (rest,) = deferring.rests
    rest()
    assert written.find(taken.id)


def test_of_ends_that_meet_a_taken_id_that_one_fails(store: LateInserts, written: SqlJobStore) -> None:
    job = running()
    with Deferring() as deferring:
        store.insert(job)
        assert store.swap(job, moved(job, JobState.SUCCESS, utc_now()))
        written.insert(job)  # past the store
        others, failures = ended_together(store, [{"n": 1}])
    assert failures == [None]
    assert written.get(others[0].id) == others[0]
    (rest,) = deferring.rests
    with pytest.raises(DuplicateJob):
        rest()


def test_an_end_that_is_yet_to_be_written_is_seen_and_final(store: LateInserts, written: SqlJobStore) -> None:
    job = running()
    store.insert(job)
    ended = moved(job, JobState.SUCCESS, utc_now(), result={"n": 2})
    with Deferring() as deferring:
        assert store.swap(job, ended)
    assert written.find(job.id) is None
    assert store.get(job.id) == ended
    assert not store.swap(job, moved(job, JobState.FAILED, utc_now(), cancelled=True))
    assert [found.state for found in store.list(JobFilter())] == [JobState.SUCCESS]
    assert written.get(job.id) == ended
    for rest in deferring.rests:
        rest()


def test_when_no_end_can_be_written_all_who_wait_hear_of_it_and_the_jobs_are_found_as_lost(
    store: LateInserts, written: SqlJobStore, database: Database
) -> None:
    database.call(lambda connection: connection.execute(text(FORBID)))
    jobs, failures = ended_together(store, [{"n": number} for number in range(3)])
    assert all(isinstance(failure, DBAPIError) for failure in failures)
    database.call(lambda connection: connection.execute(text("DROP TRIGGER full")))
    lost = store.lost(LEASE.until + timedelta(1))
    assert {job.id for job in lost} == {job.id for job in jobs}
    assert {job.state for job in lost} == {JobState.RUNNING}
    assert written.get(jobs[0].id) == store.get(jobs[0].id)


def test_what_cannot_be_written_keeps_no_other_job_from_its_end(store: LateInserts, written: SqlJobStore) -> None:
    other, poison = running(), replace(running(), payload={"n": object()})
    written.insert(other)
    store.insert(poison)
    ended = moved(other, JobState.SUCCESS, utc_now(), result={"n": 1})
    assert store.swap(other, ended)
    assert written.get(other.id) == ended
    assert store.swap(poison, moved(replace(poison, payload={}), JobState.FAILED, utc_now()))


def test_whose_end_was_tried_by_another_thread_does_not_try_the_ends_of_others(
    store: LateInserts, written: SqlJobStore, database: Database
) -> None:
    first, second = running(), running()
    with Deferring() as deferring:
        for job in (first, second):
            store.insert(job)
            assert store.swap(job, moved(job, JobState.SUCCESS, utc_now()))
        keep_first, keep_second = deferring.rests
        keep_first()
        late = running()
        store.insert(late)
        assert store.swap(late, moved(late, JobState.SUCCESS, utc_now()))
        keep_second()
    assert written.find(second.id)
    assert written.find(late.id) is None
    deferring.rests[-1]()
    assert written.find(late.id)


def test_ends_come_and_go_between_threads(store: LateInserts, written: SqlJobStore) -> None:
    expected: dict[str, int] = {}

    def work(name: int) -> None:
        for round_ in range(20):
            jobs, failures = ended_together(store, [{"n": name * 1000 + round_}] * 3)
            assert failures == [None] * 3
            expected.update({job.id: name * 1000 + round_ for job in jobs})
            assert all(store.get(job.id) == job for job in jobs)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(expected) == 480
    assert {job_id: found.result["n"] for job_id in expected if (found := written.get(job_id))} == expected
