"""What the executions of a plugin added up to, and the seam to where that outlives this process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class PluginMetrics:
    """Sums over any number of executions, and what the latest of them was like. Times are milliseconds."""

    successes: int = 0
    errors: int = 0
    total_ms: float = 0.0
    last_ms: float | None = None
    last_used: datetime | None = None
    last_outcome: str | None = None

    @property
    def runs(self) -> int:
        return self.successes + self.errors

    def plus(self, other: PluginMetrics) -> PluginMetrics:
        """Both together."""
        latest = other if _later(other.last_used, self.last_used) else self
        return PluginMetrics(
            self.successes + other.successes,
            self.errors + other.errors,
            self.total_ms + other.total_ms,
            latest.last_ms,
            latest.last_used,
            latest.last_outcome,
        )

    def with_one(self, elapsed_ms: float, at: datetime, outcome: str, *, had_error: bool) -> PluginMetrics:
        """These and one execution that has just ended."""
        return PluginMetrics(
            self.successes + (not had_error),
            self.errors + had_error,
            self.total_ms + elapsed_ms,
            elapsed_ms,
            at,
            outcome,
        )


def _later(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and (other is None or one >= other)


class MetricsStore(Protocol):
    """Shared by all processes that execute plugins."""

    def add(self, counted: Mapping[str, PluginMetrics]) -> Mapping[str, PluginMetrics]:
        """Add what was counted here, all of it or nothing; the sums over all processes, by plugin."""
        ...
