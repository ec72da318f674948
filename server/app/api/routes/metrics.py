"""What is counted, for a Prometheus server."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from server.app.api.dependencies import caller

metrics_router = APIRouter(tags=["metrics"], dependencies=[Depends(caller)])
_TEXT: Final = {"content-type": CONTENT_TYPE_LATEST}


@metrics_router.get("/v1/metrics", response_class=PlainTextResponse)
@metrics_router.get("/metrics", response_class=PlainTextResponse, include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Requests by method, route and status, their durations, and executions by plugin, as Prometheus text."""
    return Response(request.app.state.metrics.text(), headers=_TEXT)
