"""The commands under a runbook's "First five minutes", run word by word, as somebody at night would paste them."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assurance.drills.drill import DrillFailedError
from assurance.stamp import PROJECT

LONGEST_RUN = 60  # seconds
_BLOCK = re.compile(r"^## First five minutes\n.*?^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FAILED = re.compile(r"^\(status (\d+): (.*)\)$", re.MULTILINE)
_TELL_EACH_FAILURE = """set -o pipefail
trap 'echo "(status $?: $BASH_COMMAND)"' ERR
"""


@dataclass(frozen=True)
class Shown:
    """`failed`: each command that ended with another status than 0, and that status."""

    text: str
    failed: Sequence[tuple[str, int]]


def commands(page: Path) -> str:
    found = _BLOCK.search(page.read_text(encoding="utf-8"))
    return found[1] if found else ""


async def shown_by(page: Path, environment: Mapping[str, str]) -> Shown:
    """DrillFailedError where they take too long; nothing that they started outlives this."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", _TELL_EACH_FAILURE + commands(page)),
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(LONGEST_RUN):
            text = (await process.communicate())[0].decode(errors="replace")
    except TimeoutError:
        raise DrillFailedError(f"the commands of {page.name} take longer than {LONGEST_RUN} s") from None
    finally:
        with contextlib.suppress(ProcessLookupError):  # as a rule they have all ended
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return Shown(text, [(command, int(status)) for status, command in _FAILED.findall(text)])
