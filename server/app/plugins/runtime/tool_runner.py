"""The only place that runs a plugin.

Every execution goes through ``ToolRunner.run``: it checks what goes in, runs the plugin, checks what comes
out, turns every failure into an envelope, and always counts. A plugin that runs in a process of its own is
run there by the ToolRunner of that process.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from server.app.core.execution_context import current_execution
from server.app.plugins.errors.error_envelope import CATEGORIES, build_error_envelope
from server.app.plugins.errors.exceptions import (
    ErrorType,
    ExecutionLayerError,
    HostedPluginError,
    MissingDependency,
)
from server.app.plugins.isolation.isolation import Isolation
from server.app.plugins.lifecycle import LifecycleState
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.permit import permit_for
from server.app.plugins.plugin import Plugin
from server.app.plugins.validation.input_validator import validate_input_payload
from server.app.plugins.validation.output_validator import METADATA, validate_plugin_output

logger = logging.getLogger(__name__)


class ToolRunner:
    """One instance serves all threads. Without ``isolation`` every plugin runs in the calling thread."""

    def __init__(self, registry: PluginRegistry, isolation: Isolation | None = None) -> None:
        self._registry = registry
        self._isolation = isolation

    def run(self, plugin_name: str, payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run a plugin once: ``(result, {})`` or ``({}, envelope)``. Never raises.

        The result carries ``metadata`` with the plugin's name and the milliseconds it took.
        """
        started = time.perf_counter()
        state = LifecycleState.RUNNING
        had_error = True
        in_plugin = False
        run = current_execution()
        try:
            self._registry.begin(plugin_name)
            rules = self._registry.input_rules(plugin_name)
            # Where there are rules, it was not made for this call alone: the job keeps its payload.
            clean = validate_input_payload(payload, rules, apart=rules is not None)
            handle = self._registry.handle(plugin_name)
            output: object
            if self._isolation is not None and handle.spec.isolation == "process":
                with permit_for(handle.name, None):
                    output = self._isolation.call(handle.spec, clean, run.cancellation)
            else:
                plugin: Plugin = self._registry.unwrap(handle)
                in_plugin = True
                with permit_for(handle.name, plugin):
                    output = plugin.run(clean)
                in_plugin = False
            result = validate_plugin_output(output, handle.output_rules, allows_empty=handle.spec.allows_empty_result)
            state = LifecycleState.INITIALIZED
            had_error = False
            elapsed_ms = _milliseconds_since(started)
            _log(plugin_name, "success", elapsed_ms)
            measured = {"plugin": plugin_name, "execution_time_ms": elapsed_ms}
            return {**result, METADATA: {**result.get(METADATA, {}), **measured}}, {}
        except BaseException as failure:  # noqa: BLE001  # whatever a plugin raises becomes an envelope
            had_error = True
            state = _state_after(failure, in_plugin=in_plugin)
            envelope = build_error_envelope(failure, _text(plugin_name), in_plugin=in_plugin)
            error = envelope["error"]
            run.failed(CATEGORIES[ErrorType(error["type"])].lower(), error["details"])
            if state in (LifecycleState.FAILED, LifecycleState.UNAVAILABLE):
                self._registry.explain(plugin_name, error["message"])
            _log(plugin_name, error["type"], _milliseconds_since(started))
            logger.debug("%s", envelope["_internal"]["traceback"])
            return {}, envelope
        finally:
            self._registry.update_execution_metrics(plugin_name, state, _milliseconds_since(started), had_error)
            run.end()


def _state_after(failure: BaseException, *, in_plugin: bool) -> LifecycleState:
    """The state that a failure leaves the plugin in; RUNNING where it says nothing about the plugin."""
    if isinstance(failure, HostedPluginError):
        return failure.state
    if isinstance(failure, MissingDependency) or (in_plugin and isinstance(failure, ModuleNotFoundError)):
        return LifecycleState.UNAVAILABLE
    blamed = failure.blames_plugin if isinstance(failure, ExecutionLayerError) else in_plugin
    return LifecycleState.FAILED if blamed else LifecycleState.RUNNING


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000.0


def _text(plugin_name: object) -> str | None:
    return plugin_name if isinstance(plugin_name, str) else None


def _log(plugin_name: str, outcome: str, elapsed_ms: float) -> None:
    if not logger.isEnabledFor(logging.INFO):
        return
    fields = {"job_id": current_execution().job_id, "plugin": _text(plugin_name), "outcome": outcome}
    logger.info("execution ended", extra=fields | {"duration_ms": round(elapsed_ms, 1)})
