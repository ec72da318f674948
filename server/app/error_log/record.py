"""One failure with an internal cause, and which of them somebody wants to see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ErrorRecord:
    """``id`` is what the client was told as ``error_id``. ``component`` is the plugin or the route that failed,
    ``trace_id`` the trace of the request. Secrets are redacted. Times are UTC."""

    id: str
    error_type: str
    error_message: str
    stack_trace: str
    component: str
    severity: str
    created_at: datetime
    job_id: str | None = None
    trace_id: str | None = None
    fix_applied: bool = False
    fix_details: str | None = None
    resolved_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ErrorFilter:
    """``None`` means any. Newest first, ``limit`` of them after the first ``offset``."""

    error_type: str | None = None
    component: str | None = None
    job_id: str | None = None
    trace_id: str | None = None
    fix_applied: bool | None = None
    limit: int = 100
    offset: int = 0
