"""A caller who goes away in the middle of a stream, whatever adapter and feature stand behind it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.service import Service, Surroundings, deployment, running_service

ADAPTERS = ("direct", "translated")
WITHIN = 1.0  # seconds


@asynccontextmanager
async def service_with_one(adapter: str, folder: Path, around: Surroundings) -> AsyncIterator[Service]:
    """With one deployment, by the direct adapter or by litellm's, and the features that stand on it."""
    only = deployment(around.upstream.url)
    if adapter == "translated":
        only |= {"litellm": f"anthropic/{only.pop('openai')}", "base_url": f"{around.upstream.url}/anthropic"}
    models = {"deployments": {"only": only}, "routes": {"assistant": {"try": ["only"], "deadline": "30s"}}}
    async with running_service(folder, around, changes={"models": models}) as service:
        end = time.monotonic() + 120
        while (await service.http.get(f"{service.url}/readyz")).status_code != 200:
            assert time.monotonic() < end, "litellm is not imported"
            await asyncio.sleep(0.1)
        yield service


async def record_of_one_left_midway(service: Service, model: str) -> dict[str, Any]:
    """Of the call's end. Fails where the provider is still answering `WITHIN` seconds after the caller has left."""
    await service.upstream.fails_with("endless")
    body = {"model": model, "messages": [{"role": "user", "content": "How many days of leave?"}], "stream": True}
    url = f"{service.url}/v1/chat/completions"
    async with service.http.stream("POST", url, json=body, headers=service.headers()) as response:
        lines = response.aiter_lines()
        for _ in range(20):
            await anext(lines)
        assert (await service.upstream.stats())["open"] == 1
    left = time.monotonic()
    while (await service.upstream.stats())["open"]:
        assert time.monotonic() - left < WITHIN, "the provider is still answering"
        await asyncio.sleep(0.02)
    end = time.monotonic() + 5
    while not (found := service.records("finished")):
        assert time.monotonic() < end, "the end is not on the trail"
        await asyncio.sleep(0.02)
    return found[-1]
