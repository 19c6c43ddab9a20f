"""Each fault does what its name says, to a client that looks closely."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientError, ClientOSError, ClientPayloadError, ClientSession, ServerDisconnectedError

from local.model_server.faults import FAULTS, LEAKED_KEY, STATUSES
from local.stack import Stack
from tests.local.faulty import PATHS, Provider

PARAMETERS = [(wire, stream) for wire in PATHS for stream in (False, True)]
in_every_form = pytest.mark.parametrize(("wire", "stream"), PARAMETERS)


@pytest.fixture
async def provider(stack: Stack, http: ClientSession) -> Provider:
    await http.post(f"{stack.model_url}/control/reset")
    return Provider(http, stack.model_url)


@pytest.mark.parametrize("wire", PATHS)
@pytest.mark.parametrize("fault", STATUSES)
async def test_status_has_an_error_body(provider: Provider, wire: str, fault: str) -> None:
    status, code, message, retry_after = STATUSES[fault]
    async with provider.ask(fault, wire) as reply:
        error = (await reply.json())["error"]
        assert reply.status == status
        assert error["message"] == message
        assert error.get("code", code) == code
        assert reply.headers.get("Retry-After") == (str(retry_after) if retry_after else None)


async def test_leaked_key_is_in_the_error(provider: Provider) -> None:
    async with provider.ask("secret-leak") as reply:
        assert LEAKED_KEY in await reply.text()


@in_every_form
async def test_connection_breaks_before_an_answer(provider: Provider, wire: str, stream: bool) -> None:
    with pytest.raises(ClientOSError, match="reset by peer"):
        await provider.text("reset", wire, stream)
    with pytest.raises(ServerDisconnectedError):
        await provider.text("close", wire, stream)


@in_every_form
@pytest.mark.parametrize("fault", ["truncated", "reset-mid"])
async def test_connection_breaks_in_the_middle(provider: Provider, fault: str, wire: str, stream: bool) -> None:
    async with provider.ask(fault, wire, stream) as reply:
        assert reply.status == 200
        with pytest.raises((ClientPayloadError, ConnectionResetError)):
            await reply.read()


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [("timeout", 0, 0), ("late-first-token", 0, 0), ("stall", 60, 5000), ("drip", 1, 2), ("endless", 600, 10**7)],
)
async def test_answer_never_comes_to_an_end(provider: Provider, fault: str, least: int, most: int) -> None:
    forms = [provider.first_bytes(fault, wire, stream, seconds=0.3) for wire, stream in PARAMETERS]
    assert [received for received in await asyncio.gather(*forms) if not least <= len(received) <= most] == []


async def test_caller_who_leaves_is_noticed(provider: Provider) -> None:
    for fault in ("timeout", "endless", "stall"):
        await provider.first_bytes(fault, "openai", True, seconds=0.05)
    async with asyncio.timeout(2):
        while (await provider.stats())["open"]:  # noqa: ASYNC110 - it is known by asking only
            await asyncio.sleep(0.02)


async def test_redirect_leads_elsewhere(provider: Provider) -> None:
    async with provider.ask("redirect", allow_redirects=False) as reply:
        assert reply.status == 307
    assert (await provider.stats())["elsewhere"] == 0
    async with provider.ask("redirect") as reply:
        assert reply.status == 200
    assert (await provider.stats())["elsewhere"] == 1


@pytest.mark.parametrize("fault", ["malformed", "empty-body", "not-json", "502-html"])
async def test_body_is_no_json(provider: Provider, fault: str) -> None:
    async with provider.ask(fault) as reply:
        assert reply.status == (502 if fault == "502-html" else 200)
        with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
            json.loads(await reply.text())


async def test_answer_is_hollow(provider: Provider) -> None:
    assert json.loads(await provider.text("no-choices"))["choices"] == []
    assert json.loads(await provider.text("null-message"))["choices"][0]["message"] is None
    assert json.loads(await provider.text("no-choices", "anthropic"))["content"] == []
    assert json.loads(await provider.text("null-message", "anthropic"))["content"] is None
    assert '"delta": null' in await provider.text("null-message", stream=True)


@pytest.mark.parametrize("wire", PATHS)
async def test_stream_stops_politely_without_a_finish(provider: Provider, wire: str) -> None:
    text = await provider.text("cut-clean", wire, stream=True)
    assert "You" in text
    assert "[DONE]" not in text
    assert not any(word in text for word in ('"finish_reason": "stop"', "message_stop", "end_turn"))
    plain = json.loads(await provider.text("cut-clean", wire))
    assert (plain.get("stop_reason"), plain.get("choices", [{}])[0].get("finish_reason")) == (None, None)


@pytest.mark.parametrize("wire", PATHS)
async def test_stream_goes_wrong_in_the_middle(provider: Provider, wire: str) -> None:
    assert '"error"' in (await provider.text("error-mid", wire, stream=True)).splitlines()[-2]
    assert "\ndata: " + '{"id": "chatcmpl-1", "choi\n' in await provider.text("bad-chunk", wire, stream=True)
    json.loads(await provider.text("json-for-stream", wire, stream=True))


async def test_answer_is_enormous(provider: Provider) -> None:
    assert (await provider.text("many-chunks", stream=True)).count("data: ") > 20_000
    async with provider.ask("huge") as reply:
        assert len(await reply.read()) > 64 * 2**20


@pytest.mark.parametrize(
    ("fault", "asked"),
    [("usage-text", "many"), ("usage-negative", -1000), ("usage-huge", 10**12), ("usage-missing", None)],
)
async def test_usage_is_nonsense(provider: Provider, fault: str, asked: object) -> None:
    plain = json.loads(await provider.text(fault))
    assert plain.get("usage", {}).get("prompt_tokens") == asked
    started = (await provider.text(fault, "anthropic", stream=True)).splitlines()[1]
    assert json.loads(started.removeprefix("data: "))["message"].get("usage", {}).get("input_tokens") == asked


@in_every_form
async def test_body_is_spoilt(provider: Provider, wire: str, stream: bool) -> None:
    raw = {}
    for fault in ("bad-utf8", "not-a-number", "extra-fields", "wrong-model", "huge-line", "usage-null"):
        async with provider.ask(fault, wire, stream) as reply:
            raw[fault] = await reply.read()
    assert b'"model": "\xff' in raw["bad-utf8"]
    assert b'"x": NaN' in raw["not-a-number"]
    assert b'"x": [{"y": null}]' in raw["extra-fields"]
    assert b'"model": "another-' in raw["wrong-model"]
    assert max(map(len, raw["huge-line"].split(b"\n"))) > 2**20
    assert b'_tokens":null' in raw["usage-null"].replace(b" ", b"")


@in_every_form
async def test_headers_or_encoding_are_hostile(provider: Provider, wire: str, stream: bool) -> None:
    with pytest.raises(ClientError):
        await provider.text("header-flood", wire, stream)
    with pytest.raises(ClientError):
        await provider.text("gzip-bad", wire, stream)
    async with provider.ask("gzip-bomb", wire, stream) as reply:
        assert int(reply.headers["Content-Length"]) < 100_000
        assert len(await reply.read()) == 32_000_000


@pytest.mark.parametrize("wire", PATHS)
async def test_stream_ends_without_saying_so(provider: Provider, wire: str) -> None:
    good, cut = await provider.text("", wire, True), await provider.text("no-done", wire, True)
    assert good.replace("local-large+", "").startswith(cut.replace("local-large+no-done", ""))
    assert len(cut) < len(good) + 200


async def test_answer_is_filtered(provider: Provider) -> None:
    assert json.loads(await provider.text("filter"))["choices"][0]["finish_reason"] == "content_filter"
    assert json.loads(await provider.text("filter", "anthropic"))["stop_reason"] == "refusal"


async def test_fault_can_be_planned_for_a_number_of_calls(provider: Provider) -> None:
    async def statuses(model: str, count: int, headers: dict[str, str] | None = None) -> list[int]:
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
        url = provider.base + PATHS["openai"]
        return [(await provider.http.post(url, json=body, headers=headers)).status for _ in range(count)]

    async def plan(**fault: Any) -> int:
        return (await provider.http.post(f"{provider.base}/control/fault", json=fault)).status

    assert await plan(model="local-large", fault="503", times=2) == 204
    assert await statuses("local-small", 1) == [200]
    assert await statuses("local-large", 3) == [503, 503, 200]
    assert await plan(fault="429") == 204
    assert await statuses("local-large", 1) + await statuses("local-small", 1) == [429, 429]
    assert await plan(fault=None) == 204
    assert await statuses("local-large", 1) == [200]
    assert await statuses("local-large", 1, {"X-Fault": "529"}) == [529]
    assert await plan(fault="no-such-fault") == 400
    assert await statuses("local-large+no-such-fault", 1) == [400]


@in_every_form
async def test_every_fault_differs_from_a_good_answer(provider: Provider, wire: str, stream: bool) -> None:
    unending = {"timeout", "stall", "drip", "late-first-token", "endless", "huge", "many-chunks"}
    good = await provider.text("", wire, stream)

    async def is_good(fault: str) -> bool:
        try:
            async with provider.ask(fault, wire, stream) as reply:
                text: str = await reply.text()
                return text.replace(f"+{fault}", "+") == good
        except (ClientError, UnicodeDecodeError):
            return False

    names = sorted(FAULTS.keys() - unending)
    found = await asyncio.gather(*(is_good(name) for name in names))
    same = {name for name, good in zip(names, found, strict=True) if good}
    assert same == (set() if stream else {"json-for-stream", "no-done"})
