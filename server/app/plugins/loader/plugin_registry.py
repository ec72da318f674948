"""The one registry of this process: which plugins there are, how each fares, what its executions cost.

Thread-safe; counters are exact under concurrent executions.
"""

from __future__ import annotations

import functools
import logging
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from server.app.core.clock import utc_now
from server.app.plugins.errors.exceptions import PluginNotFound, PluginUnavailable
from server.app.plugins.lifecycle import LifecycleState, moved
from server.app.plugins.loader.contract import check_contract
from server.app.plugins.loader.metrics import MetricsStore, PluginMetrics
from server.app.plugins.plugin import Plugin, PluginSpec
from server.app.plugins.validation.schema_rules import SchemaRules

logger = logging.getLogger(__name__)


class DuplicatePlugin(ValueError):
    """Another plugin has this name already."""

    def __init__(self, plugin_name: str) -> None:
        super().__init__(f"the name {plugin_name!r} is taken by another plugin")


@dataclass(frozen=True)
class PluginStatus:
    """One plugin at one moment. Times in milliseconds are floats; ``last_outcome`` is success or error."""

    name: str
    state: LifecycleState
    description: str
    version: str
    reason: str | None
    uptime_seconds: float
    last_used: datetime | None
    last_outcome: str | None
    active_count: int
    success_count: int
    error_count: int
    last_execution_time_ms: float | None
    avg_execution_time_ms: float | None


@dataclass(frozen=True, slots=True)
class PluginHandle:
    """What everybody but ToolRunner has of a plugin that can be called: its description, and no way to run it."""

    spec: PluginSpec
    output_rules: SchemaRules | None

    @property
    def name(self) -> str:
        return self.spec.name


class _Entry:
    """``resting`` is the state between executions; while one is active the plugin shows as RUNNING."""

    def __init__(self, name: str, spec: PluginSpec | None, plugin: Plugin | None) -> None:
        self.name = name
        self.spec = spec
        self.plugin = plugin
        self.input_rules = SchemaRules(spec.input_schema) if spec else None
        self.handle = PluginHandle(spec, SchemaRules(spec.output_schema)) if spec else None
        self.resting = LifecycleState.LOADED
        self.reason: str | None = None
        self.since = time.monotonic()
        self.active = 0
        self.stored = PluginMetrics()  # over all processes, as far as the store has told
        self.sent = PluginMetrics()  # counted here and on its way to the store
        self.counted = PluginMetrics()  # counted here since

    @property
    def state(self) -> LifecycleState:
        if self.active and self.resting is not LifecycleState.UNAVAILABLE:
            return LifecycleState.RUNNING
        return self.resting

    def status(self) -> PluginStatus:
        metrics = self.stored.plus(self.sent).plus(self.counted)
        return PluginStatus(
            name=self.name,
            state=self.state,
            description=self.spec.description if self.spec else "",
            version=self.spec.version if self.spec else "",
            reason=self.reason,
            uptime_seconds=time.monotonic() - self.since,
            last_used=metrics.last_used,
            last_outcome=metrics.last_outcome,
            active_count=self.active,
            success_count=metrics.successes,
            error_count=metrics.errors,
            last_execution_time_ms=metrics.last_ms,
            avg_execution_time_ms=metrics.total_ms / metrics.runs if metrics.runs else None,
        )


