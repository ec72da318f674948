"""What routes are given: services from the application's state, and the caller. Tests override these."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ParamSpec, TypeVar

from fastapi import Depends, Request

from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.services.execution.analysis_execution_service import AnalysisExecutionService

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Threads:
    """Where blocking work goes, so that the event loop never waits: executions, and everything quick."""

    def __init__(self, executions: int) -> None:
        self._executions = ThreadPoolExecutor(executions, thread_name_prefix="execution")
        self._quick = ThreadPoolExecutor(4, thread_name_prefix="quick")

    async def execute(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """For work that may take as long as a plugin takes."""
        return await asyncio.get_running_loop().run_in_executor(
            self._executions, functools.partial(work, *args, **kwargs)
        )

    async def quick(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """For work that takes as long as the database takes."""
        return await asyncio.get_running_loop().run_in_executor(self._quick, functools.partial(work, *args, **kwargs))

    def close(self) -> None:
        self._executions.shutdown(cancel_futures=True)
        self._quick.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class Services:
    """What the composition root has put together; lives in ``app.state.services``."""

    analysis: AnalysisExecutionService
    registry: PluginRegistry
    threads: Threads
    started_at: datetime


@dataclass(frozen=True)
class Caller:
    """Who sent the request; ``id`` is ``None`` for somebody who is not known."""

    id: str | None = None


async def services(request: Request) -> Services:
    found = request.app.state.services
    if not isinstance(found, Services):
        raise TypeError("app.state.services was not set at start-up")
    return found


async def analysis_service(found: Annotated[Services, Depends(services)]) -> AnalysisExecutionService:
    return found.analysis


async def plugin_registry(found: Annotated[Services, Depends(services)]) -> PluginRegistry:
    return found.registry


async def threads(found: Annotated[Services, Depends(services)]) -> Threads:
    return found.threads


async def caller() -> Caller:
    """The sender of the request. There are no keys yet, so nobody is known and everybody may do everything."""
    return Caller()


AnalysisDependency = Annotated[AnalysisExecutionService, Depends(analysis_service)]
RegistryDependency = Annotated[PluginRegistry, Depends(plugin_registry)]
ThreadsDependency = Annotated[Threads, Depends(threads)]
CallerDependency = Annotated[Caller, Depends(caller)]
ServicesDependency = Annotated[Services, Depends(services)]
