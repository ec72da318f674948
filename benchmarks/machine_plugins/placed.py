"""Says where it runs, and that it still does."""

import os
import time
from pathlib import Path
from typing import Any

from server.app.plugins.plugin import PluginSpec


class Placed:
    spec = PluginSpec(
        name="placed",
        version="1",
        description="Leaves its process id in a file, and then a tick in another one ten times a second.",
        input_schema={
            "type": "object",
            "properties": {"path": {"type": "string"}, "seconds": {"type": "number"}},
            "required": ["path", "seconds"],
        },
        output_schema={"type": "object", "properties": {"pid": {"type": "integer"}}, "required": ["pid"]},
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        pid = os.getpid()
        with Path(payload["path"]).open("a", encoding="ascii") as file:
            file.write(f"{pid}\n")
        end = time.monotonic() + payload["seconds"]
        while time.monotonic() < end:
            with Path(f"{payload['path']}.{pid}").open("a", encoding="ascii") as file:
                file.write(".")
            time.sleep(0.1)
        return {"pid": pid}


PLUGIN = Placed
