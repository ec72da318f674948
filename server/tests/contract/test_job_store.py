"""What every store of jobs must do, on every database and in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from server.app.adapters.database.job_store import SqlJobStore
from server.app.adapters.late_inserts import LateInserts
from server.app.adapters.memory_job_store import MemoryJobStore
from server.app.core.ids import new_id
from server.app.jobs.job import ANONYMOUS, Job, JobSummary, Lease, moved, started_again
from server.app.jobs.state import JobState
from server.app.jobs.store import DuplicateJob, JobFilter, JobStore
from server.tests.contract.conftest import opened

START = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["memory", "sqlite", "sqlite, late", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JobStore]:
    if request.param == "memory":
        yield MemoryJobStore()
        return
    kind, _, late = request.param.partition(", ")
    with opened(kind, request, tmp_path) as database:
        store = SqlJobStore(database)
        with closing(LateInserts(store)) if late else nullcontext(store) as used:
            yield used


def new_job(number: int = 0, *, queued: bool = True, plugin: str = "sample", owner: str = ANONYMOUS) -> Job:
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
        traceparent=f"00-{number:032x}-{'b' * 16}-01",
    )


LEASE = Lease("worker", START + timedelta(hours=2))


def start(job: Job) -> Job:
    if job.state is JobState.RUNNING:
        return started_again(job, START, LEASE)
    return moved(job, JobState.RUNNING, START + timedelta(hours=1), lease=LEASE)


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
    assert store.claim(START, start) is None
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
def test_claims_go_to_one_each_in_the_order_they_came(store: JobStore) -> None:
    for number in (3, 1, 2):
        store.enqueue(new_job(number))
    store.insert(new_job(0, queued=False))
    claimed = [store.claim(START, start) for _ in range(4)]
    assert [job.payload["n"] if job else None for job in claimed] == [3, 1, 2, None]
    assert all(job == store.get(job.id) and job.state is JobState.RUNNING for job in claimed if job)


@pytest.mark.requirement("R-046")
def test_no_job_is_claimed_twice_under_pressure(store: JobStore) -> None:
    for number in range(60):
        store.enqueue(new_job(number))

    def claim_all(_worker: int) -> list[str]:
        claimed = []
        while (job := store.claim(START, start)) is not None:
            claimed.append(job.id)
        return claimed

    with ThreadPoolExecutor(6) as threads:
        claimed = [job_id for ids in threads.map(claim_all, range(6)) for job_id in ids]
    assert (len(claimed), len(set(claimed))) == (60, 60)


def test_a_claim_that_fails_claims_nothing(store: JobStore) -> None:
    store.enqueue(new_job())

    def fail(_job: Job) -> Job:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.claim(START, fail)
    assert store.claim(START, start) is not None


@pytest.mark.requirement("R-039", "R-046")
@pytest.mark.parametrize("overtaken", [False, True])
def test_the_end_of_one_and_the_claim_of_the_next_do_not_hang_on_one_another(store: JobStore, overtaken: bool) -> None:
    for number in range(3):
        store.enqueue(new_job(number))
    claimed, found = store.claim(START, start), []
    while claimed is not None:
        if overtaken:
            assert store.swap(claimed, moved(claimed, JobState.FAILED, START, cancelled=True))
        ended = moved(claimed, JobState.SUCCESS, START, result={"n": claimed.payload["n"]})
        swapped, following = store.swap_and_claim(claimed, ended, START, start)
        kept = store.get(claimed.id)
        assert kept is not None
        found.append((swapped, kept == ended, kept.cancelled, claimed.payload["n"]))
        claimed = following
    assert found == [(not overtaken, not overtaken, overtaken, number) for number in range(3)]


@pytest.mark.requirement("R-046")
def test_workers_that_go_on_share_the_jobs(store: JobStore) -> None:
    for number in range(60):
        store.enqueue(new_job(number))

    def work(_worker: int) -> list[str]:
        done = []
        claimed = store.claim(START, start)
        while claimed is not None:
            done.append(claimed.id)
            swapped, claimed = store.swap_and_claim(claimed, moved(claimed, JobState.SUCCESS, START), START, start)
            assert swapped
        return done

    with ThreadPoolExecutor(6) as threads:
        done = [job_id for ids in threads.map(work, range(6)) for job_id in ids]
    assert (len(done), len(set(done))) == (60, 60)
    assert {job.state for job in store.list(JobFilter())} == {JobState.SUCCESS}


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
        new_job(number, plugin="odd" if number % 2 else "even", owner="someone" if number == 3 else ANONYMOUS)
        for number in range(4)
    ]
    for job in jobs:
        store.insert(job)
    store.swap(jobs[0], start(jobs[0]))
    assert [job.id for job in store.list(wanted)] == [jobs[number].id for number in expected]


@pytest.mark.requirement("R-046")
def test_owners_take_turns(store: JobStore) -> None:
    for number in range(4):
        store.enqueue(new_job(number, owner="greedy"))
    first = store.claim(START, start)
    for number in range(4, 6):
        store.enqueue(new_job(number, owner="modest"))
    claimed = [first, *(store.claim(START, start) for _ in range(5))]
    assert [job.payload["n"] for job in claimed if job] == [0, 1, 4, 2, 5, 3]


@pytest.mark.requirement("R-046")
def test_a_certain_job_is_claimed_out_of_turn(store: JobStore) -> None:
    first, second = new_job(1), new_job(2)
    for job in (first, second):
        store.enqueue(job)
    assert [store.claim(START, start, second.id) is None for _ in range(2)] == [False, True]
    assert store.claim(START, start, new_id()) is None
    assert [job.id if job else None for job in (store.claim(START, start), store.claim(START, start))] == [
        first.id,
        None,
    ]


@pytest.mark.parametrize(("by_id", "max_attempts", "claimed"), [(False, 2, True), (True, 2, True), (True, 1, False)])
@pytest.mark.requirement("R-044")
def test_a_lost_job_is_claimed_again_as_often_as_allowed(
    store: JobStore, by_id: bool, max_attempts: int, claimed: bool
) -> None:
    job = replace(new_job(), max_attempts=max_attempts)
    store.enqueue(job)
    running = store.claim(START, start)
    assert running is not None
    later = LEASE.until + timedelta(seconds=1)
    assert [found.id for found in store.lost(LEASE.until)] == []
    assert store.claim(LEASE.until, start, job.id) is None
    assert [found.id for found in store.lost(later)] == [job.id]
    again = store.claim(later, start, job.id if by_id else None)
    assert (again is not None) == claimed
    if again is not None:
        assert (again.state, again.attempt) == (JobState.RUNNING, 2)
        assert store.get(job.id) == again
        assert not store.swap(running, moved(running, JobState.SUCCESS, later))  # the first worker is shut out
        assert store.swap(again, moved(again, JobState.SUCCESS, later, result={"n": 2}))
        assert store.lost(later + timedelta(days=1)) == []


@pytest.mark.requirement("R-044")
def test_leases_are_renewed_by_worker_and_end_together(store: JobStore) -> None:
    other = Lease("other", LEASE.until)
    jobs = [new_job(number) for number in range(3)]
    for job in jobs:
        store.insert(job)
    store.swap(jobs[0], start(jobs[0]))
    store.swap(jobs[1], moved(jobs[1], JobState.RUNNING, START, lease=other))
    assert store.held("worker") == {jobs[0].id}
    store.renew(Lease("worker", LEASE.until + timedelta(hours=1)))
    assert [job.id for job in store.lost(LEASE.until + timedelta(minutes=1))] == [jobs[1].id]
    store.end_leases()
    assert {job.id for job in store.lost(START)} == {jobs[0].id, jobs[1].id}
    running = store.get(jobs[0].id)
    assert running is not None
    assert store.swap(running, moved(running, JobState.FAILED, START))
    assert store.held("worker") == frozenset()


def test_a_key_is_used_once_by_each_owner(store: JobStore) -> None:
    job = replace(new_job(owner="a"), idempotency_key="k")
    assert store.enqueue(job) == job
    assert store.enqueue(replace(new_job(1, owner="a"), idempotency_key="k")) == job
    other = replace(new_job(2, owner="b"), idempotency_key="k")
    assert store.enqueue(other) == other
    assert store.waiting() == 2


def test_one_key_from_many_threads_is_one_job(store: JobStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        kept = threads.map(lambda number: store.enqueue(replace(new_job(number), idempotency_key="k")), range(32))
        assert len({job.id for job in kept}) == 1
    assert store.waiting() == 1


@pytest.mark.requirement("R-052")
def test_pages_after_a_job_neither_skip_nor_repeat(store: JobStore) -> None:
    jobs = [new_job(number // 2) for number in range(7)]  # pairs of the same moment
    for job in jobs:
        store.insert(job)
    seen: list[str] = []
    page = store.list(JobFilter(limit=3))
    while page:
        seen += [job.id for job in page]
        store.insert(new_job(1000))
        page = store.list(JobFilter(limit=3, after=seen[-1]))
    assert sorted(seen) == sorted(job.id for job in jobs)
    with pytest.raises(LookupError):
        store.list(JobFilter(after=new_id()))


def test_what_ended_long_ago_is_forgotten(store: JobStore) -> None:
    jobs = [new_job(number) for number in range(5)]
    for job in jobs:
        store.insert(job)
    for number in (0, 1, 2, 3):
        at = START + timedelta(days=number)
        store.swap(jobs[number], moved(jobs[number], JobState.FAILED, at))
    assert [store.forget(START + timedelta(days=2, hours=12), 2) for _ in range(3)] == [2, 1, 0]
    assert {job.id for job in store.list(JobFilter())} == {jobs[3].id, jobs[4].id}


def test_in_memory_the_newest_ended_jobs_are_kept_and_every_other_one() -> None:
    store = MemoryJobStore(kept=2)
    jobs = [new_job(number) for number in range(6)]
    for job in jobs:
        store.insert(job)
    for job in jobs[:4]:
        store.swap(job, moved(job, JobState.FAILED, START))
    assert [job.id for job in store.list(JobFilter())] == [job.id for job in reversed(jobs[2:])]
    assert store.get(jobs[0].id) is None
