"""HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE, for all that the service asks: issuer, both adapters, the collector."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.responses import JSONResponse, Response

from tests.company_network import DOMAIN, Authority, Proxy, company_network
from tests.durability.process import Process
from tests.gateway.faults import whole
from tests.gateway.upstream import running
from tests.issuer import KEYS, METADATA
from tests.service import Surroundings, deployment
from tests.telemetry.sink import running_sink

LOGIN, OPENAI, CLAUDE, COLLECTOR = (f"{name}.{DOMAIN}" for name in ("login", "openai", "claude", "collector"))


def port(url: str) -> int:
    found = urlsplit(url).port
    assert found
    return found


@dataclass
class Company:
    authority: Authority
    proxy: Proxy
    folder: Path
    around: Surroundings

    def process(self, **environment: str) -> Process:
        """Without the authority, unless `environment` names it."""
        direct, translated = (deployment(f"https://{OPENAI}"), deployment(f"https://{CLAUDE}"))
        del translated["openai"]
        translated |= {"litellm": "anthropic/m", "base_url": f"https://{CLAUDE}"}
        models = {
            "deployments": {"direct": direct, "translated": translated},
            "routes": {"assistant": {"try": ["direct"]}, "other": {"try": ["translated"], "deadline": "20s"}},
        }
        proxied = {"HTTPS_PROXY": self.proxy.url, "NO_PROXY": "127.0.0.1,localhost"}
        elsewhere = dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"), "")  # this machine's own
        return Process(
            self.folder,
            self.around,
            f"sqlite:///{self.folder / 'service.db'}",
            models=models,
            OIDC_ISSUER=f"https://{LOGIN}",
            OIDC_CLIENT_ID="web",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"https://{COLLECTOR}",
            OTEL_BSP_SCHEDULE_DELAY="100",
            **proxied,
            **{name.lower(): value for name, value in proxied.items()},
            **elsewhere,
            **environment,
        )


@pytest.fixture
async def company(tmp_path: Path, around: Surroundings) -> AsyncIterator[Company]:
    around.issuer.instead = {METADATA: metadata, "/token": refuses_the_code}
    authority, outside = Authority(tmp_path), around.issuer.url
    async with running(whole) as provider, running_sink() as sink:
        ports = {LOGIN: port(outside), COLLECTOR: port(sink.url)} | dict.fromkeys(
            (OPENAI, CLAUDE), port(provider.address)
        )
        async with company_network(authority, ports) as proxy:
            around.issuer.url = f"https://{LOGIN}"
            yield Company(authority, proxy, tmp_path, around)
            around.issuer.url = outside


def metadata() -> Response:
    issuer = f"https://{LOGIN}"
    endpoints = {"authorization_endpoint": f"{issuer}/authorize", "token_endpoint": f"{issuer}/token"}
    return JSONResponse({"issuer": issuer, "jwks_uri": f"{issuer}{KEYS}", **endpoints})


def refuses_the_code() -> Response:
    return JSONResponse({"error": "invalid_grant"}, 400)


async def test_everything_goes_through_the_proxy_and_trusts_the_company_s_authority(company: Company) -> None:
    process = company.process(SSL_CERT_FILE=str(company.authority.file))
    try:
        await process.start()
        async with httpx2.AsyncClient(base_url=process.url, timeout=30) as http:
            for model in ("assistant", "other"):
                for streamed in (False, True):
                    await answers(http, company, model, streamed)
            await signing_in_reaches_the_issuer(http)
        await until_asked(company.proxy, COLLECTOR)
    finally:
        process.kill()
    assert set(company.proxy.asked) == {LOGIN, OPENAI, CLAUDE, COLLECTOR}


async def answers(http: httpx2.AsyncClient, company: Company, model: str, streamed: bool) -> None:
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": streamed}
    headers = {"Authorization": f"Bearer {company.around.issuer.token()}"}
    answer = await http.post("/v1/chat/completions", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert "world" in answer.text


async def signing_in_reaches_the_issuer(http: httpx2.AsyncClient) -> None:
    """The token endpoint is asked by another HTTP client than the keys are."""
    begun = await http.get("/login")
    (state,) = parse_qs(urlsplit(begun.headers["Location"]).query)["state"]
    ended = await http.get("/callback", params={"code": "any", "state": state})
    assert "does not accept the code" in ended.text


async def until_asked(proxy: Proxy, host: str) -> None:
    end = time.monotonic() + 30
    while host not in proxy.asked:
        assert time.monotonic() < end, f"nobody asked for {host}"
        await asyncio.sleep(0.05)


async def test_without_the_authority_nobody_there_is_trusted(company: Company) -> None:
    process = company.process(SSL_CERT_FILE="")
    try:
        process.launch()
        await until_asked(company.proxy, LOGIN)
        async with httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(retries=5)) as http:
            ready = await http.get(f"{process.url}/readyz", timeout=30)
    finally:
        process.kill()
    assert (ready.status_code, list(ready.json()["waiting_for"])) == (503, ["identity", "routes"])
