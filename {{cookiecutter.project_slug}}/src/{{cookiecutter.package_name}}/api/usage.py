import asyncio
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from sqlalchemy.exc import SQLAlchemyError

from ..errors import AuditUnavailable, InvalidRequest, PermissionDenied
from ..governance import DIMENSIONS, Question, as_csv, as_table, columns_of, used
from ..identity import CurrentPrincipal, Permission

router = APIRouter(tags=["governance"])


@router.get("/v1/usage")
async def usage(
    request: Request,
    caller: CurrentPrincipal,
    by: Annotated[str, Query(max_length=100)] = "day",
    since: date | None = None,
    until: date | None = None,
    user: Annotated[str | None, Query(max_length=255, pattern=r"^[^\x00]*$")] = None,
    output: Annotated[Literal["json", "csv", "table"], Query(alias="format")] = "json",
) -> Response:
    """Calls, tokens and money of the caller's tenant; of the caller alone without the permission usage:read.

    `by`: day, user, route, deployment, tenant, with commas between.
    """
    names = tuple(dict.fromkeys(by.split(",")))
    if unknown := [name for name in names if name not in DIMENSIONS]:
        raise InvalidRequest(f"by may name {', '.join(DIMENSIONS)}; '{unknown[0]}' is none of them.", param="by")
    if Permission.USAGE_READ not in caller.permissions:
        if user not in (None, caller.subject):
            raise PermissionDenied("Without the permission usage:read you see your own usage only; leave out 'user'.")
        user = caller.subject
    question = Question(names, since, until, caller.tenant, user)
    try:
        rows: list[dict[str, Any]] = await asyncio.to_thread(used, request.state.store.engine, question)
    except SQLAlchemyError:
        raise AuditUnavailable("The ledger cannot be read now; try again shortly.", retry_after=5) from None
    if output == "table":
        return PlainTextResponse(f"{as_table(columns_of(question), rows)}\n")
    if output == "csv":
        return Response(as_csv(columns_of(question), rows), media_type="text/csv")
    return JSONResponse({"object": "list", "data": rows})
