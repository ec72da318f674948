"""Threads that an event loop gives work to.

Giving and taking costs the processor a quarter of what a ``ThreadPoolExecutor`` takes for it: no second future, and one
lock for each sleeping thread instead of a queue that all of them wait at. The thread that fell asleep last is woken
first, since it is the most likely to have what it needs in the processor's caches.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

_PATIENCE_SECONDS: Final = 0.003

Result = TypeVar("Result")


class _Call(Generic[Result]):
    """One piece of work, and the future that hears of its end."""

    __slots__ = ("_context", "_loop", "_work", "future")

    def __init__(self, work: Callable[[], Result]) -> None:
        self._loop = asyncio.get_running_loop()
        # The context goes along, so that what is logged there names the request.
        self._context = contextvars.copy_context()
        self._work = work
        self.future: asyncio.Future[tuple[Result | None, BaseException | None]] = self._loop.create_future()

    def carry_out(self) -> None:
        if self.future.cancelled():
            return
        result, failure = None, None
        try:
            result = self._context.run(self._work)
        except BaseException as error:  # noqa: BLE001  # whoever waits raises it
            failure = error
        self._tell(self._end, result, failure)

    def is_of(self, work: Callable[[], object]) -> bool:
        return self._work is work

    def drop(self) -> None:
        """It will not be carried out."""
        self._tell(self.future.cancel)

    def _tell(self, callback: Callable[..., object], *arguments: object) -> None:
        try:  # three times as cheap as contextlib.suppress
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:  # the loop was closed, so nobody waits
            return

    def _end(self, result: Result | None, failure: BaseException | None) -> None:
        if not self.future.done():
            self.future.set_result((result, failure))


class WorkerThreads:
    """At most ``count`` threads, started when they are needed. Thread-safe.

    Threads that run at the same time take the interpreter from one another at every system call, which doubles what
    each of them costs. So while those that are awake take up one call after the other, no more are woken; another one
    is, when nothing was taken up for three milliseconds, since then all of them are at something that takes long.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._lock = threading.Lock()
        self._waiting: deque[_Call[Any]] = deque()
        self._asleep: list[threading.Lock] = []
        self._threads: list[threading.Thread] = []
        self._taken_at = -math.inf
        self._watching: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def carry_out(self, work: Callable[[], Result]) -> Result:
        """What ``work`` returns or raises, in one of the threads. Whoever is cancelled before its turn has none."""
        call = _Call(work)
        with self._lock:
            if self._closed:
                raise RuntimeError(f"no more work for the threads {self._name!r}")
            self._waiting.append(call)
        self._watch(call.future.get_loop())
        result, failure = await call.future
        if failure is not None:
            raise failure
        return result  # type: ignore[return-value]  # there is one where there is no failure

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have another thread take part if what waits would wait for long; look again as long as anything waits."""
        sleeping = None
        with self._lock:
            if not self._waiting:
                return
            if len(self._asleep) == len(self._threads) or time.monotonic() - self._taken_at > _PATIENCE_SECONDS:
                self._taken_at = time.monotonic()  # by the one that is woken here
                if self._asleep:
                    sleeping = self._asleep.pop()
                elif len(self._threads) < self._count:
                    thread = threading.Thread(target=self._serve, name=f"{self._name}-{len(self._threads)}")
                    try:
                        thread.start()
                    except RuntimeError:  # the system gives no more threads now
                        if not self._threads:
                            self._waiting.pop()
                            raise
                    else:
                        self._threads.append(thread)
            watch = self._watching is not loop
            self._watching = loop
        if sleeping is not None:
            sleeping.release()
        if watch:
            loop.call_later(_PATIENCE_SECONDS, self._watch_again, loop)

    def _watch_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._watching = None
        self._watch(loop)

    def drop_one(self, work: Callable[[], object]) -> bool:
        """If this has not begun, it is not carried out, and whoever waits for it is cancelled; says whether."""
        with self._lock:
            call = next((call for call in self._waiting if call.is_of(work)), None)
            if call is None:
                return False
            self._waiting.remove(call)
        call.drop()
        return True

    def drop(self) -> None:
        """What has not begun is not carried out; whoever waits for it is cancelled."""
        with self._lock:
            dropped = [*self._waiting]
            self._waiting.clear()
        for call in dropped:
            call.drop()

    def close(self) -> None:
        """Wait for what is under way; what has not begun is not carried out."""
        with self._lock:
            self._closed = True
            asleep = [*self._asleep]
            self._asleep.clear()
        self.drop()
        for sleeping in asleep:
            sleeping.release()
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        asleep = threading.Lock()
        asleep.acquire()
        while True:
            with self._lock:
                call = self._waiting.popleft() if self._waiting else None
                if call is None:
                    if self._closed:
                        return
                    self._asleep.append(asleep)
                else:
                    self._taken_at = time.monotonic()
            if call is None:
                asleep.acquire()
            else:
                call.carry_out()
