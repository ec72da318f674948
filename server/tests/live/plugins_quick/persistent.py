"""A plugin whose executions may be repeated."""

import time
from typing import Any

from server.app.plugins.plugin import PluginSpec


class Persistent:
    spec = PluginSpec(
        name="persistent",
        version="0",
        description="Sleeps, and minds no repetition.",
        input_schema={"type": "object", "properties": {"seconds": {"type": "number"}}, "required": ["seconds"]},
        output_schema={"type": "object", "properties": {"slept": {"type": "number"}}, "required": ["slept"]},
        max_attempts=2,
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        time.sleep(payload["seconds"])
        return {"slept": payload["seconds"]}


PLUGIN = Persistent
