"""Jobs in the table ``job``. Every change of state is one UPDATE that names the state it starts from."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.exc import IntegrityError

from server.app.adapters.database.database import Database
from server.app.adapters.database.tables import JOB
from server.app.jobs.job import Job, JobSummary
from server.app.jobs.state import FINAL_STATES, JobState
from server.app.jobs.store import DuplicateJob, JobFilter

_LARGE: Final = ("payload", "result", "error")
_SUMMARY: Final = [column for column in JOB.columns if column.name not in _LARGE]
_UNFINISHED: Final = [state.value for state in JobState if state not in FINAL_STATES]


class SqlJobStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, job: Job) -> None:
        row = _row(job) | {"payload": json.dumps(job.payload, default=_base64_text)}
        try:
            self._database.call(lambda connection: connection.execute(JOB.insert().values(row)).rowcount)
        except IntegrityError:
            raise DuplicateJob(job.id) from None

    def find(self, job_id: str) -> JobSummary | None:
        query = select(*_SUMMARY).where(JOB.c.id == job_id)
        row = self._database.call(lambda connection: connection.execute(query).mappings().first())
        return None if row is None else _summary(row)

    def get(self, job_id: str) -> Job | None:
        query = select(JOB).where(JOB.c.id == job_id)
        row = self._database.call(lambda connection: connection.execute(query).mappings().first())
        return None if row is None else _job(row)

    def list(self, wanted: JobFilter) -> list[JobSummary]:
        query = select(*_SUMMARY).order_by(JOB.c.created_at.desc(), JOB.c.id)
        if wanted.plugin is not None:
            query = query.where(JOB.c.plugin == wanted.plugin)
        if wanted.state is not None:
            query = query.where(JOB.c.state == wanted.state.value)
        if wanted.owner is not None:
            query = query.where(JOB.c.owner == wanted.owner)
        query = query.limit(wanted.limit).offset(wanted.offset)
        rows = self._database.call(lambda connection: connection.execute(query).mappings().all())
        return [_summary(row) for row in rows]

    def swap(self, before: JobSummary, after: Job) -> bool:
        change = _swap(before, after)
        return self._database.call(lambda connection: connection.execute(change).rowcount) == 1

    def claim_next(self, start: Callable[[Job], Job]) -> Job | None:
        def claim(connection: Connection) -> Job | None:
            while True:
                row = connection.execute(_NEXT).mappings().first()
                if row is None:
                    return None
                waiting = _job(row)
                started = start(waiting)
                if connection.execute(_swap(waiting, started)).rowcount == 1:
                    return started

        return self._database.call(claim)

    def unfinished(self) -> Sequence[str]:
        query = select(JOB.c.id).where(JOB.c.state.in_(_UNFINISHED)).order_by(JOB.c.created_at)
        return self._database.call(lambda connection: connection.execute(query).scalars().all())


_NEXT: Final = (
    select(JOB).where(JOB.c.state == JobState.PENDING.value, JOB.c.queued).order_by(JOB.c.created_at, JOB.c.id).limit(1)
)


def _swap(before: JobSummary, after: Job) -> Any:
    return (
        JOB.update()
        .where(JOB.c.id == before.id, JOB.c.state == before.state.value, JOB.c.attempt == before.attempt)
        .values(_row(after))
    )


def _row(job: Job) -> dict[str, Any]:
    """Every column but the payload, which never changes."""
    return {
        "id": job.id,
        "plugin": job.plugin,
        "state": job.state.value,
        "owner": job.owner,
        "queued": job.queued,
        "cancelled": job.cancelled,
        "attempt": job.attempt,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
        "result": json.dumps(job.result),
        "error": json.dumps(job.error),
    }


def _base64_text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"a payload cannot hold a value of type {type(value).__name__}")


def _summary(row: RowMapping) -> JobSummary:
    return JobSummary(**{**row, "state": JobState(row["state"])})


def _job(row: RowMapping) -> Job:
    large = {name: json.loads(row[name]) for name in _LARGE}
    return Job(**{**row, **large, "state": JobState(row["state"])})
