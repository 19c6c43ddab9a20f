"""`python local/venv.py COMMAND …` runs a command in the project's environment, which it makes from the lock first.

Standard library only. It says everything on stderr, so that the command's output can be piped.
"""

from __future__ import annotations  # an old Python shall come as far as the sentence about its age

import contextlib
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

LOCK_NAME = "requirements-dev.lock"
# The folder one stands in, if it has a lock: the template uses this file for its own environment too.
PROJECT = Path.cwd() if Path(LOCK_NAME).exists() else Path(__file__).resolve().parent.parent
LOCK = PROJECT / LOCK_NAME
VENV = PROJECT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
# Held while the environment changes. It holds a digest when the environment is whole, and nothing before.
STAMP = VENV / ".made-from"
OLDEST = (3, 11)
ROOM = 2**30


class StopError(Exception):
    """What is missing and what to do about it, in one line."""


def demand(version: tuple[int, int]) -> None:
    if version < OLDEST:
        found = f"{version[0]}.{version[1]} at {sys.executable}"
        raise StopError(f"Python 3.11 or newer is needed, this is {found}: start with a newer one.")
    if not LOCK.exists():
        raise StopError(f"{LOCK} is missing: take it from version control, or compile it with uv.")
    if (VENV / "pyvenv.cfg").exists() and not STAMP.exists():
        raise StopError(f"{VENV} was not made by this command: move it away or delete it, then try again.")
    if not shutil.which("uv") and not has("pip") and not has("ensurepip"):
        package = f"python{version[0]}.{version[1]}-venv"
        raise StopError(f"This Python can install nothing: install python3-venv ({package} on Debian).")


def digest() -> str:
    """Of the lock and the place: an environment that was moved has wrong paths in its scripts."""
    return hashlib.sha256(LOCK.read_bytes() + str(VENV).encode()).hexdigest()


def is_whole() -> bool:
    with contextlib.suppress(FileNotFoundError):
        return STAMP.read_text() == digest() and PYTHON.exists()
    return False


def prepare() -> None:
    if is_whole():
        return
    VENV.mkdir(exist_ok=True)
    with holding(STAMP) as stamp:
        if is_whole():
            return  # another process made it while this one waited
        count = sum("==" in line for line in LOCK.read_text().splitlines())
        say(f"Installing up to {count} packages from {LOCK.name} into {VENV.name}; later runs start at once.")
        was_whole = bool(stamp.read()) and PYTHON.exists()
        stamp.truncate(0)
        if not was_whole:
            clear()
        install()
        stamp.write(digest())


@contextlib.contextmanager
def holding(path: Path) -> Iterator[IO[str]]:
    """The system lets go of the file when this process ends, however it ends."""
    with path.open("a+") as file:
        notice = "Another process is preparing .venv: waiting for it."
        while not grabbed(file):
            say(notice) if notice else time.sleep(0.2)
            notice = ""
        file.seek(0)
        yield file


def grabbed(file: IO[str]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(ROOM)  # Windows bars others from reading what is locked: lock a byte that nobody reads
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def clear() -> None:
    for child in VENV.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        elif child != STAMP:
            child.unlink()


def install() -> None:
    """Installs with uv (itself installed by pip if missing), else with pip, since often only pip knows of a mirror."""
    if not PYTHON.exists() and not ran(sys.executable, "-I", "-m", "venv", "--without-pip", VENV):
        raise StopError(f"{VENV} could not be made; the lines above say why.")
    uv = shutil.which("uv")
    if not uv and not pip_installed("--quiet", "--no-deps", "-r", uv_alone()):
        raise StopError(f"pip could not install uv. {cause()}")
    uv = uv or str(BIN / "uv")
    if not ran(uv, "pip", "sync", "--python", PYTHON, "--require-hashes", LOCK):
        say("Trying pip, which may know a mirror that uv does not.")
        if not pip_installed("--quiet", "-r", LOCK):
            raise StopError(f"Neither uv nor pip could install what {LOCK.name} names. {cause()}")
    itself = ("--no-deps", "--no-build-isolation", "-e", PROJECT)
    if (PROJECT / "src").is_dir() and not ran(uv, "pip", "install", "--python", PYTHON, *itself):
        raise StopError(f"The project itself could not be installed. {cause()}")


def pip_installed(*what: str | Path) -> bool:
    """Uses this Python's pip, which can install into another environment, or a pip installed there, which is slower."""
    if has("pip"):
        pip: tuple[str | Path, ...] = (sys.executable, "-m", "pip", "--python", PYTHON)
    elif ran(PYTHON, "-m", "ensurepip"):
        pip = (PYTHON, "-m", "pip")
    else:
        return False
    return ran(*pip, "install", "--require-hashes", *what)


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def uv_alone() -> Path:
    """The part of the lock that pins uv, so that nothing comes unpinned."""
    lines = LOCK.read_text().splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith("uv==")), len(lines))
    last = next((n for n in range(first, len(lines)) if not lines[n].endswith("\\")), len(lines))
    part = VENV / "uv-alone.txt"
    part.write_text("\n".join(lines[first : last + 1]) + "\n")
    return part


def cause() -> str:
    free = shutil.disk_usage(PROJECT).free
    if free < ROOM:
        return f"The disk has {free // 2**20} MB left, and about {ROOM // 2**20} MB are needed."
    return (
        "The lines above say why. If no package index could be reached: a mirror is set through "
        "PIP_INDEX_URL for pip, and UV_DEFAULT_INDEX (UV_INDEX_URL in older ones) for uv. If a certificate was refused "
        "(UnknownIssuer), as behind a proxy that opens TLS: SSL_CERT_FILE names your company's certificates for uv, "
        "UV_SYSTEM_CERTS=1 lets it use the system's, and PIP_CERT names them for pip."
    )


def ran(*command: str | Path) -> bool:
    return subprocess.run([str(word) for word in command], cwd=PROJECT, stdout=sys.stderr).returncode == 0


def run(command: list[str]) -> int:
    paths = os.pathsep.join((str(BIN), os.environ.get("PATH", os.defpath)))
    environment = {**os.environ, "VIRTUAL_ENV": str(VENV), "PATH": paths}
    environment.pop("PYTHONHOME", None)
    program = shutil.which(command[0], path=paths)
    if program is None:
        raise StopError(f"There is no {command[0]} in {VENV.name}, nor on this machine's PATH.")
    if os.name != "nt":
        os.execve(program, command, environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command; this only waits for it
    return subprocess.run([program, *command[1:]], env=environment).returncode


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    try:
        demand(sys.version_info[:2])
        prepare()
        return run(sys.argv[1:]) if sys.argv[1:] else 0
    except StopError as fault:
        say(str(fault))
    except OSError as fault:
        say(f"{VENV} can't be used: {fault}.")
    except KeyboardInterrupt:
        say("Stopped; the next run starts over.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
