"""The service under test: `create_app` under uvicorn, on a free port, beside a real issuer and model server."""

import asyncio
import functools
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

import httpx2
import uvicorn
import yaml
from fastapi import APIRouter
from sqlalchemy import Engine, select

from {{ cookiecutter.package_name }}.app import create_app
from {{ cookiecutter.package_name }}.audit.tables import audit
from {{ cookiecutter.package_name }}.database import open_engine
from {{ cookiecutter.package_name }}.settings import Settings

from local.loopback import listen, serving
from local.model_server import model_server
from tests.issuer import AUDIENCE, Issuer
from tests.tables import make_tables

CONFIG = Path(__file__).parent.parent / "config"
TESTED = Path(__file__).parent / "config"


@dataclass
class Upstream:
    """The local model server, and how to make it fail."""

    url: str
    http: httpx2.AsyncClient

    async def fails_with(self, fault: str | None, *, model: str | None = None, times: int | None = None) -> None:
        plan = {"model": model, "fault": fault, "times": times}
        (await self.http.post(f"{self.url}/control/fault", json=plan)).raise_for_status()

    async def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.http.get(f"{self.url}/control/stats")).json()
        return found


@dataclass
class Service:
    url: str
    issuer: Issuer
    upstream: Upstream
    http: httpx2.AsyncClient
    engine: Engine
    checkpoints: Path

    def headers(self, who: str = "ada", **headers: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.issuer.token(who)}", **headers}

    async def ask(self, text: str = "Hello there", *, who: str = "ada", **options: Any) -> httpx2.Response:
        """`headers` are added; other options are fields of the request."""
        headers = self.headers(who, **options.pop("headers", {}))
        body = {"model": "assistant", "messages": [{"role": "user", "content": text}], **options}
        return await self.http.post(f"{self.url}/v1/chat/completions", json=body, headers=headers)

    async def embed(self, texts: Any = "Hello there", *, who: str = "ada", **options: Any) -> httpx2.Response:
        """As `ask`."""
        headers = self.headers(who, **options.pop("headers", {}))
        body = {"model": "embedding", "input": texts, **options}
        return await self.http.post(f"{self.url}/v1/embeddings", json=body, headers=headers)

    def records(self, kind: str | None = None) -> list[dict[str, Any]]:
        """What the trail holds, oldest first, as its canonical texts say."""
        with self.engine.connect() as connection:
            bodies = connection.execute(select(audit.c.body).order_by(audit.c.at)).scalars()
            found = [json.loads(body) for body in bodies]
        return [record for record in found if kind in (None, record["kind"])]


def configuration(folder: Path, **changes: dict[str, Any]) -> Path:
    """tests/config/, in `folder`, with parts of a file replaced: `models={"routes": {...}}`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("models", "policy", "access"):
        content = _tested(name) | changes.get(name, {})
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return folder


@functools.cache
def _tested(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((TESTED / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


@functools.cache
def no_tls() -> ssl.SSLContext:
    """For clients that speak plain HTTP on loopback: to read the authorities anew for each takes 50 ms."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def deployment(url: str, **changes: Any) -> dict[str, Any]:
    """An entry of models.yaml in OpenAI's wire format, which needs no slow import."""
    usual = {
        "openai": "local-large",
        "base_url": f"{url}/v1",
        "region": "local",
        "retention_days": 0,
        "trains_on_data": False,
        "hosted_by": "self",
        "price": {"input_per_million": 1, "output_per_million": 2},
    }
    return {**usual, **changes}


@asynccontextmanager
async def served_issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    async with serving(issuer.app, listen(0, "PORT")) as url:
        issuer.url = url
        yield issuer


@asynccontextmanager
async def served_upstream() -> AsyncIterator[Upstream]:
    async with serving(model_server(), listen(0, "PORT")) as url, httpx2.AsyncClient() as http:
        yield Upstream(url, http)


@dataclass
class Surroundings:
    """What every service under test stands beside; served once for all tests, and reset between them."""

    issuer: Issuer
    upstream: Upstream

    async def reset(self) -> None:
        self.issuer.reset()
        (await self.upstream.http.post(f"{self.upstream.url}/control/reset")).raise_for_status()


@asynccontextmanager
async def surroundings() -> AsyncIterator[Surroundings]:
    async with served_issuer() as issuer, served_upstream() as upstream:
        yield Surroundings(issuer, upstream)


@asynccontextmanager
async def running_service(
    folder: Path,
    around: Surroundings,
    *,
    changes: dict[str, dict[str, Any]] | None = None,
    listener: socket | None = None,
    routers: Sequence[APIRouter] = (),
    **settings: Any,
) -> AsyncIterator[Service]:
    """With two direct deployments for chat, `first` and `second`, and one for embeddings, or as `changes` say.

    `routers`: endpoints of a test's own.
    """
    issuer, upstream = around.issuer, around.upstream
    async with AsyncExitStack() as stack:
        models = {
            "deployments": {
                "first": deployment(upstream.url),
                "second": deployment(upstream.url, openai="local-small", region="us", retention_days=30),
                "vectors": deployment(upstream.url, openai="local-embedding"),
            },
            "routes": {
                "assistant": {"try": ["first", "second"], "deadline": "5s", "first_token": "2s", "gap": "2s"},
                "embedding": {"try": ["vectors"], "deadline": "5s", "serves": "embeddings"},
            },
        }
        usual = {
            "oidc_issuer": issuer.url,
            "oidc_audience": AUDIENCE,
            "database_url": f"sqlite:///{folder / 'service.db'}",
            "audit_checkpoints": folder / "checkpoints",
            "config_dir": configuration(folder / "config", **{"models": models, **(changes or {})}),
        }
        chosen = Settings(**{**usual, **settings})
        engine = open_engine(chosen.database_url)
        stack.callback(engine.dispose)
        make_tables(engine)
        url = await stack.enter_async_context(served_app(chosen, listener, routers))
        http = await stack.enter_async_context(httpx2.AsyncClient(timeout=30, verify=no_tls()))
        yield Service(url, issuer, upstream, http, engine, chosen.audit_checkpoints)


@asynccontextmanager
async def served_app(
    settings: Settings, listener: socket | None = None, routers: Sequence[APIRouter] = ()
) -> AsyncIterator[str]:
    """`listener` for who had to know the address before."""
    listener = listener or listen(0, "PORT")
    app = create_app(settings)
    for router in routers:
        app.include_router(router)
    proxies = settings.trusted_proxies or ""
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", forwarded_allow_ips=proxies)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        if task.done():
            await task
            raise RuntimeError("the service did not start")
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
