"""Every step of the workshop, one after the other, on a local stack of its own."""

import asyncio
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from local.stack import local_stack, running_service
from tests.docs.pages import DOCS, PROJECT, text

WORKSHOP = DOCS / "adoption" / "workshop.md"
STEPS = re.findall(r"^```sh\n([^\n]+)\n```\n\n```text\n(.*?)^```$", text(WORKSHOP), re.MULTILINE | re.DOTALL)
SWITCHES_REACH_EVERYBODY = 2.0  # seconds


@pytest.fixture
async def environment(tmp_path: Path) -> AsyncIterator[Mapping[str, str]]:
    own = {
        "CONFIG_DIR": str(PROJECT / "tests" / "config"),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'service.db'}",
        "AUDIT_CHECKPOINTS": str(tmp_path / "checkpoints"),
        "REDIS_URL": "",
        "METRICS_PORT": "",
        "LOG_LEVEL": "WARNING",
        "PYTHONIOENCODING": "utf-8",
    }
    async with local_stack() as stack, running_service(stack, own):
        yield {**os.environ, **stack.environment(), **own}


def run(line: str, environment: Mapping[str, str]) -> str:
    words = shlex.split(line.removeprefix("python3 local/venv.py "))
    module = words[1:] if words[0] == "python" else ["-m", "{{ cookiecutter.package_name }}", *words[1:]]
    command = [sys.executable, *module]
    done = subprocess.run(command, cwd=PROJECT, env=dict(environment), capture_output=True, check=False, timeout=300)
    return (done.stdout + done.stderr).decode().replace("\r\n", "\n")


def pattern(expected: str) -> str:
    return ".*".join(re.escape(part) for part in expected.strip().split("…"))


def test_every_command_says_what_to_expect() -> None:
    assert len(STEPS) == text(WORKSHOP).count("```sh") == text(WORKSHOP).count("```text")


@pytest.mark.slow
async def test_every_step_prints_what_the_page_says(environment: Mapping[str, str]) -> None:
    for line, expected in STEPS:
        printed = await asyncio.to_thread(run, line, environment)
        assert re.search(pattern(expected), printed, re.DOTALL), f"{line}\n{printed}"
        if " stop " in line or " start " in line:
            await asyncio.sleep(SWITCHES_REACH_EVERYBODY)
