"""Jobs in the table ``job``. Every change of state is one UPDATE that names the state and attempt it starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, literal, select, tuple_
from sqlalchemy.exc import IntegrityError

from server.app.adapters.database.database import Database
from server.app.adapters.database.job_rows import SUMMARY, job_of, new_row, summary_of, swap_row, typed_summary
from server.app.adapters.database.statements import (
    Inseparable,
    Statement,
    alone,
    certain_job,
    in_state,
    insert_job,
    lost_job,
    next_jobs,
    running_of_plugin,
    swap_job,
    waiting_jobs,
)
from server.app.adapters.database.tables import JOB, Moment, microseconds, moment
from server.app.jobs.job import Job, JobSummary, Lease
from server.app.jobs.store import DEFAULT_LIMITS, DuplicateJob, JobFilter, PluginBusy, QueueFull, StoreLimits


@dataclass(frozen=True)
class _Claim:
    at: datetime
    start: Callable[[Job], Job]


class SqlJobStore:
    """``alongside`` is called with the connection and the ids of newly queued jobs, in their transaction: what it
    does is committed with them or not at all."""

    def __init__(
        self,
        database: Database,
        limits: StoreLimits = DEFAULT_LIMITS,
        alongside: Callable[[Connection, Sequence[str]], None] | None = None,
    ) -> None:
        self._database = database
        self._limits = limits
        self._alongside = alongside
        dialect = database.dialect
        self._insert = Statement(insert_job(queued=False), dialect)
        self._enqueue = Statement(insert_job(queued=True), dialect)
        self._swap = Statement(swap_job(), dialect)
        self._next = Statement(next_jobs(limits.runs_per_plugin), dialect)
        self._lost = Statement(lost_job(), dialect)
        self._certain = Statement(certain_job(limits.runs_per_plugin), dialect)
        self._running = Statement(running_of_plugin(), dialect)
        self._waiting = Statement(waiting_jobs(), dialect)
        self._alone = Statement(alone(), dialect) if dialect.name == "postgresql" else None
        self._get = Statement(select(JOB).where(JOB.c.id == bindparam("id")), dialect)
        self._find = Statement(select(*SUMMARY).where(JOB.c.id == bindparam("id")), dialect)
        # The two below belong to the thread that writes.
        self._at_most_waiting = limits.waiting
        self._look_for_lost = True

    def insert(self, job: Job) -> None:
        try:
            if self._limits.runs_per_plugin is None:
                self._database.change(self._insert, new_row(job))
            else:
                self._database.together(self._insert_within_limit, new_row(job))
        except IntegrityError:
            raise DuplicateJob(job.id) from None

    def insert_all(self, jobs: Sequence[Job]) -> list[BaseException | None]:
        """As ``insert`` for each, in one transaction if none of them fails: what ``insert`` would have raised.

        For a store without a limit of what runs.
        """
        failures: dict[str, BaseException] = {}
        rows: list[dict[str, Any]] = []
        for job in jobs:
            try:
                rows.append(new_row(job))
            except Exception as failure:  # noqa: BLE001  # it cannot be put into words; the others can
                failures[job.id] = failure
        try:
            for row, change in zip(rows, self._database.change_all(self._insert, rows), strict=True):
                try:
                    change.outcome()
                except IntegrityError:
                    failures[row["id"]] = DuplicateJob(row["id"])
                except BaseException as failure:  # noqa: BLE001  # it is raised where this end is waited for
                    failures[row["id"]] = failure
        except Exception as failure:  # noqa: BLE001  # of the database as a whole
            failures |= {row["id"]: failure for row in rows}
        return [failures.get(job.id) for job in jobs]

    def enqueue(self, job: Job) -> Job:
        try:
            self._database.together(self._enqueue_many, new_row(job))
        except (IntegrityError, QueueFull) as refusal:
            earlier = self._under_key(job)
            if earlier is not None:
                return earlier
            if isinstance(refusal, QueueFull):
                raise
            raise DuplicateJob(job.id) from None
        return job

    def find(self, job_id: str) -> JobSummary | None:
        rows = self._database.read(lambda connection: self._find.rows(connection, {"id": job_id}))
        return summary_of(rows[0]) if rows else None

    def get(self, job_id: str) -> Job | None:
        rows = self._database.read(lambda connection: self._get.rows(connection, {"id": job_id}))
        return job_of(rows[0]) if rows else None

    def list(self, wanted: JobFilter) -> list[JobSummary]:
        return self._database.read(lambda connection: _listed(connection, wanted))

    def swap(self, before: JobSummary, after: Job) -> bool:
        return self._database.change(self._swap, swap_row(before, after))

    def claim(self, at: datetime, start: Callable[[Job], Job], job_id: str | None = None) -> Job | None:
        if job_id is None:
            return self._database.together(self._claim_many, _Claim(at, start))
        wanted = {"id": job_id, "at": microseconds(at)}

        def start_it(connection: Connection) -> Job | None:
            if self._limits.runs_per_plugin is not None:
                self._shut_others_out(connection)
            return self._start_first(connection, self._certain, wanted, start)

        return self._database.call(start_it)

    def swap_and_claim(
        self, before: JobSummary, after: Job, at: datetime, start: Callable[[Job], Job]
    ) -> tuple[bool, Job | None]:
        return self._database.together(self._swap_and_claim_many, (swap_row(before, after), _Claim(at, start)))

    def renew(self, lease: Lease) -> None:
        change = JOB.update().where(_held_by(lease.worker)).values(lease_until=lease.until)
        self._database.call(lambda connection: connection.execute(change))

    def held(self, worker: str) -> frozenset[str]:
        query = select(JOB.c.id).where(_held_by(worker))
        return self._database.read(lambda connection: frozenset(connection.execute(query).scalars()))

    def lost(self, at: datetime) -> Sequence[JobSummary]:
        query = select(*SUMMARY).where(JOB.c.lease_until < at).order_by(JOB.c.lease_until)

        def look(connection: Connection) -> Sequence[JobSummary]:
            found = [typed_summary(row) for row in connection.execute(query)]
            self._look_for_lost |= any(job.may_be_started_again for job in found)
            return found

        return self._database.call(look)

    def end_leases(self) -> None:
        change = JOB.update().where(JOB.c.lease_until.is_not(None)).values(lease_until=moment(0))
        self._database.call(lambda connection: connection.execute(change))

    def forget(self, ended_before: datetime, limit: int) -> int:
        # By the time of creation, which comes earlier and has an index.
        old = and_(JOB.c.created_at < ended_before, JOB.c.completed_at < ended_before)
        chosen = select(JOB.c.id).where(old).order_by(JOB.c.created_at, JOB.c.id).limit(limit)
        return self._database.call(
            lambda connection: connection.execute(JOB.delete().where(JOB.c.id.in_(chosen))).rowcount
        )

    def waiting(self) -> int:
        return self._database.read(self._count_waiting)

    def _under_key(self, job: Job) -> Job | None:
        if job.idempotency_key is None:
            return None
        same = and_(JOB.c.owner == job.owner, JOB.c.idempotency_key == job.idempotency_key)
        job_id = self._database.read(lambda connection: connection.execute(select(JOB.c.id).where(same)).scalar())
        return None if job_id is None else self.get(job_id)

    def _insert_within_limit(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Sequence[bool]:
        limit = self._limits.runs_per_plugin
        if len(rows) > 1:
            raise Inseparable
        self._shut_others_out(connection)
        if limit is not None and self._running.number(connection, {"plugin": rows[0]["plugin"]}) >= limit:
            raise PluginBusy(rows[0]["plugin"], limit)
        return self._insert.change_each(connection, rows)

    def _enqueue_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Sequence[None]:
        # What this process has queued since it last counted, as if nothing had been claimed: counting costs more
        # than queueing, and is needed only where this much too high number reaches the limit.
        self._at_most_waiting += len(rows)
        if self._shut_others_out(connection) or self._at_most_waiting > self._limits.waiting:
            self._at_most_waiting = self._count_waiting(connection) + len(rows)
            if self._at_most_waiting > self._limits.waiting:
                raise QueueFull(self._limits.waiting)
        self._enqueue.change(connection, rows)
        if self._alongside is not None:
            self._alongside(connection, [row["id"] for row in rows])
        return [None] * len(rows)

    def _claim_many(self, connection: Connection, claims: Sequence[_Claim]) -> Sequence[Job | None]:
        claimed: list[Job | None] = []
        for claim in claims:
            if not self._look_for_lost:
                break
            job = self._start_first(connection, self._lost, {"at": microseconds(claim.at)}, claim.start)
            if job is None:
                self._look_for_lost = False
            else:
                claimed.append(job)
        while len(claimed) < len(claims):
            open_claims = claims[len(claimed) :]
            count = len(open_claims) if self._limits.runs_per_plugin is None else 1
            rows = self._next.rows(connection, {"count": count})
            started = [(job, claim.start(job)) for job, claim in zip(map(job_of, rows), open_claims, strict=False)]
            self._must_swap(connection, started)
            claimed += [after for _, after in started]
            if len(rows) < count:
                claimed += [None] * (len(claims) - len(claimed))
        return claimed

    def _swap_and_claim_many(
        self, connection: Connection, wishes: Sequence[tuple[Mapping[str, Any], _Claim]]
    ) -> Sequence[tuple[bool, Job | None]]:
        swapped = self._swap.change_each(connection, [row for row, _ in wishes])
        claimed = self._claim_many(connection, [claim for _, claim in wishes])
        return list(zip(swapped, claimed, strict=True))

    def _shut_others_out(self, connection: Connection) -> bool:
        """What is counted from now on stays so until the commit. Whether there are others at all, of whose jobs this
        process knows nothing."""
        if self._alone is None:
            return False
        self._alone.rows(connection)
        return True

    def _start_first(
        self, connection: Connection, statement: Statement, values: Mapping[str, Any], start: Callable[[Job], Job]
    ) -> Job | None:
        rows = statement.rows(connection, values)
        if not rows:
            return None
        before = job_of(rows[0])
        after = start(before)
        self._must_swap(connection, [(before, after)])
        return after

    def _must_swap(self, connection: Connection, changes: Sequence[tuple[Job, Job]]) -> None:
        """Change rows that this transaction has locked, so that nobody can have come before."""
        if not changes:
            return
        rows = [swap_row(before, after) for before, after in changes]
        if self._swap.change(connection, rows) != len(rows):
            raise Inseparable

    def _count_waiting(self, connection: Connection) -> int:
        return self._waiting.number(connection)


def _held_by(worker: str) -> Any:
    return and_(JOB.c.worker == worker, JOB.c.lease_until.is_not(None))


def _listed(connection: Connection, wanted: JobFilter) -> list[JobSummary]:
    query: Select[Any] = select(*SUMMARY).order_by(JOB.c.created_at.desc(), JOB.c.id.desc())
    if wanted.plugin is not None:
        query = query.where(JOB.c.plugin == wanted.plugin)
    if wanted.state is not None:
        query = query.where(in_state(wanted.state))
    if wanted.owner is not None:
        query = query.where(JOB.c.owner == wanted.owner)
    if wanted.after is not None:
        place = connection.execute(select(JOB.c.created_at, JOB.c.id).where(JOB.c.id == wanted.after)).first()
        if place is None:
            raise LookupError(wanted.after)
        before = tuple_(literal(place.created_at, Moment), literal(place.id))
        query = query.where(tuple_(JOB.c.created_at, JOB.c.id) < before)
    rows = connection.execute(query.limit(wanted.limit).offset(wanted.offset))
    return [typed_summary(row) for row in rows]
