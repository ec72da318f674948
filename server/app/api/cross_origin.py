"""Pages of other origins may call the server only if the settings name them."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from server.app.api.error_responses import error_response
from server.app.plugins.errors.exceptions import ErrorType

_METHODS: Final = ("GET", "POST", "PATCH", "DELETE")
_HEADERS: Final = ("authorization", "content-type", "idempotency-key", "traceparent", "x-api-key")


class CrossOrigin(CORSMiddleware):
    """A preflight that is refused gets the envelope, as everything else does."""

    def preflight_response(self, request_headers: Headers) -> Response:
        answer = super().preflight_response(request_headers)
        if answer.status_code < 400:
            return answer
        kept = {"vary": answer.headers.get("vary", "Origin")}
        return error_response(
            400, ErrorType.PERMISSION_DENIED, "pages of this origin may not do this here", headers=kept
        )


def add_cross_origin_access(app: FastAPI, origins: tuple[str, ...]) -> None:
    """Let pages of these origins call the application; to be added last, because a preflight brings no key."""
    app.add_middleware(
        CrossOrigin,
        allow_origins=origins,
        allow_methods=_METHODS,
        allow_headers=_HEADERS,
        expose_headers=("retry-after", "traceresponse"),
        max_age=600,
    )
