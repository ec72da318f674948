"""What is counted about requests and plugins, and its Prometheus text.

Labels are bounded: a route is its template, never the path that was asked for, and whatever matches none is one label.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from server.app.plugins.lifecycle import LifecycleState
from server.app.plugins.loader.plugin_registry import PluginStatus

UNMATCHED: Final = "unmatched"
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class HttpMetrics:
    """One for each application, for the event loop's thread.

    A request is counted in plain numbers, which become metrics when somebody asks: the library's own counters are
    safe for many threads, and that costs each request more than everything else that is done about it.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = _RequestCollector()
        self._plugins = _PluginCollector()
        self.registry.register(self._requests)
        self.registry.register(self._plugins)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        counts = self._requests.counts
        seen = (method if method in _METHODS else "other", route, status)
        counts[seen] = counts.get(seen, 0) + 1
        durations = self._requests.durations.get(route)
        if durations is None:
            durations = self._requests.durations[route] = _Durations()
        durations.total += seconds
        durations.buckets[bisect_left(_BUCKETS, seconds)] += 1

    def watch_plugins(self, statuses: Callable[[], Sequence[PluginStatus]]) -> None:
        """Show these plugins, as they are whenever somebody asks."""
        self._plugins.statuses = statuses

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self.registry)


class _Durations:
    """How many requests took at most so long, not cumulated; the last bucket holds what took longer."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(_BUCKETS) + 1)
        self.total = 0.0


class _RequestCollector(Collector):
    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, int], int] = {}
        self.durations: dict[str, _Durations] = {}

    def collect(self) -> Iterable[Metric]:
        requests = CounterMetricFamily(
            "cts_http_requests", "Requests that were answered.", labels=("method", "route", "status")
        )
        for (method, route, status), count in self.counts.items():
            requests.add_metric((method, route, str(status)), count)
        seconds = HistogramMetricFamily(
            "cts_http_request_duration_seconds",
            "From the head of a request to the end of its answer.",
            labels=("route",),
        )
        bounds = [*map(str, _BUCKETS), "+Inf"]
        for route, durations in self.durations.items():
            buckets = list(zip(bounds, map(float, accumulate(durations.buckets)), strict=True))
            seconds.add_metric((route,), buckets, durations.total)
        return requests, seconds


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
