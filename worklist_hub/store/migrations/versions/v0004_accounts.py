"""Built-in accounts and their sign-ins; an AE title in a subscription with whose it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length) if length else sa.Text(), nullable=False)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.String(32), primary_key=True),
        sa.Column("login", sa.String(512), nullable=False, unique=True),
        _text("password_hash", 256),
        _text("code", 64),
        _text("person_name", 128),
        _text("organisation", 64),
        _text("responsible", 128),
        _text("grants"),
        sa.Column("is_disabled", sa.Boolean, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "sign_ins",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        _text("family", 32),
        _text("account_id", 32),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("used_at", sa.BigInteger, nullable=False),
    )
    op.create_index("sign_ins_by_family", "sign_ins", ["family"])
    op.create_index("sign_ins_by_account", "sign_ins", ["account_id"])
    with op.batch_alter_table("subscriptions") as table:
        table.alter_column("ae_title", type_=sa.String(64), existing_type=sa.String(16), existing_nullable=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("sign_ins")
    op.drop_table("accounts")
