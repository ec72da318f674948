"""What is counted about requests and plugins, and its Prometheus text.

Labels are bounded: a route is its template, never the path that was asked for, and whatever matches none is one label.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.app.plugins.lifecycle import LifecycleState
from server.app.plugins.loader.plugin_registry import PluginStatus

UNMATCHED: Final = "unmatched"
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class HttpMetrics:
    """One for each application. ``observe`` is for the event loop's thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "cts_http_requests", "Requests that were answered.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "cts_http_request_duration_seconds",
            "From the head of a request to the end of its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        # Finding a child by its labels costs several times as much as counting with it.
        self._counts: dict[tuple[str, str, int], Counter] = {}
        self._durations: dict[str, Histogram] = {}
        self._plugins = _PluginCollector()
        self.registry.register(self._plugins)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        seen = (method, route, status)
        count = self._counts.get(seen)
        if count is None:
            label = method if method in _METHODS else "other"
            count = self._requests.labels(label, route, str(status))
            if label == method:
                self._counts[seen] = count
        count.inc()
        duration = self._durations.get(route)
        if duration is None:
            duration = self._durations[route] = self._seconds.labels(route)
        duration.observe(seconds)

    def watch_plugins(self, statuses: Callable[[], Sequence[PluginStatus]]) -> None:
        """Show these plugins, as they are whenever somebody asks."""
        self._plugins.statuses = statuses

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self.registry)


class _PluginCollector(Collector):
    def __init__(self) -> None:
        self.statuses: Callable[[], Sequence[PluginStatus]] = tuple

    def collect(self) -> Iterable[Metric]:
        executions = CounterMetricFamily(
            "cts_plugin_executions", "Executions that ended.", labels=("plugin", "outcome")
        )
        state = GaugeMetricFamily(
            "cts_plugin_state", "1 for the state that the plugin is in.", labels=("plugin", "state")
        )
        for status in self.statuses():
            executions.add_metric((status.name, "success"), status.success_count)
            executions.add_metric((status.name, "error"), status.error_count)
            for each in LifecycleState:
                state.add_metric((status.name, each.value), float(status.state is each))
        return executions, state
