"""The observer sees who calls, and the scanner knows them; one that it cannot know is told."""

from pathlib import Path
from typing import Any

import pytest

from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.permit import UngovernedRun
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.tests.observed_callers import RUN, UNWRAP, Observer, unknown_callers
from server.tests.sample_plugins import SamplePlugin

SMUGGLE = """
from server.app.plugins.permit import permit_for

def smuggle(registry, handle):
    plugin = registry.unwrap(handle)
    with permit_for("sample", plugin):
        return plugin.run({})

def attempt(plugin):
    return plugin.run({})
"""
RUNNER = "server.app.plugins.runtime.tool_runner:ToolRunner.run"


@pytest.mark.requirement("R-002")
def test_real_callers_are_seen() -> None:
    registry = PluginRegistry()
    with Observer().watching() as observer:
        plugin = registry.register(SamplePlugin())
        result, error = ToolRunner(registry).run(plugin.name, {})
    assert error == {}, result
    assert observer.seen == {RUN: {RUNNER}, UNWRAP: {RUNNER}}


def test_a_caller_that_no_scanner_can_see_is_told_and_the_runner_is_known(tmp_path: Path) -> None:
    registry = PluginRegistry()
    space: dict[str, Any] = {"__name__": "smuggled"}
    exec(SMUGGLE, space)
    plugin = SamplePlugin()
    registry.register(plugin)
    with Observer().watching() as observer:
        space["smuggle"](registry, registry.handle("sample"))
        with pytest.raises(UngovernedRun):
            space["attempt"](plugin)
        ToolRunner(registry).run("sample", {})
    assert unknown_callers(observer, tmp_path) == [f"smuggled:smuggle calls {RUN}", f"smuggled:smuggle calls {UNWRAP}"]


def test_nothing_is_left_behind() -> None:
    registry = PluginRegistry()
    name = registry.register(SamplePlugin()).name

    def methods() -> tuple[object, object]:
        # governance: except[only-runner-runs-plugins] it is compared, not called
        return PluginRegistry.unwrap, SamplePlugin.run

    before = methods()
    with Observer().watching():
        ToolRunner(registry).run(name, {})
        assert methods() != before
    assert methods() == before
