"""What the numbers at /metrics measure, where that can be got wrong."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.package_name }}.audit import Checkpoints, Recorder, SigningKeys
from {{ cookiecutter.package_name }}.governance import stop
from {{ cookiecutter.package_name }}.settings import LOCAL_SIGNING_KEY

from tests.programs import free_port
from tests.service import Surroundings, deployment, running_service
from tests.telemetry.scraped import by, scraped

REQUESTS = "http_server_request_duration_seconds_count"
CALLS = "app_call_duration_seconds_count"


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


def slow(url: str) -> dict[str, dict[str, Any]]:
    """Two dear deployments, and a second for both."""
    models = {
        "deployments": {
            "first": deployment(url, max_output_tokens=1000),
            "second": deployment(url, openai="local-small", max_output_tokens=500),
        },
        "routes": {"assistant": {"try": ["first", "second"], "deadline": "1s", "first_token": "1s", "gap": "1s"}},
    }
    return {"models": models}


async def test_a_deadline_of_the_caller_s_own_is_told_from_the_route_s(tmp_path: Path, around: Surroundings) -> None:
    port = free_port()
    async with running_service(tmp_path, around, changes=slow(around.upstream.url), metrics_port=port) as service:
        await service.upstream.fails_with("timeout")
        for wanted in ("300", "20", "60000", None):  # milliseconds; the second is over before anything can be asked
            answer = await service.ask(headers={"X-Request-Timeout-Ms": wanted} if wanted else {})
            assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
        statuses = await by(service, port, REQUESTS, "http_response_status_code", "error_type")
        outcomes = await by(service, port, CALLS, "app_outcome")
    assert statuses == {"504 caller_deadline_exceeded": 2, "504 deadline_exceeded": 2}
    assert outcomes["deadline_exceeded"] == 2
    assert outcomes["caller_deadline_exceeded"] >= 1


async def test_what_an_operator_stopped_is_told_from_what_failed(tmp_path: Path, around: Surroundings) -> None:
    port = free_port()
    async with running_service(tmp_path, around, metrics_port=port) as service:
        recorder = Recorder(service.engine, Checkpoints(service.checkpoints, SigningKeys(LOCAL_SIGNING_KEY)))
        stop(recorder, "tenant", "acme", "a loop spends its budget")
        await asyncio.sleep(2)  # by then every replica knows
        await service.ask()
        await service.http.get(f"{service.url}/v1/models")
        found = await by(service, port, REQUESTS, "http_response_status_code", "error_type")
    assert found == {"401": 1, "503 stopped": 1}


async def test_who_shows_no_token_is_told_from_who_shows_a_bad_one(tmp_path: Path, around: Surroundings) -> None:
    port = free_port()
    async with running_service(tmp_path, around, metrics_port=port) as service:
        for headers in ({}, {"Cookie": "session=gone"}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}):
            answer = await service.http.get(f"{service.url}/v1/me", headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_token")
        assert await by(service, port, "app_refusals_total", "app_reason") == {"no_token": 2, "invalid_token": 2}


async def test_the_money_of_a_call_without_an_answer_is_counted_where_it_went(
    tmp_path: Path, around: Surroundings
) -> None:
    port = free_port()
    async with running_service(tmp_path, around, changes=slow(around.upstream.url), metrics_port=port) as service:
        await service.upstream.fails_with("timeout")
        assert (await service.ask()).status_code == 504
        (finished,) = service.records("finished")
        found = await by(service, port, "app_call_cost_total", "app_deployment", "app_outcome")
    assert found.keys() == {"first deadline_exceeded", "second deadline_exceeded"}
    assert found["first deadline_exceeded"] > found["second deadline_exceeded"] > 0
    assert sum(found.values()) * 1_000_000 == pytest.approx(finished["cost_micro_usd"])
