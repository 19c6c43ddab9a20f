"""Embeddings, by every adapter that makes them, and by the chain."""

import json
import logging
from typing import Any

import aiohttp
import pytest

from {{ cookiecutter.package_name }}.errors import UpstreamInvalid
from {{ cookiecutter.package_name }}.gateway import (
    AttemptFailed,
    DirectGateway,
    EmbeddingRequest,
    Failure,
    LiteLLMGateway,
    LiteLLMLibrary,
    PermittedCall,
    ScriptedGateway,
    Usage,
)

from tests.gateway.calls import deployment, permitted_call
from tests.gateway.chains import FIRST, SECOND, Observed, attempts, failing
from tests.gateway.conftest import Adapter
from tests.gateway.faults import json_reply, status
from tests.gateway.upstream import Reply, Script, running
from tests.gateway.wires import SECRET, Wire

TEXTS = ["leave", "travel"]
MODEL = "text-embedding-3-small"  # litellm asks no other of OpenAI's for dimensions


@pytest.fixture(params=["direct", "litellm-openai"])
def adapter(request: pytest.FixtureRequest, session: aiohttp.ClientSession, our_key: str) -> Adapter:
    if request.param == "direct":
        return lambda address: DirectGateway(
            deployment(openai=MODEL, base_url=f"{address}/v1", api_key_env=our_key), session
        )
    library: LiteLLMLibrary = request.getfixturevalue("library")
    return lambda address: LiteLLMGateway(
        deployment(litellm=f"openai/{MODEL}", base_url=f"{address}/v1", api_key_env=our_key), library
    )


def embedding_call(*deployments: Any, **request: Any) -> PermittedCall[EmbeddingRequest]:
    call = permitted_call(*deployments)
    asked = EmbeddingRequest.model_validate({"model": "embedding", "input": TEXTS, **request})
    return PermittedCall(asked, call.permit, call.deadline)


def row(index: int, vector: Any) -> dict[str, Any]:
    return {"object": "embedding", "index": index, "embedding": vector}


def sent(data: Any, **more: Any) -> Script:
    body = {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 4, "total_tokens": 4}, **more}
    return lambda wire, streamed: json_reply(body)


async def test_vectors_come_in_the_order_of_the_texts(adapter: Adapter) -> None:
    async with running(sent([row(1, [0.5, 1]), row(0, [0.25, -1.0])])) as upstream:
        found = await adapter(upstream.address).embed(embedding_call(user="ada", encoding_format="base64"))
    assert found.vectors == [[0.25, -1.0], [0.5, 1]]
    assert found.usage == Usage(4, 0)
    (asked,), (headers,) = upstream.requests, upstream.headers
    assert asked == {"model": MODEL, "input": TEXTS, "encoding_format": "float"}
    assert headers["authorization"] == "Bearer our-key"


async def test_wanted_dimensions_are_asked_for_and_looked_at(adapter: Adapter) -> None:
    async with running(sent([row(0, [1.0, 2.0]), row(1, [1.0, 2.0])])) as upstream:
        gateway = adapter(upstream.address)
        assert (await gateway.embed(embedding_call(dimensions=2))).vectors == [[1.0, 2.0]] * 2
        with pytest.raises(AttemptFailed) as failed:
            await gateway.embed(embedding_call(dimensions=3))
    assert [asked["dimensions"] for asked in upstream.requests] == [2, 3]
    assert failed.value.failure is Failure.NONSENSE


async def test_dimensions_that_litellm_knows_the_provider_lacks_are_refused_by_name(library: LiteLLMLibrary) -> None:
    gateway = LiteLLMGateway(deployment(litellm="openai/old", base_url="http://model.invalid/v1"), library)
    with pytest.raises(AttemptFailed) as failed:
        await gateway.embed(embedding_call(dimensions=2))
    assert (failed.value.failure, failed.value.param) == (Failure.UNSUPPORTED, "dimensions")


