"""Alembic's numbered migrations, in the package so that an installed hub can carry its file forward."""
