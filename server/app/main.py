"""Puts the server together: settings in, application out. Imports every layer; nothing imports it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext
from typing import Any, Final

from fastapi import FastAPI

from server.app.adapters.data_folder import data_folder
from server.app.adapters.database.error_store import SqlErrorStore
from server.app.adapters.database.job_store import SqlJobStore, StoreLimits
from server.app.adapters.database.key_store import SqlKeyStore
from server.app.adapters.database.metrics_store import SqlMetricsStore
from server.app.adapters.database.migrate import opened_database
from server.app.adapters.embedded_workers import EmbeddedWorkers
from server.app.adapters.rounds import Rounds
from server.app.api.cross_origin import add_cross_origin_access
from server.app.api.dependencies import Services, Threads
from server.app.api.error_responses import add_error_handlers
from server.app.api.guard import GuardSettings, RequestGuard
from server.app.api.http_metrics import HttpMetrics
from server.app.api.openapi import openapi_document
from server.app.api.routes.analysis_execution import analysis_execution_router
from server.app.api.routes.errors import errors_router
from server.app.api.routes.health import health_router
from server.app.api.routes.metrics import metrics_router
from server.app.api.routes.plugins import plugins_router
from server.app.core.clock import utc_now
from server.app.core.settings import Settings
from server.app.core.version import VERSION
from server.app.plugins.errors.exceptions import PluginNotFound, PluginUnavailable
from server.app.plugins.isolation.process import process_isolation
from server.app.plugins.isolation.process_settings import ProcessSettings
from server.app.plugins.loader.discovery import BUILTIN_PACKAGE, find_plugins, load_plugins
from server.app.plugins.loader.plugin_registry import PluginRegistry, get_registry
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.app.services.error_log_service import ErrorLogService
from server.app.services.execution import AnalysisExecutionService, JobExecutionService, PluginExecutionService
from server.app.services.execution.job_execution_service import JobPolicy
from server.app.services.key_service import KeyService

logger = logging.getLogger(__name__)

_METRICS_SECONDS: Final = 1.0


def create_app(settings: Settings | None = None, services: Services | None = None) -> FastAPI:
    """The application. Services that are not given are built when it starts; it does not start without."""
    chosen = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with nullcontext(services) if services else running_services(chosen, get_registry()) as built:
            app.state.services = built
            app.state.metrics.watch_plugins(built.registry.statuses)
            yield

    app = FastAPI(
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
    app.add_middleware(RequestGuard, settings=guarded, metrics=metrics)
    if chosen.cors_origins:
        add_cross_origin_access(app, chosen.cors_origins)
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
        folder = stack.enter_context(data_folder(settings.data_dir))
        found = find_plugins((BUILTIN_PACKAGE, *settings.plugin_packages))
        database = opened_database(folder / "cts.db")
        stack.callback(database.close)
        metrics = SqlMetricsStore(database)
        stack.callback(registry.synchronise, metrics)
        threads = Threads(settings.max_concurrent_calls, settings.max_waiting_calls)
        stack.callback(threads.close)
        isolation = process_isolation(process_settings(settings))
        errors = ErrorLogService(SqlErrorStore(database), utc_now)
        store = SqlJobStore(database, store_limits(settings))
        gaps = tuple(isolation.gaps())
        for gap in gaps:
            logger.warning("plugins are not fully confined: %s", gap)
        workers = EmbeddedWorkers(store)
        plugins = PluginExecutionService(ToolRunner(registry, isolation), errors)
        jobs = JobExecutionService(store, workers, plugins, utc_now, policy=job_policy(settings, registry))
        analysis = AnalysisExecutionService(jobs)
        stack.callback(workers.join, settings.shutdown_seconds)
        stack.callback(isolation.close)
        stack.callback(jobs.stop_jobs)
        stack.callback(workers.stop)
        registry.clear()
        load_plugins(registry, isolation, found)
        registry.synchronise(metrics)
        store.end_leases()  # the folder is ours alone, so whoever held one is gone
        recovered = jobs.recover_jobs()
        if recovered:
            logger.warning("%d jobs of an earlier server were under way when it ended; they are FAILED now", recovered)
        rounds = stack.enter_context(Rounds())
        rounds.every(_METRICS_SECONDS, lambda: registry.synchronise(metrics))
        rounds.every(settings.job_lease_seconds / 3, jobs.keep_jobs)
        rounds.every(settings.job_lease_seconds, jobs.recover_jobs)
        rounds.every(settings.cleanup_interval_minutes * 60, lambda: jobs.forget_jobs(settings.job_retention_days))
        keys = KeyService(SqlKeyStore(database), utc_now)
        warn_about_access(settings, keys)
        workers.start(settings.max_concurrent_runs, analysis.execute_next)
        yield Services(analysis, registry, threads, utc_now(), keys, errors, database.answers, gaps)


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


def store_limits(settings: Settings) -> StoreLimits:
    return StoreLimits(waiting=settings.max_waiting_jobs, runs_per_plugin=settings.max_runs_per_plugin)


def job_policy(settings: Settings, registry: PluginRegistry) -> JobPolicy:
    def max_attempts(plugin: str) -> int:
        try:
            return registry.handle(plugin).spec.max_attempts
        except (PluginNotFound, PluginUnavailable):
            return 1

    return JobPolicy(lease_seconds=settings.job_lease_seconds, max_attempts=max_attempts)


def process_settings(settings: Settings) -> ProcessSettings:
    return ProcessSettings(
        timeout_seconds=settings.tool_timeout_seconds,
        start_seconds=settings.plugin_start_seconds,
        memory_mb=settings.plugin_memory_mb,
        result_bytes=settings.max_result_bytes,
        environment=settings.plugin_environment,
        confined=settings.plugin_confinement,
        cpu_seconds=settings.plugin_cpu_seconds,
        processes=settings.plugin_max_processes,
        granted=settings.plugin_grants,
        read_paths=settings.plugin_read_paths,
        write_paths=settings.plugin_write_paths,
        private_paths=(settings.data_dir,),
    )