RIGHT = row(0, [1.0])
WRONG = {
    "none": None,
    "a text": SECRET,
    "empty": [],
    "too few": [RIGHT],
    "too many": [RIGHT, row(1, [1.0]), row(2, [1.0])],
    "one twice": [RIGHT, RIGHT],
    "wrong places": [row(1, [1.0]), row(2, [1.0])],
    "lengths that differ": [RIGHT, row(1, [1.0, 2.0])],
    "no numbers": [RIGHT, row(1, ["1.0"])],
    "nothing in it": [row(0, []), row(1, [])],
    "too large": [RIGHT, row(1, [1e300])],
    "packed": [row(0, "AACAPw=="), row(1, "AACAPw==")],
    "no rows": [1, 2],
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
async def test_what_does_not_fit_the_texts_is_nonsense(
    adapter: Adapter, data: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with running(sent(data)) as upstream:
        with pytest.raises(AttemptFailed) as failed:
            await adapter(upstream.address).embed(embedding_call())
    assert failed.value.failure is Failure.NONSENSE
    assert SECRET not in caplog.text


@pytest.mark.parametrize("word", ["NaN", "Infinity", "1e999"])
async def test_numbers_without_a_value_are_nonsense(adapter: Adapter, word: str) -> None:
    raw = json.dumps({"object": "list", "model": "m", "data": [row(0, [1.0]), row(1, [7.5])]}).replace("7.5", word)
    reply = Reply(200, {"Content-Type": "application/json"}, [raw.encode()], len(raw))
    async with running(lambda wire, streamed: reply) as upstream:
        with pytest.raises(AttemptFailed) as failed:
            await adapter(upstream.address).embed(embedding_call())
    assert failed.value.failure is Failure.NONSENSE


def huge(wire: Wire, streamed: bool) -> Reply:
    return Reply(headers={"Content-Type": "application/json"}, pieces=[b'{"a": "', *[b"x" * 1024 * 1024] * 40])


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        (status(400), Failure.BAD_REQUEST),
        (status(400, "invalid_request_error", "maximum context length is 8192 tokens"), Failure.CONTEXT_LENGTH),
        (status(401), Failure.OUR_FAULT),
        (status(429), Failure.RATE_LIMITED),
        (status(500), Failure.SERVER_ERROR),
        (lambda wire, streamed: Reply(307, {"Location": "/elsewhere"}, length=0), Failure.REDIRECT),
        (lambda wire, streamed: Reply(0, end="reset"), Failure.CONNECTION),
        (huge, Failure.NONSENSE),
        (lambda wire, streamed: json_reply([]), Failure.NONSENSE),
    ],
)
async def test_faults_have_the_names_that_chat_has(adapter: Adapter, script: Script, failure: Failure) -> None:
    async with running(script) as upstream:
        with pytest.raises(AttemptFailed) as failed:
            await adapter(upstream.address).embed(embedding_call())
    assert failed.value.failure is failure
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -1}, {"prompt_tokens": 10**12}, {"prompt_tokens": "4"}])
async def test_untrue_counts_are_no_counts(session: aiohttp.ClientSession, usage: Any) -> None:
    async with running(sent([row(0, [1.0]), row(1, [1.0])], usage=usage)) as upstream:
        gateway = DirectGateway(deployment(openai="m", base_url=f"{upstream.address}/v1"), session)
        assert (await gateway.embed(embedding_call())).usage is None


async def test_the_chain_falls_back_and_says_what_it_did(observed: Observed) -> None:
    call = embedding_call(FIRST, SECOND)
    found = await observed.chain(failing(Failure.SERVER_ERROR), ScriptedGateway("two numbers")).embed(call)
    assert found.vectors == [[5.0, 5.0], [6.0, 6.0]]
    assert attempts(call) == [("first", "server_error"), ("second", "answered")]
    assert [span.name for span in observed.spans.get_finished_spans()] == ["embeddings m", "embeddings anthropic/m"]


async def test_when_none_is_left_the_last_failure_decides(observed: Observed) -> None:
    chain = observed.chain(failing(Failure.SERVER_ERROR), failing(Failure.NONSENSE))
    with pytest.raises(UpstreamInvalid):
        await chain.embed(embedding_call(FIRST, SECOND))
