"""Servers of other makers that tests start: found on this machine, run in a folder of their own, on a free port."""

import os
import shutil
from pathlib import Path

import pytest

from local.loopback import free_ports


def program(name: str, *folders: str, package: str) -> str:
    """The path of a program. Without it a test is skipped on a laptop, and fails where CI is set."""
    elsewhere = [str(path) for pattern in folders for path in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)]
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(elsewhere))
    if found:
        return found
    reason = f"{name} is not installed here; {package} brings it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    return free_ports(1)[0]


def unprivileged() -> dict[str, str | int]:
    """subprocess's options for a program that refuses to run as root, as PostgreSQL does."""
    if not hasattr(os, "geteuid") or os.geteuid():
        return {}
    import pwd  # Windows has none

    known = {one.pw_name: one for one in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    return {"user": user.pw_uid, "group": user.pw_gid}
