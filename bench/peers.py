"""What a team writes first: `python -m bench.peers passthrough|litellm PORT UPSTREAM`.

In the service's own environment, so in the same versions; one process of uvicorn, as the service is.
No identity, policy, limits, record, trace or metric.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse


def passthrough(upstream: str) -> FastAPI:
    """Bytes in, the same bytes out, over one aiohttp session."""

    @asynccontextmanager
    async def session(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            yield {"http": http}

    async def chat(request: Request) -> Response:
        body = await request.body()
        headers = {"Content-Type": "application/json"}
        response = await request.state.http.post(f"{upstream}/chat/completions", data=body, headers=headers)
        if response.content_type == "text/event-stream":
            return StreamingResponse(_pieces(response), media_type="text/event-stream")
        async with response:
            return Response(await response.read(), media_type="application/json")

    return _app(chat, lifespan=session)


async def _pieces(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async with response:
        async for piece in response.content.iter_any():
            yield piece


def through_litellm(upstream: str) -> FastAPI:
    import litellm

    async def chat(request: Request) -> Response:
        body = await request.json()
        answer = await litellm.acompletion(
            **{**body, "model": "openai/bench-model"}, api_base=upstream, api_key="none", num_retries=0
        )
        if body.get("stream"):
            return StreamingResponse(_events(answer), media_type="text/event-stream")
        return JSONResponse(answer.model_dump())

    return _app(chat)


async def _events(chunks: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield b"data: " + chunk.model_dump_json(exclude_none=True).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


def _app(chat: Any, **options: Any) -> FastAPI:
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    app = FastAPI(openapi_url=None, **options)
    app.post("/v1/chat/completions")(chat)
    app.get("/livez")(livez)
    return app


if __name__ == "__main__":
    kind, port, address = sys.argv[1:]
    made = {"passthrough": passthrough, "litellm": through_litellm}[kind](address)
    uvicorn.run(made, host="127.0.0.1", port=int(port), log_config=None, access_log=False)
