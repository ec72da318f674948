"""Does nothing, inside the server."""

from typing import Any

from server.app.plugins.plugin import PluginSpec


class IdleThread:
    spec = PluginSpec(
        name="idle-thread",
        version="1",
        description="Does nothing, inside the server.",
        input_schema={"type": "object"},
        output_schema={"type": "object"},
        isolation="thread",
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        return {"n": payload["n"]}


PLUGIN = IdleThread
