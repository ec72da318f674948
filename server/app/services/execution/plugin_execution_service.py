"""Third layer of an execution: chooses the plugin and hands it to ToolRunner."""

from __future__ import annotations

from typing import Any

from server.app.plugins.runtime.tool_runner import ToolRunner


class PluginExecutionService:
    def __init__(self, runner: ToolRunner) -> None:
        self._runner = runner

    def execute(self, plugin_name: str, payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """``(result, {})`` or ``({}, envelope)``. Never raises: ToolRunner has wrapped whatever happened."""
        return self._runner.run(plugin_name, payload)
