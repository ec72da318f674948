"""The error log"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "error_log",
        sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
        sa.Column("error_type", sa.String(255), nullable=False),
        sa.Column("error_message", sa.Text, nullable=False),
        sa.Column("stack_trace", sa.Text, nullable=False),
        sa.Column("fix_applied", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("component", sa.String(128), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("job_id", sa.String(36)),
        sa.Column("trace_id", sa.String(32)),
        sa.Column("fix_details", sa.Text),
        sa.Column("resolved_at", sa.BigInteger),
    )
    op.create_index("ix_error_log_created_at", "error_log", ["created_at", "id"])
    op.create_index("ix_error_log_job_id", "error_log", ["job_id"])


def downgrade() -> None:
    op.drop_table("error_log")
