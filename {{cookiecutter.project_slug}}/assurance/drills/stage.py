"""What one drill has to itself: a local stack whose servers can be stopped, the service, and a Prometheus."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import aiohttp
import yaml
from starlette.types import ASGIApp

from assurance.drills.pace import Rules, paced
from assurance.drills.prometheus import Prometheus, prometheus
from local.identity_provider import identity_provider
from local.loopback import free_ports, listen, serving
from local.model_server import model_server
from local.sign_in import access_token
from local.stack import Stack, started_service, until_ready
from local.traces import trace_sink

CONFIG = Path(__file__).parent / "config"
AUDIENCE = "drills"
ANSWER_SECONDS = 60
INSIDE = "python3 local/venv.py"  # as docs/runbooks/README.md has it for a laptop
Act = Callable[[], Awaitable[object]]


class Server:
    """A local server that can stop, and start again at the same address with its state."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._app, self._port = app, port
        self._running = contextlib.AsyncExitStack()

    async def start(self) -> None:
        await self._running.enter_async_context(serving(self._app, listen(self._port, "the port")))

    async def stop(self) -> None:
        await self._running.aclose()


@dataclass
class Stage:
    folder: Path
    stack: Stack
    issuer: Server
    models: Server
    collector: Server
    metrics_port: int
    http: aiohttp.ClientSession
    log: IO[bytes]
    token: str = ""
    prometheus: Prometheus = field(init=False)
    _process: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.stack.service_port}"

    @property
    def database(self) -> Path:
        return self.folder / "service.db"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def environment(self) -> dict[str, str]:
        """The service's own, and what a runbook's commands use, on top of what the shell of `make drill` exports.

        A developer's .env is not read.
        """
        return {
            **self.stack.environment(),
            "PYTHON_DOTENV_DISABLED": "1",
            "DATABASE_URL": f"sqlite:///{self.database.as_posix()}",
            "AUDIT_CHECKPOINTS": str(self.checkpoints),
            "CONFIG_DIR": str(self.folder / "config"),
            "METRICS_PORT": str(self.metrics_port),
            "REDIS_URL": "",
            "LOG_LEVEL": "WARNING",
            # The rules run faster than in production, and so does what is sent to the collector.
            "OTEL_BSP_SCHEDULE_DELAY": "500",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        }

    def on_call(self) -> dict[str, str]:
        """What docs/runbooks/README.md tells to export, beside the service's environment."""
        asked = {"SERVICE": self.url, "PROMETHEUS": self.prometheus.url, "INSIDE": INSIDE}
        return {**os.environ, **self.environment(), **asked}

    async def start_service(self, *, ready: bool = True) -> None:
        """With `ready=False`, returns even if the service is not ready."""
        starting = started_service(self.stack, self.environment(), output=self.log)
        service = await self._process.enter_async_context(starting)
        if ready:
            await until_ready(service)

    async def stop_service(self) -> None:
        await self._process.aclose()

    async def deploy(self, **policy: object) -> None:
        """With sections of policy.yaml replaced."""
        await self.stop_service()
        self.configure(**policy)
        await self.start_service()

    def configure(self, **policy: object) -> None:
        (self.folder / "config").mkdir(exist_ok=True)
        for source in CONFIG.glob("*.yaml"):
            content = yaml.safe_load(source.read_text(encoding="utf-8"))
            content |= policy if source.stem == "policy" else {}
            (self.folder / "config" / source.name).write_text(yaml.safe_dump(content), encoding="utf-8")

    async def signed_in(self) -> str:
        """A token that the issuer makes now; questions are asked with `token`."""
        return await access_token(self.issuer.url, "ada")

    async def issuer_changes_its_key(self) -> None:
        async with self.http.post(f"{self.issuer.url}/control/rotate", raise_for_status=True):
            pass

    async def provider_fails(self, fault: str | None, *, model: str | None = None, times: int | None = None) -> None:
        """One of local/model_server/faults.py; None ends it."""
        plan = {"model": model, "fault": fault, "times": times}
        async with self.http.post(f"{self.models.url}/control/fault", json=plan, raise_for_status=True):
            pass

    async def ask(self, text: str = "When are the offices open?", **fields: object) -> dict[str, Any]:
        """The answer, or an error's body; of a stream nothing, once it has ended."""
        body = {"model": "assistant", "messages": [{"role": "user", "content": text}], **fields}
        return await self.post("/v1/chat/completions", body)

    async def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.http.post(f"{self.url}{path}", json=body, headers=headers) as answer:
            if answer.content_type != "application/json":
                await answer.read()
                return {}
            found: dict[str, Any] = await answer.json()
        return found

    async def probe(self) -> None:
        """What an orchestrator does all the time."""
        async with self.http.get(f"{self.url}/readyz") as answer:
            await answer.read()


@contextlib.asynccontextmanager
async def stage(folder: Path, rules: Mapping[str, Rules], pace: float) -> AsyncIterator[Stage]:
    """The service is ready, and its metrics are fetched. NotStartedError, ServiceEndedError, SignInError."""
    async with contextlib.AsyncExitStack() as running:
        log = running.enter_context((folder / "service.log").open("ab"))
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        http = await running.enter_async_context(
            aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        )
        built = await _with_servers(folder, http, log, running)
        running.push_async_callback(built.stop_service)
        built.configure()
        await built.start_service()
        built.token = await built.signed_in()
        scraped = {"service": f"127.0.0.1:{built.metrics_port}"}
        files = _written(folder, rules, pace)
        built.prometheus = await running.enter_async_context(prometheus(folder, scraped, files))
        yield built


async def _with_servers(
    folder: Path, http: aiohttp.ClientSession, log: IO[bytes], running: contextlib.AsyncExitStack
) -> Stage:
    service, metrics, *ports = free_ports(5)
    issuer = f"http://127.0.0.1:{ports[0]}"
    apps = (identity_provider(issuer, AUDIENCE, service), model_server(), trace_sink())
    servers = [Server(app, port) for app, port in zip(apps, ports, strict=True)]
    for server in servers:
        await server.start()
        running.push_async_callback(server.stop)
    identity, models, collector = servers
    tied = Stack(identity.url, models.url, collector.url, service, AUDIENCE)
    return Stage(folder, tied, identity, models, collector, metrics, http, log)


def _written(folder: Path, rules: Mapping[str, Rules], pace: float) -> Sequence[Path]:
    paths = [folder / name for name in rules]
    for path in paths:
        path.write_text(yaml.safe_dump(paced(rules[path.name], pace), width=1_000), encoding="utf-8")
    return paths


@contextlib.asynccontextmanager
async def repeated(act: Act, seconds: float) -> AsyncIterator[None]:
    """Starts `act` every so many seconds, even if earlier ones are still running.

    Connection errors are ignored, since drills cause them. Any other error of `act` ends the block and is raised.
    """
    try:
        async with asyncio.TaskGroup() as beside:
            load = beside.create_task(_again_and_again(act, seconds))
            yield
            load.cancel()
    except BaseExceptionGroup as ended:  # of what is inside and of the load, whichever was first
        raise _first(ended) from None


async def _again_and_again(act: Act, seconds: float) -> None:
    async with asyncio.TaskGroup() as under_way:
        while True:
            under_way.create_task(_once(act))
            await asyncio.sleep(seconds)


async def _once(act: Act) -> None:
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        await act()


def _first(fault: BaseException) -> BaseException:
    return _first(fault.exceptions[0]) if isinstance(fault, BaseExceptionGroup) else fault
