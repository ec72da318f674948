"""Counted requests and plugins in the Prometheus text format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from server.app.api.http_metrics import BUCKETS, Durations
from server.app.plugins.lifecycle import LifecycleState
from server.app.plugins.loader.plugin_registry import PluginStatus


def prometheus_text(
    counts: Mapping[tuple[str, str, int], int], durations: Mapping[str, Durations], statuses: Sequence[PluginStatus]
) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Found([*_of_requests(counts, durations), *_of_plugins(statuses)]))
    return generate_latest(registry)


class _Found(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _of_requests(counts: Mapping[tuple[str, str, int], int], durations: Mapping[str, Durations]) -> tuple[Metric, ...]:
    requests = CounterMetricFamily(
        "cts_http_requests", "Requests that were answered.", labels=("method", "route", "status")
    )
    for (method, route, status), count in counts.items():
        requests.add_metric((method, route, str(status)), count)
    seconds = HistogramMetricFamily(
        "cts_http_request_duration_seconds",
        "From the head of a request to the end of its answer.",
        labels=("route",),
    )
    bounds = [*map(str, BUCKETS), "+Inf"]
    for route, taken in durations.items():
        buckets = list(zip(bounds, map(float, accumulate(taken.buckets)), strict=True))
        seconds.add_metric((route,), buckets, taken.total)
    return requests, seconds


def _of_plugins(statuses: Sequence[PluginStatus]) -> tuple[Metric, ...]:
    executions = CounterMetricFamily("cts_plugin_executions", "Executions that ended.", labels=("plugin", "outcome"))
    state = GaugeMetricFamily("cts_plugin_state", "1 for the state that the plugin is in.", labels=("plugin", "state"))
    for status in statuses:
        executions.add_metric((status.name, "success"), status.success_count)
        executions.add_metric((status.name, "error"), status.error_count)
        for each in LifecycleState:
            state.add_metric((status.name, each.value), float(status.state is each))
    return executions, state
