"""A piece of work for the database, and what whoever asked for it waits at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

from sqlalchemy import Connection

Item = TypeVar("Item")
Result = TypeVar("Result")


class Task(Generic[Item, Result]):
    """Work on one item. Its end, or its turn, wakes the one thread that waits: a lock does that at a tenth of a
    future's price."""

    __slots__ = ("_failure", "_result", "_wake", "has_turn", "item", "work")

    def __init__(self, work: Callable[[Connection, Sequence[Item]], Sequence[Result]], item: Item) -> None:
        self.work = work
        self.item = item
        self.has_turn = False
        self._failure: BaseException | None = None
        self._result: Result | None = None
        self._wake = threading.Lock()
        self._wake.acquire()

    def succeed(self, result: Result) -> None:
        self._result = result
        self._wake.release()

    def fail(self, failure: BaseException) -> None:
        self._failure = failure
        self._wake.release()

    def give_turn(self) -> None:
        """Wake the thread that waits, to do this and whatever else waits."""
        self.has_turn = True
        self._wake.release()

    def wait(self) -> None:
        self._wake.acquire()

    def outcome(self) -> Result:
        """What the work returned, or raises what it raised; after ``wait``."""
        if self._failure is not None:
            raise self._failure
        return cast("Result", self._result)
