"""Does nothing, inside the server."""

from typing import Any

from server.app.plugins.permit import GuardedPlugin
from server.app.plugins.plugin import PluginSpec


class NoopThread(GuardedPlugin):
    spec = PluginSpec(
        name="noop-thread",
        version="1",
        description="Does nothing.",
        input_schema={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
        output_schema={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
        isolation="thread",
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        return {"n": payload["n"]}


PLUGIN = NoopThread
