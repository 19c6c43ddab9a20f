"""A client of the service: asks one family's route over HTTP, plain or streamed, and tells what came."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tests.conformance.bench import Bench
from tests.conformance.families import Family
from tests.conformance.server import Scene, WireServer
from tests.conformance.wires.wire import JSON, SECRET


@dataclass
class Reply:
    """`error` is the service's, of a refusal or of a stream's last event; `ended` says that [DONE] came."""

    status: int
    headers: Any
    message: JSON = field(default_factory=dict)
    finish: str | None = None
    receipt: JSON = field(default_factory=dict)
    error: JSON | None = None
    ended: bool = False

    @property
    def outcome(self) -> tuple[int, str | None]:
        return self.status, self.error["code"] if self.error else None


@dataclass(frozen=True)
class Talk:
    bench: Bench
    family: Family
    streamed: bool

    @property
    def server(self) -> WireServer:
        return self.bench.servers[self.family.name]

    async def ask(self, scene: Scene | None = None, text: str = "Hello there", **options: Any) -> Reply:
        """While the server plays `scene`; nothing that a provider writes in an error may be in what comes."""
        before, self.server.scene = self.server.scene, scene or self.server.scene
        asked: JSON = {"stream": True, "stream_options": {"include_usage": True}} if self.streamed else {}
        try:
            response = await self.bench.service.ask(text, model=self.family.name, **asked, **options)
        finally:
            self.server.scene = before
        assert SECRET not in response.text + str(response.headers)
        assert self.server.complaints == []
        if response.status_code != 200:
            return Reply(response.status_code, response.headers, error=response.json()["error"])
        return (_streamed if self.streamed else _plain)(Reply(200, response.headers), response)

    async def embed(self, texts: list[str]) -> JSON:
        response = await self.bench.service.embed(texts, model=self.family.embeds)
        assert self.server.complaints == []
        assert response.status_code == 200, response.text
        found: JSON = response.json()
        return found


async def cell(bench: Bench, family: Family, case: Callable[[Talk], Awaitable[str]]) -> str:
    plain, streamed = [await case(Talk(bench, family, streamed)) for streamed in (False, True)]
    return plain if plain == streamed else f"{plain}; in a stream: {streamed}"


def _plain(reply: Reply, response: Any) -> Reply:
    body = response.json()
    reply.message, reply.finish = body["choices"][0]["message"], body["choices"][0]["finish_reason"]
    reply.receipt, reply.ended = body["receipt"], True
    return reply


def _streamed(reply: Reply, response: Any) -> Reply:
    events = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    reply.ended = events[-1] == "[DONE]"
    for event in map(json.loads, events[:-1] if reply.ended else events):
        reply.error = event.get("error")
        reply.receipt = event.get("receipt") or reply.receipt
        for choice in event.get("choices", ()):
            _join(reply.message, choice["delta"])
            reply.finish = choice["finish_reason"] or reply.finish
    return reply


def _join(message: JSON, delta: JSON) -> None:
    for name in ("content", "refusal"):
        if delta.get(name):
            message[name] = (message.get(name) or "") + delta[name]
    for part in delta.get("tool_calls") or ():
        calls = message.setdefault("tool_calls", [])
        if part.get("id"):
            calls.append(part)
        else:
            calls[-1]["function"]["arguments"] += part["function"]["arguments"]
