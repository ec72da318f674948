"""Third layer: it chooses and delegates, nothing else."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.app.services import execution
from server.app.services.execution import PluginExecutionService
from server.tests.sample_plugins import SamplePlugin, raising

pytestmark = pytest.mark.requirement("R-036", "R-038")


def test_a_success_is_passed_on(registry: PluginRegistry, runner: ToolRunner) -> None:
    registry.register(SamplePlugin())
    result, error = PluginExecutionService(runner).execute("sample", {"a": 1})
    assert (result["got"], error) == ({"a": 1}, {})


def test_a_failure_is_passed_on(registry: PluginRegistry, runner: ToolRunner) -> None:
    registry.register(SamplePlugin(raising(ValueError())))
    result, envelope = PluginExecutionService(runner).execute("sample", {})
    assert (result, envelope["error"]["type"]) == ({}, "PluginError")


def test_an_unknown_plugin_is_an_envelope(runner: ToolRunner) -> None:
    _, envelope = PluginExecutionService(runner).execute("nobody", {})
    assert envelope["error"]["type"] == "NotFound"


def test_it_calls_tool_runner_and_nothing_else(runner: ToolRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    def recorded(
        _runner: ToolRunner, plugin_name: str, payload: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        asked.append((plugin_name, payload))
        return {"from": "runner"}, {}

    monkeypatch.setattr(ToolRunner, "run", recorded)
    assert PluginExecutionService(runner).execute("sample", {"a": 1}) == ({"from": "runner"}, {})
    assert asked == [("sample", {"a": 1})]


@pytest.mark.requirement("R-009")
def test_it_catches_nothing_and_builds_no_envelope() -> None:
    tree = ast.parse(inspect.getsource(PluginExecutionService))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Try | ast.With | ast.Raise)]


@pytest.mark.requirement("R-009")
def test_one_module_makes_envelopes_of_exceptions() -> None:
    app = Path(execution.__file__).parents[2]
    callers = [path.name for path in sorted(app.rglob("*.py")) if "build_error_envelope(" in path.read_text("utf-8")]
    assert callers == ["error_envelope.py", "tool_runner.py"]


LAYERS = ["analysis_execution_service", "job_execution_service", "plugin_execution_service"]


@pytest.mark.requirement("R-037", "R-045")
@pytest.mark.parametrize(
    ("layer", "allowed"),
    [
        (LAYERS[0], {LAYERS[1]}),
        (LAYERS[1], {LAYERS[2]}),
        (LAYERS[2], {"tool_runner"}),
    ],
)
def test_each_layer_imports_the_next_one_only(layer: str, allowed: set[str]) -> None:
    source = Path(execution.__file__).with_name(f"{layer}.py").read_text("utf-8")
    imported = {
        node.module.rpartition(".")[2]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }
    assert imported & {*LAYERS, "tool_runner"} == allowed
    assert not imported & {"plugin_registry", "discovery", "process", "job_store"}
