"""What every adapter promises of a provider: DirectGateway, and LiteLLMGateway with OpenAI's and Anthropic's format."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from {{ cookiecutter.package_name }}.gateway import Failure, Usage

from tests.gateway.calls import both_ways, permitted_call
from tests.gateway.conftest import Adapter
from tests.gateway.faults import EVENTS, FAULTS, JSON, UNTRUE_USAGES, json_reply, status, usage, whole
from tests.gateway.outcome import answered, failure
from tests.gateway.schedules import TOLERANCE
from tests.gateway.upstream import Reply, Script, running
from tests.gateway.wires import SECRET, TEXT, Wire


def hanging(wire: Wire, streamed: bool) -> Reply:
    """The status and half of the answer, and then nothing."""
    if streamed:
        return Reply(headers=EVENTS, pieces=wire.events()[:3], end="hang")
    return Reply(headers=JSON, pieces=[b'{"id"'], length=1000, end="hang")


def dripping(wire: Wire, streamed: bool) -> Reply:
    return Reply(headers=EVENTS if streamed else JSON, pieces=[b" "] * 1000, pause=0.02)


def endless(wire: Wire, streamed: bool) -> Reply:
    """Text after text, and never an end. A hundred pieces that are the same would be an end to litellm."""
    if not streamed:
        return Reply(headers=JSON, pieces=[b" "] * 5000, pause=0.001)
    begun = wire.events()[:3]
    (said,) = (text for text in TEXT if text.encode() in begun[-1])
    words = [begun[-1].replace(said.encode(), b"word %d " % number) for number in range(5000)]
    return Reply(headers=EVENTS, pieces=[*begun, *words], pause=0.001)


def silent(wire: Wire, streamed: bool) -> Reply:
    return Reply(0, end="hang")


@both_ways
@pytest.mark.parametrize("name", FAULTS)
async def test_each_fault_has_its_name(
    adapter: Adapter, name: str, streamed: bool, caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest
) -> None:
    caplog.set_level(logging.DEBUG)
    fault = FAULTS[name]
    expected = fault.streamed if streamed else fault.plain
    if streamed and fault.by_litellm and "litellm" in request.node.name:
        expected = fault.by_litellm
    async with running(fault.script) as upstream:
        failed = await failure(adapter(upstream.address), permitted_call(), streamed=streamed)
    assert (failed and failed.failure) is expected
    assert len(upstream.requests) == 1
    assert SECRET not in caplog.text


@both_ways
async def test_a_whole_answer_has_text_finish_and_usage(adapter: Adapter, streamed: bool) -> None:
    async with running(whole) as upstream:
        answer = await answered(adapter(upstream.address), permitted_call(), streamed=streamed)
    assert answer.message == {"role": "assistant", "content": "Hello world"}
    assert answer.finish_reason == "stop"
    assert answer.usage == Usage(11, 7)


@both_ways
@pytest.mark.parametrize("script", UNTRUE_USAGES.values(), ids=UNTRUE_USAGES)
async def test_untrue_counts_are_no_counts(adapter: Adapter, script: Script, streamed: bool) -> None:
    async with running(script) as upstream:
        answer = await answered(adapter(upstream.address), permitted_call(), streamed=streamed)
    assert answer.usage is None


async def test_a_stream_without_counts_has_none(adapter: Adapter) -> None:
    async with running(usage()) as upstream:
        answer = await answered(adapter(upstream.address), permitted_call(), streamed=True)
    assert answer.usage is None


@both_ways
async def test_a_tool_call_comes_in_openai_s_shape(adapter: Adapter, streamed: bool) -> None:
    def script(wire: Wire, streamed: bool) -> Reply:
        return Reply(headers=EVENTS, pieces=wire.tool_call_events()) if streamed else json_reply(wire.tool_call())

    function = {"name": "look_up", "parameters": {"type": "object", "properties": {}}}
    call = permitted_call(tools=[{"type": "function", "function": function}])
    async with running(script) as upstream:
        answer = await answered(adapter(upstream.address), call, streamed=streamed)
    assert answer.finish_reason == "tool_calls"
    (asked,) = answer.message["tool_calls"]
    assert asked["id"] == "t1"
    assert asked["function"]["name"] == "look_up"
    assert asked["function"]["arguments"].replace(" ", "") == '{"day":1}'


@both_ways
async def test_a_redirect_is_not_followed(adapter: Adapter, streamed: bool) -> None:
    async with running(whole) as neighbour:

        def script(wire: Wire, streamed: bool) -> Reply:
            return Reply(307, {"Location": f"{neighbour.address}/v1/chat/completions"}, length=0)

        async with running(script) as upstream:
            failed = await failure(adapter(upstream.address), permitted_call(), streamed=streamed)
    assert failed
    assert failed.failure is Failure.REDIRECT
    assert neighbour.accepted == 0


@both_ways
async def test_the_provider_s_wish_to_wait_is_passed_on(adapter: Adapter, streamed: bool) -> None:
    async with running(status(429, retry_after="3600")) as upstream:
        failed = await failure(adapter(upstream.address), permitted_call(), streamed=streamed)
    assert failed
    assert failed.retry_after == 3600


@both_ways
@pytest.mark.parametrize("script", [hanging, dripping, endless, silent])
async def test_a_call_that_is_given_up_closes_the_connection(adapter: Adapter, script: Script, streamed: bool) -> None:
    async with running(script) as upstream:
        begun = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await answered(adapter(upstream.address), permitted_call(), streamed=streamed)
        assert time.monotonic() - begun < 0.2 + TOLERANCE
        assert await upstream.abandoned()


async def test_a_stream_that_is_left_closes_the_connection(adapter: Adapter) -> None:
    async with running(hanging) as upstream:
        async with aclosing(adapter(upstream.address).stream(permitted_call())) as chunks:
            assert await anext(chunks)
        assert await upstream.abandoned()


@both_ways
async def test_a_connection_is_used_again_after_a_whole_answer(adapter: Adapter, streamed: bool) -> None:
    async with running(whole) as upstream:
        gateway = adapter(upstream.address)
        for _ in range(3):
            await answered(gateway, permitted_call(), streamed=streamed)
    assert upstream.accepted == 1


async def test_a_connection_that_was_closed_in_between_is_no_fault(adapter: Adapter) -> None:
    def script(wire: Wire, streamed: bool) -> Reply:
        return replace(whole(wire, streamed), end="close")

    async with running(script) as upstream:
        gateway = adapter(upstream.address)
        for _ in range(2):
            await answered(gateway, permitted_call(), streamed=False)
            assert await upstream.abandoned()
            await asyncio.sleep(0.01)
    assert upstream.accepted == 2


async def test_nobody_listening_is_a_connection_fault(adapter: Adapter) -> None:
    async with running(whole) as upstream:
        pass
    failed = await failure(adapter(upstream.address), permitted_call(), streamed=False)
    assert failed
    assert failed.failure is Failure.CONNECTION


@both_ways
async def test_a_name_that_nobody_knows_is_a_connection_fault(adapter: Adapter, streamed: bool) -> None:
    failed = await failure(adapter("http://model.invalid"), permitted_call(), streamed=streamed)
    assert failed
    assert failed.failure is Failure.CONNECTION


@both_ways
async def test_a_server_without_tls_where_tls_was_to_be_is_a_connection_fault(adapter: Adapter, streamed: bool) -> None:
    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        address = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        failed = await failure(adapter(address), permitted_call(), streamed=streamed)
    assert failed
    assert failed.failure is Failure.CONNECTION


@both_ways
async def test_calls_at_the_same_time_do_not_mix(adapter: Adapter, streamed: bool) -> None:
    async with running(whole) as good, running(status(429)) as busy:
        gateways = [adapter(good.address), adapter(busy.address)] * 10
        found = await asyncio.gather(*(failure(one, permitted_call(), streamed=streamed) for one in gateways))
    assert [one and one.failure for one in found] == [None, Failure.RATE_LIMITED] * 10


@pytest.fixture
async def proxied(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[dict[str, str]]]:
    async with running(whole) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        yield proxy.headers


async def test_the_environment_s_proxy_is_used(adapter: Adapter, proxied: list[dict[str, str]]) -> None:
    assert await answered(adapter("http://model.invalid"), permitted_call(), streamed=False)
    assert [headers["host"] for headers in proxied] == ["model.invalid"]


async def test_only_listed_parameters_leave_with_our_key(adapter: Adapter) -> None:
    async with running(whole) as upstream:
        call = permitted_call(temperature=0.5, max_tokens=9, user="ada@acme.example", n=1)
        await answered(adapter(upstream.address), call, streamed=False)
    (sent,), (headers,) = upstream.requests, upstream.headers
    assert sent.keys() == {"model", "messages", "temperature", "max_tokens"}
    assert sent["max_tokens"] == 9
    assert "our-key" in headers.get("x-api-key", headers.get("authorization", ""))
    assert headers["accept-encoding"] == "identity"
