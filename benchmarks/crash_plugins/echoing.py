"""Runs in a process of its own, which the crash runs kill, and may be repeated."""

import time
from typing import Any

from server.app.plugins.plugin import PluginSpec


class Echoing:
    spec = PluginSpec(
        name="echoing",
        version="1",
        description="Gives back its key.",
        input_schema={
            "type": "object",
            "properties": {"key": {"type": "string"}, "seconds": {"type": "number"}},
            "required": ["key", "seconds"],
        },
        output_schema={"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]},
        max_attempts=3,
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        time.sleep(payload["seconds"])
        return {"key": payload["key"]}


PLUGIN = Echoing
