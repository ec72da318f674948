"""The tables as the code knows them; the migrations make them, a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Boolean, Column, DateTime, Dialect, Index, Integer, MetaData, String, Table, Text, TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC, also in databases that forget the zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


METADATA: Final = MetaData()

JOB: Final = Table(
    "job",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("plugin", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner", String(64)),
    Column("queued", Boolean, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("payload", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("error", Text, nullable=False),
    Index("ix_job_state_created_at", "state", "created_at"),
    Index("ix_job_created_at", "created_at"),
)
