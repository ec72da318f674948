"""What routes are given: services from the application's state, and the caller. Tests override these."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, ParamSpec, TypeVar

from fastapi import Depends, HTTPException, Request

from server.app.access.caller import Caller
from server.app.access.permission import Permission
from server.app.api.worker_threads import WorkerThreads
from server.app.plugins.errors.exceptions import PermissionDenied
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.services.error_log_service import ErrorLogService
from server.app.services.execution.analysis_execution_service import AnalysisExecutionService
from server.app.services.execution.job_errors import TooManyJobs
from server.app.services.key_service import KeyService

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Threads:
    """Where blocking work goes, so that the event loop never waits: executions, and everything quick.

    ``executions`` are done at a time, and so many more may be ``waiting``. For the event loop's thread.
    """

    def __init__(self, executions: int, waiting: int = 100) -> None:
        self._executions = WorkerThreads(executions, "execution")
        self._limit = executions + waiting
        self._under_way = 0
        self._quick = WorkerThreads(4, "quick")
        self._shared: dict[Callable[[], object], asyncio.Task[Any]] = {}

    async def execute(self, work: Callable[[], Result]) -> Result:
        """For work that may take as long as a plugin takes.

        Raises:
            TooManyJobs: too many wait already.
        """
        if self._under_way >= self._limit:
            raise TooManyJobs("too many executions wait already; try again later", {"limit": self._limit})
        self._under_way += 1
        try:
            return await self._executions.carry_out(work)
        finally:
            self._under_way -= 1

    def leave(self, work: Callable[[], object]) -> bool:
        """Whoever waits for the turn of this execution is cancelled; says whether it had none yet."""
        return self._executions.drop_one(work)

    async def quick(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """For work that takes as long as the database takes."""
        return await self._quick.carry_out(functools.partial(work, *args, **kwargs))

    def shared(self, work: Callable[[], Result]) -> asyncio.Task[Result]:
        """As ``quick``; of those who ask for the same while it is done, all get what the first asked for."""
        task = self._shared.get(work)
        if task is None:
            task = self._shared[work] = asyncio.ensure_future(self.quick(work))
            task.add_done_callback(lambda _: self._shared.pop(work, None))
        return task

    def drop(self) -> None:
        """Whoever waits for its turn to execute is cancelled."""
        self._executions.drop()

    def close(self) -> None:
        self._executions.close()
        self._quick.close()


@dataclass(frozen=True)
class Services:
    """What the composition root has put together; lives in ``app.state.services``. When what is written is not kept
    any more, ``database_intact`` says so, and the server has to end. If a failure is that the database cannot be
    used now, ``outage`` tells what that says.

    When the server is to end, first ``drain`` is called, and ``stop``, which blocks, when nothing is waited for any
    more: then whoever waits for an execution hears of its end.
    """

    analysis: AnalysisExecutionService
    registry: PluginRegistry
    threads: Threads
    started_at: datetime
    keys: KeyService
    errors: ErrorLogService
    database_answers: Callable[[], bool]
    confinement_gaps: tuple[str, ...] = ()
    database_intact: Callable[[], bool] = lambda: True
    outage: Callable[[BaseException], str | None] = lambda _failure: None
    drain: Callable[[], object] = lambda: None
    stop: Callable[[], object] = lambda: None


def services_of(request: Request) -> Services:
    found = request.app.state.services
    if not isinstance(found, Services):
        raise TypeError("app.state.services was not set at start-up")
    return found


# Each of these asks the request itself: a dependency of a dependency costs every request a tenth of FastAPI's own time.


async def services(request: Request) -> Services:
    return services_of(request)


async def error_log(request: Request) -> ErrorLogService:
    return services_of(request).errors


async def analysis_service(request: Request) -> AnalysisExecutionService:
    return services_of(request).analysis


async def plugin_registry(request: Request) -> PluginRegistry:
    return services_of(request).registry


async def threads(request: Request) -> Threads:
    return services_of(request).threads


def caller_of(request: Request) -> Caller:
    """The sender of the request, whom the guard let in."""
    found = request.scope.get("state", {}).get("caller")
    if not isinstance(found, Caller):
        raise HTTPException(401)  # nobody is let in where the guard did not look
    return found


async def caller(request: Request) -> Caller:
    return caller_of(request)


def require(sender: Caller, permission: Permission) -> Caller:
    """The caller, who must have this permission; raises ``PermissionDenied``."""
    if not sender.may(permission):
        raise PermissionDenied(f"your key does not allow this; it needs the permission {permission.value!r}")
    return sender


def allowed(permission: Permission) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency: the caller, who must have this permission."""

    async def checked(sender: CallerDependency) -> Caller:
        return require(sender, permission)

    return checked


CallerDependency = Annotated[Caller, Depends(caller)]
analyst: Final = allowed(Permission.ANALYZE)
administrator: Final = allowed(Permission.ADMIN)
Analyst = Annotated[Caller, Depends(analyst)]
AnalysisDependency = Annotated[AnalysisExecutionService, Depends(analysis_service)]
RegistryDependency = Annotated[PluginRegistry, Depends(plugin_registry)]
ThreadsDependency = Annotated[Threads, Depends(threads)]
ServicesDependency = Annotated[Services, Depends(services)]
ErrorsDependency = Annotated[ErrorLogService, Depends(error_log)]
