"""Jobs with owner, lease, attempts, turn and idempotency key; times as microseconds"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # the times of 0001 have no zone and mean UTC
_TIMES = ("created_at", "updated_at", "started_at", "completed_at")
_CHUNK = 500


def upgrade() -> None:
    op.drop_index("ix_job_state_created_at", "job")
    op.drop_index("ix_job_created_at", "job")
    op.rename_table("job", "job_0001")
    new = op.create_table(
        "job",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("plugin", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("queued", sa.Boolean, nullable=False),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("max_attempts", sa.Integer, nullable=False),
        sa.Column("worker", sa.String(64)),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("completed_at", sa.BigInteger),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    _copy(_old_table("job_0001"), new, _upgraded)
    op.drop_table("job_0001")
    pending, failed = sa.text("state = 'PENDING'"), sa.text("state = 'FAILED'")
    held, has_key = sa.text("lease_until IS NOT NULL"), sa.text("idempotency_key IS NOT NULL")
    _index("ix_job_created_at", "created_at", "id")
    _index("ix_job_owner", "owner", "created_at", "id")
    _index("ix_job_plugin", "plugin", "created_at", "id")
    _index("ix_job_turn", "turn", "created_at", "id", where=pending)
    _index("ix_job_owner_turn", "owner", "turn", where=pending)
    _index("ix_job_failed", "created_at", "id", where=failed)
    _index("ix_job_held", "worker", "plugin", where=held)
    _index("ux_job_idempotency_key", "owner", "idempotency_key", where=has_key, unique=True)


def downgrade() -> None:
    for name in (
        "ix_job_created_at",
        "ix_job_owner",
        "ix_job_plugin",
        "ix_job_turn",
        "ix_job_owner_turn",
        "ix_job_failed",
        "ix_job_held",
        "ux_job_idempotency_key",
    ):
        op.drop_index(name, "job")
    op.rename_table("job", "job_0002")
    old = _old_table("job")
    old.create(op.get_bind())
    newer = sa.Table("job_0002", sa.MetaData(), *(sa.Column(column.name, None) for column in old.columns))
    _copy(newer, old, _downgraded)
    op.drop_table("job_0002")
    op.create_index("ix_job_state_created_at", "job", ["state", "created_at"])
    op.create_index("ix_job_created_at", "job", ["created_at"])


def _index(name: str, *columns: str, where: sa.TextClause | None = None, unique: bool = False) -> None:
    op.create_index(name, "job", list(columns), unique=unique, sqlite_where=where, postgresql_where=where)


def _old_table(name: str) -> sa.Table:
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("plugin", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(64)),
        sa.Column("queued", sa.Boolean, nullable=False),
        sa.Column("cancelled", sa.Boolean, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("updated_at", sa.DateTime, nullable=False),
        sa.Column("started_at", sa.DateTime),
        sa.Column("completed_at", sa.DateTime),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )


def _copy(source: sa.Table, target: sa.Table, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    bind = op.get_bind()
    after = ""
    while rows := bind.execute(sa.select(source).where(source.c.id > after).order_by(source.c.id).limit(_CHUNK)).all():
        bind.execute(target.insert(), [change(dict(row._mapping)) for row in rows])
        after = rows[-1].id


def _upgraded(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: None if row[name] is None else (row[name] - _EPOCH) // timedelta(microseconds=1) for name in _TIMES}
    running = row["state"] == "RUNNING" or (row["state"] == "PENDING" and not row["queued"])
    return {
        **row,
        **times,
        "owner": row["owner"] or "anonymous",
        "max_attempts": 1,
        "turn": 0,
        "worker": None,
        "lease_until": 0 if running else None,  # whoever worked on it is gone: it is found as lost
        "idempotency_key": None,
    }


def _downgraded(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: None if row[name] is None else _EPOCH + timedelta(microseconds=row[name]) for name in _TIMES}
    return {**row, **times}
