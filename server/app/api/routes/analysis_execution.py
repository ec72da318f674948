"""Executions: now, later, and what became of them."""

from __future__ import annotations

import functools
from enum import Enum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Header, Path, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response
from starlette.types import ASGIApp

from server.app.access.caller import Caller
from server.app.access.permission import Permission
from server.app.api.dependencies import (
    AnalysisDependency,
    Analyst,
    ThreadsDependency,
    caller_of,
    require,
    services_of,
)
from server.app.api.direct_route import DirectRoute
from server.app.api.disconnect import until_disconnect
from server.app.api.error_responses import execution_failed
from server.app.api.schemas import (
    NO_NUL,
    CancelResponse,
    ErrorEnvelope,
    ErrorReportResponse,
    ExecutionRequest,
    ExecutionResponse,
    JobListResponse,
    JobResponse,
    JobResultResponse,
    JobView,
    SubmissionResponse,
)
from server.app.core.ids import is_id, new_id
from server.app.jobs.state import JobState
from server.app.jobs.store import JobFilter
from server.app.plugins.errors.error_report import error_report
from server.app.services.execution.job_errors import JobConflict, JobNotFound

_PREFIX: Final = "/v1/analyze-execution"
_TAGS: Final[list[str | Enum]] = ["analysis execution"]

# Every operation requires an analyst itself: asking for one here as well would double the cost.
analysis_execution_router = APIRouter(prefix=_PREFIX, tags=_TAGS)


def add_execution(app: FastAPI) -> dict[tuple[str, str], ASGIApp]:
    """The operation that is asked for most comes first in the application itself, and is answered directly; returns
    what does so for its method and address."""
    app.router.add_api_route(
        _PREFIX,
        execute,
        methods=["POST"],
        response_model=ExecutionResponse,
        tags=_TAGS,
        route_class_override=DirectRoute,
    )
    route = app.router.routes.pop()
    assert isinstance(route, DirectRoute)
    app.router.routes.insert(0, route)
    return {("POST", _PREFIX): route.respond}


async def known_job_id(job_id: Annotated[str, Path(description="The id of a job.")]) -> str:
    if not is_id(job_id):
        raise JobNotFound(job_id[:64])
    return job_id


def _state_of(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def seen_by(sender: Caller) -> str | None:
    """Whose jobs this caller sees: its own, or everybody's (``None``)."""
    return None if sender.may(Permission.ADMIN) else sender.id


JobId = Annotated[str, Depends(known_job_id)]
StateFilter = Annotated[JobState | None, BeforeValidator(_state_of), Query(alias="status")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="A name for this request: sent again, it answers with the job that it made the first time.",
    ),
]

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": ErrorEnvelope}}
_NOT_FOUND_OR_CONFLICT: dict[int | str, dict[str, Any]] = {**_NOT_FOUND, 409: {"model": ErrorEnvelope}}


async def execute(body: ExecutionRequest, request: Request) -> Response | ExecutionResponse:
    """Execute a plugin and wait for its result. A client that goes away cancels the execution."""
    sender = require(caller_of(request), Permission.ANALYZE)
    services = services_of(request)
    analysis, threads = services.analysis, services.threads
    job_id = new_id()
    work = functools.partial(analysis.execute, body.plugin, body.plugin_payload(), job_id=job_id, owner=sender.id)

    async def stop() -> None:
        if not threads.leave(work):
            await threads.quick(analysis.abandon, job_id)

    result, error = await until_disconnect(request, threads.execute(work), stop)
    if error:
        return execution_failed(error)
    return ExecutionResponse(plugin=body.plugin, result=result, job_id=job_id, status=JobState.SUCCESS)


@analysis_execution_router.post("/async", responses={409: {"model": ErrorEnvelope}})
async def submit(
    body: ExecutionRequest,
    analysis: AnalysisDependency,
    threads: ThreadsDependency,
    sender: Analyst,
    idempotency_key: IdempotencyKey = None,
) -> SubmissionResponse:
    """Let a worker execute a plugin; answers at once with the id of the job."""
    job_id = await threads.quick(
        analysis.submit, body.plugin, body.plugin_payload(), owner=sender.id, idempotency_key=idempotency_key
    )
    return SubmissionResponse(job_id=job_id)


@analysis_execution_router.get("/jobs", responses=_NOT_FOUND)
async def list_jobs(
    analysis: AnalysisDependency,
    threads: ThreadsDependency,
    sender: Analyst,
    *,
    plugin: Annotated[str | None, Query(max_length=64, pattern=NO_NUL)] = None,
    status: StateFilter = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
    after: Annotated[
        str | None, Query(max_length=64, pattern=NO_NUL, description="The last job of the page before.")
    ] = None,
) -> JobListResponse:
    """One's own jobs, for an administrator everybody's, newest first; a page begins ``after`` a job."""
    if after is not None:
        await threads.quick(analysis.job, await known_job_id(after), seen_by(sender))
    wanted = JobFilter(plugin=plugin, state=status, owner=seen_by(sender), limit=limit, offset=offset, after=after)
    found = [JobView.of(job) for job in await threads.quick(analysis.jobs, wanted)]
    return JobListResponse(jobs=found, count=len(found))


@analysis_execution_router.get("/jobs/{job_id}", responses=_NOT_FOUND)
async def get_job(
    job_id: JobId, analysis: AnalysisDependency, threads: ThreadsDependency, sender: Analyst
) -> JobResponse:
    """Where a job stands."""
    return JobResponse(job=JobView.of(await threads.quick(analysis.job, job_id, seen_by(sender))))


@analysis_execution_router.get("/jobs/{job_id}/result", responses=_NOT_FOUND_OR_CONFLICT)
async def get_result(
    job_id: JobId, analysis: AnalysisDependency, threads: ThreadsDependency, sender: Analyst
) -> JobResultResponse:
    """What a job that has ended gave: a result or an error."""
    return JobResultResponse.of(await threads.quick(analysis.finished_job, job_id, seen_by(sender)))


@analysis_execution_router.get("/jobs/{job_id}/error", responses=_NOT_FOUND_OR_CONFLICT)
async def get_error_report(
    job_id: JobId, analysis: AnalysisDependency, threads: ThreadsDependency, sender: Analyst
) -> ErrorReportResponse:
    """What went wrong with a job that failed, and what to do about it."""
    job = await threads.quick(analysis.finished_job, job_id, seen_by(sender))
    if not job.error:
        raise JobConflict(job, "the job has succeeded, so there is no error")
    return ErrorReportResponse.of(error_report(job.error, job.id, attempts=job.attempt, trace_id=job.trace_id))


@analysis_execution_router.delete("/jobs/{job_id}", responses=_NOT_FOUND_OR_CONFLICT)
async def cancel_job(
    job_id: JobId, analysis: AnalysisDependency, threads: ThreadsDependency, sender: Analyst
) -> CancelResponse:
    """Stop a job that waits or runs."""
    job = await threads.quick(analysis.cancel, job_id, seen_by(sender))
    return CancelResponse(job_id=job.id, status=job.state, cancelled=job.cancelled)
