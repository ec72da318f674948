"""Jobs as rows of the table ``job``, and back."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Row

from server.app.adapters.database.tables import JOB, microseconds, moment
from server.app.jobs.job import Job, JobSummary
from server.app.jobs.state import JobState

LARGE: Final = ("payload", "result", "error")
SUMMARY: Final = [column for column in JOB.columns if column.name not in (*LARGE, "turn")]


def new_row(job: Job) -> dict[str, Any]:
    """Every column of a job that was not kept before, but for its turn."""
    return {
        **changed_row(job),
        "id": job.id,
        "plugin": job.plugin,
        "owner": job.owner,
        "queued": job.queued,
        "max_attempts": job.max_attempts,
        "idempotency_key": job.idempotency_key,
        "traceparent": job.traceparent,
        "created_at": microseconds(job.created_at),
        "payload": payload_text(job.payload),
    }


def changed_row(job: Job) -> dict[str, Any]:
    """The columns that change in the life of a job."""
    return {
        "state": job.state.value,
        "cancelled": job.cancelled,
        "attempt": job.attempt,
        "worker": job.worker,
        "lease_until": microseconds(job.lease_until),
        "updated_at": microseconds(job.updated_at),
        "started_at": microseconds(job.started_at),
        "completed_at": microseconds(job.completed_at),
        "result": _text(job.result),
        "error": _text(job.error),
    }


def swap_row(before: JobSummary, after: Job) -> dict[str, Any]:
    row = changed_row(after)
    row["before_id"] = before.id
    row["before_state"] = before.state.value
    row["before_attempt"] = before.attempt
    return row


def job_of(row: Mapping[str, Any]) -> Job:
    """The job in a row of all columns, as the driver gives it."""
    return Job(
        **_summary_values(row),
        payload=_object(row["payload"]),
        result=_object(row["result"]),
        error=_object(row["error"]),
    )


def summary_of(row: Mapping[str, Any]) -> JobSummary:
    return JobSummary(**_summary_values(row))


def typed_summary(row: Row[Any]) -> JobSummary:
    """The summary in a row that went through the types of the columns."""
    return JobSummary(**{**row._mapping, "state": JobState(row.state)})


def _summary_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": values["id"],
        "plugin": values["plugin"],
        "state": JobState(values["state"]),
        "owner": values["owner"],
        "queued": bool(values["queued"]),
        "cancelled": bool(values["cancelled"]),
        "attempt": values["attempt"],
        "max_attempts": values["max_attempts"],
        "worker": values["worker"],
        "lease_until": moment(values["lease_until"]),
        "idempotency_key": values["idempotency_key"],
        "traceparent": values["traceparent"],
        "created_at": moment(values["created_at"]),
        "updated_at": moment(values["updated_at"]),
        "started_at": moment(values["started_at"]),
        "completed_at": moment(values["completed_at"]),
    }


def payload_text(payload: dict[str, Any]) -> str:
    """As JSON; bytes become base64. Raises ``TypeError`` for what cannot be written."""
    return _PAYLOAD.encode(payload)


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value) if value else "{}"


def _object(text: str) -> Any:
    return {} if text == "{}" else json.loads(text)


def _base64_text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"a payload cannot hold a value of type {type(value).__name__}")


_PAYLOAD: Final = json.JSONEncoder(default=_base64_text)
