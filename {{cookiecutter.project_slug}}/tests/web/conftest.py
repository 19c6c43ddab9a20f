from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.identity_provider import identity_provider
from local.loopback import listen, serving
from tests.service import Service, Surroundings, running_service
from tests.web.bent_provider import BentProvider
from tests.web.browsing import Browser, browser

AUDIENCE = "the-service"
CLIENT = {"oidc_client_id": "web", "oidc_client_secret": "local-web-secret", "oidc_audience": AUDIENCE}


@dataclass
class Site:
    """The service with a login, at the local identity provider."""

    service: Service
    issuer: str

    @property
    def url(self) -> str:
        return self.service.url

    async def control(self, action: str, **body: int) -> None:
        answer = await self.service.http.post(f"{self.issuer}/control/{action}", json=body)
        answer.raise_for_status()


@asynccontextmanager
async def running_site(folder: Path, around: Surroundings, **options: Any) -> AsyncIterator[Site]:
    """`options` are running_service's."""
    async with AsyncExitStack() as stack:
        listener, at_issuer = listen(0, "PORT"), listen(0, "PORT")
        port = listener.getsockname()[1]
        issuer = f"http://127.0.0.1:{at_issuer.getsockname()[1]}"
        await stack.enter_async_context(serving(identity_provider(issuer, AUDIENCE, port), at_issuer))
        own = {"oidc_issuer": issuer, "public_url": f"http://127.0.0.1:{port}", **CLIENT}
        service = running_service(folder, around, listener=listener, **{**own, **options})
        yield Site(await stack.enter_async_context(service), issuer)


@pytest.fixture
async def site(tmp_path: Path, around: Surroundings) -> AsyncIterator[Site]:
    async with running_site(tmp_path, around) as running:
        yield running


@pytest.fixture
async def ada(site: Site) -> AsyncIterator[Browser]:
    """Nobody yet, with a browser."""
    async with browser(site.url) as hers:
        yield hers


@dataclass
class Bent:
    service: Service
    provider: BentProvider
    browser: Browser


@pytest.fixture
async def bent(tmp_path: Path, around: Surroundings) -> AsyncIterator[Bent]:
    """The service at a provider that answers whatever a test wants."""
    provider = BentProvider()
    async with AsyncExitStack() as stack:
        provider.url = await stack.enter_async_context(serving(provider.app, listen(0, "PORT")))
        listener = listen(0, "PORT")
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings: dict[str, Any] = {"oidc_issuer": provider.url, "public_url": url, **CLIENT}
        service = running_service(tmp_path, around, listener=listener, **settings)
        service_running = await stack.enter_async_context(service)
        yield Bent(service_running, provider, await stack.enter_async_context(browser(url)))
