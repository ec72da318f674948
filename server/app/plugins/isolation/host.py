"""The program inside a plugin process: loads one plugin, then answers requests until its pipe closes.

It runs the plugin through a ToolRunner of its own, so that here, too, nothing else calls a plugin.
Arguments: read descriptor, write descriptor, pid of the server, limits, confinement, reference of the plugin.
"""

from __future__ import annotations

import _thread
import importlib
import json
import os
import sys
from typing import Any, Final

from server.app.core.execution_context import RunContext, execution_scope
from server.app.plugins.isolation.confinement import Confinement
from server.app.plugins.isolation.descendants import adopt_orphans
from server.app.plugins.isolation.frames import frames, write_frame
from server.app.plugins.isolation.limits import Limits, limit_this_process
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.permit import UngovernedRun
from server.app.plugins.plugin import PluginSpec
from server.app.plugins.runtime.tool_runner import ToolRunner

MAX_TEXT: Final = 4000
_NICE: Final = 10


class Host:
    """One plugin, loaded and ready."""

    def __init__(self, reference: str) -> None:
        module, _, attribute = reference.partition(":")
        kind = vars(importlib.import_module(module)).get(attribute)
        if not isinstance(kind, type):
            raise LookupError(f"module {module} names no class {attribute}")
        registry = PluginRegistry()
        # The server has checked the payload by the plugin's schema, and will check the result, whatever is said here.
        self.spec: PluginSpec = registry.register(kind(), schemas_apply_elsewhere=True)
        self._registry = registry
        self._runner = ToolRunner(registry)
        self._threads = _thread._count()
        self._last_ticket = ""

    def answer(self, request: bytes, result_bytes: int) -> bytes:
        """The answer to one request: its ticket, and result, error, traceback and state as JSON.

        ``idle`` says that the plugin left no thread behind. Raises ``UngovernedRun`` if the request comes
        without a ticket of its own, so not from a ToolRunner.
        """
        asked: dict[str, Any] = json.loads(request)
        ticket = asked.get("ticket")
        if not isinstance(ticket, str) or ticket in ("", self._last_ticket):
            raise UngovernedRun(f"plugin {self.spec.name!r}")
        self._last_ticket = ticket
        with execution_scope(RunContext(**asked.get("run", {}))):
            result, envelope = self._runner.run(self.spec.name, asked["payload"])
        state = self._registry.state(self.spec.name)
        body = json.dumps(
            {
                "ticket": ticket,
                "idle": _thread._count() <= self._threads,
                "result": result,
                "error": envelope.get("error", {}),
                "traceback": envelope.get("_internal", {}).get("traceback", ""),
                "state": "" if state is None else state,
            }
        ).encode("ascii")
        if len(body) <= result_bytes:
            return body
        return json.dumps({"ticket": ticket, "idle": False, "too_large": len(body)}).encode("ascii")


def reason_of(failure: BaseException) -> str:
    """Why a plugin could not be loaded, in one line."""
    try:
        text = " ".join(str(failure).split())
    except Exception:  # noqa: BLE001  # a foreign exception's __str__ may raise
        text = ""
    return f"{type(failure).__name__}: {text}"[:MAX_TEXT].removesuffix(": ")


def serve(reference: str, limits: Limits, requests: int, answers: int) -> None:
    """Load, report the spec or the reason against it, then answer until ``requests`` is closed."""
    try:
        host = Host(reference)
        hello = {"spec": host.spec.to_json()}
        text = json.dumps(hello).encode("ascii")
    except BaseException as failure:  # noqa: BLE001  # an import may raise anything, SystemExit included
        write_frame(answers, json.dumps({"reason": reason_of(failure)}).encode("ascii"))
        return
    write_frame(answers, text)
    pid = os.getpid()
    for request in frames(requests):
        answer = host.answer(request, limits.result_bytes)
        if os.getpid() != pid:  # the plugin forked and its copy came back here
            os._exit(0)
        write_frame(answers, answer)


def main(arguments: list[str]) -> None:
    requests, answers, parent_pid = (int(argument) for argument in arguments[:3])
    limits = Limits.from_text(arguments[3])
    limit_this_process(limits, parent_pid)
    adopt_orphans()
    try:
        confinement = Confinement.from_text(arguments[4])
        if confinement.allows_processes:
            os.nice(_NICE)  # many processes of a plugin must not keep the server from counting them
        confinement.apply()
    except OSError as failure:
        write_frame(answers, json.dumps({"reason": f"its process cannot be confined: {failure}"}).encode("ascii"))
        return
    serve(arguments[5], limits, requests, answers)


if __name__ == "__main__":
    main(sys.argv[1:])
