"""Is the server up, and can it work?"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Depends
from starlette.responses import Response

from server.app.api.dependencies import Services, ServicesDependency, caller
from server.app.api.error_responses import error_response
from server.app.api.schemas import DetailedHealthResponse, ErrorEnvelope, HealthResponse, SimpleHealthResponse
from server.app.core.clock import utc_now
from server.app.core.version import VERSION
from server.app.plugins.errors.exceptions import ErrorType

health_router = APIRouter(tags=["health"])
_DAY: Final = timedelta(days=1)
_PATIENCE_SECONDS: Final = 2.0


@health_router.get("/v1/health")
@health_router.get("/health", include_in_schema=False)
async def health(services: ServicesDependency) -> HealthResponse:
    """Status, version and time since start."""
    now = utc_now()
    uptime = uptime_text(now - services.started_at)
    return HealthResponse(status="healthy", version=VERSION, uptime=uptime, timestamp=now)


@health_router.get("/v1/health/live")
@health_router.get("/v1/health/simple")
async def simple_health() -> SimpleHealthResponse:
    """The cheapest sign of life."""
    return SimpleHealthResponse(status="ok", timestamp=utc_now())


@health_router.get("/v1/health/ready", response_model=SimpleHealthResponse, responses={503: {"model": ErrorEnvelope}})
async def ready(services: ServicesDependency) -> Response | SimpleHealthResponse:
    """Whether requests can be carried out: 503 if the database does not answer."""
    if not await database_answers(services):
        return error_response(
            503, ErrorType.INTERNAL_ERROR, "the server cannot carry out requests now", details={"database": "silent"}
        )
    return SimpleHealthResponse(status="ok", timestamp=utc_now())


@health_router.get("/v1/health/detailed", dependencies=[Depends(caller)])
async def detailed_health(services: ServicesDependency) -> DetailedHealthResponse:
    """The health of every part."""
    now = utc_now()
    answers = await database_answers(services)
    return DetailedHealthResponse(
        status="healthy" if answers else "unhealthy",
        version=VERSION,
        uptime=uptime_text(now - services.started_at),
        timestamp=now,
        database="answers" if answers else "silent",
        plugins={status.name: status.state for status in services.registry.statuses()},
        confinement_gaps=list(services.confinement_gaps),
    )


async def database_answers(services: Services) -> bool:
    """Whether it does, within two seconds. While it does not, one thread waits for it, however many ask."""
    asked = services.threads.shared(services.database_answers)
    await asyncio.wait({asked}, timeout=_PATIENCE_SECONDS)
    return asked.done() and asked.result()


def uptime_text(uptime: timedelta) -> str:
    """As ``0d 2h 15m 30s``."""
    minutes, seconds = divmod(uptime.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{uptime // _DAY}d {hours}h {minutes}m {seconds}s"
