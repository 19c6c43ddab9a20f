"""A PostgreSQL of the bench's own, durable as it is by default (fsync, synchronous_commit)."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.process import free_port

ELSEWHERE = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin")
NewDatabase = Callable[[str], str]


@contextmanager
def postgresql() -> Iterator[NewDatabase | None]:
    """Yields what makes a database and tells its URL; None where no server is installed."""
    programs = _programs()
    if programs is None:
        yield None
        return
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="bench-postgresql-"))
    user = _unprivileged()
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)

    def run(name: str, *arguments: str) -> None:
        who = {"user": user.pw_uid, "group": user.pw_gid} if user else {}
        command = [str(programs / name), *arguments]
        # pg_ctl's server keeps what it inherits open: a pipe would never end.
        with (folder / "run.log").open("ab") as log:
            done = subprocess.run(command, cwd=folder, stdout=log, stderr=log, check=False, **who)  # type: ignore[call-overload] # its many overloads know no such dict
        if done.returncode:
            raise RuntimeError((folder / "run.log").read_text())

    def new_database(name: str) -> str:
        run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", name)
        return f"postgresql+psycopg://postgres@127.0.0.1:{port}/{name}"

    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
    try:
        run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
        run("pg_ctl", "-D", "data", "-w", "-l", "server.log", "-o", options, "start")
        yield new_database
    finally:
        if (folder / "data/postmaster.pid").exists():
            run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    if found := shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    folders = [path for pattern in ELSEWHERE for path in sorted(Path("/").glob(pattern), reverse=True)]
    return next((path for path in folders if (path / "pg_ctl").exists()), None)


def _unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid():
        return None
    known = {one.pw_name: one for one in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]
