"""A caller who goes away: the provider's connection is closed within a second, and what was used is paid."""

import asyncio
import logging
from pathlib import Path

import httpx2
import pytest

from tests.departure import ADAPTERS, record_of_one_left_midway, service_with_one
from tests.service import Service, Surroundings


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


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_a_stream_that_is_left_midway_is_closed_at_the_provider_within_a_second(
    adapter: str, tmp_path: Path, around: Surroundings
) -> None:
    async with service_with_one(adapter, tmp_path, around) as service:
        finished = await record_of_one_left_midway(service, "assistant")
    assert finished["outcome"] == "client_closed"
    assert finished["attempts"] == [{"deployment": "only", "outcome": "abandoned"}]
    assert finished["output_tokens"] > 0 < finished["cost_micro_usd"]
