"""The three servers and the service, as contexts: for `up`, for tests, evaluations, drills and the demo."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO

import aiohttp

from local.identity_provider import identity_provider
from local.loopback import NotStartedError, listen, serving
from local.model_server import model_server
from local.traces import trace_sink

PROJECT = Path(__file__).parent.parent
SERVE = (sys.executable, "-m", "{{ cookiecutter.package_name }}", "serve")
READY_SECONDS = 120
GRACE_SECONDS = 60


@dataclass(frozen=True)
class Ports:
    """0 takes a free one."""

    service: int = 0
    identity: int = 0
    model: int = 0
    trace: int = 0


@dataclass(frozen=True)
class Stack:
    issuer: str
    model_url: str
    trace_url: str
    service_port: int
    audience: str

    def environment(self) -> dict[str, str]:
        """What ties a service to this stack."""
        direct = ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1", "localhost")))
        return {
            "ENVIRONMENT": "local",
            "PORT": str(self.service_port),
            "PUBLIC_URL": f"http://127.0.0.1:{self.service_port}",
            "OIDC_ISSUER": self.issuer,
            "OIDC_AUDIENCE": self.audience,
            "OIDC_CLIENT_ID": "web",
            "OIDC_CLIENT_SECRET": "local-web-secret",
            "LOCAL_MODEL_URL": self.model_url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.trace_url,
            "NO_PROXY": direct,
            "no_proxy": direct,
        }


@dataclass(frozen=True)
class Service:
    url: str
    process: Process


class ServiceEndedError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"The service ended with status {status}; what it wrote above says why.")
        self.status = status


FREE = Ports()


@contextlib.asynccontextmanager
async def local_stack(ports: Ports = FREE) -> AsyncIterator[Stack]:
    """NotStartedError when a port is taken; then nothing has been started."""
    audience = os.environ.get("OIDC_AUDIENCE", "{{ cookiecutter.package_name }}")
    async with contextlib.AsyncExitStack() as running:
        service, identity, model, trace = (
            running.enter_context(listen(port, variable))
            for port, variable in (
                (ports.service, "PORT"),
                (ports.identity, "LOCAL_IDP_PORT"),
                (ports.model, "LOCAL_MODEL_PORT"),
                (ports.trace, "LOCAL_TRACE_PORT"),
            )
        )
        service_port = service.getsockname()[1]
        service.close()  # it was only to see that the port is free: the service takes it itself
        issuer = f"http://127.0.0.1:{identity.getsockname()[1]}"
        provider = identity_provider(issuer, audience, service_port)
        apps = ((provider, identity), (model_server(), model), (trace_sink(), trace))
        _, model_url, trace_url = [await running.enter_async_context(serving(*app)) for app in apps]
        yield Stack(issuer, model_url, trace_url, service_port, audience)


@contextlib.asynccontextmanager
async def running_service(
    stack: Stack, environment: Mapping[str, str] | None = None, command: Sequence[str] = SERVE
) -> AsyncIterator[Service]:
    """Yields when it is ready. ServiceEndedError when it ends instead, NotStartedError when it is too slow."""
    async with started_service(stack, environment, command) as service:
        await until_ready(service)
        yield service


@contextlib.asynccontextmanager
async def started_service(
    stack: Stack,
    environment: Mapping[str, str] | None = None,
    command: Sequence[str] = SERVE,
    output: IO[bytes] | None = None,
) -> AsyncIterator[Service]:
    """Yields at once. `output` takes what it writes; without, the terminal does."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=PROJECT,
        env={**os.environ, **stack.environment(), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output and subprocess.STDOUT,
        # In a group of its own: Ctrl-C at a terminal is for us, who then tell the service, once.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
    try:
        yield Service(f"http://127.0.0.1:{stack.service_port}", process)
    finally:
        await _stop(process)


async def until_ready(service: Service) -> None:
    """ServiceEndedError, NotStartedError."""
    says = "nothing"
    timeout = aiohttp.ClientTimeout(total=2)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        for _ in range(READY_SECONDS * 10):
            if service.process.returncode is not None:
                raise ServiceEndedError(service.process.returncode)
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(f"{service.url}/readyz") as answer:
                    if answer.status == HTTPStatus.OK:
                        return
                    says = await answer.text()
            await asyncio.sleep(0.1)
    raise NotStartedError(f"The service is not ready after {READY_SECONDS} s; /readyz says: {says}")


async def _stop(process: Process) -> None:
    """Asks, and waits for the service's own grace period; a cancellation while waiting kills it."""
    if process.returncode is not None:
        return
    process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))  # Windows has the former
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
