"""Buckets with a clock that the test turns."""

from __future__ import annotations

import pytest

from server.app.api.rate_limit import RateLimit

pytestmark = pytest.mark.requirement("R-059")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_minutes_requests_may_come_at_once_and_no_more(clock: Clock) -> None:
    limit = RateLimit(60, clock=clock)
    assert [limit.seconds_to_wait("a") for _ in range(60)] == [0.0] * 60
    assert limit.seconds_to_wait("a") == pytest.approx(1.0)
    assert limit.seconds_to_wait("b") == 0.0


def test_a_refused_request_costs_nothing_and_time_fills_the_bucket(clock: Clock) -> None:
    limit = RateLimit(60, clock=clock)
    for _ in range(200):
        limit.seconds_to_wait("a")
    clock.now += 0.5
    assert limit.seconds_to_wait("a") == pytest.approx(0.5)
    clock.now += 0.5
    assert limit.seconds_to_wait("a") == 0.0
    clock.now += 3600
    assert [limit.seconds_to_wait("a") == 0.0 for _ in range(61)] == [True] * 60 + [False]


def test_over_a_long_time_the_rate_is_exact(clock: Clock) -> None:
    limit = RateLimit(30, clock=clock)
    granted = 0
    for _ in range(10_000):
        granted += limit.seconds_to_wait("a") == 0.0
        clock.now += 0.1
    assert granted == pytest.approx(30 + 1000 / 60 * 30, abs=1)


def test_memory_is_bounded_and_who_asks_often_is_not_forgotten(clock: Clock) -> None:
    limit = RateLimit(1, max_callers=100, clock=clock)
    limit.seconds_to_wait("busy")
    for number in range(10_000):
        limit.seconds_to_wait(f"caller {number}")
        assert limit.seconds_to_wait("busy") > 0.0
    assert len(limit) == 100
