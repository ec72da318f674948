"""``python -m server worker``: executes jobs and answers no requests; any number of them, on any machine."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Callable

from server.app.adapters.database.database import at_the_end
from server.app.adapters.database.error_store import SqlErrorStore
from server.app.adapters.database.metrics_store import SqlMetricsStore
from server.app.backends import opened_backend
from server.app.core.clock import utc_now
from server.app.core.end_signals import ENDING, EndSignals, leave_when_told
from server.app.core.logging import configure_logging
from server.app.core.settings import read_settings
from server.app.core.start_error import StartError
from server.app.executions import running_executions
from server.app.plugins.loader.plugin_registry import get_registry
from server.app.services.error_log_service import ErrorLogService


def worker_command(arguments: list[str]) -> int:
    """Execute jobs until SIGTERM or SIGINT; told twice, wait for none that is under way. The exit code.

    Raises:
        StartError: a setting is missing, or the database cannot be used.
    """
    parser = argparse.ArgumentParser(
        prog="python -m server worker",
        description="Execute the jobs of servers that use the same Postgres database (CTS_DATABASE_URL).",
    )
    parser.add_argument(
        "--jobs", type=int, dest="max_concurrent_runs", help="how many at the same time (CTS_MAX_CONCURRENT_RUNS, 3)"
    )
    settings = read_settings(**vars(parser.parse_args(arguments)))
    if settings.database_url is None:
        raise StartError("a worker needs a database that it shares with a server; set CTS_DATABASE_URL")
    if settings.max_concurrent_runs == 0:
        raise StartError("a worker that works on 0 jobs is of no use; set --jobs or CTS_MAX_CONCURRENT_RUNS")
    configure_logging(settings.log_level, settings.log_format)
    leave_when_told()
    signals = EndSignals()
    with opened_backend(settings) as backend:
        errors = ErrorLogService(SqlErrorStore(backend.database), utc_now)
        registry, metrics = get_registry(), SqlMetricsStore(backend.database)
        with running_executions(settings, backend, registry, errors, metrics) as executions:
            for number in ENDING:
                signal.signal(number, lambda _signal, _frame: signals.receive())
            signals.told.wait()
            stop_early = threading.Thread(target=_stop_when, args=(signals.told_again, executions.stop), daemon=True)
            stop_early.start()
        at_the_end(lambda: registry.synchronise(metrics), "what was counted last")
    return 0


def _stop_when(told_again: threading.Event, stop: Callable[[], object]) -> None:
    told_again.wait()
    at_the_end(stop, "the end of what was under way")
