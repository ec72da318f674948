"""What every store of jobs must do. A further implementation joins the list below."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from server.app.adapters.database.database import Database
from server.app.adapters.database.job_store import SqlJobStore
from server.app.core.ids import new_id
from server.app.jobs.job import Job, JobSummary, moved
from server.app.jobs.state import JobState
from server.app.jobs.store import DuplicateJob, JobFilter, JobStore

START = datetime(2024, 1, 1, 12, tzinfo=UTC)

STORES: dict[str, Callable[[Database], JobStore]] = {"sqlite": SqlJobStore}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, database: Database) -> JobStore:
    return STORES[request.param](database)


def new_job(number: int = 0, *, queued: bool = True, plugin: str = "sample", owner: str | None = None) -> Job:
    at = START + timedelta(seconds=number)
    return Job(
        id=new_id(),
        plugin=plugin,
        payload={"n": number, "text": "ä\U0001f600\ud800", "deep": [{"a": None}]},
        state=JobState.PENDING,
        created_at=at,
        updated_at=at,
        owner=owner,
        queued=queued,
    )


def start(job: Job) -> Job:
    return moved(job, JobState.RUNNING, START + timedelta(hours=1))


def test_what_was_kept_is_given_back(store: JobStore) -> None:
    job = new_job(owner="someone")
    store.insert(job)
    assert store.get(job.id) == job


def test_a_summary_is_the_job_without_its_weight(store: JobStore) -> None:
    job = new_job()
    store.insert(job)
    summary = store.find(job.id)
    assert type(summary) is JobSummary
    assert {**vars(job), **vars(summary)} == vars(job)


def test_what_is_not_there(store: JobStore) -> None:
    assert store.get(new_id()) is None
    assert store.find(new_id()) is None
    assert store.claim_next(start) is None
    assert not store.swap(new_job(), start(new_job()))


def test_an_id_is_kept_once(store: JobStore) -> None:
    job = new_job()
    store.insert(job)
    with pytest.raises(DuplicateJob):
        store.insert(replace(job, plugin="other"))
    assert store.get(job.id) == job


def test_times_are_utc_whatever_zone_they_came_in(store: JobStore) -> None:
    away = START.astimezone(timezone(timedelta(hours=-7)))
    store.insert(replace(new_job(), id="a", created_at=away))
    found = store.get("a")
    assert found is not None
    assert (found.created_at, found.created_at.utcoffset()) == (START, timedelta(0))


@pytest.mark.requirement("R-039")
def test_swap_changes_what_is_as_expected(store: JobStore) -> None:
    job = new_job()
    store.insert(job)
    running = start(job)
    done = moved(running, JobState.SUCCESS, START + timedelta(hours=2), result={"n": 1})
    assert store.swap(job, running)
    assert store.swap(running, done)
    assert store.get(job.id) == done


@pytest.mark.requirement("R-039")
def test_swap_changes_nothing_that_is_not_as_expected(store: JobStore) -> None:
    job = new_job()
    store.insert(job)
    running = start(job)
    assert store.swap(job, running)
    assert not store.swap(job, moved(job, JobState.FAILED, START, cancelled=True))
    assert not store.swap(replace(running, attempt=7), moved(running, JobState.SUCCESS, START))
    assert store.get(job.id) == running


@pytest.mark.requirement("R-039")
def test_of_many_swaps_one_wins(store: JobStore) -> None:
    job = new_job()
    store.insert(job)
    barrier = threading.Barrier(8)

    def attempt(_number: int) -> bool:
        barrier.wait(5)
        return store.swap(job, start(job))

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(8))) == 1


@pytest.mark.requirement("R-046")
def test_claims_go_to_one_each_oldest_first(store: JobStore) -> None:
    queued = [new_job(number) for number in (3, 1, 2)]
    for job in (*queued, new_job(0, queued=False)):
        store.insert(job)
    claimed = [store.claim_next(start) for _ in range(4)]
    assert [job.payload["n"] if job else None for job in claimed] == [1, 2, 3, None]
    assert all(job == store.get(job.id) and job.state is JobState.RUNNING for job in claimed if job)


@pytest.mark.requirement("R-046")
def test_no_job_is_claimed_twice_under_pressure(store: JobStore) -> None:
    for number in range(60):
        store.insert(new_job(number))

    def claim_all(_worker: int) -> list[str]:
        claimed = []
        while (job := store.claim_next(start)) is not None:
            claimed.append(job.id)
        return claimed

    with ThreadPoolExecutor(6) as threads:
        claimed = [job_id for ids in threads.map(claim_all, range(6)) for job_id in ids]
    assert (len(claimed), len(set(claimed))) == (60, 60)


def test_a_claim_that_fails_claims_nothing(store: JobStore) -> None:
    store.insert(new_job())

    def fail(_job: Job) -> Job:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.claim_next(fail)
    assert store.claim_next(start) is not None


@pytest.mark.requirement("R-052")
@pytest.mark.parametrize(
    ("expected", "wanted"),
    [
        ([3, 2, 1, 0], JobFilter()),
        ([3, 1], JobFilter(plugin="odd")),
        ([], JobFilter(plugin="ODD")),
        ([0], JobFilter(state=JobState.RUNNING)),
        ([2], JobFilter(state=JobState.PENDING, plugin="even")),
        ([3], JobFilter(owner="someone")),
        ([3, 2], JobFilter(limit=2)),
        ([1, 0], JobFilter(limit=2, offset=2)),
        ([], JobFilter(offset=10)),
    ],
    ids=str,
)
def test_lists(store: JobStore, expected: list[int], wanted: JobFilter) -> None:
    jobs = [
        new_job(number, plugin="odd" if number % 2 else "even", owner="someone" if number == 3 else None)
        for number in range(4)
    ]
    for job in jobs:
        store.insert(job)
    store.swap(jobs[0], start(jobs[0]))
    assert [job.id for job in store.list(wanted)] == [jobs[number].id for number in expected]


@pytest.mark.requirement("R-044")
def test_unfinished_jobs_oldest_first(store: JobStore) -> None:
    jobs = [new_job(number) for number in range(4)]
    for job in jobs:
        store.insert(job)
    store.swap(jobs[0], start(jobs[0]))
    store.swap(jobs[1], moved(jobs[1], JobState.FAILED, START))
    assert list(store.unfinished()) == [jobs[0].id, jobs[2].id, jobs[3].id]
