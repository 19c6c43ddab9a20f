"""What is turned away before anything is parsed."""

import asyncio
import functools
import json
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from starlette.types import Message, Receive, Scope, Send

from {{ cookiecutter.package_name }} import app
from {{ cookiecutter.package_name }}.api import BodyLimit, InFlightCap

from tests.programs import free_port
from tests.service import Service, Surroundings, deployment, running_service
from tests.telemetry.scraped import by

REQUESTS = "http_server_request_duration_seconds_count"


async def until_open(service: Service, count: int) -> None:
    """So many calls are with the provider."""
    end = time.monotonic() + 20
    while (await service.upstream.stats())["open"] != count:
        assert time.monotonic() < end, f"{count} are not open"
        await asyncio.sleep(0.02)


async def in_flight(service: Service, port: int) -> float:
    return sum((await by(service, port, "app_requests_in_flight")).values())


async def test_beyond_the_cap_a_request_is_refused_at_once_and_counted_and_probes_are_answered(
    tmp_path: Path, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "InFlightCap", functools.partial(InFlightCap, most=2))
    models = {"deployments": {"only": deployment(around.upstream.url)}, "routes": {"assistant": {"try": ["only"]}}}
    port = free_port()
    async with running_service(tmp_path, around, changes={"models": models}, metrics_port=port) as service:
        await service.upstream.fails_with("timeout")
        asking = [asyncio.create_task(service.ask()) for _ in range(2)]
        await until_open(service, 2)
        counted = await in_flight(service, port)
        third = await service.ask(headers={"X-Request-Timeout-Ms": "1000"})
        refused = [third, await service.http.get(f"{service.url}/nowhere")]
        probed = [(await service.http.get(f"{service.url}/{probe}")).status_code for probe in ("livez", "readyz")]
        for one in asking:
            one.cancel()
        await until_open(service, 0)
        found = await by(service, port, REQUESTS, "http_route", "http_response_status_code", "error_type")
        reasons = await by(service, port, "app_refusals_total", "app_reason")
    assert [(one.status_code, one.json()["error"]["code"]) for one in refused] == [(503, "overloaded")] * 2
    assert third.headers["Retry-After"]
    assert probed == [200, 200]
    assert counted == 2
    assert reasons == {"overloaded": 2}
    assert (found["/v1/* 503 overloaded"], found["unknown 503 overloaded"]) == (1, 1)


async def drip(url: str, path: str, token: str) -> tuple[bytes, float]:
    """A client that sends a byte of its body now and then, for as long as it is let; what it is answered, and when."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    begun = time.monotonic()
    head = [f"POST {path} HTTP/1.1", "Host: service", "Content-Type: application/json", "Content-Length: 100000"]
    writer.write("\r\n".join([*head, f"Authorization: Bearer {token}", "", "{"]).encode())

    async def go_on() -> None:
        with suppress(ConnectionError):
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.1)

    dripping = asyncio.create_task(go_on())
    try:
        async with asyncio.timeout(20):
            return await reader.read(), time.monotonic() - begun  # to the end, which is the connection's
    finally:
        dripping.cancel()
        writer.close()


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/feedback"])
async def test_a_body_that_drips_in_is_refused_when_the_time_is_over(
    path: str, tmp_path: Path, around: Surroundings
) -> None:
    models = {
        "deployments": {"only": deployment(around.upstream.url), "vectors": deployment(around.upstream.url)},
        "routes": {
            "assistant": {"try": ["only"], "deadline": "1s"},
            "embedding": {"try": ["vectors"], "deadline": "1s", "serves": "embeddings"},
        },
    }
    async with running_service(tmp_path, around, changes={"models": models}) as service:
        answer, seconds = await drip(service.url, path, service.issuer.token("ada"))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408"), answer
    told = json.loads(body)["error"]
    assert (told["code"], told["type"]) == ("too_slow", "invalid_request_error")
    assert f"x-request-id: {told['request_id']}" in head.decode().lower()
    assert seconds >= 1


async def test_bodies_that_are_too_large_together_are_refused_until_there_is_room(
    tmp_path: Path, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "BodyLimit", functools.partial(BodyLimit, together=10_000))
    async with running_service(tmp_path, around) as service:
        await service.upstream.fails_with("timeout")
        first = asyncio.create_task(service.ask("x" * 6_000, headers={"X-Request-Timeout-Ms": "3000"}))
        await until_open(service, 1)
        refused = await service.ask("x" * 6_000)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "overloaded")
        assert (await first).status_code == 504
        await service.upstream.fails_with(None)
        assert (await service.ask("x" * 6_000)).status_code == 200


async def test_that_the_caller_is_gone_is_heard_though_there_is_no_room() -> None:
    arrived: list[Message] = [{"type": "http.disconnect"}, {"type": "http.request", "body": b""}]
    limit = BodyLimit(listening, together=10_000)
    limit._held = 20_000
    heard: list[str] = []

    async def receive() -> Message:
        return arrived.pop()

    async def send(message: Message) -> None:
        heard.append(message["type"])

    configuration = SimpleNamespace(catalogue=SimpleNamespace(longest_deadline=5.0))
    state = {"configuration": configuration, "arrival": time.monotonic()}
    await limit({"type": "http", "state": state}, receive, send)
    assert heard == ["http.request", "http.disconnect"]


async def listening(scope: Scope, receive: Receive, send: Send) -> None:
    await send(await receive())
    await send(await receive())


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/feedback"])
async def test_a_stranger_s_body_is_not_read(path: str, service: Service) -> None:
    address = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = [f"POST {path} HTTP/1.1", "Host: service", "Content-Type: application/json", "Content-Length: 100000"]
    writer.write("\r\n".join([*head, "", "{"]).encode())
    async with asyncio.timeout(10):
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 401")
    writer.close()
