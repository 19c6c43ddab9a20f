"""Commands as a person gives them in a generated service."""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path


def outer_environment() -> dict[str, str]:
    """What a person's shell holds: nothing of this test run's own environment or make."""
    own = {"VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHONDONTWRITEBYTECODE"}
    kept = {name: value for name, value in os.environ.items() if name not in own}
    inside = Path(sys.executable).parent if sys.prefix != sys.base_prefix else None
    folders = kept["PATH"].split(os.pathsep)
    return kept | {"PATH": os.pathsep.join(folder for folder in folders if Path(folder) != inside)}


def run(service: Path, *command: str, environment: dict[str, str] | None = None) -> str:
    """Its output; when it fails, the test fails with the end of that output."""
    ended = subprocess.run(
        command,
        cwd=service,
        env=environment or outer_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout[-8000:]}"
    return ended.stdout


def free_ports(count: int) -> list[str]:
    """All different, and below those that the system gives to outgoing connections."""
    found: set[str] = set()
    while len(found) < count:
        port = 20_000 + secrets.randbelow(12_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.add(str(port))
    return sorted(found)
