"""What executes jobs, put together: plugins, their isolation, the layers of the governed path, and the workers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from server.app.adapters.database.database import at_the_end
from server.app.adapters.database.migrate import start_errors
from server.app.adapters.rounds import Rounds
from server.app.backends import Backend
from server.app.core.countdown import Countdown
from server.app.core.ids import new_id
from server.app.core.settings import Settings
from server.app.plugins.errors.exceptions import PluginNotFound, PluginUnavailable
from server.app.plugins.isolation.process import process_isolation
from server.app.plugins.isolation.process_settings import ProcessSettings
from server.app.plugins.loader.discovery import BUILTIN_PACKAGE, find_plugins, load_plugins
from server.app.plugins.loader.metrics import MetricsStore
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.app.services.error_log_service import ErrorLogService
from server.app.services.execution import AnalysisExecutionService, JobExecutionService, PluginExecutionService
from server.app.services.execution.job_execution_service import JobPolicy

_METRICS_SECONDS: Final = 1.0
_IDLE_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Executions:
    """``gaps`` says what keeps plugins from being fully confined, if anything does. After ``drain`` no submitted job is
    taken up any more; ``stop`` ends what is under way, with the reason, and says how many that were."""

    analysis: AnalysisExecutionService
    gaps: tuple[str, ...]
    drain: Callable[[], object]
    stop: Callable[[], int]


@contextmanager
def running_executions(
    settings: Settings,
    backend: Backend,
    registry: PluginRegistry,
    errors: ErrorLogService,
    metrics: MetricsStore,
) -> Iterator[Executions]:
    """The plugins of the settings in the registry, and as many workers as the settings say; when the block ends, what
    is under way is given the rest of ``shutdown_seconds``, and everything is stopped in the opposite order.

    Raises:
        StartError: something that they need is not there.
    """
    found = find_plugins((BUILTIN_PACKAGE, *settings.plugin_packages))
    with ExitStack() as stack:
        isolation = process_isolation(
            _process_settings(settings), [place.reference.partition(":")[0] for place in found]
        )
        gaps = tuple(isolation.gaps())
        for gap in gaps:
            logger.warning("plugins are not fully confined: %s", gap)
        plugins = PluginExecutionService(ToolRunner(registry, isolation), errors)
        policy = _job_policy(settings, registry)
        worker = new_id()
        logger.info("this is worker %s", worker)
        jobs = JobExecutionService(
            backend.store, backend.dispatcher, plugins, backend.clock, worker=worker, policy=policy, errors=errors
        )
        analysis = AnalysisExecutionService(jobs)
        stack.callback(backend.join, settings.shutdown_seconds)
        stack.callback(isolation.close)
        stack.callback(at_the_end, jobs.recovery.stop_all, "the end of what was under way")
        patience = Countdown(settings.shutdown_seconds)

        def drain() -> None:
            patience.left()  # from now on it is counted
            backend.stop()

        stack.callback(drain)
        registry.clear()
        load_plugins(registry, isolation, found)
        with start_errors("the database"):
            registry.synchronise(metrics)
            backend.begin()
            recovered = jobs.recovery.recover_lost()
        if recovered:
            logger.warning("%d jobs of an earlier server were under way when it ended; they are FAILED now", recovered)
        rounds = stack.enter_context(Rounds())
        rounds.every(_METRICS_SECONDS, lambda: registry.synchronise(metrics))
        rounds.every(_IDLE_SECONDS, isolation.end_idle)
        rounds.every(settings.job_lease_seconds / 3, jobs.leases.keep)
        rounds.every(settings.job_lease_seconds, jobs.recovery.recover_lost)
        rounds.every(settings.cleanup_interval_minutes * 60, lambda: jobs.forget_jobs(settings.job_retention_days))
        backend.care(jobs, rounds)
        if settings.max_concurrent_runs:
            backend.start(settings.max_concurrent_runs, analysis)
        try:
            yield Executions(analysis, gaps, drain, jobs.recovery.stop_all)
        finally:
            drain()
            backend.join(patience.left())  # while leases are still renewed


def _job_policy(settings: Settings, registry: PluginRegistry) -> JobPolicy:
    def max_attempts(plugin: str) -> int:
        try:
            return registry.handle(plugin).spec.max_attempts
        except (PluginNotFound, PluginUnavailable):
            return 1

    return JobPolicy(lease_seconds=settings.job_lease_seconds, max_attempts=max_attempts)


def _process_settings(settings: Settings) -> ProcessSettings:
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
