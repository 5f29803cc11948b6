"""Session-scoped peers; register with `pytest_plugins = ["tests.peers.fixtures"]`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.orthanc import OrthancPeer, available, free_port
from tests.peers.postgres import Cluster
from tests.peers.postgres import available as without_postgres

CALLING_AE = "WLTEST"


@pytest.fixture(scope="session")
def move_port() -> int:
    """Where our own storage SCP listens in C-MOVE tests; every Orthanc knows `WLTEST` there."""
    return free_port()


def _peer(name: str, port: int) -> Iterator[OrthancPeer]:
    reason = available()
    if reason:
        pytest.skip(reason)
    with OrthancPeer(name=name, known=[(CALLING_AE, port)]) as peer:
        yield peer


@pytest.fixture(scope="session")
def orthanc_a(move_port: int) -> Iterator[OrthancPeer]:
    """First hospital."""
    yield from _peer("A", move_port)


@pytest.fixture(scope="session")
def orthanc_b(move_port: int) -> Iterator[OrthancPeer]:
    """Second hospital."""
    yield from _peer("B", move_port)


@pytest.fixture(scope="session")
def orthanc_c(move_port: int) -> Iterator[OrthancPeer]:
    """Third hospital."""
    yield from _peer("C", move_port)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """One PostgreSQL server for the whole run; `new_database()` gives each test its own."""
    reason = without_postgres()
    if reason:
        pytest.skip(reason)
    with Cluster() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """The address of an empty database, once of each kind."""
    if request.param == "sqlite":
        return tmp_path / "worklist.sqlite"
    cluster: Cluster = request.getfixturevalue("postgres_cluster")
    return cluster.new_database()
