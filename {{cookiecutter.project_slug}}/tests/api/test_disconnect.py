"""A caller who goes away: the provider's connection is closed within a second, and what was used is paid."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.service import Service, Surroundings, deployment, running_service

WITHIN = 1.0  # seconds


async def test_a_caller_who_leaves_ends_the_attempt_and_leaves_no_stack(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    await service.upstream.fails_with("timeout")
    body = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
    async with httpx2.AsyncClient(timeout=0.3) as impatient:
        with caplog.at_level(logging.ERROR), pytest.raises(httpx2.ReadTimeout):
            await impatient.post(f"{service.url}/v1/chat/completions", json=body, headers=service.headers())
    for _ in range(40):
        if service.records("finished") and not (await service.upstream.stats())["open"]:
            break
        await asyncio.sleep(0.05)
    assert service.records("finished")[-1]["outcome"] == "client_closed"
    assert (await service.upstream.stats())["open"] == 0
    assert caplog.records == []


@pytest.fixture(params=["direct", "translated"])
async def either(request: pytest.FixtureRequest, tmp_path: Path, around: Surroundings) -> AsyncIterator[Service]:
    """With one deployment, by the direct adapter or by litellm's, and a feature that stands on it."""
    only = deployment(around.upstream.url)
    if request.param == "translated":
        only |= {"litellm": f"anthropic/{only.pop('openai')}", "base_url": f"{around.upstream.url}/anthropic"}
    models = {"deployments": {"only": only}, "routes": {"assistant": {"try": ["only"], "deadline": "30s"}}}
    async with running_service(tmp_path, around, changes={"models": models}) as service:
        await until_ready(service)
        yield service


async def until_ready(service: Service) -> None:
    end = time.monotonic() + 120
    while (await service.http.get(f"{service.url}/readyz")).status_code != 200:
        assert time.monotonic() < end, "litellm is not imported"
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("model", ["assistant", "handbook"])
async def test_a_stream_that_is_left_midway_is_closed_at_the_provider_within_a_second(
    either: Service, model: str
) -> None:
    offered = (await either.http.get(f"{either.url}/v1/models", headers=either.headers())).json()["data"]
    if model not in [one["id"] for one in offered]:
        pytest.skip("the example was deleted")
    await either.upstream.fails_with("endless")
    body = {"model": model, "messages": [{"role": "user", "content": "How many days of leave?"}], "stream": True}
    url = f"{either.url}/v1/chat/completions"
    async with either.http.stream("POST", url, json=body, headers=either.headers()) as response:
        lines = response.aiter_lines()
        for _ in range(20):
            await anext(lines)
        assert (await either.upstream.stats())["open"] == 1
    left = time.monotonic()
    while (await either.upstream.stats())["open"]:
        assert time.monotonic() - left < WITHIN, "the provider is still answering"
        await asyncio.sleep(0.02)
    finished = await recorded(either)
    assert (finished["outcome"], finished["attempts"]) == (
        "client_closed",
        [{"deployment": "only", "outcome": "abandoned"}],
    )
    assert finished["output_tokens"] > 0 < finished["cost_micro_usd"]


async def recorded(service: Service) -> dict[str, Any]:
    end = time.monotonic() + 5
    while not (found := service.records("finished")):
        assert time.monotonic() < end, "the end is not on the trail"
        await asyncio.sleep(0.02)
    return found[-1]
