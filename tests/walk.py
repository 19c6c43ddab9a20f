"""A person at a generated service: types what a page says, runs the service, asks it, looks at the trail."""

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.baking import text_of
from tests.shell import free_ports, outer_environment, run

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Walk:
    """A generated service, in which a person follows a page."""

    def __init__(self, service: Path) -> None:
        self.service = service
        names = ("PORT", "LOCAL_IDP_PORT", "LOCAL_MODEL_PORT", "LOCAL_TRACE_PORT")
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        direct = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        self.environment = outer_environment() | self.ports | direct

    def shell(self, commands: str, **environment: str) -> str:
        """What it prints; the ports of the page are those of this test."""
        commands = commands.replace(":8000", f":{self.ports['PORT']}")
        commands = commands.replace("python3 ", f"{sys.executable} ")
        return run(self.service, "sh", "-ec", commands, environment=self.environment | environment)

    def script(self, question: str, **environment: str) -> str:
        command = (sys.executable, "local/venv.py", "python", "purchasing_bot.py", question)
        return run(self.service, *command, environment=self.environment | environment)

    def ask(self, question: str, who: str, **headers: str) -> dict[str, Any]:
        """The whole answer, or the refusal, over HTTP."""
        token = self.shell(f"python3 local/venv.py acme-assistant token --user {who}").splitlines()[-1]
        body = {"model": "purchasing", "messages": [{"role": "user", "content": question}]}
        headers |= {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.ports['PORT']}/v1/chat/completions"
        return _json(urllib.request.Request(url, json.dumps(body).encode(), headers))

    def records(self, kind: str) -> list[dict[str, Any]]:
        with contextlib.closing(sqlite3.connect(self.service / "service.db")) as trail:
            found = trail.execute("SELECT body FROM audit WHERE kind = ? ORDER BY at", [kind]).fetchall()
        return [json.loads(body) for (body,) in found]

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """What `make serve` runs."""
        command = [sys.executable, "local/venv.py", "python", "-m", "local.up"]
        log = self.service / "serve.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                command, cwd=self.service, env=self.environment, stdout=out, stderr=out
            )
        try:
            self._until_ready(process, log)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def _until_ready(self, process: subprocess.Popen[bytes], log: Path) -> None:
        for _ in range(1200):
            with contextlib.suppress(OSError):
                DIRECT.open(f"http://127.0.0.1:{self.ports['PORT']}/readyz").close()
                return
            assert process.poll() is None, text_of(log)
            time.sleep(0.1)
        pytest.fail(f"the service is not ready after two minutes:\n{text_of(log)[-8000:]}")


def _json(request: urllib.request.Request) -> dict[str, Any]:
    try:
        with DIRECT.open(request, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as refusal:
        found = json.load(refusal)
    return found
