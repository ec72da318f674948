"""Which plugins there are and how they fare."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.exceptions import HTTPException

from server.app.api.dependencies import RegistryDependency, analyst
from server.app.api.schemas import ErrorEnvelope, PluginListResponse, PluginView
from server.app.plugins.lifecycle import LifecycleState

plugins_router = APIRouter(prefix="/v1/plugins", tags=["plugins"], dependencies=[Depends(analyst)])


@plugins_router.get("")
async def list_plugins(registry: RegistryDependency) -> PluginListResponse:
    """All plugins, those that cannot be called too, with the reason."""
    statuses = registry.statuses()
    unavailable = sum(status.state is LifecycleState.UNAVAILABLE for status in statuses)
    return PluginListResponse(
        plugins=[PluginView.of(status) for status in statuses],
        total=len(statuses),
        available=len(statuses) - unavailable,
        failed=sum(status.state is LifecycleState.FAILED for status in statuses),
        unavailable=unavailable,
    )


@plugins_router.get("/{name}/health", responses={404: {"model": ErrorEnvelope}})
async def plugin_health(name: str, registry: RegistryDependency) -> PluginView:
    """State, counters and times of one plugin."""
    status = registry.status(name)
    if status is None:
        raise HTTPException(404)
    return PluginView.of(status)
