"""Writes a tick to a file ten times a second, for as long as it is let."""

import time
from pathlib import Path
from typing import Any

from server.app.plugins.plugin import PluginSpec


class Ticking:
    spec = PluginSpec(
        name="ticking",
        version="0",
        description="Takes its time, visibly.",
        input_schema={
            "type": "object",
            "properties": {"seconds": {"type": "number"}, "path": {"type": "string"}},
            "required": ["seconds"],
        },
        output_schema={"type": "object", "properties": {"ticks": {"type": "integer"}}, "required": ["ticks"]},
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        ticks = 0
        end = time.monotonic() + payload["seconds"]
        while time.monotonic() < end:
            if "path" in payload:
                with Path(payload["path"]).open("a", encoding="ascii") as file:
                    file.write(".")
            ticks += 1
            time.sleep(min(0.1, max(0.0, end - time.monotonic())))
        return {"ticks": ticks}


PLUGIN = Ticking
