"""Threads that an event loop gives work to.

Giving and taking costs the processor a fraction of what a ``ThreadPoolExecutor`` takes for it. What a loop has to give
in one turn is given at once, and what a thread has done is taken back when it has nothing more to do or has kept it
for long enough: two threads that are awake at the same time take the interpreter from one another at every system
call, and to wake one whose processor sleeps costs as much as a small piece of work. So loop and thread take turns, with
many pieces of work in each turn where many are asked for; what those have deferred is done together. The thread that
fell asleep last is woken first, since it is the most likely to have what it needs in the processor's caches.
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

from server.app.core.deferral import Deferring, Rest

_PATIENCE_SECONDS: Final = 0.003
_KEPT_SECONDS: Final = 0.01  # how long a thread that takes up more keeps back what it has done
_LITTLE: Final = 0.3  # of the interpreter's time: so much is used where another thread can be of use
_MUCH: Final = 0.5  # of the interpreter's time: so much is used where one thread less would do as much
_TOGETHER: Final = 16  # ends, of which the first waits for the last; more of them save next to nothing

Result = TypeVar("Result")


class _Call(Generic[Result]):
    """One piece of work, and the future that hears of its end."""

    __slots__ = ("_context", "_outcome", "_rests", "_work", "future", "given_at")

    def __init__(self, work: Callable[[], Result], loop: asyncio.AbstractEventLoop) -> None:
        # The context goes along, so that what is logged there names the request.
        self._context = contextvars.copy_context()
        self._work = work
        self._outcome: tuple[Result | None, BaseException | None] = None, None
        self._rests: list[Rest] = []
        self.given_at = time.monotonic()
        self.future: asyncio.Future[tuple[Result | None, BaseException | None]] = loop.create_future()

    def carry_out(self) -> None:
        if self.future.cancelled():
            return
        with Deferring() as deferring:
            try:
                self._outcome = self._context.run(self._work), None
            except BaseException as error:  # noqa: BLE001  # whoever waits raises it
                self._outcome = None, error
        self._rests = deferring.rests

    def complete(self) -> None:
        """Do what the work has left; if that fails, the work has failed."""
        for rest in self._rests:
            try:
                self._context.run(rest)
            except BaseException as error:  # noqa: BLE001  # whoever waits raises it
                self._outcome = None, error

    def is_of(self, work: Callable[[], object]) -> bool:
        return self._work is work

    def refuse(self, error: BaseException) -> None:
        """Instead of carrying it out."""
        self._outcome = None, error

    def end(self) -> None:
        """Let whoever waits go on. In the loop's thread."""
        if not self.future.done():
            self.future.set_result(self._outcome)


