"""Does nothing, in a process of its own."""

from typing import Any

from server.app.plugins.permit import GuardedPlugin
from server.app.plugins.plugin import PluginSpec


class NoopProcess(GuardedPlugin):
    spec = PluginSpec(
        name="noop-process",
        version="1",
        description="Does nothing.",
        input_schema={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
        output_schema={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
        isolation="process",
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        return {"n": payload["n"]}


PLUGIN = NoopProcess
