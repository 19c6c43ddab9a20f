"""A deployment that speaks OpenAI's wire format, with no translator between: one aiohttp session for all."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import aiohttp
import orjson
from yarl import URL

from ..proxy import proxy_for
from .catalogue import Deployment
from .cloud_identity import bearer
from .failure import AttemptFailed, Failure
from .fields import supported
from .gateway import MESSAGE_FIELDS, Answer, Chunk, PermittedCall, Usage, Vectors
from .messages import EmbeddingRequest, R
from .sanity import FINISH_REASONS, sane_answer, sane_usage, sane_vectors, says_nothing
from .upstream import json_object, read, send, streamed


class DirectGateway:
    ready = True

    def __init__(self, deployment: Deployment, session: aiohttp.ClientSession) -> None:
        self._deployment = deployment
        self._session = session
        base = (deployment.entry.base_url or "").rstrip("/")
        self._completions, self._embeddings = URL(f"{base}/chat/completions"), URL(f"{base}/embeddings")
        self._proxy = proxy_for(self._completions)
        self._bearer = bearer(deployment, session)

    async def complete(self, call: PermittedCall) -> Answer:
        async with await self._post(call, {}) as response:
            return _answer(json_object(await read(response)))

    async def stream(self, call: PermittedCall) -> AsyncGenerator[Chunk, None]:
        options = {"stream": True, "stream_options": {"include_usage": True}}
        async with await self._post(call, options) as response, aclosing(streamed(response)) as sent:
            if response.content_type != "text/event-stream":
                raise AttemptFailed(Failure.NONSENSE)
            begun = finished = False
            async for event in sent:
                chunk = _chunk(event)
                begun = begun or bool(chunk.delta)
                finished = finished or chunk.finish_reason is not None
                if says_nothing(chunk.finish_reason, begun):
                    raise AttemptFailed(Failure.NONSENSE)
                yield chunk
            if not finished:
                raise AttemptFailed(Failure.CUT)

    async def embed(self, call: PermittedCall[EmbeddingRequest]) -> Vectors:
        async with await self._send(call, self._embeddings, {"encoding_format": "float"}) as response:
            body = json_object(await read(response))
        return Vectors(sane_vectors(body.get("data"), call.request), _usage(body, said=0))

    async def _post(self, call: PermittedCall, options: dict[str, Any]) -> aiohttp.ClientResponse:
        limit = {self._deployment.output_limit_name: self._deployment.output_limit(call.request.output_limit)}
        return await self._send(call, self._completions, limit | options)

    async def _send(self, call: PermittedCall[R], url: URL, options: dict[str, Any]) -> aiohttp.ClientResponse:
        body = {"model": self._deployment.model, **supported(self._deployment, call.request), **options}
        headers = {"Content-Type": "application/json", **call.trace_headers}
        if key := await self._bearer():
            headers["Authorization"] = f"Bearer {key}"
        return await send(self._session, "POST", url, headers, orjson.dumps(body), proxy=self._proxy)


def _answer(body: dict[str, Any]) -> Answer:
    choice = _first_choice(body)
    return sane_answer(_kept(choice.get("message")), choice.get("finish_reason"), _usage(body))


def _chunk(event: dict[str, Any]) -> Chunk:
    choice = _first_choice(event)
    finish = choice.get("finish_reason")
    if not (finish is None or finish in FINISH_REASONS):
        raise AttemptFailed(Failure.NONSENSE)
    delta = _kept(choice.get("delta") or {})
    return Chunk({name: part for name, part in delta.items() if part}, finish, _usage(event))


def _first_choice(body: dict[str, Any]) -> dict[str, Any]:
    choices = body.get("choices")
    if not isinstance(choices, list):
        raise AttemptFailed(Failure.NONSENSE)
    return choices[0] if choices and isinstance(choices[0], dict) else {}


def _kept(message: Any) -> dict[str, Any]:
    """The fields that we pass on, if they have the right type."""
    if not isinstance(message, dict):
        raise AttemptFailed(Failure.NONSENSE)
    kept = {name: message[name] for name in MESSAGE_FIELDS if message.get(name) is not None}
    if not isinstance(kept.get("content", ""), str) or not isinstance(kept.get("tool_calls", []), list):
        raise AttemptFailed(Failure.NONSENSE)
    return kept


def _usage(body: dict[str, Any], said: int | None = None) -> Usage | None:
    """`said`: the answer's tokens, where it has none by its nature."""
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return None
    return sane_usage(usage.get("prompt_tokens"), usage.get("completion_tokens") if said is None else said)
