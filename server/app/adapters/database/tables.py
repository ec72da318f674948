"""The tables as the code knows them; the migrations make them, a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    Uuid,
    false,
    text,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(moment: datetime | None) -> int | None:
    """A moment as every database keeps it alike: microseconds since 1970 in UTC."""
    return None if moment is None else (moment - _EPOCH) // _MICROSECOND


def moment(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


class Moment(TypeDecorator[datetime]):
    """Aware datetimes in UTC, as integers: equal in every database, and cheap to write."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> int | None:
        return microseconds(value)

    def process_result_value(self, value: int | None, _dialect: Dialect) -> datetime | None:
        return moment(value)


METADATA: Final = MetaData()

_PENDING: Final = text("state = 'PENDING'")
_FAILED: Final = text("state = 'FAILED'")
_HELD: Final = text("lease_until IS NOT NULL")
_HAS_KEY: Final = text("idempotency_key IS NOT NULL")

# A job that is executed at once passes the indexes of the waiting ones without touching them. The conditions are
# given for SQLite alone: the migrations make both, and naming Postgres here would load all that SQLAlchemy knows of it.
JOB: Final = Table(
    "job",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("plugin", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("queued", Boolean, nullable=False),
    Column("cancelled", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("worker", String(64)),
    Column("lease_until", Moment),
    Column("turn", BigInteger, nullable=False),
    Column("idempotency_key", String(255)),
    Column("traceparent", String(55)),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("started_at", Moment),
    Column("completed_at", Moment),
    Column("payload", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("error", Text, nullable=False),
    Index("ix_job_created_at", "created_at", "id"),
    Index("ix_job_owner", "owner", "created_at", "id"),
    Index("ix_job_plugin", "plugin", "created_at", "id"),
    Index("ix_job_turn", "turn", "created_at", "id", sqlite_where=_PENDING),
    Index("ix_job_owner_turn", "owner", "turn", sqlite_where=_PENDING),
    Index("ix_job_failed", "created_at", "id", sqlite_where=_FAILED),
    Index("ix_job_held", "worker", "plugin", sqlite_where=_HELD),
    Index(
        "ux_job_idempotency_key",
        "owner",
        "idempotency_key",
        unique=True,
        sqlite_where=_HAS_KEY,
    ),
)

API_KEY: Final = Table(
    "api_key",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("revoked_at", Moment),
)

ERROR_LOG: Final = Table(
    "error_log",
    METADATA,
    Column("id", Uuid(as_uuid=False), primary_key=True),
    Column("error_type", String(255), nullable=False),
    Column("error_message", Text, nullable=False),
    Column("stack_trace", Text, nullable=False),
    Column("fix_applied", Boolean, nullable=False, server_default=false()),
    Column("created_at", Moment, nullable=False),
    Column("component", String(128), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("job_id", String(36)),
    Column("trace_id", String(32)),
    Column("fix_details", Text),
    Column("resolved_at", Moment),
    Index("ix_error_log_created_at", "created_at", "id"),
    Index("ix_error_log_job_id", "job_id"),
)

PLUGIN_METRICS: Final = Table(
    "plugin_metrics",
    METADATA,
    Column("plugin", String(64), primary_key=True),
    Column("successes", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("total_ms", Double, nullable=False),
    Column("last_ms", Double, nullable=False),
    Column("last_used", Moment, nullable=False),
    Column("last_outcome", String(16), nullable=False),
)
