"""What the numbers at /metrics measure, where that can be got wrong."""

from pathlib import Path

from tests.programs import free_port
from tests.service import Surroundings, deployment, running_service
from tests.telemetry.scraped import scraped


async def test_a_caller_s_wait_for_the_first_word_counts_the_attempts_that_failed(
    tmp_path: Path, around: Surroundings
) -> None:
    port, url = free_port(), around.upstream.url
    models = {
        "deployments": {"first": deployment(url), "second": deployment(url, openai="local-small")},
        "routes": {"assistant": {"try": ["first", "second"], "deadline": "9s", "first_token": "500ms", "gap": "5s"}},
    }
    async with running_service(tmp_path, around, changes={"models": models}, metrics_port=port) as service:
        await around.upstream.fails_with("timeout", model="local-large", times=1)
        assert (await service.ask(stream=True)).status_code == 200
        assert (await service.ask()).status_code == 200
        found = await scraped(service, port)
    assert found["app_call_first_chunk_seconds_count"] == 1
    assert found["app_call_first_chunk_seconds_sum"] >= 0.5
    waited = (
        found["app_call_first_chunk_seconds_sum"] - found["gen_ai_client_operation_time_to_first_chunk_seconds_sum"]
    )
    assert waited >= 0.5
