import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from {{ cookiecutter.package_name }}.gateway import (
    DirectGateway,
    Gateway,
    LiteLLMGateway,
    LiteLLMLibrary,
)

from tests.gateway.calls import deployment
from tests.gateway.chains import Observed

# From a server's address to a gateway that asks it.
Adapter = Callable[[str], Gateway]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), trust_env=True) as session:
        yield session


@pytest.fixture(scope="session")
def imported() -> Any:
    """litellm, whose import takes seconds: once for all tests."""
    library = LiteLLMLibrary(session=None)  # type: ignore[arg-type]  # each test brings its own
    library.begin_loading()
    give_up = time.monotonic() + 120
    while not library.ready and time.monotonic() < give_up:
        time.sleep(0.01)
    assert library.ready
    return library.module


@pytest.fixture
def library(imported: Any, session: aiohttp.ClientSession) -> LiteLLMLibrary:
    library = LiteLLMLibrary(session)
    library.module = imported
    return library


@pytest.fixture
def our_key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MODEL_KEY", "our-key")
    return "MODEL_KEY"


@pytest.fixture(params=["direct", "litellm-openai", "litellm-anthropic"])
def adapter(request: pytest.FixtureRequest, session: aiohttp.ClientSession, our_key: str) -> Adapter:
    if request.param == "direct":
        return lambda address: DirectGateway(
            deployment(openai="m", base_url=f"{address}/v1", api_key_env=our_key), session
        )
    library: LiteLLMLibrary = request.getfixturevalue("library")
    provider, path = ("openai", "/v1") if request.param == "litellm-openai" else ("anthropic", "")
    return lambda address: LiteLLMGateway(
        deployment(litellm=f"{provider}/m", base_url=f"{address}{path}", api_key_env=our_key), library
    )


@pytest.fixture
def observed() -> Observed:
    return Observed()
