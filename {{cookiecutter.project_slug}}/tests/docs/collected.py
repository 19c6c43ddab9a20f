"""The tests that pages name, and whether pytest finds them."""

import functools
import re
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import PROJECT, text

_NAMED = re.compile(r"`(tests/[\w/]+\.py::\w+(?:\[[^`]+\])?)`")


def named_tests(content: str) -> list[str]:
    return _NAMED.findall(content)


@functools.cache
def collected(pages: tuple[Path, ...]) -> tuple[str, ...]:
    """The ids of all tests in the files that the pages name, one for each of a test's cases."""
    files = sorted({name.partition("::")[0] for page in pages for name in named_tests(text(page))})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, *files], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return tuple(line for line in done.stdout.splitlines() if "::" in line)


def cases(pages: tuple[Path, ...], name: str) -> int:
    """How many cases pytest finds under that name."""
    return sum(found == name or found.startswith(f"{name}[") for found in collected(pages))
