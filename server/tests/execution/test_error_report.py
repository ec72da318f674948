"""The report about a failed run: its code, and advice that fits."""

from __future__ import annotations

import errno

import pytest

from server.app.plugins.errors.error_envelope import CATEGORIES, build_error_envelope
from server.app.plugins.errors.error_report import MOST_ACTIONS, error_report, suggested_actions
from server.app.plugins.errors.exceptions import (
    ErrorType,
    ExecutionTimeout,
    InputValidationError,
    LimitExceeded,
    PluginNotFound,
)


@pytest.mark.requirement("R-138", "R-140")
@pytest.mark.parametrize("kind", list(ErrorType))
def test_every_type_has_a_category_a_code_and_advice(kind: ErrorType) -> None:
    error = {"type": kind.value, "message": "m", "details": {"a": 1}, "plugin": "p", "timestamp": "t"}
    report = error_report(error, "run", attempts=2, trace_id="t")
    assert report.error_category in {"tool_error", "validation_error", "system_error"}
    assert report.error_code == f"{CATEGORIES[kind]}_{kind.value.upper()}"
    assert 1 <= len(report.suggested_actions) <= MOST_ACTIONS
    assert (report.technical_details, report.recovery_attempted) == (
        {"a": 1, "plugin": "p", "trace_id": "t"},
        True,
    )


@pytest.mark.requirement("R-141")
@pytest.mark.parametrize(
    ("advice", "failure"),
    [
        ("smaller input", MemoryError()),
        ("CTS_PLUGIN_MEMORY_MB", MemoryError()),
        ("let the plugin use the file", PermissionError(errno.EACCES, "no", "/secret/file")),
        ("let the plugin use the file", OSError(errno.EROFS, "no")),
        ("check that the file", FileNotFoundError(errno.ENOENT, "no", "/secret/file")),
        ("install the library", ModuleNotFoundError("numpy")),
        ("choose one of the plugins", PluginNotFound("x", ["y"])),
        ("CTS_TOOL_TIMEOUT_SECONDS", ExecutionTimeout(3.0)),
        ("free space", OSError(errno.ENOSPC, "full", "/secret/file")),
        ("free space", OSError(errno.EDQUOT, "full")),
        ("result is smaller", LimitExceeded("too large", {"limit_bytes": 10})),
        ("correct the input", InputValidationError("wrong")),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{type(value).__name__}-{getattr(value, 'errno', None)}",
)
def test_advice_fits_the_failure(advice: str, failure: Exception) -> None:
    error = build_error_envelope(failure, "p", in_plugin=True)["error"]
    actions = suggested_actions(ErrorType(error["type"]), error["details"])
    assert advice in " ".join(actions)
    assert len(set(actions)) == len(actions) <= MOST_ACTIONS
    assert "/secret/file" not in str(error)


@pytest.mark.requirement("R-034")
@pytest.mark.parametrize("number", [None, "28", 10**30, True, [], 0])
def test_an_error_number_that_is_none_is_left_out(number: object) -> None:
    failure = OSError("x")
    failure.errno = number  # type: ignore[assignment]  # a plugin may put anything there
    assert build_error_envelope(failure, "p", in_plugin=True)["error"]["details"] == {"exception": "OSError"}
