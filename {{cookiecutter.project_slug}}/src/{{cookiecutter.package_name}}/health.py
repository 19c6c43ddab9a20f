"""Can it serve? `/livez` answers at once; `/readyz` says what it waits for."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from .background import background
from .telemetry import Metrics

KEPT = 1.0  # seconds that an answer of /readyz is reused
SECONDS = 10.0  # between two checks of our own, since not every platform asks /readyz
router = APIRouter(tags=["health"])
Check = Callable[[], Awaitable[str | None]]
_log = structlog.get_logger()


class Readiness:
    """The last result of each check is a metric, so that collecting metrics never waits for the database.

    `shown`: states that are only reported, so that they cannot take every replica out.
    """

    def __init__(self, checks: Mapping[str, Check], shown: Callable[[], dict[str, Any]], metrics: Metrics) -> None:
        self._checks = checks
        self.shown = shown
        self._holds: Mapping[str, bool] = {}
        self._asked: asyncio.Task[dict[str, str]] | None = None
        self._until = 0.0
        metrics.watch_readiness(lambda: self._holds)

    async def waiting_for(self) -> dict[str, str]:
        """Like `look`, but cheap: concurrent callers share one check, and its result is kept for a second."""
        if self._asked is None or (self._asked.done() and time.monotonic() >= self._until):
            self._asked, self._until = asyncio.create_task(self.look()), time.monotonic() + KEPT
        return await asyncio.shield(self._asked)

    async def look(self) -> dict[str, str]:
        """The failing checks, each with its reason."""
        answers = await asyncio.gather(*(_answer(name, check) for name, check in self._checks.items()))
        waiting = {name: answer for name, answer in zip(self._checks, answers, strict=True) if answer}
        self._holds = {name: name not in waiting for name in self._checks}
        return waiting

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(SECONDS)

    def stop(self) -> None:
        if self._asked:
            self._asked.cancel()


async def _answer(name: str, check: Check) -> str | None:
    try:
        return await check()
    except Exception:
        _log.exception("readiness_unknown", check=name)
        return "this could not be found out; the log has the cause"


@asynccontextmanager
async def watched(readiness: Readiness) -> AsyncIterator[Readiness]:
    try:
        async with background(readiness.run, "readiness"):
            yield readiness
    finally:
        readiness.stop()


@router.get("/livez")
async def livez() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """503 while a check fails."""
    readiness: Readiness = request.state.readiness
    waiting = await readiness.waiting_for()
    status = "waiting" if waiting else "ready"
    return JSONResponse({"status": status, "waiting_for": waiting, **readiness.shown()}, 503 if waiting else 200)
