"""The model server as somebody meets it who asks for faults."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession

PATHS = {"openai": "/v1/chat/completions", "anthropic": "/anthropic/v1/messages"}


class Provider:
    def __init__(self, http: ClientSession, base: str) -> None:
        self.http, self.base = http, base

    def ask(self, fault: str, wire: str = "openai", stream: bool = False, **more: Any) -> Any:
        message = {"role": "user", "content": "Tell me about the weather in the mountains today."}
        body = {"model": f"local-large+{fault}", "messages": [message], "max_tokens": 99, "stream": stream}
        body["stream_options"] = {"include_usage": True}
        return self.http.post(self.base + PATHS[wire], json=body, **more)

    async def text(self, fault: str, wire: str = "openai", stream: bool = False) -> str:
        async with self.ask(fault, wire, stream) as reply:
            assert reply.status == 200
            found: str = await reply.text()
            return found

    async def first_bytes(self, fault: str, wire: str, stream: bool, seconds: float) -> bytes:
        """What arrives before we lose patience."""
        received = b""
        try:
            async with asyncio.timeout(seconds), self.ask(fault, wire, stream) as reply:
                async for piece in reply.content.iter_any():
                    received += piece
        except TimeoutError:
            return received
        pytest.fail(f"{fault} came to an end")

    async def stats(self) -> Any:
        async with self.http.get(f"{self.base}/control/stats") as reply:
            return await reply.json()
