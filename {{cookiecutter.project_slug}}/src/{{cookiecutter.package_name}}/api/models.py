from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from ..identity import MayAsk
from .call import usable_models

router = APIRouter(tags=["OpenAI"])


@router.get("/v1/models")
async def models(request: Request, caller: MayAsk) -> dict[str, Any]:
    """OpenAI's list, of the models that the caller may use."""
    usable = [
        {"id": name, "object": "model", "created": 0, "owned_by": "service"} for name in usable_models(request, caller)
    ]
    return {"object": "list", "data": usable}
