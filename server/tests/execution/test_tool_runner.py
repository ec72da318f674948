"""ToolRunner: the only caller of plugins; it wraps everything and always counts."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from server.app.core.execution_context import Cancellation, RunContext, current_execution, execution_scope
from server.app.core.logging import fields_of
from server.app.plugins.errors.exceptions import InputValidationError, MissingDependency, PluginError
from server.app.plugins.isolation.process import ProcessIsolation
from server.app.plugins.lifecycle import LifecycleState
from server.app.plugins.loader.plugin_registry import PluginRegistry, PluginStatus
from server.app.plugins.plugin import PluginSpec
from server.app.plugins.runtime import tool_runner
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.tests import observed_callers
from server.tests.live.envelope import assert_error
from server.tests.sample_plugins import SamplePlugin, raising

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def status_of(registry: PluginRegistry, name: str = "sample") -> PluginStatus:
    status = registry.status(name)
    assert status is not None
    return status


def deep_recursion(_payload: dict[str, Any]) -> Any:
    return deep_recursion(_payload)


@pytest.mark.requirement("R-001")
def test_tool_runner_is_the_one_class_of_its_name() -> None:
    root = Path(__file__).parents[3]
    places = [
        str(path.relative_to(root))
        for path in sorted((root / "server").rglob("*.py"))
        if re.search(r"^class ToolRunner\b", path.read_text("utf-8"), re.MULTILINE)
    ]
    assert places == ["server/app/plugins/runtime/tool_runner.py"]


@pytest.mark.requirement("R-003", "R-007")
def test_success_is_result_and_empty_error(registry: PluginRegistry, runner: ToolRunner) -> None:
    registry.register(SamplePlugin())
    result, error = runner.run("sample", {"a": 1})
    assert error == {}
    assert result["got"] == {"a": 1}
    assert result["metadata"]["plugin"] == "sample"


@pytest.mark.requirement("R-003")
def test_failure_is_empty_result_and_envelope(registry: PluginRegistry, runner: ToolRunner) -> None:
    registry.register(SamplePlugin(raising(ValueError("x"))))
    result, envelope = runner.run("sample", {})
    assert result == {}
    assert set(envelope) == {"error", "_internal"}
    assert_error(envelope["error"])
    assert "ValueError: x" in envelope["_internal"]["traceback"]


@pytest.mark.requirement("R-007")
def test_the_plugins_own_metadata_is_kept(registry: PluginRegistry, runner: ToolRunner) -> None:
    registry.register(SamplePlugin(lambda _: {"a": 1, "metadata": {"model": "m", "plugin": "lie"}}))
    result, _ = runner.run("sample", {})
    assert result["metadata"] == {
        "model": "m",
        "plugin": "sample",
        "execution_time_ms": result["metadata"]["execution_time_ms"],
    }


@pytest.mark.requirement("R-007")
def test_time_is_measured_in_milliseconds(registry: PluginRegistry, runner: ToolRunner) -> None:
    def slow(_payload: dict[str, Any]) -> dict[str, Any]:
        time.sleep(0.05)
        return {"a": 1}

    registry.register(SamplePlugin(slow))
    result, _ = runner.run("sample", {})
    assert 50 <= result["metadata"]["execution_time_ms"] < 150
    assert 50 <= (status_of(registry).last_execution_time_ms or 0) < 150


@pytest.mark.requirement("R-004", "R-093")
def test_bad_input_never_reaches_the_plugin(registry: PluginRegistry, runner: ToolRunner) -> None:
    plugin = SamplePlugin(input_schema=NUMBER)
    registry.register(plugin)
    _, envelope = runner.run("sample", {"n": "many"})
    assert envelope["error"]["type"] == "ValidationError"
    assert envelope["error"]["details"]["problems"] == [{"path": "n", "problem": "must be of type integer"}]
    assert plugin.calls == 0
    assert status_of(registry).error_count == 1


@pytest.mark.requirement("R-004")
def test_bad_output_is_seen_after_the_plugin_ran(registry: PluginRegistry, runner: ToolRunner) -> None:
    plugin = SamplePlugin(lambda _: {"n": "many"}, output_schema=NUMBER)
    registry.register(plugin)
    result, envelope = runner.run("sample", {})
    assert (result, plugin.calls) == ({}, 1)
    assert envelope["error"]["type"] == "PluginError"


EXCEPTIONS: list[tuple[str, BaseException]] = [
    ("PluginError", ValueError("x")),
    ("PluginError", KeyError("x")),
    ("PluginError", AssertionError()),
    ("PluginError", OSError(2, "no such file", "/srv/app/secret")),
    ("PluginError", TimeoutError("of a library")),
    ("PluginError", StopIteration()),
    ("PluginError", UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")),
    ("PluginError", SystemExit(3)),
    ("PluginError", KeyboardInterrupt()),
    ("PluginError", GeneratorExit()),
    ("PluginError", RecursionError()),
    ("ResourceLimit", MemoryError()),
    ("PluginError", UnprintableError()),
    ("PluginError", BaseExceptionGroup("both", [KeyboardInterrupt(), ValueError()])),
    ("PluginError", PluginError("a message for the caller")),
    ("ValidationError", InputValidationError("not in this format")),
]


@pytest.mark.requirement("R-005", "R-034")
@pytest.mark.parametrize(("kind", "failure"), EXCEPTIONS, ids=[type(failure).__name__ for _, failure in EXCEPTIONS])
def test_no_exception_escapes(registry: PluginRegistry, runner: ToolRunner, kind: str, failure: BaseException) -> None:
    registry.register(SamplePlugin(raising(failure)))
    result, envelope = runner.run("sample", {})
    assert result == {}
    assert envelope["error"]["type"] == kind
    assert_error(envelope["error"])
    assert type(failure).__name__ in envelope["_internal"]["traceback"]


@pytest.mark.requirement("R-005")
def test_endless_recursion_becomes_an_envelope(registry: PluginRegistry, runner: ToolRunner) -> None:
    registry.register(SamplePlugin(deep_recursion))
    _, envelope = runner.run("sample", {})
    assert envelope["error"]["message"] == "the plugin recursed too deeply"


@pytest.mark.requirement("R-005")
def test_an_unknown_plugin_is_not_found(runner: ToolRunner) -> None:
    result, envelope = runner.run("nobody", {})
    assert (result, envelope["error"]["type"]) == ({}, "NotFound")


@pytest.mark.requirement("R-005")
def test_an_unavailable_plugin_says_why(registry: PluginRegistry, runner: ToolRunner) -> None:
    registry.register_unavailable("sample", "libvips is missing")
    _, envelope = runner.run("sample", {})
    assert envelope["error"]["type"] == "PluginError"
    assert "libvips is missing" in envelope["error"]["message"]


@pytest.mark.requirement("R-025")
@pytest.mark.parametrize("payload", [None, [], "text", {1: 2}, {"n": float("inf")}], ids=repr)
def test_a_bad_payload_is_refused_before_the_plugin_is_looked_up(runner: ToolRunner, payload: Any) -> None:
    _, envelope = runner.run("nobody", payload)
    assert envelope["error"]["type"] == "ValidationError"


@pytest.mark.parametrize("name", [None, 5, ["sample"], {}], ids=repr)
def test_a_plugin_name_that_is_no_text_is_not_found(runner: ToolRunner, name: Any) -> None:
    _, envelope = runner.run(name, {})
    assert envelope["error"]["type"] == "NotFound"
    assert envelope["error"]["plugin"] is None


OUTCOMES: list[tuple[str, Callable[[dict[str, Any]], Any], Any, tuple[int, int], LifecycleState]] = [
    ("success", lambda _: {"n": 1}, {"n": 1}, (1, 0), LifecycleState.INITIALIZED),
    ("plugin error", raising(ValueError()), {"n": 1}, (0, 1), LifecycleState.FAILED),
    ("bad input by schema", lambda _: {"n": 1}, {}, (0, 1), LifecycleState.INITIALIZED),
    ("bad input by plugin", raising(InputValidationError("no")), {"n": 1}, (0, 1), LifecycleState.INITIALIZED),
    ("bad output", lambda _: None, {"n": 1}, (0, 1), LifecycleState.FAILED),
    ("exit", raising(SystemExit()), {"n": 1}, (0, 1), LifecycleState.FAILED),
    ("missing library", raising(MissingDependency("no libvips")), {"n": 1}, (0, 1), LifecycleState.UNAVAILABLE),
    ("missing module", raising(ModuleNotFoundError("x")), {"n": 1}, (0, 1), LifecycleState.UNAVAILABLE),
]


@pytest.mark.requirement("R-006", "R-008", "R-014", "R-092", "R-093")
@pytest.mark.parametrize(
    ("behaviour", "payload", "counts", "state"), [row[1:] for row in OUTCOMES], ids=[row[0] for row in OUTCOMES]
)
def test_every_path_is_counted_and_leaves_the_right_state(
    registry: PluginRegistry,
    runner: ToolRunner,
    *,
    behaviour: Callable[[dict[str, Any]], Any],
    payload: Any,
    counts: tuple[int, int],
    state: LifecycleState,
) -> None:
    registry.register(SamplePlugin(behaviour, input_schema=NUMBER))
    runner.run("sample", payload)
    status = status_of(registry)
    assert ((status.success_count, status.error_count), status.state) == (counts, state)
    assert status.last_used is not None
    assert status.last_execution_time_ms == status.avg_execution_time_ms
    assert status.active_count == 0


@pytest.mark.requirement("R-008")
def test_the_plugin_is_running_while_it_runs(registry: PluginRegistry, runner: ToolRunner) -> None:
    registry.register(SamplePlugin(lambda _: {"state": status_of(registry).state.value}))
    result, _ = runner.run("sample", {})
    assert result["state"] == "RUNNING"
    assert status_of(registry).state is LifecycleState.INITIALIZED


@pytest.mark.requirement("R-008")
def test_a_failed_plugin_can_be_called_and_recovers(registry: PluginRegistry, runner: ToolRunner) -> None:
    results: list[Any] = [{"n": 1}, None]
    registry.register(SamplePlugin(lambda _: results.pop()))
    runner.run("sample", {})
    assert (status_of(registry).state, status_of(registry).reason) == ("FAILED", "the plugin returned nothing")
    runner.run("sample", {})
    assert (status_of(registry).state, status_of(registry).reason) == ("INITIALIZED", None)


@pytest.mark.requirement("R-008")
def test_bad_input_does_not_heal_a_failed_plugin(registry: PluginRegistry, runner: ToolRunner) -> None:
    registry.register(SamplePlugin(raising(ValueError()), input_schema=NUMBER))
    runner.run("sample", {"n": 1})
    runner.run("sample", {})
    assert status_of(registry).state is LifecycleState.FAILED


@pytest.mark.requirement("R-002", "R-092")
def test_the_plugins_caller_is_tool_runner(registry: PluginRegistry, runner: ToolRunner) -> None:
    import sys

    def who(_payload: dict[str, Any]) -> dict[str, Any]:
        # SamplePlugin.run, then the demand for a permit and the observer of the tests, then the caller.
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and frame.f_code.co_filename in observed_callers.BETWEEN:
            frame = frame.f_back
        assert frame is not None
        return {"caller": frame.f_code.co_filename, "function": frame.f_code.co_qualname}

    registry.register(SamplePlugin(who))
    result, _ = runner.run("sample", {})
    assert (result["caller"], result["function"]) == (tool_runner.__file__, "ToolRunner.run")


@pytest.mark.requirement("R-010")
@pytest.mark.parametrize(
    ("behaviour", "outcome"), [(lambda _: {"n": 1}, "success"), (raising(ValueError("secret")), "PluginError")]
)
def test_one_log_line_per_execution(
    registry: PluginRegistry,
    runner: ToolRunner,
    caplog: pytest.LogCaptureFixture,
    behaviour: Callable[[dict[str, Any]], Any],
    outcome: str,
) -> None:
    registry.register(SamplePlugin(behaviour))
    with caplog.at_level(logging.INFO):
        runner.run("sample", {})
    (fields,) = [fields_of(record) for record in caplog.records]
    assert fields.pop("duration_ms") >= 0.0
    assert fields == {"job_id": None, "plugin": "sample", "outcome": outcome}


@pytest.mark.requirement("R-011", "R-092")
def test_counters_are_exact_under_concurrent_calls(registry: PluginRegistry, runner: ToolRunner) -> None:
    def half(payload: dict[str, Any]) -> dict[str, Any]:
        if payload["n"] % 2:
            raise ValueError
        return {"n": 1}

    registry.register(SamplePlugin(half))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: runner.run("sample", {"n": number}), range(1000)))
    status = status_of(registry)
    assert (status.success_count, status.error_count, status.active_count) == (500, 500, 0)
    assert sum(error == {} for _, error in answers) == 500


class BrokenIsolation:
    """An isolation with a defect of its own."""

    def load(self, reference: str) -> PluginSpec:
        raise NotImplementedError

    def call(self, spec: PluginSpec, payload: dict[str, Any], cancellation: Cancellation) -> Any:
        raise OSError(24, "too many open files", "/srv/app/pipe")

    def close(self) -> None:
        return None


@pytest.mark.requirement("R-005", "R-033")
def test_a_defect_of_the_server_is_not_blamed_on_the_plugin(registry: PluginRegistry) -> None:
    registry.register(SamplePlugin())
    _, envelope = ToolRunner(registry, BrokenIsolation()).run("sample", {})
    assert envelope["error"]["type"] == "InternalError"
    assert_error(envelope["error"])
    assert "too many open files" in envelope["_internal"]["traceback"]
    assert status_of(registry).state is LifecycleState.INITIALIZED
    assert status_of(registry).error_count == 1


@pytest.mark.requirement("R-012", "R-139")
def test_a_plugin_that_overruns_its_limit_is_killed(registry: PluginRegistry, isolation: ProcessIsolation) -> None:
    from dataclasses import replace

    registry.register_hosted(replace(isolation.load("server.tests.live.plugins.ticking:PLUGIN"), timeout_seconds=0.5))
    runner = ToolRunner(registry, isolation)
    started = time.monotonic()
    result, envelope = runner.run("ticking", {"seconds": 10})
    assert time.monotonic() - started < 1.0
    assert (result, envelope["error"]["type"]) == ({}, "TimeoutError")
    assert isolation.pids() == set()
    assert status_of(registry, "ticking").state is LifecycleState.FAILED


@pytest.mark.requirement("R-004")
def test_the_schemas_of_a_plugin_in_a_process_are_applied_here(
    registry: PluginRegistry, isolation: ProcessIsolation
) -> None:
    from dataclasses import replace

    spec = isolation.load("server.tests.live.plugins.ticking:PLUGIN")
    registry.register_hosted(replace(spec, output_schema=NUMBER))
    runner = ToolRunner(registry, isolation)
    _, envelope = runner.run("ticking", {"seconds": "soon"})
    assert envelope["error"]["type"] == "ValidationError"
    assert status_of(registry, "ticking").state is LifecycleState.INITIALIZED
    _, envelope = runner.run("ticking", {"seconds": 0})
    assert envelope["error"]["details"]["problems"] == [{"path": "", "problem": "'n' is required"}]
    assert status_of(registry, "ticking").state is LifecycleState.FAILED


@pytest.mark.requirement("R-142", "R-144")
@pytest.mark.parametrize(
    ("category", "details", "payload", "failure"),
    [
        (None, {}, {"n": 1}, None),
        ("tool_error", {"exception": "ValueError"}, {"n": 1}, ValueError("x")),
        ("tool_error", {"step": 3}, {"n": 1}, PluginError("x", {"step": 3})),
        ("validation_error", {"field": "n"}, {"n": 1}, InputValidationError("x", {"field": "n"})),
        ("system_error", {"exception": "MemoryError"}, {"n": 1}, MemoryError()),
        ("tool_error", {"exception": "SystemExit"}, {"n": 1}, SystemExit(0)),
    ],
    ids=str,
)
def test_a_runs_handlers_are_called_at_every_end_and_know_how_it_ended(
    registry: PluginRegistry,
    runner: ToolRunner,
    caplog: pytest.LogCaptureFixture,
    category: str | None,
    details: dict[str, Any],
    payload: dict[str, Any],
    failure: BaseException | None,
) -> None:
    seen: list[Any] = []
    run = RunContext("job", attempt=2)

    def behave(given: dict[str, Any]) -> dict[str, Any]:
        inner = current_execution()
        inner.on_end(lambda: seen.append((inner.error_category, dict(inner.error_details), inner.recovery_attempted)))
        for broken in (SystemExit(1), ValueError("y"), KeyboardInterrupt()):
            inner.on_end(partial(raising(broken), {}))
        inner.on_end(lambda: seen.append("first"))
        if failure is not None:
            raise failure
        return given

    registry.register(SamplePlugin(behave))
    with execution_scope(run):
        runner.run("sample", payload)
        assert seen == ["first", (category, details, True)]
        runner.run("nobody", {})
    assert (run.error_category, len(seen)) == ("validation_error", 2)
    assert caplog.text.count("at its end failed") == 3
