"""The registry: states move by the table, counters are exact, and everything stays visible."""

from __future__ import annotations

import inspect
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from server.app.plugins import lifecycle
from server.app.plugins.errors.exceptions import PluginNotFound, PluginUnavailable
from server.app.plugins.lifecycle import TRANSITIONS, IllegalTransition, LifecycleState, moved
from server.app.plugins.loader.plugin_registry import DuplicatePlugin, PluginRegistry, PluginStatus, get_registry
from server.tests.sample_plugins import SamplePlugin

LEGAL = {(before, to) for before, following in TRANSITIONS.items() for to in following}
ILLEGAL = sorted({(before, to) for before in LifecycleState for to in LifecycleState} - LEGAL)


def status_of(registry: PluginRegistry) -> PluginStatus:
    status = registry.status("sample")
    assert status is not None
    return status


@pytest.fixture
def loaded(registry: PluginRegistry) -> PluginRegistry:
    registry.register(SamplePlugin())
    return registry


@pytest.mark.requirement("R-015")
def test_there_are_five_states() -> None:
    assert [state.value for state in LifecycleState] == ["LOADED", "INITIALIZED", "RUNNING", "FAILED", "UNAVAILABLE"]
    assert set(TRANSITIONS) == set(LifecycleState)


@pytest.mark.requirement("R-016")
@pytest.mark.parametrize(("before", "to"), sorted(LEGAL))
def test_a_legal_move(before: LifecycleState, to: LifecycleState) -> None:
    assert moved("sample", before, to) is to


@pytest.mark.requirement("R-016")
@pytest.mark.parametrize(("before", "to"), ILLEGAL)
def test_an_illegal_move(before: LifecycleState, to: LifecycleState) -> None:
    with pytest.raises(IllegalTransition, match=f"'sample' cannot move from {before} to {to}"):
        moved("sample", before, to)


