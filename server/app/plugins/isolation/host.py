"""The program inside a plugin process: loads one plugin, then answers requests until its pipe closes.

It runs the plugin through a ToolRunner of its own, so that here, too, nothing else calls a plugin.
Arguments: read descriptor, write descriptor, pid of the server, limits, reference of the plugin.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any, Final

from server.app.plugins.isolation.frames import read_frame, write_frame
from server.app.plugins.isolation.limits import Limits, confine_this_process
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.plugin import PluginSpec
from server.app.plugins.runtime.tool_runner import ToolRunner

MAX_TEXT: Final = 4000


class Host:
    """One plugin, loaded and ready."""

    def __init__(self, reference: str) -> None:
        module, _, attribute = reference.partition(":")
        kind = vars(importlib.import_module(module)).get(attribute)
        if not isinstance(kind, type):
            raise LookupError(f"module {module} names no class {attribute}")
        registry = PluginRegistry()
        self.spec: PluginSpec = registry.register(kind())
        self._registry = registry
        self._runner = ToolRunner(registry)

    def answer(self, request: bytes, result_bytes: int) -> bytes:
        """The answer to one request: its number, and result, error, traceback and state as JSON."""
        asked: dict[str, Any] = json.loads(request)
        result, envelope = self._runner.run(self.spec.name, asked["payload"])
        status = self._registry.status(self.spec.name)
        body = json.dumps(
            {
                "number": asked["number"],
                "result": result,
                "error": envelope.get("error", {}),
                "traceback": envelope.get("_internal", {}).get("traceback", ""),
                "state": status.state if status is not None else "",
            }
        ).encode("ascii")
        if len(body) <= result_bytes:
            return body
        return json.dumps({"number": asked["number"], "too_large": len(body)}).encode("ascii")


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
    while (request := read_frame(requests)) is not None:
        answer = host.answer(request, limits.result_bytes)
        if os.getpid() != pid:  # the plugin forked and its copy came back here
            os._exit(0)
        write_frame(answers, answer)


def main(arguments: list[str]) -> None:
    requests, answers, parent_pid = (int(argument) for argument in arguments[:3])
    limits = Limits.from_text(arguments[3])
    confine_this_process(limits, parent_pid)
    serve(arguments[4], limits, requests, answers)


if __name__ == "__main__":
    main(sys.argv[1:])
