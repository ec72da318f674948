"""Jobs in the table ``job``. Every change of state is one UPDATE that names the state it starts from."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, bindparam, select
from sqlalchemy.exc import IntegrityError

from server.app.adapters.database.database import Database
from server.app.adapters.database.tables import JOB
from server.app.jobs.job import Job, JobSummary
from server.app.jobs.state import FINAL_STATES, JobState
from server.app.jobs.store import DuplicateJob, JobFilter

_LARGE: Final = ("payload", "result", "error")
_SUMMARY: Final = [column for column in JOB.columns if column.name not in _LARGE]
_UNFINISHED: Final = [state.value for state in JobState if state not in FINAL_STATES]

# Made once: making a statement costs several times as much as executing it.
_INSERT: Final = JOB.insert()
_FIND: Final = select(*_SUMMARY).where(JOB.c.id == bindparam("wanted"))
_GET: Final = select(JOB).where(JOB.c.id == bindparam("wanted"))
_SWAP: Final = JOB.update().where(
    JOB.c.id == bindparam("before_id"),
    JOB.c.state == bindparam("before_state"),
    JOB.c.attempt == bindparam("before_attempt"),
)
_NEXT: Final = (
    select(JOB).where(JOB.c.state == JobState.PENDING.value, JOB.c.queued).order_by(JOB.c.created_at, JOB.c.id).limit(1)
)
_OPEN: Final = select(JOB.c.id).where(JOB.c.state.in_(_UNFINISHED)).order_by(JOB.c.created_at, JOB.c.id)


class SqlJobStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, job: Job) -> None:
        row = _row(job) | {"payload": json.dumps(job.payload, default=_base64_text)}
        try:
            self._database.call(lambda connection: connection.execute(_INSERT, row).rowcount)
        except IntegrityError:
            raise DuplicateJob(job.id) from None

    def find(self, job_id: str) -> JobSummary | None:
        row = self._row_of(_FIND, job_id)
        return None if row is None else _summary(row)

    def get(self, job_id: str) -> Job | None:
        row = self._row_of(_GET, job_id)
        return None if row is None else _job(row)

    def _row_of(self, query: Select[Any], job_id: str) -> RowMapping | None:
        return self._database.call(lambda connection: connection.execute(query, {"wanted": job_id}).mappings().first())

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
        change = _change(before, after)
        return self._database.call(lambda connection: connection.execute(_SWAP, change).rowcount) == 1

    def claim_next(self, start: Callable[[Job], Job]) -> Job | None:
        def claim(connection: Connection) -> Job | None:
            while (row := connection.execute(_NEXT).mappings().first()) is not None:
                waiting = _job(row)
                started = start(waiting)
                if connection.execute(_SWAP, _change(waiting, started)).rowcount == 1:
                    return started
            return None

        return self._database.call(claim)

    def unfinished(self) -> Sequence[str]:
        return self._database.call(lambda connection: connection.execute(_OPEN).scalars().all())


def _change(before: JobSummary, after: Job) -> dict[str, Any]:
    return _row(after) | {
        "before_id": before.id,
        "before_state": before.state.value,
        "before_attempt": before.attempt,
    }


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
