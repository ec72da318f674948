"""The error log, for administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from server.app.api.dependencies import ErrorsDependency, ThreadsDependency, administrator
from server.app.api.schemas import (
    NO_NUL,
    ErrorEnvelope,
    ErrorFixRequest,
    ErrorListResponse,
    ErrorRecordDetail,
    ErrorRecordView,
)
from server.app.error_log.record import ErrorFilter
from server.app.plugins.errors.exceptions import ErrorType

errors_router = APIRouter(prefix="/v1/errors", tags=["error log"], dependencies=[Depends(administrator)])
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": ErrorEnvelope}}


@errors_router.get("")
async def list_errors(
    errors: ErrorsDependency,
    threads: ThreadsDependency,
    *,
    type: Annotated[ErrorType | None, Query()] = None,  # noqa: A002  # as the envelope calls it
    component: Annotated[str | None, Query(max_length=128, pattern=NO_NUL)] = None,
    job_id: Annotated[str | None, Query(max_length=36, pattern=NO_NUL)] = None,
    trace_id: Annotated[str | None, Query(max_length=32, pattern=NO_NUL)] = None,
    fix_applied: Annotated[bool | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
) -> ErrorListResponse:
    """Failures with an internal cause, newest first, without their stack traces."""
    wanted = ErrorFilter(
        error_type=type.value if type else None,
        component=component,
        job_id=job_id,
        trace_id=trace_id,
        fix_applied=fix_applied,
        limit=limit,
        offset=offset,
    )
    found = [ErrorRecordView.of(record) for record in await threads.quick(errors.errors, wanted)]
    return ErrorListResponse(errors=found, count=len(found))


@errors_router.get("/{error_id}", responses=_NOT_FOUND)
async def get_error(error_id: str, errors: ErrorsDependency, threads: ThreadsDependency) -> ErrorRecordDetail:
    """One failure with its stack trace."""
    return ErrorRecordDetail.of(await threads.quick(errors.error, error_id))


@errors_router.patch("/{error_id}", responses=_NOT_FOUND)
async def mark_error(
    error_id: str, change: ErrorFixRequest, errors: ErrorsDependency, threads: ThreadsDependency
) -> ErrorRecordDetail:
    """Note that a failure is fixed, and how; or that it is not."""
    return ErrorRecordDetail.of(
        await threads.quick(errors.mark, error_id, fix_applied=change.fix_applied, fix_details=change.fix_details)
    )
