import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest

from {{ cookiecutter.package_name }}.gateway import (
    DirectGateway,
    Gateway,
    LiteLLMGateway,
    LiteLLMLibrary,
)

from tests.gateway.calls import deployment

# From a server's address to a gateway that asks it.
Adapter = Callable[[str], Gateway]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), trust_env=True) as session:
        yield session


@pytest.fixture
def library(session: aiohttp.ClientSession) -> LiteLLMLibrary:
    """Slow in the first test that asks for it: then litellm is imported."""
    library = LiteLLMLibrary(session)
    library.begin_loading()
    give_up = time.monotonic() + 120
    while not library.ready and time.monotonic() < give_up:
        time.sleep(0.01)
    assert library.ready
    return library


@pytest.fixture(params=["direct", "litellm-openai", "litellm-anthropic"])
def adapter(
    request: pytest.FixtureRequest, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> Adapter:
    monkeypatch.setenv("MODEL_KEY", "our-key")
    key = "MODEL_KEY"
    if request.param == "direct":
        return lambda address: DirectGateway(deployment(openai="m", base_url=f"{address}/v1", api_key_env=key), session)
    library: LiteLLMLibrary = request.getfixturevalue("library")
    provider, path = ("openai", "/v1") if request.param == "litellm-openai" else ("anthropic", "")
    return lambda address: LiteLLMGateway(
        deployment(litellm=f"{provider}/m", base_url=f"{address}{path}", api_key_env=key), library
    )
