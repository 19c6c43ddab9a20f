import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import orjson
import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from ..errors import InternalError, ServiceError
from ..gateway import ChatRequest, Usage
from ..governance import Ask, Completion, StreamPart
from ..identity import MayAsk
from ..telemetry import request_id
from .call import chosen_model, read_ask
from .disconnect import unless_disconnected
from .openapi import COMPLETION_DOCS

router = APIRouter(tags=["OpenAI"])
_log = structlog.get_logger()


@router.post("/v1/chat/completions", response_class=Response, openapi_extra=COMPLETION_DOCS)
async def complete(request: Request, caller: MayAsk) -> Response:
    """OpenAI's chat completion, with one further field, `receipt`. With `stream: true`, server-sent events."""
    ask = await read_ask(request, caller, ChatRequest)
    model = chosen_model(request, ask)
    if not ask.request.stream:
        completion = await unless_disconnected(request, model.complete(ask))
        return Response(orjson.dumps(_whole(ask, completion)), media_type="application/json")
    parts = model.stream(ask)
    # What fails before the first part is answered with its own status; afterwards only an event can tell.
    first = await unless_disconnected(request, anext(parts))
    return StreamingResponse(
        _events(ask, first, parts),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


def _whole(ask: Ask, completion: Completion) -> dict[str, Any]:
    receipt = completion.receipt
    return {
        "id": f"chatcmpl-{receipt.audit_id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": ask.request.model,
        "choices": [
            {
                "index": 0,
                "message": completion.answer.message,
                "logprobs": None,
                "finish_reason": completion.answer.finish_reason,
            }
        ],
        "usage": _usage(Usage(receipt.input_tokens, receipt.output_tokens)),
        "receipt": receipt,
    }


async def _events(ask: Ask, first: StreamPart, rest: AsyncGenerator[StreamPart, None]) -> AsyncIterator[bytes]:
    created = int(time.time())
    async with aclosing(rest):
        try:
            if first.chunk.delta.get("role") is None:
                first.chunk.delta = {"role": "assistant", **first.chunk.delta}
            yield _event(_part(ask.request, first, created))
            async for part in rest:
                yield _event(_part(ask.request, part, created))
        except ServiceError as error:
            yield _event(error.body(request_id()))
        except Exception:
            _log.exception("stream_failed")
            yield _event(InternalError("Something went wrong here; quote the request id.").body(request_id()))
        else:
            yield b"data: [DONE]\n\n"


def _part(request: ChatRequest, part: StreamPart, created: int) -> dict[str, Any]:
    chunk: dict[str, Any] = {
        "id": f"chatcmpl-{part.call_id}",
        "object": "chat.completion.chunk",
        "created": created,
        "model": request.model,
        "choices": [{"index": 0, "delta": part.chunk.delta, "finish_reason": part.chunk.finish_reason}],
    }
    if part.receipt:
        chunk["receipt"] = part.receipt
        if request.stream_options and request.stream_options.include_usage:
            chunk["usage"] = _usage(Usage(part.receipt.input_tokens, part.receipt.output_tokens))
    return chunk


def _usage(usage: Usage) -> dict[str, int]:
    total = usage.input_tokens + usage.output_tokens
    return {"prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens, "total_tokens": total}


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(value) + b"\n\n"
