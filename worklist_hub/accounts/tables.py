"""The tables of accounts."""

from __future__ import annotations

import sqlalchemy as sa

from worklist_hub.store.schema import METADATA

ACCOUNTS = sa.Table(
    "accounts",
    METADATA,
    sa.Column("account_id", sa.String(32), primary_key=True),
    sa.Column("login", sa.String(512), nullable=False, unique=True),
    sa.Column("password_hash", sa.String(256), nullable=False),
    sa.Column("code", sa.String(64), nullable=False),
    sa.Column("person_name", sa.String(128), nullable=False),
    sa.Column("organisation", sa.String(64), nullable=False),
    sa.Column("responsible", sa.String(128), nullable=False),
    sa.Column("grants", sa.Text, nullable=False),
    sa.Column("is_disabled", sa.Boolean, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("locked_until", sa.BigInteger, nullable=False),
)
"""Without a password hash: somebody of an OpenID provider, `login` = issuer|subject, whom this hub grants more.
`failures` and `locked_until` are written by hubs before schema 0011 only, beside which this one may run."""

FAILED_SIGN_INS = sa.Table(
    "failed_sign_ins",
    METADATA,
    sa.Column("login_hash", sa.String(64), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("locked_until", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("failed_sign_ins_by_time", "at"),
)
"""Tries of a name since its last right password, by its SHA-256, whether anybody has that name: what a stranger is told
must not say so, and what he typed may have been a password."""

SIGN_INS = sa.Table(
    "sign_ins",
    METADATA,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("family", sa.String(32), nullable=False),
    sa.Column("account_id", sa.String(32), nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("used_at", sa.BigInteger, nullable=False),
    sa.Column("made_from", sa.String(64), nullable=False, server_default=""),
    sa.Index("sign_ins_by_family", "family"),
    sa.Index("sign_ins_by_account", "account_id"),
)
"""Refresh tokens, by their SHA-256. Each is used once; one that comes back later ends its whole family."""
