import base64
import sys
from array import array
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..gateway import EmbeddingRequest
from ..identity import MayAsk
from .call import chosen_embedder, read_ask
from .disconnect import unless_disconnected
from .openapi import EMBEDDING_DOCS

router = APIRouter(tags=["OpenAI"])


@router.post("/v1/embeddings", response_class=Response, openapi_extra=EMBEDDING_DOCS)
async def embed(request: Request, caller: MayAsk) -> Response:
    """OpenAI's embeddings, with one further field, `receipt`."""
    ask = await read_ask(request, caller, EmbeddingRequest)
    found = await unless_disconnected(request, chosen_embedder(request, ask).embed(ask))
    packed = ask.request.encoding_format == "base64"
    receipt = found.receipt
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else vector}
        for index, vector in enumerate(found.vectors)
    ]
    body: dict[str, Any] = {
        "object": "list",
        "data": data,
        "model": ask.request.model,
        "usage": {"prompt_tokens": receipt.input_tokens, "total_tokens": receipt.input_tokens},
        "receipt": receipt,
    }
    return Response(orjson.dumps(body), media_type="application/json")


def _packed(vector: list[float]) -> str:
    """As OpenAI packs them: 32 bits each, little-endian."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers).decode()
