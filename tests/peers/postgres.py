"""A temporary PostgreSQL cluster on a port of loopback, run by a user who is not root; gone with the block."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

_USERS = ("postgres", "nobody")
READY_S = 30.0


def programs() -> Path | None:
    """The folder of initdb and postgres, the newest of those installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: int(one.parent.parent.name))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def available() -> str:
    """Why there can be no cluster here, "" where there can."""
    if programs() is None:
        return "PostgreSQL is not installed"
    if os.name != "posix":
        return "a cluster of a user of its own needs POSIX"
    return ""


def _port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _runner() -> pwd.struct_passwd | None:
    """Who runs the server: ourselves, or, for initdb refuses root, somebody else."""
    if os.geteuid() != 0:
        return None
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(f"root cannot run PostgreSQL, and none of {_USERS} is here")


class Cluster:
    """One server. `settings` are lines of postgresql.conf; `standby_of` makes a streaming standby of another."""

    def __init__(self, settings: Sequence[str] = (), *, standby_of: Cluster | None = None, name: str = "one") -> None:
        self._user = _runner()
        self._folder = Path(tempfile.mkdtemp(prefix="worklist-pg-"))
        self._data, self._name = self._folder / "data", name
        self.port = _port()
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        self._make(standby_of)
        with (self._data / "postgresql.conf").open("a") as file:
            file.write("\n".join([*self._defaults(), *settings, ""]))
        self.start()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        """Of a database in it."""
        return f"postgresql://worklist@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of an empty database."""
        self._databases += 1
        name = f"worklist_{self._databases}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """As the superuser, outside of any transaction."""
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode())
            return list(cursor.fetchall()) if cursor.description else []

    def start(self) -> None:
        """Start and wait until it answers."""
        self._process = self._spawn("postgres", "-D", str(self._data))
        until = time.monotonic() + READY_S
        while True:
            try:
                self.execute("SELECT 1")
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > until:
                    log = (self._folder / "log").read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start:\n{log[-2000:]}") from None
                time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut: every process of it at once."""
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "stop")
        self._reap()

    def stop(self) -> None:
        """End it, where it runs."""
        if self._process is not None:
            self.kill()

    def promote(self) -> None:
        """From standby to primary."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "promote")

    def wait_for_standby(self, name: str) -> None:
        """Until a standby of that name is connected and synchronous."""
        query = f"SELECT 1 FROM pg_stat_replication WHERE application_name = '{name}' AND sync_state = 'sync'"
        until = time.monotonic() + READY_S
        while not self.execute(query):
            if time.monotonic() > until:
                raise RuntimeError("the standby does not follow")
            time.sleep(0.05)

    def _make(self, standby_of: Cluster | None) -> None:
        if standby_of is None:
            self._run(
                "initdb", "-D", str(self._data), "-U", "worklist", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
            )
            return
        source = f"host=127.0.0.1 port={standby_of.port} user=worklist application_name={self._name}"
        self._run("pg_basebackup", "-D", str(self._data), "-R", "-c", "fast", "-d", source)

    def _defaults(self) -> list[str]:
        return [
            f"port = {self.port}",
            "listen_addresses = '127.0.0.1'",
            f"unix_socket_directories = '{self._folder}'",
            "max_connections = 200",
            "shared_buffers = 64MB",
            "fsync = off",
            "full_page_writes = off",
            "synchronous_standby_names = ''",
            "log_min_messages = warning",
        ]

    def _command(self, program: str, *arguments: str) -> list[str]:
        folder = programs()
        assert folder is not None
        return [str(folder / program), *arguments]

    def _identity(self) -> dict[str, int]:
        return {"user": self._user.pw_uid, "group": self._user.pw_gid} if self._user is not None else {}

    def _run(self, program: str, *arguments: str) -> None:
        command = self._command(program, *arguments)
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self._folder, **self._identity()
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr[-1000:]}")

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                self._command(program, *arguments),
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                **self._identity(),
            )

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._process = None
