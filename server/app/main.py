"""Puts the server together: settings in, application out. Imports every layer; nothing imports it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext
from typing import Any

from fastapi import FastAPI

from server.app.adapters.database.database import at_the_end, outage
from server.app.adapters.database.error_store import SqlErrorStore
from server.app.adapters.database.key_store import SqlKeyStore
from server.app.adapters.database.metrics_store import SqlMetricsStore
from server.app.adapters.database.migrate import start_errors
from server.app.api.cross_origin import add_cross_origin_access
from server.app.api.dependencies import Services, Threads
from server.app.api.direct_route import DirectApp
from server.app.api.error_responses import add_error_handlers
from server.app.api.guard import GuardSettings, RequestGuard
from server.app.api.http_metrics import HttpMetrics
from server.app.api.openapi import openapi_document
from server.app.api.routes.analysis_execution import add_execution, analysis_execution_router
from server.app.api.routes.errors import errors_router
from server.app.api.routes.health import health_router
from server.app.api.routes.metrics import metrics_router
from server.app.api.routes.plugins import plugins_router
from server.app.backends import opened_backend
from server.app.core.clock import utc_now
from server.app.core.settings import Settings
from server.app.core.version import VERSION
from server.app.executions import running_executions
from server.app.plugins.loader.plugin_registry import PluginRegistry, get_registry
from server.app.services.error_log_service import ErrorLogService
from server.app.services.key_service import KeyService

logger = logging.getLogger(__name__)


def create_app(settings: Settings | None = None, services: Services | None = None) -> FastAPI:
    """The application. Services that are not given are built when it starts; it does not start without."""
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with nullcontext(services) if services else running_services(chosen, get_registry()) as built:
            app.state.services = built
            app.state.metrics.watch_plugins(built.registry.statuses)
            yield

    app = DirectApp(
        title="Execution server",
        version=VERSION,
        description="Executes plugins on one governed path; every execution is a job.",
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.metrics = metrics = HttpMetrics()
    guarded = GuardSettings(
        max_body_bytes=chosen.max_body_bytes,
        key_required=chosen.key_required,
        requests_per_minute=chosen.requests_per_minute,
    )
    direct = add_execution(app)
    guard = RequestGuard(guarded, metrics, direct)
    app.add_middleware(guard.around)
    if chosen.cors_origins:
        add_cross_origin_access(app, chosen.cors_origins)  # outside of the guard, also for what is direct
    else:
        app.entrances = dict.fromkeys(direct, guard)
    add_error_handlers(app)
    app.include_router(analysis_execution_router)
    app.include_router(plugins_router)
    app.include_router(errors_router)
    app.include_router(health_router)
    app.include_router(metrics_router)

    def openapi() -> dict[str, Any]:
        return openapi_document(app)

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to change the document
    return app


@contextmanager
def running_services(settings: Settings, registry: PluginRegistry) -> Iterator[Services]:
    """Everything below the API, started; stopped in the opposite order when the block ends.

    Raises:
        StartError: something that they need is not there.
    """
    with ExitStack() as stack:
        backend = stack.enter_context(opened_backend(settings))
        metrics = SqlMetricsStore(backend.database)
        stack.callback(at_the_end, lambda: registry.synchronise(metrics), "what was counted last")
        threads = Threads(settings.max_concurrent_calls, settings.max_waiting_calls)
        stack.callback(threads.close)
        errors = ErrorLogService(SqlErrorStore(backend.database), utc_now)
        executions = stack.enter_context(running_executions(settings, backend, registry, errors, metrics))

        def stop() -> None:
            threads.drop()
            at_the_end(executions.stop, "the end of what was under way")

        keys = KeyService(SqlKeyStore(backend.database), utc_now)
        with start_errors("the database"):
            warn_about_access(settings, keys)
        yield Services(
            executions.analysis,
            registry,
            threads,
            utc_now(),
            keys,
            errors,
            backend.database.answers,
            executions.gaps,
            backend.database.intact,
            outage,
            executions.drain,
            stop,
        )


def warn_about_access(settings: Settings, keys: KeyService) -> None:
    """Say so when everybody is let in, or nobody."""
    if not keys.none_was_made():
        return
    if settings.key_required:
        logger.warning("no key has been made, so nobody is let in; make one: python -m server keys create NAME")
    else:
        logger.warning(
            "no key has been made, so everybody who can reach %s may do everything; "
            "make one to end that: python -m server keys create NAME --role admin",
            settings.api_host,
        )