class WorkerThreads:
    """Carries out at most ``count`` calls at a time, in threads that are started when they are needed, for one event
    loop at a time. Thread-safe.

    While those that are awake take up one call after the other, no more are woken; another one is, when all that are
    awake have been at the same call for three milliseconds, since then they are at something that takes long, or when
    a call has waited for as long while they leave the interpreter unused for most of the time. It goes to sleep again
    when calls are short, others take them up, and they use most of the interpreter's time. What was done does not wait
    for that either: there is one thread more than calls at a time, for when all are at something that takes long.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._lock = threading.Lock()
        self._waiting: deque[_Call[Any]] = deque()
        self._carried_out: deque[_Call[Any]] = deque()
        self._ended: deque[_Call[Any]] = deque()
        self._asleep: list[threading.Lock] = []
        self._threads: list[threading.Thread] = []
        self._at_work: dict[threading.Lock, float] = {}  # since when, by what the thread sleeps on; the newest last
        self._taken_at = -math.inf
        self._use = 1.0  # the part of its time that a call computes, over the last ones
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        # The two below belong to the loop, and say which one has been asked to call the method.
        self._giving: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.AbstractEventLoop | None = None

    async def carry_out(self, work: Callable[[], Result]) -> Result:
        """What ``work`` returns or raises, in one of the threads. Whoever is cancelled before its turn has none."""
        loop = asyncio.get_running_loop()
        call = _Call(work, loop)
        with self._lock:
            if self._closed:
                raise RuntimeError(f"no more work for the threads {self._name!r}")
            self._waiting.append(call)
            self._loop = loop
        if self._giving is not loop:
            self._giving = loop
            loop.call_soon(self._give)  # after all that the loop has to do now, and with what that asks for
        result, failure = await call.future
        if failure is not None:
            raise failure
        return result  # type: ignore[return-value]  # there is one where there is no failure

    def _give(self) -> None:
        self._giving = None
        self._watch()

    def _watch(self) -> None:
        """Have another thread take part if what waits would wait for long; look again as long as anything waits."""
        sleeping = None
        with self._lock:
            if not self._waiting and not self._carried_out:
                return
            now = time.monotonic()
            helps = bool(self._carried_out) or len(self._at_work) < self._count
            takes_long = now - self._taken_at > _PATIENCE_SECONDS
            waits_long = bool(self._waiting) and now - self._waiting[0].given_at > _PATIENCE_SECONDS
            if helps and (takes_long or (waits_long and self._use * len(self._at_work) < _LITTLE)):
                self._taken_at = now  # by the one that is woken here
                if self._asleep:
                    sleeping = self._asleep.pop()
                elif len(self._threads) <= self._count:
                    self._start_one()
        if sleeping is not None:
            sleeping.release()
        loop = asyncio.get_running_loop()
        if self._watching is not loop:
            self._watching = loop
            loop.call_later(_PATIENCE_SECONDS, self._watch_again)

    def _watch_again(self) -> None:
        self._watching = None
        self._take_back()
        self._watch()

    def _start_one(self) -> None:
        thread = threading.Thread(target=self._serve, name=f"{self._name}-{len(self._threads)}")
        try:
            thread.start()
        except RuntimeError as error:  # the system gives no more threads now
            if not self._threads:
                while self._waiting:
                    call = self._waiting.popleft()
                    call.refuse(error)
                    call.end()
        else:
            self._threads.append(thread)

    def drop_one(self, work: Callable[[], object]) -> bool:
        """If this has not begun, it is not carried out, and whoever waits for it is cancelled; says whether."""
        with self._lock:
            call = next((call for call in self._waiting if call.is_of(work)), None)
            if call is None:
                return False
            self._waiting.remove(call)
        self._tell(call.future.cancel)
        return True

    def drop(self) -> None:
        """What has not begun is not carried out; whoever waits for it is cancelled."""
        with self._lock:
            dropped = [*self._waiting]
            self._waiting.clear()
        for call in dropped:
            self._tell(call.future.cancel)

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
        call: _Call[Any] | None = None
        used = 0.0  # of the processor, by the last call
        first_at = math.inf  # when this thread took up the first of what it keeps back
        self._complete()  # what others have left comes first, here and below, since the next call may take long
        while True:
            with self._lock:
                now = time.monotonic()
                taken_at = self._at_work.pop(asleep, math.inf)
                if call is not None:
                    self._use += (min(1.0, used / max(now - taken_at, 1e-9)) - self._use) / 16
                others_at = next(reversed(self._at_work.values()), -math.inf)
                # What this thread did was short, and meanwhile another one took something up: one of the two is enough.
                spare = taken_at < others_at and now - taken_at < _PATIENCE_SECONDS
                spare = spare and self._use * (len(self._at_work) + 1) > _MUCH
                call = None
                if self._waiting and len(self._at_work) < self._count and not spare:
                    call = self._waiting.popleft()
                closed = self._closed
                if call is not None:
                    self._at_work[asleep] = self._taken_at = now
                    first_at = min(first_at, now)
                elif not closed:
                    self._asleep.append(asleep)
                    self._taken_at = others_at  # by one that is still at it
            if call is not None:
                used = -time.thread_time()
                call.carry_out()
                used += time.thread_time()
                self._carried_out.append(call)
                if len(self._carried_out) < _TOGETHER and time.monotonic() - first_at < _KEPT_SECONDS:
                    continue
            first_at = math.inf
            self._complete()
            if call is None:
                if closed:
                    return
                asleep.acquire()
                self._complete()

    def _complete(self) -> None:
        """Do what was left of all that was carried out, by this thread or one that is at something that takes long."""
        while self._carried_out:
            try:
                call = self._carried_out.popleft()
            except IndexError:  # another thread was faster
                break
            call.complete()
            self._ended.append(call)
        if self._ended:
            self._tell(self._take_back)

    def _take_back(self) -> None:
        while self._ended:
            self._ended.popleft().end()

    def _tell(self, callback: Callable[[], object]) -> None:
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(callback)
            except RuntimeError:  # the loop was closed, so nobody waits
                return
