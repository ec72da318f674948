"""The lines of the log, in both forms."""

from __future__ import annotations

import contextvars
import json
import logging
import sys

import pytest

from server.app.core.logging import JsonLines, TextLines
from server.app.core.trace import Trace, set_trace

pytestmark = pytest.mark.requirement("R-219")
SECRET = "hunter2Hunter3"


def record(message: str, *args: object, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("server.x", logging.INFO, "x.py", 1, message, args, None)
    made.__dict__.update(fields)
    return made


def test_a_line_of_json_holds_the_message_and_the_fields() -> None:
    fields = {"job_id": "j", "plugin": "p", "outcome": "success", "duration_ms": 1.5}
    parsed = json.loads(JsonLines().format(record("execution %s", "ended", **fields)))
    assert parsed.pop("time").endswith("+00:00")
    assert parsed == {"level": "INFO", "logger": "server.x", "message": "execution ended"} | fields


def test_a_line_of_text_holds_the_same() -> None:
    assert (
        TextLines()
        .format(record("execution ended", job_id="j", duration_ms=1.5))
        .endswith(" INFO    server.x: execution ended job_id=j duration_ms=1.5")
    )


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()], ids=["json", "text"])
def test_a_message_painted_for_a_terminal_is_not_written_a_second_time(formatter: logging.Formatter) -> None:
    assert "\x1b" not in formatter.format(record("Started [%d]", 7, color_message="Started [\x1b[36m%d\x1b[0m]"))
    assert "color_message" not in formatter.format(record("Started [%d]", 7, color_message="x"))


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()], ids=["json", "text"])
def test_nothing_that_is_logged_shows_a_secret_or_looks_like_two_lines(formatter: logging.Formatter) -> None:
    class Hostile:
        def __str__(self) -> str:
            return f"token={SECRET}"

    line = formatter.format(
        record(f"password={SECRET}\nINFO forged: entry", header=f"Bearer {SECRET}", thing=Hostile())
    )
    assert SECRET not in line
    assert "\n" not in line


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()], ids=["json", "text"])
def test_a_traceback_is_redacted(formatter: logging.Formatter) -> None:
    made = record("failed")
    try:
        raise ValueError(f"password={SECRET}")
    except ValueError:
        made.exc_info = sys.exc_info()
    line = formatter.format(made)
    assert ("ValueError" in line, SECRET in line) == (True, False)


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()], ids=["json", "text"])
def test_the_trace_of_the_request_is_in_every_line(formatter: logging.Formatter) -> None:
    def within() -> str:
        set_trace(Trace("a" * 32, "b" * 16))
        return formatter.format(record("hello"))

    assert "a" * 32 in contextvars.copy_context().run(within)
    assert "trace_id" not in formatter.format(record("hello"))


def test_a_line_of_json_is_redacted_however_deep_a_secret_stands() -> None:
    fields = {
        "headers": {"Authorization": f"Bearer {SECRET}", "Accept": "text/html"},
        "token": SECRET,
        "tried": [f"password={SECRET}", ({"api_key": SECRET},)],
    }
    line = JsonLines().format(record("a request", **fields))
    assert SECRET not in line
    assert json.loads(line)["headers"] == {"Authorization": "***", "Accept": "text/html"}
