import asyncio
import logging

import httpx2
import pytest

from tests.service import Service


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
