"""The governed path: analysis, then job, then plugin execution service, then ToolRunner."""

from server.app.services.execution.analysis_execution_service import AnalysisExecutionService
from server.app.services.execution.job_execution_service import JobExecutionService
from server.app.services.execution.plugin_execution_service import PluginExecutionService

__all__ = ["AnalysisExecutionService", "JobExecutionService", "PluginExecutionService"]
