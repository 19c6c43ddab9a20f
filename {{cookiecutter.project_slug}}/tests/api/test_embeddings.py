"""POST /v1/embeddings is governed like chat."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI

from tests.service import Service, Surroundings, deployment, running_service

TEXTS = ["How many days of leave?", "When do the offices open?"]


def refusal(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def bytes_sent(service: Service) -> int:
    return int((await service.upstream.stats())["bytes"])


async def test_an_anonymous_caller_is_refused(service: Service) -> None:
    answer = await service.http.post(f"{service.url}/v1/embeddings", json={"model": "embedding", "input": "x"})
    assert refusal(answer) == (401, "invalid_token")


async def test_whoever_may_not_ask_gets_none(service: Service) -> None:
    assert refusal(await service.embed(who="olga")) == (403, "permission_denied")
    assert await bytes_sent(service) == 0


async def test_vectors_come_with_a_receipt_and_records(service: Service) -> None:
    answer = await service.embed(TEXTS, user="somebody")
    body = answer.json()
    assert answer.status_code == 200
    assert (body["object"], body["model"]) == ("list", "embedding")
    assert [one["index"] for one in body["data"]] == [0, 1]
    assert {len(one["embedding"]) for one in body["data"]} == {256}
    receipt = body["receipt"]
    assert (receipt["deployment"], receipt["attempts"], receipt["output_tokens"]) == ("vectors", 1, 0)
    assert body["usage"] == {"prompt_tokens": receipt["input_tokens"], "total_tokens": receipt["input_tokens"]}
    assert receipt["cost_usd"] == pytest.approx(receipt["input_tokens"] / 1_000_000)
    started, finished = (one for one in service.records() if one["call_id"] == receipt["audit_id"])
    assert (started["kind"], started["operation"], started["route"]) == ("started", "embeddings", "embedding")
    assert (finished["kind"], finished["operation"], finished["outcome"]) == ("finished", "embeddings", "answered")
    assert finished["cost_micro_usd"] == receipt["input_tokens"]
    assert len(started["content_digest"]) == 64
    assert TEXTS[0] not in json.dumps(service.records())


async def test_the_official_client_gets_vectors(service: Service) -> None:
    async with AsyncOpenAI(base_url=f"{service.url}/v1", api_key=service.issuer.token()) as client:
        plain = await client.embeddings.create(model="embedding", input=TEXTS, encoding_format="float", dimensions=8)
        packed = await client.embeddings.create(model="embedding", input=TEXTS, dimensions=8)
    assert [len(one.embedding) for one in plain.data] == [8, 8]
    for one, other in zip(plain.data, packed.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding)
    assert plain.usage.prompt_tokens > 0


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"input": [1, 2, 3]}, "input"),
        ({"input": [[1, 2], [3]]}, "input"),
        ({"input": []}, "input"),
        ({"input": ["x"] * 257}, "input"),
        ({"input": None}, "input"),
        ({"dimensions": 0}, "dimensions"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"api_base": "http://127.0.0.1:1"}, "api_base"),
        ({"stream": True}, "stream"),
    ],
)
async def test_a_bad_or_unsupported_field_is_named(service: Service, changed: dict[str, Any], param: str) -> None:
    answer = await service.embed(**{"texts": changed.pop("input", "x"), **changed})
    assert refusal(answer) == (400, "invalid_request")
    assert answer.json()["error"]["param"] == param
    assert await bytes_sent(service) == 0


async def test_arrays_of_tokens_are_refused_in_words(service: Service) -> None:
    assert "tokens" in (await service.embed([1, 2, 3])).json()["error"]["message"]


async def test_a_model_of_the_other_kind_is_refused_with_where_to_ask(service: Service) -> None:
    chat = await service.ask(model="embedding")
    assert refusal(chat) == (400, "invalid_request")
    assert "/v1/embeddings" in chat.json()["error"]["message"]
    vectors = await service.embed(model="assistant")
    assert refusal(vectors) == (400, "invalid_request")
    assert "/v1/chat/completions" in vectors.json()["error"]["message"]
    unknown = await service.embed(model="gpt-9")
    assert refusal(unknown) == (404, "model_not_found")
    assert "embedding" in unknown.json()["error"]["message"]
    assert await bytes_sent(service) == 0


async def test_models_of_both_kinds_are_listed(service: Service) -> None:
    listed = (await service.http.get(f"{service.url}/v1/models", headers=service.headers())).json()["data"]
    assert {"assistant", "embedding"} <= {one["id"] for one in listed}
    me = (await service.http.get(f"{service.url}/v1/me", headers=service.headers())).json()
    assert "embedding" not in me["models"]
    assert me["embeddings"] == ["embedding"]


async def test_a_class_above_the_ceiling_is_refused_and_nothing_is_sent(service: Service) -> None:
    answer = await service.embed(headers={"X-Data-Class": "confidential"})
    assert refusal(answer) == (403, "data_class_refused")
    assert await bytes_sent(service) == 0
    assert service.records("refused")[-1]["code"] == "data_class_refused"
    assert service.records("started") == []


def both_at(url: str) -> dict[str, Any]:
    """Two servers of one model, of which the second may not see confidential data."""
    near = deployment(url, openai="local-embedding")
    far = deployment(url, openai="local-embedding", region="us", retention_days=30)
    route = {"try": ["near", "far"], "deadline": "5s", "serves": "embeddings"}
    chat = {"try": ["chat"], "deadline": "5s"}
    return {
        "deployments": {"near": near, "far": far, "chat": deployment(url)},
        "routes": {"assistant": chat, "embedding": route},
    }


async def test_it_falls_back_to_another_server_of_the_model_if_the_class_permits(
    tmp_path: Path, around: Surroundings
) -> None:
    changes = {"models": both_at(around.upstream.url)}
    async with running_service(tmp_path, around, changes=changes) as service:
        await service.upstream.fails_with("500", times=1)
        receipt = (await service.embed()).json()["receipt"]
        assert (receipt["deployment"], receipt["attempts"], receipt["fallback"]) == ("far", 2, True)
        await service.upstream.fails_with("500", times=1)
        answer = await service.embed(who="grace", headers={"X-Data-Class": "confidential"})
        assert refusal(answer) == (503, "upstream_unavailable")
        assert (await service.upstream.stats())["calls"] == 3


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("500", 503, "upstream_unavailable"),
        ("429", 503, "upstream_unavailable"),
        ("401", 502, "upstream_invalid"),
        ("redirect", 502, "upstream_invalid"),
        ("no-choices", 502, "upstream_invalid"),
        ("null-message", 502, "upstream_invalid"),
        ("400-context", 400, "context_length_exceeded"),
        ("secret-leak", 503, "upstream_unavailable"),
    ],
)
async def test_a_failing_provider_has_the_answer_that_chat_has(
    service: Service, fault: str, status: int, code: str
) -> None:
    await service.upstream.fails_with(fault)
    answer = await service.embed()
    assert refusal(answer) == (status, code)
    assert "sk-" not in answer.text
    assert service.records("finished")[-1]["outcome"] == code


async def test_the_caller_may_shorten_the_deadline(service: Service) -> None:
    await service.upstream.fails_with("timeout")
    answer = await service.embed(headers={"X-Request-Timeout-Ms": "400"})
    assert refusal(answer) == (504, "deadline_exceeded")


async def test_a_missing_count_is_estimated(service: Service) -> None:
    await service.upstream.fails_with("usage-missing")
    receipt = (await service.embed(["x" * 40, "y" * 40])).json()["receipt"]
    assert (receipt["input_tokens"], receipt["output_tokens"], receipt["estimated"]) == (20, 0, True)


async def test_a_spent_budget_and_a_limit_are_refused(tmp_path: Path, around: Surroundings) -> None:
    policy = {"limits": {"employee": {"requests_per_minute": 2}}, "budgets": {"user": {"usd_per_day": 0.00001}}}
    async with running_service(tmp_path, around, changes={"policy": policy}) as service:
        assert refusal(await service.embed("x" * 400)) == (402, "budget_exceeded")
        assert await bytes_sent(service) == 0
        assert (await service.embed("x" * 20)).status_code == 200
        assert refusal(await service.embed("x")) == (429, "rate_limited")
        assert [one["code"] for one in service.records("refused")] == ["budget_exceeded", "rate_limited"]


async def test_texts_are_redacted_and_hidden_characters_removed(service: Service) -> None:
    await service.embed(["Pay to GB33BUKB20201555555555", "vis\u200bible <|im_start|>"])
    assert (await service.upstream.stats())["last"]["input"] == ["Pay to [iban]", "visible [role marker]"]
