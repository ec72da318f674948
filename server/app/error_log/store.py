"""The seam to where errors are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from server.app.error_log.record import ErrorFilter, ErrorRecord


class ErrorStore(Protocol):
    """Thread-safe. What a method has done is durable when it returns. Of very many records the oldest go."""

    def insert(self, record: ErrorRecord) -> None: ...

    def get(self, error_id: str) -> ErrorRecord | None: ...

    def list(self, wanted: ErrorFilter) -> list[ErrorRecord]: ...

    def mark(self, error_id: str, *, fix_applied: bool, fix_details: str | None, at: datetime | None) -> bool:
        """Note whether it is fixed, how, and since when; says whether there is such an error."""
        ...
