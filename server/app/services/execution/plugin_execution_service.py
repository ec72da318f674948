"""Third layer of an execution: chooses the plugin, hands it to ToolRunner, and has its failures kept."""

from __future__ import annotations

from typing import Any

from server.app.core.execution_context import current_execution
from server.app.plugins.runtime.tool_runner import ToolRunner
from server.app.services.error_log_service import ErrorLogService


class PluginExecutionService:
    """Without an error log the failures are in the job and in the server's log alone."""

    def __init__(self, runner: ToolRunner, errors: ErrorLogService | None = None) -> None:
        self._runner = runner
        self._errors = errors

    def execute(self, plugin_name: str, payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """``(result, {})`` or ``({}, envelope)``. Never raises: ToolRunner has wrapped whatever happened."""
        result, envelope = self._runner.run(plugin_name, payload)
        if envelope and self._errors is not None:
            job_id = current_execution().job_id
            envelope = self._errors.noted(envelope, component=f"plugin {plugin_name}", job_id=job_id)
        return result, envelope
