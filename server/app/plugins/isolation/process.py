"""Plugins in warm processes: each serves one plugin, one call at a time, and is killed when a call overruns."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from server.app.core.execution_context import Cancellation
from server.app.plugins.errors.exceptions import (
    ExecutionCancelled,
    ExecutionTimeout,
    LimitExceeded,
    PluginProcessDied,
)
from server.app.plugins.isolation.answer import ANSWER_KEYS, clean_text, failure_in, json_object
from server.app.plugins.isolation.child import AnswerTooLarge, Child, ChildEnded, ChildTimeout
from server.app.plugins.isolation.isolation import PluginLoadError
from server.app.plugins.isolation.limits import Limits
from server.app.plugins.loader.contract import schema_problems
from server.app.plugins.plugin import PluginSpec
from server.app.plugins.validation.json_text import as_json

_MEGABYTE: Final = 1024 * 1024
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")


@dataclass(frozen=True)
class ProcessSettings:
    """``environment`` names the variables that plugins may see beside those every program needs."""

    timeout_seconds: float = 300.0
    start_seconds: float = 10.0
    memory_mb: int = 1024
    result_bytes: int = 16 * _MEGABYTE
    idle_per_plugin: int = 4
    environment: tuple[str, ...] = ()


class ProcessIsolation:
    """Thread-safe. Processes are started by one thread that lives as long as this object, because the
    kernel ends a process of ours when the thread that started it ends."""

    def __init__(self, settings: ProcessSettings, environ: Mapping[str, str], import_path: Iterable[str]) -> None:
        self._settings = settings
        path = os.pathsep.join(str(Path(entry).absolute()) for entry in import_path)
        names = (*_INHERITED, *settings.environment)
        self._environment = {name: environ[name] for name in names if name in environ} | {"PYTHONPATH": path}
        self._folder = tempfile.TemporaryDirectory(prefix="cts-plugins-")
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="plugin-starter")
        self._lock = threading.Lock()
        self._references: dict[str, str] = {}
        self._idle: dict[str, list[Child]] = {}
        self._busy: set[Child] = set()
        self._closed = False

    def load(self, reference: str) -> PluginSpec:
        limits = self._limits(None)
        child = self._spawn(reference, limits)
        try:
            spec = self._introduction(child)
        except BaseException:
            self._discard(child)
            raise
        with self._lock:
            taken = self._references.setdefault(spec.name, reference) != reference
        if taken or spec.memory_mb is not None or spec.isolation != "process":
            self._discard(child)  # its limits are not the ones that the plugin will run under
        else:
            self._release(spec.name, child)
        return spec

    def call(self, spec: PluginSpec, payload: dict[str, Any], cancellation: Cancellation) -> Any:
        seconds = min(spec.timeout_seconds or self._settings.timeout_seconds, self._settings.timeout_seconds)
        child = self._acquire(spec)
        try:
            with cancellation.armed(child.kill):
                answer = self._ask(child, payload, time.monotonic() + seconds)
        except ChildTimeout:
            self._discard(child)
            raise ExecutionTimeout(seconds) from None
        except AnswerTooLarge:
            self._discard(child)
            raise self._too_large() from None
        except ChildEnded as ended:
            self._discard(child)
            if cancellation.requested:
                raise ExecutionCancelled from None
            raise PluginProcessDied(f"the plugin's process ended without an answer: {ended}") from None
        except BaseException:
            self._discard(child)
            raise
        if cancellation.requested:
            self._discard(child)
            raise ExecutionCancelled
        self._release(spec.name, child)
        if "too_large" in answer:
            raise self._too_large()
        failure = failure_in(answer)
        if failure is not None:
            raise failure
        return answer["result"]

    def close(self) -> None:
        """End every process; calls that are under way fail with ``PluginProcessDied``."""
        with self._lock:
            self._closed = True
            idle = [child for children in self._idle.values() for child in children]
            self._idle.clear()
            busy = list(self._busy)
        for child in busy:
            child.kill()
        for child in idle:
            child.end(grace=0.5)
        self._starter.shutdown()
        self._folder.cleanup()

    def pids(self) -> set[int]:
        """The plugin processes there are."""
        with self._lock:
            return {child.pid for child in (*self._busy, *(child for group in self._idle.values() for child in group))}

    def _limits(self, spec: PluginSpec | None) -> Limits:
        memory_mb = self._settings.memory_mb
        if spec is not None and spec.memory_mb is not None:
            memory_mb = min(spec.memory_mb, memory_mb)
        return Limits(memory_mb * _MEGABYTE, self._settings.result_bytes)

    def _too_large(self) -> LimitExceeded:
        limit = self._settings.result_bytes
        return LimitExceeded(f"the plugin's result is larger than {limit} bytes", {"limit_bytes": limit})

    def _spawn(self, reference: str, limits: Limits) -> Child:
        child = self._starter.submit(Child, reference, limits, self._environment, self._folder.name).result()
        with self._lock:
            self._busy.add(child)
        return child

    def _introduction(self, child: Child) -> PluginSpec:
        """The spec in the first frame of a new process; raises ``PluginLoadError``."""
        seconds = self._settings.start_seconds
        try:
            hello = json_object(child.receive(time.monotonic() + seconds))
        except ChildTimeout:
            raise PluginLoadError(f"loading it took longer than {seconds:g} s") from None
        except (ChildEnded, AnswerTooLarge, ValueError) as error:
            raise PluginLoadError(f"its process ended while it was loaded: {error}") from None
        if "spec" not in hello:
            raise PluginLoadError(clean_text(hello.get("reason")) or "no reason was given")
        try:
            spec = PluginSpec.from_json(as_json(hello["spec"]))
        except (TypeError, ValueError) as error:
            raise PluginLoadError(f"its description is wrong: {error}") from None
        problems = schema_problems(spec)
        if problems:
            raise PluginLoadError("; ".join(problems))
        return spec

    def _acquire(self, spec: PluginSpec) -> Child:
        while True:
            with self._lock:
                if self._closed:
                    raise PluginProcessDied("the server is stopping")
                waiting = self._idle.get(spec.name)
                child = waiting.pop() if waiting else None
                if child is not None:
                    self._busy.add(child)
            if child is None:
                break
            if child.is_ready():
                return child
            self._discard(child)
        child = self._spawn(self._references[spec.name], self._limits(spec))
        try:
            self._introduction(child)
        except BaseException as error:
            self._discard(child)
            if isinstance(error, PluginLoadError):
                raise PluginProcessDied(f"the plugin could not be started: {error}") from None
            raise
        return child

    def _ask(self, child: Child, payload: dict[str, Any], deadline: float) -> dict[str, Any]:
        child.asked += 1
        child.send(json.dumps({"number": child.asked, "payload": payload}).encode("ascii"), deadline)
        try:
            answer = json_object(child.receive(deadline))
        except ValueError:
            raise PluginProcessDied("the plugin's process answered something that is not JSON") from None
        if answer.get("number") != child.asked or not ("too_large" in answer or answer.keys() >= ANSWER_KEYS):
            raise PluginProcessDied("the plugin's process answered something that was not asked")
        return answer

    def _release(self, name: str, child: Child) -> None:
        with self._lock:
            self._busy.discard(child)
            waiting = self._idle.setdefault(name, [])
            keep = not self._closed and len(waiting) < self._settings.idle_per_plugin
            if keep:
                waiting.append(child)
        if not keep:
            child.end()

    def _discard(self, child: Child) -> None:
        with self._lock:
            self._busy.discard(child)
        child.end()


def process_isolation(settings: ProcessSettings) -> ProcessIsolation:
    """Isolation with this process's environment and import path."""
    return ProcessIsolation(settings, os.environ, sys.path)
