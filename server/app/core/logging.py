"""Where log lines go and what they look like: text for people, or JSON with one object per line.

What a line says beyond its message (``extra=``) is a field of its own; secrets are redacted whatever they came in.
"""

from __future__ import annotations

import json
import logging.config
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from server.app.core.late_lines import LateLines
from server.app.core.redaction import REDACTED, redacted
from server.app.core.trace import current_trace

_OWN: Final = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "color_message",  # the same message as uvicorn paints it for a terminal
}


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as ``extra``, and the trace of the request that it belongs to."""
    fields = {name: value for name, value in record.__dict__.items() if name not in _OWN}
    trace = current_trace()
    if trace is not None:
        fields["trace_id"] = trace.trace_id
    return fields


class JsonLines(logging.Formatter):
    """``time, level, logger, message``, the fields, and ``exception`` with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: _clean(value, name) for name, value in line.items()}, default=_text)


class TextLines(logging.Formatter):
    """Time, level, logger, message, the fields as ``name=value``, and below them a traceback if there is one."""

    def __init__(self) -> None:
        super().__init__()
        self._second = 0, ""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join([f" {name}={value}" for name, value in fields_of(record).items()])
        line = f"{self.formatTime(record)} {record.levelname:7} {record.name}: {record.getMessage()}{fields}"
        # A line break in a value would look like another entry.
        line = redacted(line).replace("\r", "\\r").replace("\n", "\\n")
        return f"{line}\n{redacted(self.formatException(record.exc_info))}" if record.exc_info else line

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  # logging's name
        second, text = self._second
        if second != int(record.created):
            second = int(record.created)
            text = time.strftime(datefmt or self.default_time_format, self.converter(second))
            self._second = second, text
        return f"{text},{int(record.msecs):03}"


def _clean(value: object, name: str = "") -> object:
    """The value without secrets, however deep they stand; what goes by the name of a secret is one."""
    if isinstance(value, str):
        return REDACTED if name and redacted(f"{name}=?") != f"{name}=?" else redacted(value)
    if isinstance(value, Mapping):
        return {str(key): _clean(item, str(key)) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(item, name) for item in value]
    return value


def _text(value: object) -> str:
    return redacted(str(value))


def configure_logging(level: str, form: Literal["text", "json"] = "text", *, requests: bool = False) -> None:
    """One line per event on stderr; ``requests`` adds one for each request that was answered."""
    # Nothing shows the place of a call, its thread or its process, and asking for them costs a third of a line. These
    # are the switches that https://docs.python.org/3/howto/logging.html#optimization names.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    formatter = JsonLines if form == "json" else TextLines
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": formatter}},
            "handlers": {"stderr": {"()": LateLines, "formatter": "line"}},
            "root": {"level": level, "handlers": ["stderr"]},
            "loggers": {
                "alembic": {"level": "WARNING"},
                "uvicorn.access": {"level": "WARNING"},
                "server.requests": {"level": "INFO" if requests else "WARNING"},
            },
        }
    )
