from itertools import chain
from typing import Any

from fastapi import APIRouter, Request

from ..identity import MayAsk
from .call import usable

router = APIRouter(tags=["OpenAI"])


@router.get("/v1/models")
async def models(request: Request, caller: MayAsk) -> dict[str, Any]:
    """OpenAI's list, of the models that the caller may use, for conversations and for embeddings."""
    names = chain.from_iterable(usable(request, caller.principal).values())
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": "service"} for name in names]
    return {"object": "list", "data": listed}
