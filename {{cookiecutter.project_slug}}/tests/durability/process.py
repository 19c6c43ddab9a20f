"""The service as a process of its own, which can be killed, and callers who do not stop asking."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.issuer import AUDIENCE
from tests.programs import free_port
from tests.service import Surroundings, configuration, deployment

CALLERS = 50
LONGEST_START = 30.0  # seconds; on two cores that three other test processes use too


class Process:
    def __init__(
        self,
        folder: Path,
        around: Surroundings,
        database_url: str,
        *,
        models: dict[str, Any] | None = None,
        **environment: str,
    ) -> None:
        """With one direct deployment, unless `models` says otherwise."""
        models = models or {
            "deployments": {"only": deployment(around.upstream.url)},
            "routes": {"assistant": {"try": ["only"], "deadline": "10s"}},
        }
        limitless = {"limits": {}, "budgets": {"user": {"usd_per_day": 1_000_000}}}
        config = configuration(folder / "config", models=models, policy=limitless)
        self._folder = folder
        self._environment = {
            **os.environ,
            "OIDC_ISSUER": around.issuer.url,
            "OIDC_AUDIENCE": AUDIENCE,
            "DATABASE_URL": database_url,
            "CONFIG_DIR": str(config),
            "AUDIT_CHECKPOINTS": str(folder / "checkpoints"),
            "PYTHONPATH": os.pathsep.join(str(Path(one).resolve()) for one in sys.path),
            **environment,
            **environment,
        }
        self._running: subprocess.Popen[bytes] | None = None
        self.url = ""

    def launch(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        with (self._folder / "log").open("ab") as log:
            self._running = subprocess.Popen(
                [sys.executable, "-m", "{{ cookiecutter.package_name }}", "serve"],
                cwd=self._folder,
                env={**self._environment, "PORT": str(port)},
                stdout=log,
                stderr=log,
            )

    async def start(self) -> float:
        """Returns the seconds until it was ready."""
        begun = time.monotonic()
        self.launch()
        await self.ready()
        return time.monotonic() - begun

    async def ready(self) -> None:
        begun = time.monotonic()
        assert self._running is not None
        async with httpx2.AsyncClient() as http:
            while not await self._ready(http):
                if self._running.poll() is not None or time.monotonic() - begun > 60:
                    raise RuntimeError(f"it did not start: {self.log()[-2000:]}")
                await asyncio.sleep(0.05)

    async def _ready(self, http: httpx2.AsyncClient) -> bool:
        try:
            return (await http.get(f"{self.url}/readyz")).status_code == 200
        except httpx2.TransportError:
            return False

    async def end(self, how: signal.Signals) -> int:
        """The exit status."""
        assert self._running is not None
        self._running.send_signal(how)
        return await asyncio.to_thread(self._running.wait, 60)

    def let_files_grow_to(self, size: int | None) -> None:
        """What a full disk does to a process, in bytes of each file; None is a disk that has room again. Linux only."""
        import resource  # Windows has none

        assert self._running is not None
        most = resource.RLIM_INFINITY if size is None else size
        resource.prlimit(self._running.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def kill(self) -> None:
        if self._running and self._running.poll() is None:
            self._running.kill()
            self._running.wait()

    def log(self) -> str:
        return (self._folder / "log").read_text(encoding="utf-8")


@dataclass
class Load:
    """Callers, half of them streaming, each of whom asks again as soon as an answer is whole."""

    url: str
    headers: dict[str, str]
    answered: set[str] = field(default_factory=set)
    other: list[int] = field(default_factory=list)

    async def run(self) -> None:
        """Until the service is gone."""
        limits = httpx2.Limits(max_connections=CALLERS)
        async with httpx2.AsyncClient(timeout=30, limits=limits) as http:
            await asyncio.gather(*(self._caller(http, stream=number % 2 == 0) for number in range(CALLERS)))

    async def answers(self, many: int) -> None:
        """Returns when there are so many, while the callers go on."""
        end = time.monotonic() + 60
        while len(self.answered) < many:
            assert time.monotonic() < end, f"{len(self.answered)} answers, and {self.other}"
            await asyncio.sleep(0.01)

    async def _caller(self, http: httpx2.AsyncClient, *, stream: bool) -> None:
        body: dict[str, Any] = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
        try:
            while True:
                body["stream"] = stream
                answer = await http.post(f"{self.url}/v1/chat/completions", json=body, headers=self.headers)
                self._note(answer, stream)
        except httpx2.TransportError:
            return

    def _note(self, answer: httpx2.Response, stream: bool) -> None:
        if answer.status_code != 200:
            self.other.append(answer.status_code)
        elif not stream:
            self.answered.add(answer.json()["receipt"]["audit_id"])
        elif answer.text.endswith("data: [DONE]\n\n"):
            last = answer.text.split("\n\n")[-3].removeprefix("data: ")
            self.answered.add(json.loads(last)["receipt"]["audit_id"])