@pytest.mark.requirement("R-013")
def test_there_is_one_registry_class_and_one_registry() -> None:
    app = Path(inspect.getfile(lifecycle)).parents[1]
    classes = [
        path for path in app.rglob("*.py") if re.search(r"^class \w*Registry\b", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert [path.name for path in classes] == ["plugin_registry.py"]
    assert get_registry() is get_registry()


@pytest.mark.requirement("R-013")
def test_the_signature_of_update_execution_metrics() -> None:
    parameters = inspect.signature(PluginRegistry.update_execution_metrics).parameters
    assert list(parameters) == ["self", "plugin_name", "state", "elapsed_ms", "had_error"]


@pytest.mark.requirement("R-014")
def test_all_fields_change_with_one_execution(loaded: PluginRegistry) -> None:
    before = status_of(loaded)
    assert (before.state, before.last_used, before.avg_execution_time_ms) == ("INITIALIZED", None, None)
    loaded.update_execution_metrics("sample", "FAILED", 12.5, had_error=True)
    loaded.update_execution_metrics("sample", LifecycleState.INITIALIZED, 7.5, had_error=False)
    loaded.update_execution_metrics("sample", LifecycleState.FAILED, 10.0, had_error=True)
    after = status_of(loaded)
    assert (after.success_count, after.error_count, after.state) == (1, 2, "FAILED")
    assert (after.last_execution_time_ms, after.avg_execution_time_ms) == (10.0, 10.0)
    assert (after.last_outcome, after.last_used is not None) == ("error", True)


@pytest.mark.requirement("R-015")
@pytest.mark.parametrize("state", ["SUCCESS", "ERROR", "running", "", None, 5])
def test_what_is_no_state_is_refused_and_counts_nothing(loaded: PluginRegistry, state: Any) -> None:
    with pytest.raises(ValueError, match="is no lifecycle state; there are LOADED, INITIALIZED"):
        loaded.update_execution_metrics("sample", state, 1.0, had_error=False)
    assert status_of(loaded).success_count == 0


@pytest.mark.requirement("R-016")
def test_an_execution_cannot_unload_a_plugin(loaded: PluginRegistry) -> None:
    with pytest.raises(IllegalTransition):
        loaded.update_execution_metrics("sample", LifecycleState.LOADED, 1.0, had_error=False)
    assert (status_of(loaded).success_count, status_of(loaded).state) == (0, "INITIALIZED")


@pytest.mark.parametrize("elapsed", [-1.0, float("nan"), float("inf")])
def test_what_is_no_duration_is_refused(loaded: PluginRegistry, elapsed: float) -> None:
    with pytest.raises(ValueError, match="elapsed_ms"):
        loaded.update_execution_metrics("sample", LifecycleState.FAILED, elapsed, had_error=True)


@pytest.mark.requirement("R-017")
def test_an_unknown_plugin_is_logged_and_nothing_else(
    registry: PluginRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    registry.update_execution_metrics("nobody", LifecycleState.FAILED, 1.0, had_error=True)
    assert "the unknown plugin 'nobody'" in caplog.text
    assert registry.statuses() == []


def test_running_lasts_as_long_as_any_execution(loaded: PluginRegistry) -> None:
    loaded.begin("sample")
    loaded.begin("sample")
    assert (status_of(loaded).state, status_of(loaded).active_count) == ("RUNNING", 2)
    loaded.update_execution_metrics("sample", LifecycleState.FAILED, 1.0, had_error=True)
    assert status_of(loaded).state == "RUNNING"
    loaded.update_execution_metrics("sample", LifecycleState.INITIALIZED, 1.0, had_error=False)
    assert (status_of(loaded).state, status_of(loaded).active_count) == ("INITIALIZED", 0)


def test_running_is_no_verdict(loaded: PluginRegistry) -> None:
    loaded.update_execution_metrics("sample", LifecycleState.FAILED, 1.0, had_error=True)
    loaded.begin("sample")
    loaded.update_execution_metrics("sample", LifecycleState.RUNNING, 1.0, had_error=True)
    assert status_of(loaded).state == "FAILED"


def test_an_unavailable_plugin_is_not_revived_by_an_execution_that_was_under_way(loaded: PluginRegistry) -> None:
    loaded.begin("sample")
    loaded.begin("sample")
    loaded.update_execution_metrics("sample", LifecycleState.UNAVAILABLE, 1.0, had_error=True)
    loaded.explain("sample", "the library is gone")
    loaded.update_execution_metrics("sample", LifecycleState.INITIALIZED, 1.0, had_error=False)
    assert (status_of(loaded).state, status_of(loaded).reason) == ("UNAVAILABLE", "the library is gone")
    with pytest.raises(PluginUnavailable, match="the library is gone"):
        loaded.handle("sample")


@pytest.mark.requirement("R-019")
def test_a_plugin_that_could_not_be_loaded_stays_visible(registry: PluginRegistry) -> None:
    registry.register_unavailable("sample", "no module")
    assert (status_of(registry).state, status_of(registry).reason) == ("UNAVAILABLE", "no module")
    with pytest.raises(PluginUnavailable, match="no module"):
        registry.handle("sample")


def test_a_hosted_plugin_is_not_in_this_process(registry: PluginRegistry) -> None:
    registry.register_hosted(SamplePlugin().spec)
    assert registry.handle("sample").name == "sample"
    with pytest.raises(PluginUnavailable, match="a process of its own"):
        registry.unwrap(registry.handle("sample"))


def test_a_name_is_taken_once(loaded: PluginRegistry) -> None:
    for register in (
        lambda: loaded.register(SamplePlugin()),
        lambda: loaded.register_hosted(SamplePlugin().spec),
        lambda: loaded.register_unavailable("sample", "why"),
    ):
        with pytest.raises(DuplicatePlugin):
            register()
    loaded.clear()
    assert loaded.status("sample") is None


def test_an_unknown_plugin_is_not_found_and_the_known_are_named(loaded: PluginRegistry) -> None:
    with pytest.raises(PluginNotFound) as caught:
        loaded.handle("nobody")
    assert caught.value.details == {"available": ["sample"]}


@pytest.mark.requirement("R-018")
def test_readers_and_writers_together(loaded: PluginRegistry) -> None:
    end = time.monotonic() + 1.0
    written = [0, 0]
    torn: list[PluginStatus] = []

    def write(place: int) -> None:
        while time.monotonic() < end:
            loaded.begin("sample")
            loaded.update_execution_metrics("sample", LifecycleState.INITIALIZED, 2.0, had_error=False)
            written[place] += 1

    def read() -> None:
        while time.monotonic() < end:
            torn.extend(status for status in loaded.statuses() if status.avg_execution_time_ms not in (None, 2.0))

    threads = [threading.Thread(target=write, args=(place,)) for place in (0, 1)]
    threads += [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)
    assert (status_of(loaded).success_count, torn) == (sum(written), [])


class RegistryMachine(RuleBasedStateMachine):
    """Executions begin and end in any order; a model of three lines must agree with the registry."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = PluginRegistry()
        self.registry.register(SamplePlugin())
        self.active = 0
        self.resting = "INITIALIZED"
        self.ended = 0

    @rule()
    def begin(self) -> None:
        self.registry.begin("sample")
        self.active += 1

    @rule(verdict=st.sampled_from(["INITIALIZED", "FAILED", "RUNNING", "UNAVAILABLE"]))
    def end(self, verdict: str) -> None:
        if self.active:
            self.registry.update_execution_metrics("sample", verdict, 1.0, had_error=verdict != "INITIALIZED")
            self.active -= 1
            self.ended += 1
            if verdict != "RUNNING" and self.resting != "UNAVAILABLE":
                self.resting = verdict

    @invariant()
    def agrees(self) -> None:
        status = status_of(self.registry)
        running = self.active > 0 and self.resting != "UNAVAILABLE"
        assert status.state == ("RUNNING" if running else self.resting)
        assert (status.active_count, status.success_count + status.error_count) == (self.active, self.ended)


RegistryMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestRegistryMachine = pytest.mark.requirement("R-016", "R-092")(RegistryMachine.TestCase)
