import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from local.loopback import listen, serving
from tests.official_client import whole_and_streamed
from tests.service import Service, Surroundings, deployment, running_service

IMAGE = {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}


def events(response: httpx2.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


async def test_an_anonymous_caller_is_refused(service: Service) -> None:
    answer = await service.http.post(f"{service.url}/v1/chat/completions", json={})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_token"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer resource_metadata=")


async def test_an_answer_has_a_receipt(service: Service) -> None:
    answer = await service.ask("How are you?")
    body = answer.json()
    assert answer.status_code == 200
    assert body["choices"][0]["finish_reason"] == "stop"
    receipt = body["receipt"]
    assert body["id"] == f"chatcmpl-{receipt['audit_id']}"
    assert receipt["deployment"] == "first"
    assert receipt["data_class"] == "internal"
    assert receipt["attempts"] == 1
    assert not receipt["fallback"]
    assert receipt["cost_usd"] > 0
    assert body["usage"]["prompt_tokens"] == receipt["input_tokens"]


async def test_the_trail_holds_start_and_end_before_the_answer_is_out(service: Service) -> None:
    call_id = (await service.ask()).json()["receipt"]["audit_id"]
    assert [one["kind"] for one in service.records() if one["call_id"] == call_id] == ["started", "finished"]


async def test_a_stream_ends_with_receipt_and_done(service: Service) -> None:
    parts = events(await service.ask(stream=True, stream_options={"include_usage": True}))
    assert parts[-1] == "[DONE]"
    assert parts[-2]["choices"][0]["finish_reason"] == "stop"
    assert parts[-2]["receipt"]["deployment"] == "first"
    assert parts[-2]["usage"]["total_tokens"] > 0
    assert not any("receipt" in part for part in parts[:-2])
    assert "".join(part["choices"][0]["delta"].get("content", "") for part in parts[:-1])


async def test_the_first_provider_fails_and_the_second_answers(service: Service) -> None:
    await service.upstream.fails_with("500", model="local-large")
    receipt = (await service.ask()).json()["receipt"]
    assert (receipt["deployment"], receipt["attempts"], receipt["fallback"]) == ("second", 2, True)


@pytest.mark.parametrize("fault", ["cut-clean", "truncated", "error-mid", "bad-chunk"])
async def test_half_a_stream_ends_with_an_error_and_without_done(service: Service, fault: str) -> None:
    await service.upstream.fails_with(fault)
    answer = await service.ask(stream=True)
    if answer.status_code == 200:
        parts = events(answer)
        assert "[DONE]" not in parts
        assert parts[-1]["error"]["code"].startswith("upstream_")
    else:
        assert answer.json()["error"]["code"].startswith("upstream_")
    assert service.records("finished")[-1]["outcome"].startswith("upstream_")


async def test_confidential_data_never_falls_back_to_where_it_may_not_go(service: Service) -> None:
    await service.upstream.fails_with("500", model="local-large")
    answer = await service.ask(who="grace", headers={"X-Data-Class": "confidential"})
    assert answer.status_code == 503
    assert "openai/local-small" not in (await service.upstream.stats())["by_model"]


async def test_a_class_above_the_ceiling_is_refused_by_file_line_and_rule(service: Service) -> None:
    answer = await service.ask(headers={"X-Data-Class": "confidential"})
    assert answer.status_code == 403, answer.text
    error = answer.json()["error"]
    assert error["code"] == "data_class_refused"
    assert "config/policy.yaml:" in error["message"]
    assert "ceiling" in error["message"] or "up to 'internal'" in error["message"]
    assert (await service.upstream.stats())["bytes"] == 0
    assert service.records("refused")[-1]["code"] == "data_class_refused"


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"api_base": "http://127.0.0.1:1"}, "api_base"),
        ({"mock_response": "hi"}, "mock_response"),
        ({"fallbacks": []}, "fallbacks"),
        ({"n": 2}, "n"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, "messages"),
    ],
)
async def test_a_bad_or_unsupported_field_is_named(service: Service, changed: dict[str, Any], param: str) -> None:
    answer = await service.ask(**changed)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith(param)
    assert (await service.upstream.stats())["calls"] == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"a": NaN}', b"\xff", b"[" * 40_000, b'{"model": "\\ud800"}', b"9" * 5000]
)
async def test_what_is_no_request_is_a_400(service: Service, body: bytes) -> None:
    headers = service.headers() | {"Content-Type": "application/json"}
    answer = await service.http.post(f"{service.url}/v1/chat/completions", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_request"


async def test_other_media_are_refused(service: Service) -> None:
    url = f"{service.url}/v1/chat/completions"
    text = await service.http.post(url, content=b"{}", headers=service.headers() | {"Content-Type": "text/plain"})
    assert (text.status_code, text.json()["error"]["code"]) == (415, "unsupported_media_type")


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(service: Service) -> None:
    huge = await service.ask("x" * 5_000_000)
    assert huge.status_code == 413, huge.text
    assert huge.json()["error"]["code"] == "too_large"


async def test_an_unknown_model_is_a_404(service: Service) -> None:
    answer = await service.ask(model="openai/gpt-9")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


async def test_the_caller_may_shorten_the_deadline(service: Service) -> None:
    await service.upstream.fails_with("timeout")
    answer = await service.ask(headers={"X-Request-Timeout-Ms": "400"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert "time" in answer.json()["error"]["message"]


async def test_an_answer_that_comes_too_late_is_not_given(tmp_path: Path, around: Surroundings) -> None:
    async def late(_: Request) -> JSONResponse:
        await asyncio.sleep(1.5)
        choice = {"index": 0, "message": {"role": "assistant", "content": "At last."}, "finish_reason": "stop"}
        return JSONResponse({"choices": [choice]})

    provider = Starlette(routes=[Route("/v1/chat/completions", late, methods=["POST"])])
    async with serving(provider, listen(0, "PORT")) as url:
        models = {"deployments": {"only": deployment(url)}, "routes": {"assistant": {"try": ["only"]}}}
        async with running_service(tmp_path, around, changes={"models": models}) as service:
            answer = await service.ask(headers={"X-Request-Timeout-Ms": "300"})
    assert answer.status_code == 504, answer.text
    assert "At last" not in answer.text


async def test_no_text_of_a_provider_reaches_the_caller(service: Service) -> None:
    await service.upstream.fails_with("secret-leak")
    answer = await service.ask()
    assert answer.status_code in (502, 503)
    assert "sk-" not in answer.text


async def test_the_official_client_completes_and_streams(service: Service) -> None:
    whole, streamed = await whole_and_streamed(service, "assistant")
    assert whole == streamed != ""
