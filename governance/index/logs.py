"""Logs: which calls only write a line into a log, by their names."""

from __future__ import annotations

from typing import Final

_LOGGERS: Final = frozenset("log logger logging _log _logger LOG LOGGER __log__ audit_log access_log".split())
_LOG_METHODS: Final = frozenset("debug info warning warn error exception critical fatal log bind trace success".split())


def is_logging(base: str | None, method: str) -> bool:
    """Whether `base.method()` is a log call by its names."""
    return base in _LOGGERS and method in _LOG_METHODS
