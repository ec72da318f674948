"""What is counted about requests, and the metrics of requests and plugins.

Labels are bounded: a route is its template, never the path that was asked for, and whatever matches none is one label.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

from server.app.plugins.loader.plugin_registry import PluginStatus

UNMATCHED: Final = "unmatched"
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Durations:
    """How many requests took at most so long, not cumulated; the last bucket holds what took longer."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.total = 0.0


class HttpMetrics:
    """One for each application, for the event loop's thread.

    A request is counted in plain numbers, which become metrics when somebody asks: the library's own counters are
    safe for many threads, and that costs each request more than everything else that is done about it.
    ``counts`` are by method, route and status, ``durations`` by route.
    """

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, int], int] = {}
        self.durations: dict[str, Durations] = {}
        self._statuses: Callable[[], Sequence[PluginStatus]] = tuple

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        seen = (method if method in _METHODS else "other", route, status)
        self.counts[seen] = self.counts.get(seen, 0) + 1
        durations = self.durations.get(route)
        if durations is None:
            durations = self.durations[route] = Durations()
        durations.total += seconds
        durations.buckets[bisect_left(BUCKETS, seconds)] += 1

    def watch_plugins(self, statuses: Callable[[], Sequence[PluginStatus]]) -> None:
        """Show these plugins, as they are whenever somebody asks."""
        self._statuses = statuses

    def text(self) -> bytes:
        """All metrics in the Prometheus text format."""
        from server.app.api.prometheus_text import prometheus_text  # its library takes a while to load

        return prometheus_text(self.counts, self.durations, self._statuses())
