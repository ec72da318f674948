"""Keeps every failure with an internal cause, under an id that its client is told too."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from server.app.core.ids import is_id, new_id
from server.app.core.redaction import redacted
from server.app.core.trace import current_trace
from server.app.error_log.record import ErrorFilter, ErrorRecord
from server.app.error_log.store import ErrorStore
from server.app.plugins.errors.error_envelope import CATEGORIES
from server.app.plugins.errors.exceptions import ErrorType, ExecutionLayerError

logger = logging.getLogger(__name__)

INTERNAL_CAUSES: Final = frozenset(
    {
        ErrorType.PLUGIN_ERROR,
        ErrorType.EXECUTION_ERROR,
        ErrorType.TIMEOUT_ERROR,
        ErrorType.RESOURCE_LIMIT,
        ErrorType.INTERNAL_ERROR,
    }
)
"""The others are the caller's doing: a wrong request, a missing right, a cancel."""

_MESSAGE_CHARACTERS: Final = 2_000
_TRACE_CHARACTERS: Final = 32_000


class ErrorNotFound(ExecutionLayerError):
    type = ErrorType.NOT_FOUND

    def __init__(self, error_id: str) -> None:
        super().__init__("there is no such error", {"error_id": error_id[:64]})


class ErrorLogService:
    def __init__(self, store: ErrorStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def noted(self, envelope: dict[str, Any], *, component: str, job_id: str | None) -> dict[str, Any]:
        """The envelope, with its ``error_id`` among the details if its cause is internal and was kept."""
        error = envelope["error"]
        if ErrorType(error["type"]) not in INTERNAL_CAUSES:
            return envelope
        error_id = new_id()
        self.keep(error_id, error, envelope["_internal"]["traceback"], component=component, job_id=job_id)
        return {**envelope, "error": {**error, "details": {**error["details"], "error_id": error_id}}}

    def keep(
        self, error_id: str, error: Mapping[str, Any], stack_trace: str, *, component: str, job_id: str | None = None
    ) -> None:
        """Keep one failure. If that fails too it is logged: nobody gets another error because of it."""
        trace = current_trace()
        system = CATEGORIES[ErrorType(error["type"])] == "SYSTEM_ERROR"
        record = ErrorRecord(
            id=error_id,
            error_type=error["type"],
            error_message=_kept(error["message"][:_MESSAGE_CHARACTERS]),
            stack_trace=_kept(stack_trace[-_TRACE_CHARACTERS:]),
            component=component[:128],
            severity="critical" if system else "error",
            created_at=self._clock(),
            job_id=job_id,
            trace_id=trace.trace_id if trace else None,
        )
        try:
            self._store.insert(record)
        except Exception as failure:  # noqa: BLE001  # what the database says is all there is to know
            why = " ".join(str(getattr(failure, "orig", failure)).split())
            logger.error("error %s could not be kept: %s: %s", error_id, type(failure).__name__, why)

    def error(self, error_id: str) -> ErrorRecord:
        """Raises ``ErrorNotFound``."""
        record = self._store.get(error_id) if is_id(error_id) else None
        if record is None:
            raise ErrorNotFound(error_id)
        return record

    def errors(self, wanted: ErrorFilter) -> list[ErrorRecord]:
        return self._store.list(wanted)

    def mark(self, error_id: str, *, fix_applied: bool, fix_details: str | None) -> ErrorRecord:
        """Note that it is fixed, and how; or that it is not. Raises ``ErrorNotFound``."""
        at = self._clock() if fix_applied else None
        details = None if fix_details is None else _kept(fix_details)
        if is_id(error_id):
            self._store.mark(error_id, fix_applied=fix_applied, fix_details=details, at=at)
        return self.error(error_id)


def _kept(text: str) -> str:
    """Without secrets, and as every database takes it: Postgres no NUL, none a lone surrogate."""
    return redacted(text).encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "\\x00")
