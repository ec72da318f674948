"""What a person is told about a failed run: which kind of error it was, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from server.app.plugins.errors.error_envelope import CATEGORIES
from server.app.plugins.errors.exceptions import ErrorType

MOST_ACTIONS: Final = 5


@dataclass(frozen=True)
class ErrorReport:
    """``error_category`` in lower case; ``error_code`` is category and type in upper case. ``recovery_attempted``
    says whether the run was started more than once. ``timestamp`` is UTC in ISO 8601."""

    error_category: str
    error_code: str
    user_message: str
    technical_details: dict[str, Any]
    suggested_actions: tuple[str, ...]
    recovery_attempted: bool
    run_id: str
    timestamp: str


def error_report(error: Mapping[str, Any], run_id: str, *, attempts: int, trace_id: str | None = None) -> ErrorReport:
    """The report about a run that ended with ``error``, the content of an envelope, at its ``attempts``-th start."""
    kind = ErrorType(error["type"])
    category = CATEGORIES[kind]
    return ErrorReport(
        error_category=category.lower(),
        error_code=f"{category}_{kind.value.upper()}",
        user_message=error["message"],
        technical_details={**error["details"], "plugin": error["plugin"], "trace_id": trace_id},
        suggested_actions=suggested_actions(kind, error["details"]),
        recovery_attempted=attempts > 1,
        run_id=run_id,
        timestamp=error["timestamp"],
    )


def suggested_actions(kind: ErrorType, details: Mapping[str, Any]) -> tuple[str, ...]:
    """What to do, the most likely first, at most five; by type and details and never by the words of a message."""
    found = [action for applies, actions in _ADVICE if applies(kind, details) for action in actions]
    return tuple(dict.fromkeys(found))[:MOST_ACTIONS]


def _of(*kinds: ErrorType) -> Callable[[ErrorType, Mapping[str, Any]], bool]:
    return lambda kind, _details: kind in kinds


def _detail(name: str, *values: str) -> Callable[[ErrorType, Mapping[str, Any]], bool]:
    return lambda _kind, details: details.get(name) in values if values else name in details


_ADVICE: Final = (
    (
        _detail("exception", "MemoryError"),
        (
            "send a smaller input, or split it into several runs",
            "ask the administrator for more memory for plugins (CTS_PLUGIN_MEMORY_MB)",
        ),
    ),
    (
        _detail("errno", "ENOSPC", "EDQUOT"),
        ("free space on the disk that the plugin writes to", "ask the administrator which folder is full"),
    ),
    (
        _detail("errno", "EACCES", "EPERM", "EROFS"),
        (
            "ask the administrator to let the plugin use the file (CTS_PLUGIN_READ_PATHS, CTS_PLUGIN_WRITE_PATHS)",
            "check the owner and the mode of the file",
        ),
    ),
    (
        _detail("errno", "ENOENT", "ENOTDIR"),
        ("check that the file that the plugin looks for is there", "ask the author of the plugin which files it needs"),
    ),
    (
        _detail("exception", "ModuleNotFoundError", "ImportError"),
        ("ask the administrator to install the library that the plugin needs", "look at the reason in /v1/plugins"),
    ),
    (_detail("available"), ("choose one of the plugins under details.available", "list them: GET /v1/plugins")),
    (_detail("limit_bytes"), ("ask for less in one run, so that the result is smaller",)),
    (
        _of(ErrorType.TIMEOUT_ERROR),
        (
            "send a smaller input, or split it into several runs",
            "submit it again when the server has less to do",
            "ask the administrator for more time (CTS_TOOL_TIMEOUT_SECONDS)",
        ),
    ),
    (_of(ErrorType.RESOURCE_LIMIT), ("send a smaller input, or split it into several runs", "try again later")),
    (_of(ErrorType.PERMISSION_DENIED), ("use a key that has this permission", "ask the administrator for one")),
    (_of(ErrorType.VALIDATION_ERROR), ("correct the input as details say, and send it again",)),
    (_of(ErrorType.NOT_FOUND), ("check the name or the id",)),
    (_of(ErrorType.CANCELLED), ("submit the run again if its result is still wanted",)),
    (_of(ErrorType.EXECUTION_ERROR), ("submit the run again",)),
    (
        _of(ErrorType.PLUGIN_ERROR, ErrorType.EXECUTION_ERROR, ErrorType.INTERNAL_ERROR),
        ("report it, with the error_id of the details, to the administrator",),
    ),
)
