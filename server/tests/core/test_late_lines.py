"""When lines of the log are written, in which order, and what each of them holds."""

from __future__ import annotations

import contextvars
import io
import logging
import os
import threading
import time
from collections.abc import Iterator

import pytest

from server.app.core.late_lines import LateLines
from server.app.core.logging import TextLines
from server.app.core.start_error import say
from server.app.core.trace import Trace, set_trace

pytestmark = pytest.mark.requirement("R-219")


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(stream: io.StringIO) -> Iterator[logging.Logger]:
    made = logging.Logger("server.x")  # noqa: LOG001  # one that no other test knows
    handler = LateLines(stream)
    handler.setFormatter(TextLines())
    made.addHandler(handler)
    yield made
    handler.close()


def said(stream: io.StringIO) -> list[str]:
    return [line.partition("server.x: ")[2] for line in stream.getvalue().splitlines()]


def await_lines(stream: io.StringIO, count: int) -> list[str]:
    deadline = time.monotonic() + 20
    while len(said(stream)) < count:
        assert time.monotonic() < deadline, said(stream)
        time.sleep(0.01)
    return said(stream)


def test_what_is_said_is_written_without_another_word(log: logging.Logger, stream: io.StringIO) -> None:
    for number in range(3):
        log.info("line %d", number)
    assert await_lines(stream, 3) == ["line 0", "line 1", "line 2"]


def test_a_warning_is_written_at_once_and_what_came_before_it_before_it(
    log: logging.Logger, stream: io.StringIO
) -> None:
    log.info("one")
    log.info("two")
    log.warning("three")
    assert said(stream) == ["one", "two", "three"]


def test_many_lines_are_not_kept(log: logging.Logger, stream: io.StringIO) -> None:
    for number in range(1001):
        log.info("line %d", number)
    assert said(stream)[:1001] == [f"line {number}" for number in range(1001)]


def test_a_line_says_what_was_so_when_it_was_said(log: logging.Logger, stream: io.StringIO) -> None:
    thing = ["before"]
    log.info("it is %s", thing)
    thing[0] = "after"
    log.warning("end")
    assert said(stream) == ["it is ['before']", "end"]


def test_each_line_is_of_the_trace_that_it_was_said_in(log: logging.Logger, stream: io.StringIO) -> None:
    def within(digit: str, level: int) -> None:
        set_trace(Trace(digit * 32, "b" * 16))
        log.log(level, "said")

    log.info("outside")
    contextvars.copy_context().run(within, "a", logging.INFO)
    contextvars.copy_context().run(within, "c", logging.WARNING)
    assert said(stream) == ["outside", f"said trace_id={'a' * 32}", f"said trace_id={'c' * 32}"]


def test_a_line_that_cannot_be_put_into_words_stops_neither_the_others_nor_the_work(
    log: logging.Logger, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mute:
        def __str__(self) -> str:
            raise RuntimeError

    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.info("%d", "no number")
    log.info("mute", extra={"thing": Mute()})
    log.warning("end")
    assert said(stream) == ["end"]


def test_a_log_that_nobody_reads_stops_no_work(
    log: logging.Logger, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    stream.close()
    log.warning("said to nobody")
    log.info("neither")


@pytest.mark.parametrize("blocking", [True, False])
def test_a_full_pipe_is_waited_for_once_and_tells_later_what_is_missing(blocking: bool) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, blocking)
    with os.fdopen(reader, "rb") as pipe, os.fdopen(writer, "w") as stream:
        handler = LateLines(stream)
        handler.setFormatter(TextLines())
        log = logging.Logger("server.x")  # noqa: LOG001  # one that no other test knows
        log.addHandler(handler)
        began = time.monotonic()
        log.warning("x" * 200_000)
        for number in range(3000):
            log.log(logging.WARNING if number % 2 else logging.INFO, "line %d", number)
        handler.say("server: gone")
        assert time.monotonic() - began < 60  # one wait for each warning would be 25 minutes
        lines = [next(pipe).decode("ascii").strip() for _ in range(1003)]
        log.warning("read again")
        last = next(pipe).decode("ascii")
        handler.close()
    assert [line.partition("server.x: ")[2] for line in lines[1:1001]] == [f"line {number}" for number in range(1000)]
    assert lines[1001] == "server: gone"
    assert lines[1002].endswith(": 2000 lines are missing here: nobody took them")
    assert last.endswith("read again\n")


def test_what_is_said_while_a_line_is_put_into_words_is_written_too(log: logging.Logger, stream: io.StringIO) -> None:
    class Talks:
        def __str__(self) -> str:
            log.error("an object went")
            return "talks"

    speaker = threading.Thread(target=log.warning, args=("one",), kwargs={"extra": {"thing": Talks()}}, daemon=True)
    speaker.start()
    speaker.join(20)
    assert sorted(said(stream)) == ["an object went", "one thing=talks"]


def test_lines_of_many_threads_are_all_written_whole(log: logging.Logger, stream: io.StringIO) -> None:
    def talk(name: str) -> None:
        for number in range(200):
            log.log(logging.WARNING if number % 50 == 0 else logging.INFO, "%s %d", name, number)

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.warning("end")
    lines = said(stream)
    assert sorted(lines[:-1]) == sorted(f"{name} {number}" for name in "abcd" for number in range(200))
    for name in "abcd":
        own = [line for line in lines if line.startswith(f"{name} ")]
        assert own == [f"{name} {number}" for number in range(200)]


def test_the_last_word_to_whoever_started_the_server_is_the_last_line(
    log: logging.Logger, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(logging.getLogger(), "handlers", log.handlers)
    log.info("one")
    say("gone")
    assert stream.getvalue().splitlines()[-1] == "server: gone"
    assert said(stream)[:-1] == ["one"]
