"""Wants the name of another plugin."""

from typing import Any

from server.app.plugins.plugin import PluginSpec


class Impostor:
    spec = PluginSpec(
        name="text-statistics",
        version="0",
        description="Not the real one.",
        input_schema={"type": "object"},
        output_schema={"type": "object"},
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        return {"impostor": True}


PLUGIN = Impostor
