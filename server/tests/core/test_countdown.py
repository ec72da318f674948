"""One span of time for several waits."""

from __future__ import annotations

import time

from server.app.core.countdown import Countdown


def test_it_begins_with_the_first_question_and_ends_at_nothing() -> None:
    countdown = Countdown(60.0)
    time.sleep(0.01)
    first = countdown.left()
    assert 0.0 < first <= 60.0
    time.sleep(0.01)
    assert countdown.left() <= first - 0.01
    short = Countdown(0.01)
    assert short.left() <= 0.01
    time.sleep(0.02)
    assert short.left() == 0.0
