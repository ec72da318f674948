"""What work leaves for later."""

from __future__ import annotations

import threading

import pytest

from server.app.core.deferral import Deferring, defer


def test_where_nobody_collects_it_is_done_at_once() -> None:
    done: list[int] = []
    defer(lambda: done.append(1))
    assert done == [1]


def test_who_collects_has_it_in_order_and_has_not_done_it() -> None:
    done: list[int] = []
    with Deferring() as outer:
        defer(lambda: done.append(1))
        with Deferring() as inner:
            defer(lambda: done.append(2))
        defer(lambda: done.append(3))
    defer(lambda: done.append(0))
    assert done == [0]
    for rest in (*outer.rests, *inner.rests):
        rest()
    assert done == [0, 1, 3, 2]


def test_work_that_fails_has_left_what_it_left() -> None:
    done: list[int] = []
    with pytest.raises(ZeroDivisionError), Deferring() as deferring:  # noqa: PT012
        defer(lambda: done.append(1))
        _ = 1 / 0
    assert (len(deferring.rests), done) == (1, [])
    defer(lambda: done.append(2))
    assert done == [2]


def test_each_thread_collects_its_own() -> None:
    done: list[int] = []
    with Deferring() as deferring:
        other = threading.Thread(target=defer, args=(lambda: done.append(1),))
        other.start()
        other.join()
    assert (deferring.rests, done) == ([], [1])
