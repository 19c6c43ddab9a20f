import asyncio
import base64
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy.exc import SQLAlchemyError

from ..audit import Search, search
from ..errors import AuditUnavailable, InvalidRequest
from ..identity import MayReadAudit

router = APIRouter(tags=["governance"])
Text = Annotated[str | None, Query(max_length=255, pattern=r"^[^\x00]*$")]  # PostgreSQL has no NUL
Time = Annotated[str | None, Query(pattern=r"^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{6})?Z)?$", description="UTC")]


@router.get("/v1/audit")
async def audit(
    request: Request,
    caller: MayReadAudit,
    user: Text = None,
    trace: Text = None,
    call: Text = None,
    since: Time = None,
    until: Time = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> dict[str, Any]:
    """The records of the caller's tenant, newest first. `next_cursor` leads to older ones; null: there are none."""
    wanted = Search(caller.principal.tenant, user, trace, call, since, until, _opened(cursor), limit)
    try:
        records, after = await asyncio.to_thread(search, request.state.store.engine, wanted)
    except SQLAlchemyError:
        raise AuditUnavailable("The audit trail cannot be read now; try again shortly.", retry_after=5) from None
    return {"object": "list", "data": records, "next_cursor": _closed(after)}


def _opened(cursor: str | None) -> tuple[str, str, int] | None:
    """No secret and no permission is in it: whatever it says, only the caller's own tenant is searched."""
    if cursor is None:
        return None
    try:
        at, writer, seq = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, TypeError, RecursionError):
        raise InvalidRequest("Take the cursor from next_cursor as it stands.", param="cursor") from None
    plain = isinstance(at, str) and isinstance(writer, str) and type(seq) is int
    if not plain or "\0" in at + writer or not 0 <= seq < 2**31:
        raise InvalidRequest("Take the cursor from next_cursor as it stands.", param="cursor")
    return at, writer, seq


def _closed(after: tuple[str, str, int] | None) -> str | None:
    return base64.urlsafe_b64encode(json.dumps(after).encode()).decode() if after else None
