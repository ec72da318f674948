"""What the API takes and gives, as models; they make the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from server.app.error_log.record import ErrorRecord
from server.app.jobs.job import Job, JobSummary
from server.app.jobs.state import JobState
from server.app.plugins.errors.error_report import MOST_ACTIONS, ErrorReport
from server.app.plugins.errors.exceptions import ErrorType
from server.app.plugins.lifecycle import LifecycleState
from server.app.plugins.loader.plugin_registry import PluginStatus
from server.app.plugins.validation.input_validator import IMAGE_RULES

_EXAMPLE_IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"

NO_NUL: Final = r"^[^\x00]*$"
"""What a text must be to be looked for in every database."""


class ExecutionRequest(BaseModel):
    """Which plugin to execute, on what.

    An image plugin gets ``image`` and ``mime_type``, and its options, if any, in ``payload``. Every other
    plugin gets its whole input in ``payload``. The plugin's own input schema decides what is valid.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"plugin": "image-analysis", "image": _EXAMPLE_IMAGE, "mime_type": "image/png"},
                {"plugin": "text-statistics", "payload": {"text": "Short words. Clear thoughts."}},
            ]
        },
    )

    plugin: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="The name of the plugin.")
    image: str | None = Field(default=None, description="The bytes of the image file, as base64.")
    mime_type: str | None = Field(default=None, description="The media type of the image, for example image/png.")
    payload: dict[str, Any] | None = Field(default=None, description="The input of a plugin that takes no image.")

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        if self.image is None and self.mime_type is None:
            if self.payload is None:
                raise ValueError("either image and mime_type, or payload, is required")
            return self
        given = {"image": self.image, "mime_type": self.mime_type}
        problems = IMAGE_RULES.problems({key: value for key, value in given.items() if value is not None})
        if problems:
            raise ValueError("; ".join(f"{problem['path']} {problem['problem']}".strip() for problem in problems))
        if self.payload is not None and given.keys() & self.payload.keys():
            raise ValueError("image and mime_type must not be given twice")
        return self

    def plugin_payload(self) -> dict[str, Any]:
        """What the plugin gets."""
        if self.image is None:
            return self.payload or {}
        return {**(self.payload or {}), "image": self.image, "mime_type": self.mime_type}


class ErrorBody(BaseModel):
    type: ErrorType
    message: str
    details: dict[str, Any]
    plugin: str | None
    timestamp: datetime


class ErrorEnvelope(BaseModel):
    """The body of every answer that is not a success."""

    error: ErrorBody


class ExecutionResponse(BaseModel):
    plugin: str
    result: dict[str, Any]
    job_id: str
    status: JobState


class SubmissionResponse(BaseModel):
    job_id: str


class JobView(BaseModel):
    id: str
    plugin: str
    status: JobState
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, job: JobSummary) -> Self:
        return cls(id=job.id, plugin=job.plugin, status=job.state, created_at=job.created_at, updated_at=job.updated_at)


class JobResponse(BaseModel):
    job: JobView


class JobListResponse(BaseModel):
    """``count`` is the number of jobs on this page; a page that is not full is the last."""

    jobs: list[JobView]
    count: int


class JobResultResponse(BaseModel):
    """``error`` is empty for a job that succeeded, ``result`` for one that failed."""

    job_id: str
    plugin: str
    status: JobState
    result: dict[str, Any]
    error: dict[str, Any]
    created_at: datetime
    completed_at: datetime | None

    @classmethod
    def of(cls, job: Job) -> Self:
        return cls(
            job_id=job.id,
            plugin=job.plugin,
            status=job.state,
            result=job.result,
            error=job.error,
            created_at=job.created_at,
            completed_at=job.completed_at,
        )


class ErrorReportResponse(BaseModel):
    error_category: str
    error_code: str
    user_message: str
    technical_details: dict[str, Any]
    suggested_actions: Annotated[list[str], Field(max_length=MOST_ACTIONS)]
    recovery_attempted: bool
    run_id: str
    timestamp: datetime

    @classmethod
    def of(cls, report: ErrorReport) -> Self:
        return cls.model_validate(report, from_attributes=True)


class CancelResponse(BaseModel):
    job_id: str
    status: JobState
    cancelled: bool


class PluginView(BaseModel):
    name: str
    state: LifecycleState
    description: str
    reason: str | None
    version: str
    uptime_seconds: float
    last_used: datetime | None
    success_count: int
    error_count: int
    last_execution_time_ms: float | None
    avg_execution_time_ms: float | None

    @classmethod
    def of(cls, status: PluginStatus) -> Self:
        return cls(
            name=status.name,
            state=status.state,
            description=status.description,
            reason=status.reason,
            version=status.version,
            uptime_seconds=status.uptime_seconds,
            last_used=status.last_used,
            success_count=status.success_count,
            error_count=status.error_count,
            last_execution_time_ms=status.last_execution_time_ms,
            avg_execution_time_ms=status.avg_execution_time_ms,
        )


class PluginListResponse(BaseModel):
    """``available`` counts the plugins that can be called, failed ones among them."""

    plugins: list[PluginView]
    total: int
    available: int
    failed: int
    unavailable: int


class HealthResponse(BaseModel):
    status: str
    version: str
    uptime: str
    timestamp: datetime


class DetailedHealthResponse(HealthResponse):
    """``confinement_gaps`` says what plugins are not kept from on this machine; empty if everything holds."""

    database: str
    plugins: dict[str, LifecycleState]
    confinement_gaps: list[str]


class SimpleHealthResponse(BaseModel):
    status: str
    timestamp: datetime


class ErrorRecordView(BaseModel):
    id: str
    error_type: ErrorType
    error_message: str
    component: str
    severity: str
    job_id: str | None
    trace_id: str | None
    created_at: datetime
    fix_applied: bool
    fix_details: str | None
    resolved_at: datetime | None

    @classmethod
    def of(cls, record: ErrorRecord) -> Self:
        return cls.model_validate(record, from_attributes=True)


class ErrorRecordDetail(ErrorRecordView):
    stack_trace: str


class ErrorListResponse(BaseModel):
    """``count`` is the number of errors on this page."""

    errors: list[ErrorRecordView]
    count: int


class ErrorFixRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    fix_applied: bool
    fix_details: str | None = Field(default=None, max_length=10_000, description="What was done about it.")
