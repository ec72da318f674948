"""What is counted, for a Prometheus server."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import PlainTextResponse, Response

from server.app.api.dependencies import caller

metrics_router = APIRouter(tags=["metrics"], dependencies=[Depends(caller)])


@metrics_router.get("/v1/metrics", response_class=PlainTextResponse)
@metrics_router.get("/metrics", response_class=PlainTextResponse, include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Requests by method, route and status, their durations, and executions by plugin, as Prometheus text."""
    from prometheus_client import CONTENT_TYPE_LATEST  # loaded by the first who asks

    return Response(request.app.state.metrics.text(), headers={"content-type": CONTENT_TYPE_LATEST})
