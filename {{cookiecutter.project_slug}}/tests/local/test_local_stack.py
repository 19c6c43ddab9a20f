"""Starting and stopping: where the servers may run, what a person is told, and that nothing is left behind."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE

import pytest
from aiohttp import ClientSession
from starlette.types import ASGIApp, Message

from local.identity_provider import identity_provider
from local.loopback import NotStartedError, listen
from local.model_server import model_server
from local.stack import PROJECT, SERVE, Ports, ServiceEndedError, Stack, local_stack, running_service
from local.traces import trace_sink

# A service as small as one can be: it answers on PORT, writes what it was told, and ends as its second word says.
SMALL = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["OIDC_ISSUER"].encode())
    def log_message(self, *_):
        pass
if sys.argv[1] == "end":
    sys.exit(7)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
PORTS = {"PORT": "service", "LOCAL_IDP_PORT": "identity", "LOCAL_MODEL_PORT": "model", "LOCAL_TRACE_PORT": "trace"}


def small(word: str) -> tuple[str, ...]:
    return sys.executable, "-c", SMALL, word


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def refusal(**environment: str) -> str:
    """The one line with which `python -m local.up` ends."""
    everything = {**os.environ, **dict.fromkeys(PORTS, "0"), **environment}
    command = (sys.executable, "-m", "local.up")
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, env=everything, stdout=PIPE, stderr=PIPE)
    said, complaint = await process.communicate()
    assert (process.returncode, said, complaint.count(b"\n")) == (1, b"", 1)
    return complaint.decode()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "localhost.evil.example", ""])
def test_only_loopback_can_be_listened_on(host: str) -> None:
    with pytest.raises(NotStartedError, match="on loopback only"):
        listen(0, "PORT", host)


async def test_a_connection_from_elsewhere_is_refused_whoever_serves() -> None:
    async def status(app: ASGIApp, server: str) -> int:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        headers = [(b"host", b"127.0.0.1")]
        scope = {"type": "http", "method": "GET", "path": "/none", "headers": headers, "server": (server, 1)}
        await app(scope, receive, send)
        return int(sent[0]["status"])

    for app in (identity_provider("http://127.0.0.1:1", "any", 1), model_server(), trace_sink()):
        assert await status(app, "192.0.2.1") == 403
        assert await status(app, "127.0.0.1") == 404


async def test_a_page_that_rebinds_its_name_is_refused() -> None:
    async with local_stack() as stack, ClientSession() as http:
        for base in (stack.issuer, stack.model_url, stack.trace_url):
            async with http.get(f"{base}/any", headers={"Host": "evil.example"}) as answer:
                assert answer.status == 400


async def test_nothing_local_starts_beside_production(monkeypatch: pytest.MonkeyPatch) -> None:
    for environment in ("production", "staging", "Production", "prod"):
        monkeypatch.setenv("ENVIRONMENT", environment)
        with pytest.raises(NotStartedError, match=f"ENVIRONMENT={environment}"):
            async with local_stack():
                pytest.fail("it started")
        for start in (model_server, trace_sink, lambda: identity_provider("http://127.0.0.1:1", "any", 1)):
            with pytest.raises(NotStartedError, match=f"ENVIRONMENT={environment}"):
                start()
    assert "don't start with ENVIRONMENT=production" in await refusal(ENVIRONMENT="production")


async def test_taken_port_is_named_with_its_variable() -> None:
    for variable, field in PORTS.items():
        with listen(0, variable) as taken:
            port = taken.getsockname()[1]
            changed = {field: port}
            with pytest.raises(NotStartedError, match=rf"Port {port} can't be used .*\. .* set {variable} to"):
                async with local_stack(Ports(**changed)):
                    pytest.fail("it started")
    with listen(0, "PORT") as taken:
        complaint = await refusal(LOCAL_MODEL_PORT=str(taken.getsockname()[1]))
    assert complaint.endswith("set LOCAL_MODEL_PORT to a free one.\n")


async def test_port_that_is_no_number_is_named() -> None:
    assert "'none'" in await refusal(LOCAL_IDP_PORT="none")


async def test_stack_leaves_no_port_open() -> None:
    async with local_stack() as stack:
        ports = [int(url.rsplit(":")[-1]) for url in (stack.issuer, stack.model_url, stack.trace_url)]
        assert [is_open(port) for port in (*ports, stack.service_port)] == [True, True, True, False]
    assert not any(is_open(port) for port in ports)


async def test_service_runs_with_the_stack_it_is_tied_to(stack: Stack) -> None:
    async with running_service(stack, command=small("stay")) as service, ClientSession() as http:
        async with http.get(service.url) as answer:
            assert await answer.text() == stack.issuer
        assert service.process.returncode is None
    assert service.process.returncode == -signal.SIGTERM
    assert not is_open(stack.service_port)


async def test_service_that_ends_is_reported_with_its_status(stack: Stack) -> None:
    with pytest.raises(ServiceEndedError, match="status 7") as end:
        async with running_service(stack, command=small("end")):
            pytest.fail("it never was ready")
    assert end.value.status == 7


def test_service_is_started_as_the_package() -> None:
    assert SERVE[1:] == ("-m", "{{ cookiecutter.package_name }}", "serve")
