"""Plugins in warm processes: each serves one plugin, one call at a time, and is killed when a call overruns."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from server.app.core.execution_context import Cancellation, current_execution
from server.app.core.trace import current_trace
from server.app.plugins.errors.exceptions import (
    ExecutionCancelled,
    ExecutionTimeout,
    LimitExceeded,
    PluginProcessDied,
)
from server.app.plugins.isolation.answer import ANSWER_KEYS, failure_in, json_object
from server.app.plugins.isolation.child import (
    AnswerTooLarge,
    Child,
    ChildEnded,
    ChildTimeout,
    Launch,
    TooManyProcesses,
)
from server.app.plugins.isolation.confinement import NOTHING, Confinement, grants, kernel_offer
from server.app.plugins.isolation.descendants import adopt_orphans, end_orphans
from server.app.plugins.isolation.import_path import import_path
from server.app.plugins.isolation.introduction import introduction
from server.app.plugins.isolation.isolation import PluginLoadError, PluginLoadKilled
from server.app.plugins.isolation.limits import Limits
from server.app.plugins.isolation.process_settings import MEGABYTE, ProcessSettings
from server.app.plugins.isolation.scratch import Scratch
from server.app.plugins.isolation.scratch_root import ScratchRoot
from server.app.plugins.permit import demand_ticket
from server.app.plugins.plugin import PluginSpec

_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
_LOADS: Final = 3
"""A plugin is judged by how it loads once, for as long as the server lives. One whose process somebody kills meanwhile,
as the system does when memory is short, is loaded again."""


class ProcessIsolation:
    """Thread-safe. Processes are started by one thread that lives as long as this object, because the
    kernel ends a process of ours when the thread that started it ends."""

    def __init__(self, settings: ProcessSettings, environ: Mapping[str, str], import_path: Iterable[str]) -> None:
        self._settings = settings
        self._import_path = [str(Path(entry).absolute()) for entry in import_path]
        self._offer = kernel_offer() if settings.confined else NOTHING
        path = os.pathsep.join(self._import_path)
        names = (*_INHERITED, *settings.environment)
        self._environment = {name: environ[name] for name in names if name in environ} | {"PYTHONPATH": path}
        self._scratch = ScratchRoot()
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="plugin-starter")
        self._lock = threading.Lock()
        self._references: dict[str, str] = {}
        self._idle: dict[str, list[Child]] = {}
        self._busy: set[Child] = set()
        self._closed = False
        adopt_orphans()

    def gaps(self) -> list[str]:
        """What plugins are not kept from on this machine, in words; empty if everything holds."""
        return self._offer.missing() if self._settings.confined else ["confinement is switched off by a setting"]

    def load(self, reference: str) -> PluginSpec:
        for _ in range(_LOADS - 1):
            with suppress(PluginLoadKilled):
                return self._loaded(reference)
        return self._loaded(reference)

    def _loaded(self, reference: str) -> PluginSpec:
        child = self._spawn(reference, None)
        try:
            spec = introduction(child, self._settings)
        except BaseException:
            self._discard(child)
            raise
        with self._lock:
            taken = self._references.setdefault(spec.name, reference) != reference
        if taken or spec.memory_mb is not None or spec.needs or spec.isolation != "process":
            self._discard(child)  # its limits are not the ones that the plugin will run under
        else:
            self._release(spec.name, child)
        return spec

    def call(self, spec: PluginSpec, payload: dict[str, Any], cancellation: Cancellation) -> Any:
        ticket = demand_ticket(spec.name)
        seconds = min(spec.timeout_seconds or self._settings.timeout_seconds, self._settings.timeout_seconds)
        cpu_seconds = min(spec.cpu_seconds or self._settings.cpu_seconds, self._settings.cpu_seconds)
        child = self._acquire(spec)
        try:
            child.limit_cpu(cpu_seconds)
            with cancellation.armed(child.kill):
                answer = self._ask(child, ticket, payload, seconds)
        except ChildTimeout:
            self._discard(child)
            raise ExecutionTimeout(seconds) from None
        except AnswerTooLarge:
            self._discard(child)
            raise self._too_large() from None
        except TooManyProcesses:
            self._discard(child)
            most = self._settings.processes
            raise LimitExceeded(f"the plugin started more than {most} processes", {"limit_processes": most}) from None
        except ChildEnded as ended:
            self._discard(child)
            if cancellation.requested:
                raise ExecutionCancelled from None
            if ended.used_up_cpu:
                text = f"the plugin used more than {cpu_seconds} s of processor time"
                raise LimitExceeded(text, {"limit_cpu_seconds": cpu_seconds}) from None
            raise PluginProcessDied(f"the plugin's process ended without an answer: {ended}") from None
        except BaseException:
            self._discard(child)
            raise
        if cancellation.requested:
            self._discard(child)
            raise ExecutionCancelled
        if answer.get("idle") is True and child.is_tidy():
            self._release(spec.name, child)
        else:
            self._discard(child)  # what the call left behind ends with its process
        if "too_large" in answer:
            raise self._too_large()
        failure = failure_in(answer)
        if failure is not None:
            raise failure
        return answer["result"]

    def close(self) -> None:
        """End every process; calls that are under way fail with ``PluginProcessDied``."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            idle = [child for children in self._idle.values() for child in children]
            self._idle.clear()
            busy = list(self._busy)
        for child in busy:
            child.kill()
        for child in idle:
            child.end(grace=0.5)
        self._starter.submit(self._end_orphans, {pid for child in idle for pid in child.killed})
        self._starter.shutdown()
        self._scratch.close()

    def end_idle(self) -> None:
        """End the processes that are not needed any more; to be called now and then.

        They are not ended as soon as a call is over: under load the next one would start them again, and a start costs
        the processor as much as hundreds of calls.
        """
        before = time.monotonic() - self._settings.idle_seconds
        unneeded: list[Child] = []
        with self._lock:
            for children in self._idle.values():  # the one that was used last is at the end, and is used next
                surplus = children[: max(0, len(children) - self._settings.idle_per_plugin)]
                old = [child for child in surplus if child.idle_since < before]
                children[:] = children[len(old) :]
                unneeded += old
        for child in unneeded:
            child.end()

    def pids(self) -> set[int]:
        """The plugin processes there are."""
        with self._lock:
            return {child.pid for child in (*self._busy, *(child for group in self._idle.values() for child in group))}

    def _too_large(self) -> LimitExceeded:
        limit = self._settings.result_bytes
        return LimitExceeded(f"the plugin's result is larger than {limit} bytes", {"limit_bytes": limit})

    def _spawn(self, reference: str, spec: PluginSpec | None) -> Child:
        """A new process, busy; raises ``OSError`` where there can be no more."""
        return self._starter.submit(self._start, reference, spec).result()

    def _start(self, reference: str, spec: PluginSpec | None) -> Child:
        """Only by the starter's thread, so that no process is new while orphans are looked for."""
        self._scratch.restore()
        scratch = Scratch(self._scratch.path)
        try:
            child = Child(self._launch(reference, spec, scratch.path), scratch)
        except BaseException:
            scratch.remove()
            raise
        with self._lock:
            self._busy.add(child)
        return child

    def _launch(self, reference: str, spec: PluginSpec | None, folder: str) -> Launch:
        settings = self._settings
        memory_mb = min((spec.memory_mb if spec else None) or settings.memory_mb, settings.memory_mb)
        limits = Limits(memory_mb * MEGABYTE, settings.result_bytes, settings.processes)
        needs = spec.needs if spec else ()
        reach = grants(
            self._import_path,
            read=settings.read_paths,
            write=(*settings.write_paths, Path(folder)),
            private=settings.private_paths,
            needs=needs,
        )
        return Launch(reference, limits, Confinement(self._offer, reach, needs), self._environment, folder)

    def _end_orphans(self, dying: set[int]) -> None:
        end_orphans(self.pids(), dying)

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
        child = self._spawn(self._references[spec.name], spec)
        try:
            introduction(child, self._settings)
        except BaseException as error:
            self._discard(child)
            if isinstance(error, PluginLoadError):
                raise PluginProcessDied(f"the plugin could not be started: {error}") from None
            raise
        return child

    def _ask(self, child: Child, ticket: str, payload: dict[str, Any], seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        request = {"ticket": ticket, "payload": payload, "run": _told(seconds)}
        child.send(json.dumps(request).encode("ascii"), deadline)
        try:
            answer = json_object(child.receive(deadline))
        except ValueError:
            raise PluginProcessDied("the plugin's process answered something that is not JSON") from None
        if answer.get("ticket") != ticket or not ("too_large" in answer or answer.keys() >= ANSWER_KEYS):
            raise PluginProcessDied("the plugin's process answered something that was not asked")
        return answer

    def _release(self, name: str, child: Child) -> None:
        with self._lock:
            self._busy.discard(child)
            keep = not self._closed
            if keep:
                child.idle_since = time.monotonic()
                self._idle.setdefault(name, []).append(child)
        if not keep:
            child.end()

    def _discard(self, child: Child) -> None:
        child.end()
        with self._lock:
            self._busy.discard(child)
        if child.may_have_children and not self._closed:
            self._starter.submit(self._end_orphans, child.killed).result()


def _told(seconds: float) -> dict[str, Any]:
    """What the plugin's process hears of the run."""
    run, trace = current_execution(), current_trace()
    traceparent = trace.header() if trace else None
    return {"job_id": run.job_id, "attempt": run.attempt, "timeout_seconds": seconds, "traceparent": traceparent}


def process_isolation(settings: ProcessSettings, modules: Iterable[str] = ()) -> ProcessIsolation:
    """Isolation with this process's environment and import path; ``modules`` are those of the plugins."""
    path = import_path(("server", *modules), os.environ.get("PYTHONPATH", ""))
    return ProcessIsolation(settings, os.environ, path)