class PluginRegistry:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    def register(self, plugin: Plugin, *, schemas_apply_elsewhere: bool = False) -> PluginSpec:
        """Take in a plugin that runs inside this process; from now on its ``run`` demands a permit.

        With ``schemas_apply_elsewhere`` only what holds for every plugin is checked of payloads and results.

        Raises:
            PluginContractError: it does not keep the contract.
            DuplicatePlugin: its name is taken.
        """
        spec = check_contract(plugin)
        entry = _Entry(spec.name, spec, plugin)
        if schemas_apply_elsewhere:
            entry.input_rules, entry.handle = None, PluginHandle(spec, None)
        self._add(entry, LifecycleState.INITIALIZED)
        return spec

    def register_hosted(self, spec: PluginSpec) -> None:
        """Take in a plugin that runs in processes of its own.

        Raises:
            DuplicatePlugin: its name is taken.
        """
        self._add(_Entry(spec.name, spec, None), LifecycleState.INITIALIZED)

    def register_unavailable(self, name: str, reason: str) -> None:
        """Keep a plugin visible that could not be loaded.

        Raises:
            DuplicatePlugin: the name is taken.
        """
        entry = _Entry(name, None, None)
        entry.reason = reason
        self._add(entry, LifecycleState.UNAVAILABLE)

    def _add(self, entry: _Entry, state: LifecycleState) -> None:
        with self._lock:
            if entry.name in self._entries:
                raise DuplicatePlugin(entry.name)
            entry.resting = moved(entry.name, entry.resting, state)
            self._entries[entry.name] = entry

    def clear(self) -> None:
        """Forget everything, as before start-up."""
        with self._lock:
            self._entries.clear()

    def handle(self, plugin_name: str) -> PluginHandle:
        """A plugin that can be called.

        Raises:
            PluginNotFound, PluginUnavailable: it cannot.
        """
        with self._lock:
            entry = self._find(plugin_name)
            if entry is None:
                raise PluginNotFound(str(plugin_name), sorted(self._entries))
            if entry.handle is None or entry.resting is LifecycleState.UNAVAILABLE:
                raise PluginUnavailable(plugin_name, entry.reason or "no reason is known")
            return entry.handle

    def input_rules(self, plugin_name: str) -> SchemaRules | None:
        """The compiled input schema; ``None`` for a plugin that is unknown or has none."""
        with self._lock:
            entry = self._find(plugin_name)
            return entry.input_rules if entry is not None else None

    def unwrap(self, handle: PluginHandle) -> Plugin:
        """The plugin itself, if it runs inside this process. For ToolRunner alone.

        Raises:
            PluginUnavailable: it runs elsewhere, or is no longer what the handle was given for.
        """
        with self._lock:
            entry = self._find(handle.name)
            plugin = entry.plugin if entry is not None and entry.handle is handle else None
        if plugin is None:
            raise PluginUnavailable(handle.name, "it runs in a process of its own only")
        return plugin

    def _find(self, plugin_name: object) -> _Entry | None:
        return self._entries.get(plugin_name) if isinstance(plugin_name, str) else None

    def begin(self, plugin_name: str) -> None:
        """An execution starts; ``update_execution_metrics`` must follow. An unknown plugin is left to it."""
        with self._lock:
            entry = self._find(plugin_name)
            if entry is not None:
                entry.active += 1

    def explain(self, plugin_name: str, reason: str) -> None:
        """Say why a plugin is FAILED or UNAVAILABLE."""
        with self._lock:
            entry = self._find(plugin_name)
            if entry is not None:
                entry.reason = reason

    def update_execution_metrics(
        self, plugin_name: str, state: LifecycleState | str, elapsed_ms: float, had_error: bool
    ) -> None:
        """An execution has ended: count it, and leave the plugin in ``state``.

        RUNNING is no verdict: the plugin keeps the state it had. UNAVAILABLE ends only with a new
        registration, so executions that were still active then change it no more. An unknown plugin is logged.

        Raises:
            ValueError: ``state`` is no lifecycle state, or ``elapsed_ms`` is no duration.
            IllegalTransition: the plugin cannot get into that state.
        """
        verdict = _lifecycle_state(state)
        if not (math.isfinite(elapsed_ms) and elapsed_ms >= 0):
            raise ValueError(f"elapsed_ms must be a duration of 0 or more, got {elapsed_ms!r}")
        with self._lock:
            entry = self._find(plugin_name)
            if entry is None:
                logger.warning("an execution of the unknown plugin %r is not counted", plugin_name)
                return
            before = entry.state
            if before is not LifecycleState.UNAVAILABLE and verdict not in (LifecycleState.RUNNING, before):
                entry.resting = moved(plugin_name, before, verdict)
                entry.reason = None if verdict is LifecycleState.INITIALIZED else entry.reason
            entry.active = max(0, entry.active - 1)
            outcome = "error" if had_error else "success"
            entry.counted = entry.counted.with_one(elapsed_ms, utc_now(), outcome, had_error=had_error)

    def synchronise(self, store: MetricsStore) -> None:
        """Hand over what was counted here since the last time, and learn what all processes counted together.

        What cannot be handed over is kept for the next time. By one thread at a time.
        """
        with self._lock:
            for entry in self._entries.values():
                entry.sent, entry.counted = entry.counted, PluginMetrics()
            sent = {name: entry.sent for name, entry in self._entries.items() if entry.sent.runs}
        sums: Mapping[str, PluginMetrics] | None = None
        try:
            sums = store.add(sent)
        finally:
            with self._lock:
                for name, entry in self._entries.items():
                    if sums is None:
                        entry.counted = entry.sent.plus(entry.counted)
                    else:
                        entry.stored = sums.get(name, entry.stored)
                    entry.sent = PluginMetrics()

    def status(self, plugin_name: str) -> PluginStatus | None:
        with self._lock:
            entry = self._find(plugin_name)
            return entry.status() if entry is not None else None

    def state(self, plugin_name: str) -> LifecycleState | None:
        with self._lock:
            entry = self._find(plugin_name)
            return entry.state if entry is not None else None

    def statuses(self) -> list[PluginStatus]:
        """All plugins, by name."""
        with self._lock:
            return [self._entries[name].status() for name in sorted(self._entries)]


def _lifecycle_state(state: LifecycleState | str) -> LifecycleState:
    if isinstance(state, LifecycleState):
        return state
    try:
        return LifecycleState(state)
    except ValueError:
        raise ValueError(f"{state!r} is no lifecycle state; there are {', '.join(LifecycleState)}") from None


@functools.cache
def get_registry() -> PluginRegistry:
    """The registry of this process."""
    return PluginRegistry()
