"""Is the server up?"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from fastapi import APIRouter

from server.app.api.dependencies import ServicesDependency
from server.app.api.schemas import HealthResponse, SimpleHealthResponse
from server.app.core.clock import utc_now
from server.app.core.version import VERSION

health_router = APIRouter(prefix="/v1/health", tags=["health"])
_DAY: Final = timedelta(days=1)


@health_router.get("")
async def health(services: ServicesDependency) -> HealthResponse:
    """Status, version and time since start."""
    now = utc_now()
    return HealthResponse(
        status="healthy", version=VERSION, uptime=uptime_text(now - services.started_at), timestamp=now
    )


@health_router.get("/simple")
async def simple_health() -> SimpleHealthResponse:
    """The cheapest sign of life."""
    return SimpleHealthResponse(status="ok", timestamp=utc_now())


def uptime_text(uptime: timedelta) -> str:
    """As ``0d 2h 15m 30s``."""
    minutes, seconds = divmod(uptime.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{uptime // _DAY}d {hours}h {minutes}m {seconds}s"
