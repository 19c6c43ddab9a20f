import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service, Surroundings, deployment, running_service


@pytest.fixture(params=["direct", "litellm-anthropic"])
async def adapted(request: pytest.FixtureRequest, tmp_path: Path, around: Surroundings) -> AsyncIterator[Service]:
    """A service whose only deployment for chat speaks one wire format or the other."""
    only: dict[str, Any] = deployment(around.upstream.url)
    if request.param == "litellm-anthropic":
        del only["openai"]
        only |= {"litellm": "anthropic/local-small", "base_url": f"{around.upstream.url}/anthropic"}
    models = {"deployments": {"only": only}, "routes": {"assistant": {"try": ["only"], "deadline": "30s"}}}
    async with running_service(tmp_path, around, changes={"models": models}) as service:
        await until_ready(service)
        yield service


async def until_ready(service: Service) -> None:
    """litellm is being imported."""
    for _ in range(600):
        if (await service.http.get(f"{service.url}/readyz")).status_code == 200:
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("it did not become ready")
