"""Every error answer of the server is made here, in one shape."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from server.app.api.dependencies import Services
from server.app.core.ids import new_id
from server.app.plugins.errors.error_envelope import public_error, traceback_of
from server.app.plugins.errors.exceptions import ErrorType, ExecutionLayerError, PermissionDenied
from server.app.services.error_log_service import ErrorNotFound
from server.app.services.execution.job_errors import JobConflict, JobNotFound, TooManyJobs

logger = logging.getLogger(__name__)

_STATUS: Final[dict[type[ExecutionLayerError], int]] = {
    JobNotFound: 404,
    JobConflict: 409,
    TooManyJobs: 429,
    PermissionDenied: 403,
    ErrorNotFound: 404,
}

_INTERNAL: Final = (ErrorType.INTERNAL_ERROR, "the server failed to answer this request")
_AWAY: Final = (ErrorType.INTERNAL_ERROR, "the server cannot use its database now; try again later")

_HTTP_ERRORS: Final[dict[int, tuple[ErrorType, str]]] = {
    401: (ErrorType.PERMISSION_DENIED, "a key is needed for this"),
    403: (ErrorType.PERMISSION_DENIED, "your key does not allow this"),
    404: (ErrorType.NOT_FOUND, "there is nothing at this address"),
    405: (ErrorType.VALIDATION_ERROR, "this address does not take this method"),
    413: (ErrorType.RESOURCE_LIMIT, "the body of the request is too large"),
    429: (ErrorType.RESOURCE_LIMIT, "too many requests"),
}


class ErrorResponse(Response):
    """An envelope as the answer; ASCII only, so that no text in it can fail to be sent."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode("ascii")


def error_response(
    status: int,
    kind: ErrorType,
    message: str,
    *,
    details: Mapping[str, Any] | None = None,
    plugin: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> ErrorResponse:
    return ErrorResponse(public_error(kind, message, details=details, plugin=plugin), status, headers)


def execution_failed(error: Mapping[str, Any]) -> ErrorResponse:
    """The answer to an execution that ended with this envelope."""
    return ErrorResponse({"error": error["error"]}, 400)


async def internal_error(
    scope: Scope, failure: BaseException, headers: Mapping[str, str] | None = None
) -> ErrorResponse:
    """The answer to a defect of the server, which is logged and kept under the ``error_id`` that the client gets; while
    the database cannot be used, that is all there is to say, and nothing can be kept."""
    component = getattr(scope.get("route"), "path", "no route")
    found = getattr(scope["app"].state, "services", None)
    silence = found.outage(failure) if isinstance(found, Services) else None
    if silence is not None:
        logger.error("%s %s failed, the database: %s", scope["method"], component, silence)
        return ErrorResponse(public_error(*_AWAY), 400, headers)
    error_id = new_id()
    logger.error("%s %s failed, error %s", scope["method"], component, error_id, exc_info=failure)
    answer = public_error(*_INTERNAL, details={"error_id": error_id})
    if isinstance(found, Services):
        await found.threads.quick(
            found.errors.keep, error_id, answer["error"], traceback_of(failure), component=component
        )
    return ErrorResponse(answer, 400, headers)


async def answer_to(scope: Scope, failure: Exception) -> ErrorResponse:
    """The answer to a request that ended with this exception; what is no answer in itself is a defect."""
    if isinstance(failure, ExecutionLayerError):
        status = _STATUS.get(type(failure), 400)
        headers = {"retry-after": "1"} if status == 429 else None
        return error_response(status, failure.type, failure.message, details=failure.details, headers=headers)
    if isinstance(failure, RequestValidationError):
        problems = [_problem(problem) for problem in failure.errors()[:20]]
        message = "the request does not have the right form"
        return error_response(400, ErrorType.VALIDATION_ERROR, message, details={"problems": problems})
    if not isinstance(failure, HTTPException):
        return await internal_error(scope, failure)
    if failure.status_code >= 500:
        return await internal_error(scope, failure, failure.headers)
    kind, message = _HTTP_ERRORS.get(failure.status_code, (ErrorType.VALIDATION_ERROR, "the request cannot be read"))
    return error_response(failure.status_code, kind, message, headers=failure.headers)


def _problem(problem: Mapping[str, Any]) -> dict[str, str]:
    """Place and reason, without the value that was sent, which may be large or private."""
    if problem["type"] == "json_invalid":
        return {"path": "body", "problem": "is not JSON"}
    path = ".".join(str(part) for part in problem["loc"])
    return {"path": path[:200], "problem": str(problem["msg"]).removeprefix("Value error, ")[:300]}


async def _on_error(request: Request, failure: Exception) -> Response:
    return await answer_to(request.scope, failure)


def add_error_handlers(app: FastAPI) -> None:
    for kind in (ExecutionLayerError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, _on_error)
