"""Work that an event loop gives to threads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from server.app.api import worker_threads
from server.app.api.worker_threads import WorkerThreads
from server.app.core.deferral import defer

SEEN: ContextVar[str] = ContextVar("seen", default="nothing")


@pytest.fixture
def threads() -> Iterator[WorkerThreads]:
    made = WorkerThreads(2, "test")
    yield made
    made.close()


def stop_iteration() -> None:
    raise StopIteration


def leave() -> None:
    raise SystemExit(3)


def divide() -> float:
    return 1 / 0


@pytest.mark.parametrize(
    ("raised", "work"), [(ZeroDivisionError, divide), (RuntimeError, stop_iteration), (SystemExit, leave)]
)
def test_what_work_raises_reaches_who_waits(
    threads: WorkerThreads, raised: type[BaseException], work: Callable[[], object]
) -> None:
    async def wait() -> None:
        with pytest.raises(raised):
            await threads.carry_out(work)
        assert await threads.carry_out(lambda: 7) == 7

    asyncio.run(wait())


def test_much_more_work_than_threads_is_all_done_and_not_too_much_at_a_time(threads: WorkerThreads) -> None:
    at_work = threading.Semaphore(2)

    def work(number: int) -> int:
        assert at_work.acquire(blocking=False)
        if number % 100 == 0:
            time.sleep(0.005)  # longer than the others wait for it
        at_work.release()
        return number * number

    async def wait() -> list[int]:
        return await asyncio.gather(*(threads.carry_out(partial(work, number)) for number in range(500)))

    assert asyncio.run(wait()) == [number * number for number in range(500)]


def test_the_context_goes_along_and_does_not_come_back(threads: WorkerThreads) -> None:
    def work() -> str:
        seen = SEEN.get()
        SEEN.set("changed")
        return seen

    async def wait() -> list[str]:
        SEEN.set("request")
        return [await threads.carry_out(work), await threads.carry_out(work), SEEN.get()]

    assert asyncio.run(wait()) == ["request"] * 3


def test_who_is_cancelled_before_its_turn_has_none(threads: WorkerThreads) -> None:
    go, done = threading.Event(), []

    async def wait() -> None:
        held = [asyncio.ensure_future(threads.carry_out(lambda: go.wait(10))) for _ in range(2)]
        given_up = asyncio.ensure_future(threads.carry_out(lambda: done.append("given up")))
        await asyncio.sleep(0)
        given_up.cancel()
        kept = asyncio.ensure_future(threads.carry_out(lambda: done.append("kept")))
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(kept, *held)
        assert given_up.cancelled()

    asyncio.run(wait())
    assert done == ["kept"]


def test_what_is_dropped_before_its_turn_is_not_done_and_what_has_begun_goes_on(threads: WorkerThreads) -> None:
    begun, go, done = threading.Semaphore(0), threading.Event(), []

    def hold() -> bool:
        begun.release()
        return go.wait(10)

    def work(number: int) -> None:
        done.append(number)

    works = [partial(work, number) for number in range(3)]

    async def wait() -> None:
        held = [asyncio.ensure_future(threads.carry_out(hold)) for _ in range(2)]
        for _ in held:
            assert await asyncio.to_thread(begun.acquire, timeout=10)
        waiting = [asyncio.ensure_future(threads.carry_out(each)) for each in works]
        await asyncio.sleep(0)
        assert [threads.drop_one(each) for each in (hold, works[1], works[1])] == [False, True, False]
        with pytest.raises(asyncio.CancelledError):
            await waiting[1]
        go.set()
        await asyncio.gather(waiting[0], waiting[2], *held)

    asyncio.run(wait())
    assert sorted(done) == [0, 2]


def test_at_the_end_what_is_under_way_is_awaited_and_the_rest_is_cancelled() -> None:
    threads = WorkerThreads(1, "test")
    began, go, done = threading.Event(), threading.Event(), []

    def hold() -> None:
        began.set()
        go.wait(10)
        done.append("held")

    async def wait() -> list[Any]:
        waiting = [asyncio.ensure_future(threads.carry_out(work)) for work in (hold, lambda: done.append("no"))]
        assert await asyncio.to_thread(began.wait, 10)
        asyncio.get_running_loop().call_later(0.05, go.set)
        closing = threading.Thread(target=threads.close)
        closing.start()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        closing.join()
        with pytest.raises(RuntimeError, match="no more work"):
            await threads.carry_out(divide)
        return outcomes

    outcomes = asyncio.run(wait())
    assert done == ["held"]
    assert outcomes[0] is None
    assert isinstance(outcomes[1], asyncio.CancelledError)


def test_work_may_outlive_its_loop() -> None:
    threads = WorkerThreads(1, "test")
    begun, go, done = threading.Event(), threading.Event(), []

    def hold() -> None:
        begun.set()
        go.wait(10)
        done.append("held")

    async def give_up() -> None:
        waiting = asyncio.ensure_future(threads.carry_out(hold))
        await asyncio.to_thread(begun.wait, 10)
        waiting.cancel()

    asyncio.run(give_up())
    go.set()
    threads.close()
    assert done == ["held"]


def test_a_thread_that_cannot_be_started_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = WorkerThreads(2, "test")
    start = threading.Thread.start
    refused = iter([True] * 3)

    def starting(thread: threading.Thread) -> None:
        if next(refused, False):
            raise RuntimeError("can't start new thread")
        start(thread)

    async def wait() -> list[int]:
        for _ in range(3):
            with pytest.raises(RuntimeError, match="start new thread"):
                await threads.carry_out(lambda: pytest.fail("it was refused"))
        return await asyncio.gather(*(threads.carry_out(partial(int, number)) for number in range(50)))

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", starting)
        assert asyncio.run(wait()) == list(range(50))
    threads.close()


def test_what_work_leaves_is_done_for_all_at_once_and_before_anybody_hears_of_an_end() -> None:
    threads = WorkerThreads(1, "test")
    done: list[tuple[str, int]] = []

    def work(number: int) -> None:
        done.append(("work", number))
        defer(partial(done.append, ("rest", number)))

    async def one(number: int) -> None:
        await threads.carry_out(partial(work, number))
        assert ("rest", number) in done
        done.append(("heard", number))

    async def wait() -> None:
        await asyncio.gather(*map(one, range(3)))

    asyncio.run(wait())
    threads.close()
    assert done == [(part, number) for part in ("work", "rest", "heard") for number in range(3)]


def test_who_left_what_fails_has_failed_and_nobody_else(threads: WorkerThreads) -> None:
    def work(number: int) -> int:
        defer(lambda: 1 / (number - 2))
        return number

    async def wait() -> list[Any]:
        calls = (threads.carry_out(partial(work, number)) for number in range(4))
        return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = asyncio.run(wait())
    assert [type(outcome) for outcome in outcomes] == [int, int, ZeroDivisionError, int]
    assert [outcome for outcome in outcomes if isinstance(outcome, int)] == [0, 1, 3]


def test_who_has_ended_does_not_wait_for_what_the_same_thread_does_next(threads: WorkerThreads) -> None:
    begun, go, names = threading.Event(), threading.Event(), set()

    def quick() -> str:
        names.add(threading.current_thread().name)
        defer(lambda: names.add(threading.current_thread().name))
        return "quick"

    def slow() -> str:
        names.add(threading.current_thread().name)
        begun.set()
        return "slow" if go.wait(10) else "too slow"

    async def wait() -> None:
        first, second = (asyncio.ensure_future(threads.carry_out(work)) for work in (quick, slow))
        assert await asyncio.wait_for(first, 5) == "quick"
        assert await asyncio.to_thread(begun.wait, 5)
        assert not second.done()
        go.set()
        assert await second == "slow"

    asyncio.run(wait())
    assert names == {"test-0", "test-1"}


@pytest.mark.parametrize("quick", [1, 2, 5])
@pytest.mark.parametrize("slow", [1, 2, 3])
def test_who_has_ended_does_not_wait_for_what_all_threads_do_next(
    threads: WorkerThreads, quick: int, slow: int
) -> None:
    go = threading.Event()

    async def wait() -> None:
        quick_ones = [asyncio.ensure_future(threads.carry_out(partial(int, number))) for number in range(quick)]
        slow_ones = [asyncio.ensure_future(threads.carry_out(lambda: go.wait(20))) for _ in range(slow)]
        assert await asyncio.wait_for(asyncio.gather(*quick_ones), 5) == [*range(quick)]
        assert not any(one.done() for one in slow_ones)
        go.set()
        assert all(await asyncio.gather(*slow_ones))

    asyncio.run(wait())


def test_beside_what_takes_long_nobody_waits_for_more_than_a_thread_that_sleeps(
    threads: WorkerThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()

    async def wait() -> None:
        slow = asyncio.ensure_future(threads.carry_out(lambda: go.wait(20)))
        assert await threads.carry_out(lambda: 7) == 7  # in another thread, which sleeps now
        monkeypatch.setattr(worker_threads, "_PATIENCE_SECONDS", 0.2)
        await asyncio.sleep(0.25)
        began = time.monotonic()
        for number in range(20):
            assert await asyncio.wait_for(threads.carry_out(partial(int, number)), 5) == number
            await asyncio.sleep(0.001)
        assert time.monotonic() - began < 10 * 0.2  # half of what it is if each waits so long
        go.set()
        assert await slow

    asyncio.run(wait())


def test_what_was_done_is_not_kept_back_until_many_that_take_a_little_longer_are_done() -> None:
    threads = WorkerThreads(1, "test")
    done: list[tuple[str, int]] = []

    def work(number: int) -> None:
        time.sleep(0.012)
        done.append(("work", number))
        defer(partial(done.append, ("rest", number)))

    async def wait() -> None:
        await asyncio.gather(*(threads.carry_out(partial(work, number)) for number in range(6)))

    asyncio.run(wait())
    threads.close()
    assert done.index(("rest", 0)) < done.index(("work", 5))


def test_work_in_which_nothing_ever_pauses_keeps_no_end_back() -> None:
    threads = WorkerThreads(1, "test")

    async def busy(stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.gather(*(threads.carry_out(partial(sum, range(2000))) for _ in range(20)))

    async def wait() -> None:
        stop = asyncio.Event()
        others = [asyncio.ensure_future(busy(stop)) for _ in range(5)]
        for _ in range(20):
            assert await asyncio.wait_for(threads.carry_out(lambda: 7), 2) == 7
        stop.set()
        await asyncio.gather(*others)

    asyncio.run(wait())
    threads.close()


def test_threads_that_were_needed_for_a_while_leave_what_is_short_to_one_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = WorkerThreads(4, "test")
    begun, go = threading.Semaphore(0), threading.Event()
    names: list[str] = []

    def slow() -> None:
        begun.release()
        go.wait(20)

    def short() -> None:
        names.append(threading.current_thread().name)

    async def wait() -> None:
        slow_ones = [asyncio.ensure_future(threads.carry_out(slow)) for _ in range(4)]
        for _ in slow_ones:
            assert await asyncio.to_thread(begun.acquire, timeout=10)
        monkeypatch.setattr(worker_threads, "_PATIENCE_SECONDS", 60.0)
        short_ones = [asyncio.ensure_future(threads.carry_out(short)) for _ in range(400)]
        await asyncio.sleep(0.01)
        go.set()
        await asyncio.gather(*slow_ones, *short_ones)

    asyncio.run(wait())
    threads.close()
    assert len(names) == 400
    assert len(set(names[-200:])) == 1


def test_short_calls_that_compute_nothing_are_carried_out_side_by_side() -> None:
    threads = WorkerThreads(8, "test")
    at_work, most = 0, 0
    lock = threading.Lock()

    def pause() -> None:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.002)  # less than it takes until a thread counts as being at something that takes long
        with lock:
            at_work -= 1

    async def one_client() -> None:
        for _ in range(60):
            await threads.carry_out(pause)

    async def wait() -> None:
        await asyncio.gather(*(one_client() for _ in range(8)))

    asyncio.run(wait())
    threads.close()
    assert 4 <= most <= 8
