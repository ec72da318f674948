"""Metrics outlive a process, and add up over several."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.app.adapters.database.database import Database
from server.app.adapters.database.metrics_store import SqlMetricsStore
from server.app.plugins.lifecycle import LifecycleState
from server.app.plugins.loader.metrics import MetricsStore, PluginMetrics
from server.app.plugins.loader.plugin_registry import PluginRegistry, PluginStatus
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.tests.live.server_process import ServerProcess
from server.tests.sample_plugins import SamplePlugin

EARLY = datetime(2026, 1, 1, tzinfo=UTC)
LATE = EARLY + timedelta(seconds=1)
ONE = PluginMetrics(1, 0, 2.0, 2.0, EARLY, "success")
TWO = PluginMetrics(1, 1, 5.5, 3.5, LATE, "error")

pytestmark = pytest.mark.requirement("R-023", "R-014")


@pytest.fixture
def metrics(database: Database) -> MetricsStore:
    return SqlMetricsStore(database)


def registry_with_sample() -> PluginRegistry:
    registry = PluginRegistry()
    registry.register(SamplePlugin())
    return registry


def counts(registry: PluginRegistry) -> tuple[int, int]:
    status = status_of(registry)
    return status.success_count, status.error_count


def status_of(registry: PluginRegistry) -> PluginStatus:
    status = registry.status("sample")
    assert status is not None
    return status


@pytest.mark.parametrize(
    ("expected", "one", "other"),
    [
        (PluginMetrics(2, 1, 7.5, 3.5, LATE, "error"), ONE, TWO),
        (PluginMetrics(2, 1, 7.5, 3.5, LATE, "error"), TWO, ONE),
        (ONE, ONE, PluginMetrics()),
        (ONE, PluginMetrics(), ONE),
        (PluginMetrics(), PluginMetrics(), PluginMetrics()),
    ],
)
def test_sums(expected: PluginMetrics, one: PluginMetrics, other: PluginMetrics) -> None:
    assert one.plus(other) == expected


def test_the_store_adds_up_and_keeps_the_latest(metrics: MetricsStore) -> None:
    assert metrics.add({}) == {}
    assert metrics.add({"a": TWO}) == {"a": TWO}
    assert metrics.add({"a": ONE, "b": ONE}) == {"a": TWO.plus(ONE), "b": ONE}
    assert metrics.add({"b": TWO})["b"] == ONE.plus(TWO)
    assert metrics.add({}) == {"a": TWO.plus(ONE), "b": ONE.plus(TWO)}


def test_two_processes_see_what_both_counted(metrics: MetricsStore) -> None:
    first, second = registry_with_sample(), registry_with_sample()
    first.update_execution_metrics("sample", LifecycleState.INITIALIZED, 10.0, had_error=False)
    second.update_execution_metrics("sample", LifecycleState.FAILED, 30.0, had_error=True)
    first.synchronise(metrics)
    second.synchronise(metrics)
    second.update_execution_metrics("sample", LifecycleState.INITIALIZED, 20.0, had_error=False)
    first.synchronise(metrics)
    assert (counts(first), counts(second)) == ((1, 1), (2, 1))
    second.synchronise(metrics)
    first.synchronise(metrics)
    assert counts(first) == counts(second) == (2, 1)
    assert status_of(first).avg_execution_time_ms == status_of(second).avg_execution_time_ms == 20.0
    assert status_of(first).last_used == status_of(second).last_used
    assert status_of(first).last_outcome == "success"
    assert status_of(first).state == "INITIALIZED"  # how it fares is each process's own affair


class SilentStore:
    """One whose database is away."""

    def add(self, counted: Mapping[str, PluginMetrics]) -> Mapping[str, PluginMetrics]:
        raise OSError("away")


def test_what_cannot_be_stored_is_kept_for_later(metrics: MetricsStore) -> None:
    registry = registry_with_sample()
    registry.update_execution_metrics("sample", LifecycleState.INITIALIZED, 1.0, had_error=False)
    with pytest.raises(OSError, match="away"):
        registry.synchronise(SilentStore())
    assert counts(registry) == (1, 0)
    registry.update_execution_metrics("sample", LifecycleState.INITIALIZED, 1.0, had_error=False)
    registry.synchronise(metrics)
    assert counts(registry) == (2, 0)
    assert metrics.add({})["sample"].successes == 2


@pytest.mark.requirement("R-011", "R-018")
def test_a_thousand_calls_are_counted_exactly_while_they_are_stored(metrics: MetricsStore) -> None:
    registry = PluginRegistry()
    registry.register(SamplePlugin(lambda payload: {"n": 1 // payload["n"]}))
    runner = ToolRunner(registry)
    done = threading.Event()

    def keep_storing() -> None:
        while not done.is_set():
            registry.synchronise(metrics)

    keeper = threading.Thread(target=keep_storing)
    keeper.start()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: runner.run("sample", {"n": number % 2}), range(1000)))
    done.set()
    keeper.join()
    assert sum(error == {} for _, error in answers) == 500
    assert counts(registry) == (500, 500)
    registry.synchronise(metrics)
    stored = metrics.add({})["sample"]
    assert (stored.successes, stored.errors) == counts(registry) == (500, 500)


def test_metrics_are_still_there_after_a_restart(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", PLUGIN_PACKAGES="") as server:
        for text in ("one two", "three"):
            assert server.execute("text-statistics", text=text).status_code == 200
        assert server.execute("text-statistics", text=5).status_code == 400
        before = server.plugin("text-statistics")
    with ServerProcess(tmp_path / "data", PLUGIN_PACKAGES="") as server:
        after = server.plugin("text-statistics")
    changing = {"uptime_seconds", "state", "reason"}
    assert {key: value for key, value in after.items() if key not in changing} == {
        key: value for key, value in before.items() if key not in changing
    }
    assert (after["success_count"], after["error_count"]) == (2, 1)
