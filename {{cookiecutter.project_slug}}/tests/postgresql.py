"""A PostgreSQL of the tests' own: made by initdb, on a free port of loopback, gone when they end."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.programs import free_port, program, unprivileged

ELSEWHERE = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
SETTINGS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "60"}


class PostgreSQL:
    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        self._folder = folder
        self._options = {**options, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = [_binary("postgres"), "-D", str(self._folder / "data"), "-p", str(self._port), *settings]
        self._process = subprocess.Popen(command, **self._options)
        for _ in range(200):
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("PostgreSQL did not start")

    def stop(self, how: int = signal.SIGINT) -> None:
        """By default in an orderly way, but without waiting for clients: what they are doing is rolled back."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait(60)

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """As the superuser, outside of the pool under test."""
        address = f"postgresql://postgres@127.0.0.1:{self._port}/{database}"
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def demand_password(self, user: str, password: str) -> None:
        """Of this user, when connections are made from now on; all others come in without."""
        rules = self._folder / "data" / "pg_hba.conf"
        rules.write_text(f"host all {user} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        self.execute(f"CREATE ROLE {user} LOGIN SUPERUSER PASSWORD '{password}'; SELECT pg_reload_conf()")

    def emptied_database(self) -> str:
        """Always the same one, as making one takes longer than most tests."""
        self.cut_connections()
        self.execute("DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public", "tests")
        return f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/tests"

    def cut_connections(self) -> None:
        """As a failover or an operator does; they are gone when this returns."""
        self.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


@contextmanager
def postgresql_server() -> Iterator[PostgreSQL]:
    initdb = _binary("initdb")
    options = unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))  # pytest's own folders are closed to other users
    try:
        if options:
            shutil.chown(folder, options["user"], options["group"])
        command = [initdb, "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        made: Any = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]  # its many overloads know no such dict
        if made.returncode:
            pytest.fail(f"initdb failed: {made.stderr}")
        server = PostgreSQL(folder, options)
        server.start()
        try:
            server.execute("CREATE DATABASE tests")
            yield server
        finally:
            server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binary(name: str) -> str:
    return program(name, *ELSEWHERE, package="PostgreSQL's server")
