"""Sums of executions by plugin"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "plugin_metrics",
        sa.Column("plugin", sa.String(64), primary_key=True),
        sa.Column("successes", sa.BigInteger, nullable=False),
        sa.Column("errors", sa.BigInteger, nullable=False),
        sa.Column("total_ms", sa.Double, nullable=False),
        sa.Column("last_ms", sa.Double, nullable=False),
        sa.Column("last_used", sa.BigInteger, nullable=False),
        sa.Column("last_outcome", sa.String(16), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("plugin_metrics")
