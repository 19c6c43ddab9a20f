"""Says what is wrong with the image it runs in: `make image` starts it there read-only, without rights or network.

Standard library only, and no import of ours, as nothing of this folder is in an image. The list of packages that
`make sbom` wrote comes on stdin, the command that starts the service as words.
"""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Collection, Iterator, Sequence
from importlib.metadata import distributions
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

LONGEST = 120  # seconds to start or to stop: a slow runner needs some, a service that hangs has had them


def misses(listed: IO[str]) -> Iterator[str]:
    """Packages by which image and list differ; what the Python of the base image has besides is not the service's."""
    ours = [path for path in sys.path if path.startswith(sys.prefix)]
    installed = {(re.sub("[-_.]+", "-", one.name).lower(), one.version) for one in distributions(path=ours)}
    named = {(one["name"], one["version"]) for one in json.load(listed)["components"]}
    for name, version in sorted(installed ^ named):
        yield f"{name} {version} is {'installed and not listed' if (name, version) in installed else 'listed only'}"


def rights() -> Iterator[str]:
    if not os.geteuid():
        yield "it runs as root"
    for path in changeable([Path(sys.prefix), Path.cwd()], os.geteuid(), {os.getegid(), *os.getgroups()}):
        yield f"it can write to its own code: {path}"
    for tool in ("cc", "gcc", "ld"):
        if shutil.which(tool):
            yield f"it has {tool}"


def changeable(folders: Sequence[Path], user: int, groups: Collection[int]) -> Iterator[Path]:
    """The first in each folder that a user may change, by owner and mode: it is mounted read-only here for anybody."""
    for folder in folders:
        within = (path for path in (folder, *folder.rglob("*")) if not path.is_symlink())
        yield from islice((path for path in within if _changeable(path.stat(), user, groups)), 1)


def _changeable(found: os.stat_result, user: int, groups: Collection[int]) -> bool:
    by_group = found.st_gid in groups and found.st_mode & stat.S_IWGRP
    return bool(found.st_uid == user or by_group or found.st_mode & stat.S_IWOTH)


def starts(command: Sequence[str], port: int = 8000) -> Iterator[str]:
    """Is it alive, and does it end by itself when it is told to?"""
    with TemporaryDirectory() as state, subprocess.Popen(command, env=settings(state, port)) as service:
        if not alive(service, port):
            yield "/livez did not answer"
        service.send_signal(signal.SIGTERM)
        try:
            ended = service.wait(LONGEST)
        except subprocess.TimeoutExpired:
            service.kill()
            ended = service.wait()
        if ended:
            yield f"it ended with status {ended} when it was told to stop"


def settings(state: str, port: int) -> dict[str, str]:
    kept = {"DATABASE_URL": f"sqlite:///{state}/trial.db", "AUDIT_CHECKPOINTS": f"{state}/checkpoints"}
    return {**os.environ, **kept, "PORT": str(port)}


def alive(service: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + LONGEST
    while service.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.2)
    return False


def main(command: Sequence[str]) -> int:
    faults = [*misses(sys.stdin), *rights(), *starts(command)]
    print("\n".join(faults) or "The image starts, stops and holds what is listed.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
