"""Can it serve? `/livez` answers at once; `/readyz` says what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

router = APIRouter(tags=["health"])
Check = Callable[[], Awaitable[str | None]]


@router.get("/livez")
async def livez() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """503 while a check names something to wait for. What is only `shown` does not empty the replicas."""
    checks: Mapping[str, Check] = request.state.checks
    answers = await asyncio.gather(*(check() for check in checks.values()))
    waiting = {name: answer for name, answer in zip(checks, answers, strict=True) if answer}
    shown: dict[str, Any] = request.state.shown()
    status = "waiting" if waiting else "ready"
    return JSONResponse({"status": status, "waiting_for": waiting, **shown}, status_code=503 if waiting else 200)
