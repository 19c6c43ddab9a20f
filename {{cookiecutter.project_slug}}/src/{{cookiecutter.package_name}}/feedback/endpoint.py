from typing import Any

from fastapi import APIRouter, Request

from ..body import documented, parsed
from ..identity import MayAsk
from .feedback import Feedback, Said

router = APIRouter(tags=["quality"])
_DOCS = documented(Said)


@router.post("/v1/feedback", openapi_extra=_DOCS)
async def give_feedback(request: Request, caller: MayAsk) -> dict[str, Any]:
    """Rate an answer. A new rating replaces an earlier one; without `conversation` it withdraws a shared one."""
    said = await parsed(request, Said)
    feedback: Feedback = request.state.feedback
    rating = await feedback.give(caller.principal, said)
    return {
        "object": "feedback",
        "id": rating.call_id,
        "response_id": said.response_id,
        "score": rating.score,
        "shared": said.conversation is not None,
        "data_class": rating.data_class,
        "expires_at": rating.expires,
    }
