"""Runs inside the server and leaves a line in a file when it has done its work, so that it can be counted."""

import os
import time
from typing import Any

from server.app.plugins.plugin import PluginSpec

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "key": {"type": "string"}, "seconds": {"type": "number"}},
    "required": ["path", "key", "seconds"],
}


class Marking:
    spec = PluginSpec(
        name="marking",
        version="1",
        description="Leaves a mark.",
        input_schema=_SCHEMA,
        output_schema={"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]},
        isolation="thread",
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        time.sleep(payload["seconds"])
        file = os.open(payload["path"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(file, f"{payload['key']}\n".encode("ascii"))
        finally:
            os.close(file)
        return {"key": payload["key"]}


PLUGIN = Marking
