"""HTTP_PROXY and NO_PROXY hold for models and for the issuer: a proxy on loopback sees what goes through it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from {{ cookiecutter.package_name }}.commands.http import fetch

from local.loopback import listen, serving
from tests.service import Service, Surroundings, deployment, running_service

FARAWAY = "http://models.test"


class Proxy:
    """Hands everything for `FARAWAY` to a server that is near, and counts."""

    def __init__(self, near: str) -> None:
        self.near = near
        self.asked: list[str] = []
        self.app = Starlette(routes=[Route("/{path:path}", self._hand_on, methods=["GET", "POST"])])

    async def _hand_on(self, request: Request) -> Response:
        self.asked.append(str(request.url))
        async with httpx2.AsyncClient() as http:
            answer = await http.post(f"{self.near}{request.url.path}", content=await request.body())
        return Response(answer.content, answer.status_code, media_type="application/json")


@pytest.fixture
async def standing(around: Surroundings) -> AsyncIterator[tuple[str, Proxy]]:
    between = Proxy(around.upstream.url)
    async with serving(between.app, listen(0, "PORT")) as url:
        yield url, between


async def test_a_model_is_reached_through_the_proxy_and_the_issuer_beside_it(
    tmp_path: Path, around: Surroundings, standing: tuple[str, Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, between = standing
    monkeypatch.setenv("HTTP_PROXY", url)
    monkeypatch.setenv("http_proxy", url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    models = {"deployments": {"far": deployment(FARAWAY)}, "routes": {"assistant": {"try": ["far"]}}}
    async with running_service(tmp_path, around, changes={"models": models}) as service:
        assert (await service.ask()).status_code == 200
    assert between.asked == [f"{FARAWAY}/v1/chat/completions"]


async def test_commands_ask_a_service_on_this_machine_beside_the_proxy(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert await asyncio.to_thread(fetch, f"{service.url}/livez") == {"status": "alive"}
